"""The card's registry of domains and applications, and the contactless states among them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wristlet.se.applets.base import CardError, Instance
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.gp.privileges import Privileges
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wristlet.se.profile import Profile
    from wristlet.se.store import Store

REGISTRY_KEY: Final = "sys/registry"
NO_PRIORITY: Final = 0xFF
_COUNTER_MASK: Final = 0xFFFF
_DOMAIN_BIT: Final = Privileges.SECURITY_DOMAIN >> 16


class CardRegistry:
    """`wristlet.se.applets.base.Registry` over the store, with what only the card may do.

    The parsed entries are kept until the stored bytes change, so a rolled back command needs no
    notice here.
    """

    __slots__ = (
        "_blob",
        "_entries",
        "_payment",
        "_payment_modules",
        "_profile",
        "_store",
        "_volatile",
    )

    def __init__(self, store: Store, profile: Profile, payment_modules: frozenset[bytes]) -> None:
        self._store = store
        self._profile = profile
        self._payment_modules = payment_modules
        self._blob: bytes | None = None
        self._entries: dict[bytes, Instance] = {}
        self._payment: tuple[Instance, ...] = ()
        self._volatile: bytes | None = None

    @property
    def update_counter(self) -> int:
        """Changes of the registry so far, modulo 65536."""
        blob = self._store.get(REGISTRY_KEY) or b"\0\0"
        return int.from_bytes(blob[:2], "big")

    @property
    def volatile(self) -> bytes | None:
        """AID of the instance that has volatile priority, if it may still have it."""
        if self._volatile is None:
            return None
        instance = self.get(self._volatile)
        if instance is None or instance.contactless is ContactlessState.NON_ACTIVATABLE:
            return None
        return self._volatile

    def instances(self) -> list[Instance]:
        """All domains and applications, in order of installation."""
        return list(self._load().values())

    def payment(self) -> list[Instance]:
        """Payment instances, highest priority first."""
        self._load()
        return list(self._payment)

    def is_payment(self, instance: Instance) -> bool:
        """Tell whether the instance is a payment card."""
        return instance.module_aid in self._payment_modules

    def get(self, aid: bytes) -> Instance | None:
        """Return the entry of exactly this AID."""
        return self._load().get(aid)

    def effective(self, aid: bytes) -> ContactlessState:
        """Activation state that counts now; refuses (6A88) an AID that does not exist."""
        instance = self._require(aid)
        volatile = self.volatile
        if volatile is None or not self.is_payment(instance):
            return instance.contactless
        if aid == volatile:
            return ContactlessState.ACTIVATED
        if instance.contactless is ContactlessState.ACTIVATED:
            return ContactlessState.DEACTIVATED
        return instance.contactless

    def active(self) -> list[Instance]:
        """Payment instances that answer a terminal now, highest priority first."""
        volatile = self.volatile
        if volatile is None:
            return self.active_durably()
        return [entry for entry in self.payment() if entry.aid == volatile]

    def is_active(self, instance: Instance) -> bool:
        """Tell whether a payment instance answers a terminal now."""
        volatile = self.volatile
        if volatile is None:
            return instance.contactless is ContactlessState.ACTIVATED
        return instance.aid == volatile

    def set_contactless(self, aid: bytes, state: ContactlessState) -> None:
        """Set one durable activation state."""
        self.update(replace(self._require(aid), contactless=state))

    def activate(self, aid: bytes) -> None:
        """Activate one instance; unless the profile is open every other one is deactivated."""
        chosen = self._require(aid)
        if chosen.contactless is ContactlessState.NON_ACTIVATABLE:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        if not self._profile.open_crs:
            for other in self.active_durably():
                if other.aid != aid:
                    self.set_contactless(other.aid, ContactlessState.DEACTIVATED)
        self.set_contactless(aid, ContactlessState.ACTIVATED)

    def active_durably(self) -> list[Instance]:
        """Payment instances whose own state is ACTIVATED."""
        return [
            entry for entry in self.payment() if entry.contactless is ContactlessState.ACTIVATED
        ]

    def set_priority(self, order: Sequence[bytes]) -> None:
        """Set the contactless order; payment instances left out follow as they were."""
        for aid in order:
            self._require(aid)
        rest = [entry.aid for entry in self.payment() if entry.aid not in order]
        place = {aid: index for index, aid in enumerate([*order, *rest])}
        self._save(
            replace(entry, priority=place[entry.aid]) if entry.aid in place else entry
            for entry in self.instances()
        )

    def set_volatile(self, aid: bytes | None) -> None:
        """Give volatile priority (6985 if the instance is NON_ACTIVATABLE) or take it away."""
        if aid is not None:
            instance = self._require(aid)
            if instance.contactless is ContactlessState.NON_ACTIVATABLE:
                raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        self._put_volatile(aid)

    def add(self, instance: Instance) -> None:
        """Enter a new instance, a payment one behind all others; 6A89 if the AID is taken."""
        if self.get(instance.aid) is not None:
            raise CardError(SW.ALREADY_EXISTS)
        if self.is_payment(instance):
            last = max((entry.priority for entry in self.payment()), default=-1)
            instance = replace(instance, priority=last + 1)
        self._save([*self.instances(), instance])

    def update(self, instance: Instance) -> None:
        """Replace the entry of the same AID."""
        self._save(instance if entry.aid == instance.aid else entry for entry in self.instances())

    def remove(self, aid: bytes) -> None:
        """Take an entry out; 6A88 if there is none."""
        self._require(aid)
        if self._volatile == aid:
            self._put_volatile(None)
        self._save(entry for entry in self.instances() if entry.aid != aid)

    def _put_volatile(self, aid: bytes | None) -> None:
        if aid != self._volatile:
            self._volatile = aid
            self._store.forget()  # it sees changes of stored values only

    def _require(self, aid: bytes) -> Instance:
        instance = self.get(aid)
        if instance is None:
            raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
        return instance

    def _load(self) -> dict[bytes, Instance]:
        blob = self._store.get(REGISTRY_KEY)
        if blob is not self._blob:
            entries = () if blob is None else decode(blob)
            payment = [entry for entry in entries if self.is_payment(entry)]
            self._blob = blob
            self._entries = {entry.aid: entry for entry in entries}
            self._payment = tuple(sorted(payment, key=lambda entry: entry.priority))
        return self._entries

    def _save(self, entries: Iterable[Instance]) -> None:
        kept = tuple(entries)
        counter = (self.update_counter + 1) & _COUNTER_MASK
        self._store.put(REGISTRY_KEY, encode(counter, kept))


def is_domain(instance: Instance) -> bool:
    """Tell whether the entry is a security domain; asked of every entry at every SELECT."""
    return instance.privileges[0] & _DOMAIN_BIT != 0


def encode(update_counter: int, entries: Sequence[Instance]) -> bytes:
    """Encode the registry: counter(2), then per entry AIDs with lengths and six bytes."""
    parts = [update_counter.to_bytes(2, "big")]
    for entry in entries:
        aids = (entry.aid, entry.module_aid, entry.domain_aid)
        parts.extend(bytes((len(aid),)) + aid for aid in aids)
        states = bytes((entry.life_cycle, entry.contactless, entry.priority & 0xFF))
        parts.append(states + entry.privileges)
    return b"".join(parts)


def decode(blob: bytes) -> tuple[Instance, ...]:
    """Read what `encode` wrote, without the counter."""
    entries: list[Instance] = []
    position = 2
    while position < len(blob):
        aids: list[bytes] = []
        for _ in range(3):
            end = position + 1 + blob[position]
            aids.append(blob[position + 1 : end])
            position = end
        life_cycle, contactless, priority = blob[position : position + 3]
        privileges = blob[position + 3 : position + 6]
        state = ContactlessState(contactless)
        aid, module, domain = aids
        entries.append(Instance(aid, module, domain, life_cycle, state, priority, privileges))
        position += 6
    return tuple(entries)
