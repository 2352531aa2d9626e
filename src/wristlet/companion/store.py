"""What the phone keeps: its own key, its session, its straps and what waits for the server.

One sealed file under a key from the phone's keystore; no card number, DPAN or PIN ever goes in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from wristlet.companion.errors import CompanionError
from wristlet.companion.queue import Queue
from wristlet.crypto import ec
from wristlet.crypto.seal import SealKey, open_sealed, seal
from wristlet.env.base import Env, parent, replace_file
from wristlet.model.wallet_messages import Card, Transaction

CONTEXT = b"wristlet:companion:2"


@dataclass(frozen=True, slots=True)
class Unlock:
    """The last lease that this phone opened; amounts in minor units."""

    unlock_counter: int
    taps_max: int
    amount_max_minor: int
    opened_ms: int
    prompted_ms: int = 0


@dataclass(frozen=True, slots=True)
class StrapState:
    """What the phone keeps of one strap; bytes as hex.

    `cards` and `transactions` are as last read; `cursors` say how far each part of a sync came;
    `link` is how to reach the strap, `is_lost` whether it was reported lost, `pin_told` what the
    token service last heard about its PIN, `phones_to_remove` what the strap has not heard of.
    """

    device_id: str
    name: str
    se_id: str
    model: str
    certificate: str
    domain_point: str
    link: str = ""
    is_lost: bool = False
    cards: tuple[Card, ...] = ()
    cards_read_ms: int = 0
    transactions: tuple[Transaction, ...] = ()
    unlock: Unlock | None = None
    cursors: dict[str, str] = field(default_factory=dict)
    pin_told: str = ""
    phones_to_remove: tuple[str, ...] = ()

    def instance_of(self, card_id: str) -> str | None:
        """Return where a card sits on the secure element (AID as hex), if it is there."""
        return next((card.instance_aid for card in self.cards if card.id == card_id), None)


@dataclass(frozen=True, slots=True)
class Build:
    """What a brand's build of the app carries: where its server is, what it trusts, its policy.

    Certificates as hex of DER; `lease_hours` is how old an unlock may grow, in
    `currency` (ISO 4217) its amounts are counted.
    """

    brand: str
    wallet_url: str
    card_data_root: str
    maker_root: str
    lease_hours: int = 24
    currency: str = "JPY"


@dataclass(frozen=True, slots=True)
class PhoneState:
    """The phone's durable state; `session` is the wearer's bearer token at the wallet.

    `pairing_se_id` is the strap whose first pairing was begun and not ended.
    """

    private_scalar: str
    name: str = "phone"
    build: Build | None = None
    session: str = ""
    straps: tuple[StrapState, ...] = ()
    queue: Queue = field(default_factory=Queue)
    pairing_se_id: str = ""

    def __repr__(self) -> str:
        return f"PhoneState(straps={[strap.name for strap in self.straps]!r})"


class PhoneStore:
    """Reads and durably replaces the phone's state."""

    def __init__(self, env: Env, path: str, key: SealKey) -> None:
        self._env = env
        self._path = path
        self._key = key
        self.state = self._load()

    def public_point(self) -> bytes:
        """Return this phone's own key, uncompressed."""
        return ec.point_of(ec.private_key(bytes.fromhex(self.state.private_scalar)))

    def strap(self, device_id: str) -> StrapState:
        """Return one strap's state; CompanionError where this phone does not know it."""
        for strap in self.state.straps:
            if strap.device_id == device_id:
                return strap
        raise CompanionError("strap: none is paired with this phone; pair it first")

    def keep_strap(self, strap: StrapState) -> None:
        """Add a strap, or replace what was known of it, in its place."""
        known = [one.device_id for one in self.state.straps]
        if strap.device_id in known:
            straps = [
                strap if one.device_id == strap.device_id else one for one in self.state.straps
            ]
        else:
            straps = [*self.state.straps, strap]
        self.change(straps=tuple(straps))

    def change_strap(self, device_id: str, **changes: Any) -> StrapState:
        """Change fields of one strap's state and make it durable."""
        old = self.strap(device_id)
        new = replace(old, **changes)
        if new != old:
            self.keep_strap(new)
        return new

    def forget_strap(self, device_id: str) -> None:
        """Drop a strap and what waits for it."""
        queue = self.state.queue
        waiting = tuple(one for one in queue.waiting if one.device_id != device_id)
        self.change(
            straps=tuple(one for one in self.state.straps if one.device_id != device_id),
            queue=replace(queue, waiting=waiting),
        )

    def change(self, **changes: Any) -> PhoneState:
        """Change fields of the state and make it durable; what is the same is not written."""
        new = replace(self.state, **changes)
        if new != self.state:
            self._save(new)
            self.state = new
        return new

    def _load(self) -> PhoneState:
        if self._env.disk.exists(self._path):
            blob = self._env.disk.read(self._path)
            # A kill may have come before the new name was durable: what is shown must stay.
            self._env.disk.sync_dir(parent(self._path))
            return msgspec.json.decode(open_sealed(self._key, blob, CONTEXT), type=PhoneState)
        state = PhoneState(private_scalar=self._env.random.bytes(32).hex())
        self._save(state)
        return state

    def _save(self, state: PhoneState) -> None:
        nonce = self._env.random.bytes(12)
        blob = seal(self._key, msgspec.json.encode(state), CONTEXT, nonce)
        replace_file(self._env.disk, self._path, blob)
