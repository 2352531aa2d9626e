"""What every part of the companion works with, and the two doors it goes through: server and
strap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from wristlet.companion.errors import StrapUnreachable
from wristlet.companion.outbox import Outbox
from wristlet.companion.phone_channel import PhoneChannel
from wristlet.companion.server import call
from wristlet.companion.store import PhoneStore, StrapState
from wristlet.companion.trust import Roots
from wristlet.env.base import Env
from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import StrapLink
from wristlet.links.wallet_client import WalletClient
from wristlet.model.tsp_messages import CardKey

T = TypeVar("T")


@dataclass(slots=True)
class Tools:
    """One phone with one strap; `strap` is the link of the moment and may be replaced.

    `device_id` is the strap's id at the wallet, empty before it is paired.
    """

    env: Env
    store: PhoneStore
    wallet: WalletClient
    strap: StrapLink
    roots: Roots
    device_id: str = ""

    @property
    def state(self) -> StrapState:
        """What the phone keeps of the strap; raises CompanionError before pairing."""
        return self.store.strap(self.device_id)

    @property
    def outbox(self) -> Outbox:
        """The phone's queue at the wallet."""
        return Outbox(self.env, self.store, self.wallet)

    def remember(self, **changes: Any) -> None:
        """Change what the phone keeps of the strap, durably."""
        self.store.change_strap(self.device_id, **changes)

    async def call(self, operation: Callable[[str], Awaitable[T]]) -> T:
        """Ask the wallet, with an idempotency key; raises ServerUnreachable, ServerRefused."""
        return await call(self.env, operation)

    async def seal_for_tsp(self, payload: bytes) -> str:
        """Encrypt what only the token service may read, under the key that its root vouches for."""
        key: CardKey = await self.call(lambda _: self.wallet.card_key())
        return self.roots.seal_for_tsp(key, payload, self.env.clock.now_ms())

    def public_point(self) -> bytes:
        """Return this phone's own key, uncompressed."""
        return self.store.public_point()

    async def open_channel(self) -> PhoneChannel:
        """Open this phone's channel into the paired strap's secure element.

        Raises LinkLost, and CompanionError where none is paired or this phone is not accepted.
        """
        state = self.state
        return await self.channel(state.certificate, state.domain_point)

    async def channel(self, certificate: str, domain_point: str) -> PhoneChannel:
        """Open the channel by a certificate and a domain's point, both as hex."""
        return await PhoneChannel.open(
            self.strap,
            private_scalar=bytes.fromhex(self.store.state.private_scalar),
            certificate=bytes.fromhex(certificate),
            domain_point=bytes.fromhex(domain_point),
            ephemeral_scalar=self.env.random.bytes(32),
        )


class reaching_strap:  # noqa: N801 - used like a function: `with reaching_strap():`
    """Turns a lost link into the wearer's words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, LinkLost):
            raise StrapUnreachable
