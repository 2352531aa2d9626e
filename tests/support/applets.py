"""A card around one applet: real store and registry, everything else as simple as it can be.

`Bench` does what the card does around an applet: one transaction per command, refusals become
status words, selection and power. It opens no secure channel: `phone` says who is at the other
end of one.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wristlet.crypto import ec
from wristlet.env.sim import SimEnv
from wristlet.se import catalog
from wristlet.se.applets.base import CardError, Instance, Interface
from wristlet.se.profile import Profile, TrustRoot
from wristlet.se.registry import CardRegistry
from wristlet.se.store import Store
from wristlet.se.tap_watch import TapWatch
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import aids
from wristlet.wire.gp.lifecycle import ContactlessState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wristlet.env.base import Env
    from wristlet.se.applets.base import Applet

SE_ID = bytes(range(16))
PHONE = hashlib.sha256(b"the wearer's phone").digest()
_POINT = ec.point_of(ec.private_key(bytes(31) + b"\x05"))


def profile(**changes: Any) -> Profile:
    """A maker's profile for tests."""
    root = TrustRoot(b"ROOT", _POINT)
    return Profile(
        model="wristlet-se-1",
        tsp_root=root,
        tenant_root=root,
        pin_authority=aids.TSP_DOMAIN,
        **changes,
    )


class CountingStore(Store):
    """Counts durable records and can be told to fail before the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.records = 0
        self.before_record: Callable[[], None] | None = None

    def _persist(self, changes: dict[str, bytes | None], *, touched: bool) -> None:
        if self.before_record is not None:
            self.before_record()
        super()._persist(changes, touched=touched)
        self.records += 1


@dataclass
class FakeContext:
    """What `Context` promises, over a bench."""

    bench: Bench
    aid: bytes
    interface: Interface
    secured: bool = False
    peer: bytes | None = None
    transient: dict[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> Env:
        return self.bench.env

    @property
    def state(self) -> Store:
        return self.bench.store

    @property
    def registry(self) -> CardRegistry:
        return self.bench.registry

    @property
    def profile(self) -> Profile:
        return self.bench.profile

    @property
    def se_id(self) -> bytes:
        return SE_ID

    @property
    def event_counter(self) -> int:
        return int.from_bytes(self.state.get("sys/events") or b"", "big")

    @property
    def taps(self) -> TapWatch:
        return self.bench.taps

    def sign(self, message: bytes) -> bytes:
        return ec.sign_raw(self.bench.attestation_key, message)

    def keyed_hash(self, message: bytes) -> bytes:
        self.bench.hashes += 1
        return hmac.digest(b"born inside", message, "sha256")

    def bump_event(self) -> int:
        value = self.event_counter + 1
        self.state.put("sys/events", value.to_bytes(4, "big"))
        return value

    def touch(self) -> None:
        self.state.touch()

    def remove_all_payment_instances(self) -> None:
        for instance in self.registry.payment():
            self.bench.remove(instance.aid)


class Bench:
    """One secure element with the built-in applets."""

    def __init__(self, **changes: Any) -> None:
        self.env = SimEnv(1)
        self.store = CountingStore()
        self.profile = profile(**changes)
        self.catalog = catalog.installed()
        self.registry = CardRegistry(self.store, self.profile, self.catalog.payment_modules)
        self.attestation_key = ec.private_key(bytes(31) + b"\x07")
        self.hashes = 0
        self.taps = TapWatch()
        self.selected: tuple[Applet, FakeContext] | None = None

    # ------------------------------------------------------------ making cards

    def install(
        self, aid: bytes, module_aid: bytes, state: ContactlessState = ContactlessState.ACTIVATED
    ) -> Instance:
        """Put a payment instance into the registry."""
        instance = Instance(aid, module_aid, aids.TSP_DOMAIN, 0x07, state, 0)
        with self.store.transaction():
            self.registry.add(instance)
        return instance

    def personalise(self, instance: Instance, dgis: Mapping[int, bytes]) -> None:
        """Check and commit DGIs; every one of them came under S-DEK."""
        module = self.catalog.payment(instance.module_aid)
        assert module is not None
        ctx = FakeContext(self, aids.TSP_DOMAIN, Interface.WIRED)
        with self.store.transaction():
            module.check_perso(instance, dgis, frozenset(dgis))
            module.commit_perso(ctx, instance, dgis)

    def remove(self, aid: bytes) -> None:
        """Delete an instance with its data."""
        for key in self.store.keys(f"inst/{aid.hex().upper()}/"):
            self.store.delete(key)
        self.registry.remove(aid)

    def domain(self) -> FakeContext:
        """The TSP domain's own context."""
        return FakeContext(self, aids.TSP_DOMAIN, Interface.WIRED)

    def enrol(self, phone: bytes = PHONE) -> None:
        """Put a phone on the allow-list without asking anyone."""
        with self.store.transaction():
            self.store.put(f"phones/{phone.hex().upper()}", b"\x01")

    # ------------------------------------------------------------ talking

    def select(
        self, aid: bytes, interface: Interface = Interface.WIRED, *, phone: bytes | None = None
    ) -> Response:
        """SELECT an applet by AID, an instance by its full AID; `phone` opens its channel."""
        self.selected = None
        instance = self.registry.get(aid)
        applet = self.catalog.get(instance.module_aid if instance else aid)
        if applet is None or not applet.serves(interface, self.profile):
            return Response(b"", 0x6A82)
        ctx = FakeContext(self, aid, interface, secured=phone is not None, peer=phone)
        response = self._run(lambda: Response(applet.select(ctx, aid), 0x9000))
        if response.ok:
            self.selected = (applet, ctx)
        return response

    def send(self, command: Command | str) -> Response:
        """Send one command to what is selected."""
        if isinstance(command, str):
            command = Command.parse(bytes.fromhex(command))
        assert self.selected is not None, "select first"
        applet, ctx = self.selected
        return self._run(lambda: applet.process(ctx, command))

    def _run(self, step: Callable[[], Response]) -> Response:
        try:
            with self.store.transaction():
                return step()
        except CardError as error:
            return Response(error.data, error.sw)
