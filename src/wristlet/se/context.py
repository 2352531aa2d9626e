"""One logical channel of one interface, and what the card gives the applet selected there."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wristlet.env.base import Env
    from wristlet.se.applets.base import Instance, Interface
    from wristlet.se.card import Card
    from wristlet.se.channel import SecureSession
    from wristlet.se.profile import Profile
    from wristlet.se.registry import CardRegistry
    from wristlet.se.selection import Served
    from wristlet.se.store import Store
    from wristlet.se.tap_watch import TapWatch
    from wristlet.wire.apdu import Command, Response

EVENT_KEY = "sys/event"
SECRET_KEY = "sys/secret"  # noqa: S105 - the name of a store entry


class Slot:
    """State of one logical channel; all of it is volatile.

    `chain` collects a command chain, `answer` is what GET RESPONSE still has to fetch,
    `wrapped` is set while a command that came under secure messaging is carried out.
    """

    __slots__ = ("answer", "chain", "context", "secure", "wrapped")

    def __init__(self) -> None:
        self.context: AppContext | None = None
        self.chain: Command | None = None
        self.answer: Response | None = None
        self.secure: SecureSession | None = None
        self.wrapped = False

    def end_session(self) -> None:
        """Close the secure channel and forget its keys."""
        if self.secure is not None:
            self.secure.close()
            self.secure = None


class AppContext:
    """`wristlet.se.applets.base.Context` of one selection.

    `served` tells who answers for the AID, at the store's `generation` (see `selection.served`).
    """

    __slots__ = (
        "aid",
        "card",
        "generation",
        "interface",
        "registry",
        "served",
        "slot",
        "state",
        "transient",
    )

    def __init__(
        self,
        card: Card,
        slot: Slot,
        interface: Interface,
        aid: bytes,
        served: Served | None = None,
    ) -> None:
        self.card = card
        store = card.store
        self.state: Store = store
        self.served = served
        self.generation = store.generation if served else 0
        self.registry: CardRegistry = card.registry
        self.slot = slot
        self.interface = interface
        self.aid = aid
        self.transient: dict[str, Any] = {}

    @property
    def env(self) -> Env:
        """Clock, randomness and disk."""
        return self.card.env

    @property
    def profile(self) -> Profile:
        """The maker's choices."""
        return self.card.profile

    @property
    def se_id(self) -> bytes:
        """Identity of this secure element, 16 bytes."""
        return self.card.se_id

    @property
    def session(self) -> SecureSession | None:
        """The secure channel through which the running command came."""
        return self.slot.secure if self.slot.wrapped else None

    @property
    def secured(self) -> bool:
        """The command came through an authenticated channel."""
        return self.session is not None

    @property
    def peer(self) -> bytes | None:
        """SHA-256 of the static point at the channel's other end."""
        session = self.session
        return session.peer if session is not None else None

    @property
    def taps(self) -> TapWatch:
        """What the last tap came to."""
        return self.card.taps

    @property
    def event_counter(self) -> int:
        """Event counter as it stands."""
        return int.from_bytes(self.state.get(EVENT_KEY) or b"", "big")

    def sign(self, message: bytes) -> bytes:
        """Sign by the attestation key, 64 bytes."""
        return self.card.sign(message)

    def keyed_hash(self, message: bytes) -> bytes:
        """HMAC-SHA-256 under the card's own secret."""
        return hmac.digest(self.state.get(SECRET_KEY) or b"", message, "sha256")

    def bump_event(self) -> int:
        """Move the event counter by one."""
        value = self.event_counter + 1
        self.state.put(EVENT_KEY, value.to_bytes(4, "big"))
        return value

    def touch(self) -> None:
        """Let the rollback counter move with this command."""
        self.state.touch()

    def remove_instance(self, instance: Instance) -> None:
        """Delete one payment instance with all its data."""
        module = self.card.catalog.payment(instance.module_aid)
        if module is not None:
            module.remove(self, instance)
        prefix = f"inst/{instance.aid.hex().upper()}/"
        for key in self.state.keys(prefix):
            self.state.delete(key)
        self.registry.remove(instance.aid)
        self.touch()

    def remove_all_payment_instances(self) -> None:
        """Delete every payment instance with its data."""
        for instance in self.registry.payment():
            self.remove_instance(instance)
