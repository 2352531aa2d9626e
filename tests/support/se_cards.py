"""Whole cards for tests: made by an owner, with a token service, a phone and a payment module."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wristlet.crypto import ec, gpcert, scp03, scp11
from wristlet.crypto.scp03 import StaticKeys
from wristlet.crypto.script_builder import Addressee, BuiltScript, Draft, ScriptBuilder
from wristlet.crypto.seal import KeyStore, SealKey
from wristlet.env.base import ensure_dir
from wristlet.env.sim import SimEnv
from wristlet.se.applets.base import CardError, Instance, Interface, instance_key
from wristlet.se.applets.cardholder import CardholderApplet
from wristlet.se.applets.crs import CrsApplet
from wristlet.se.applets.ppse import PpseApplet
from wristlet.se.card import SANDBOX_KEY, Card, Port
from wristlet.se.catalog import Catalog
from wristlet.se.create import SeIdentity, create, create_volatile
from wristlet.se.profile import Profile, TrustRoot
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.certs import Certificate
from wristlet.wire.gp.install import InstallForInstall, instance_parameters
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.masked import Secret
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wristlet.env.sim import MemoryDisk
    from wristlet.se.applets.base import Context

DIRECTORY = "/se"
SEAL_KEY = SealKey(bytes(range(32)))
TSP_ROOT = ec.private_key(bytes(31) + b"\x11")
TSP_KEY = ec.private_key(bytes(31) + b"\x12")
TENANT_ROOT = ec.private_key(bytes(31) + b"\x13")
PHONE_KEY = ec.private_key(bytes(31) + b"\x14")
PHONE = hashlib.sha256(ec.point_of(PHONE_KEY)).digest()
TSP_ROOT_ID, TENANT_ROOT_ID = b"TSP ROOT", b"TENANT"
PLAIN_DGI, SECRET_DGI = 0x0101, 0x8000


class TinyModule:
    """A payment module with one plain and one secret data grouping; counts what it executes."""

    aid = aids.PAYMENT_MODULE_K3

    def serves(self, interface: Interface, profile: Profile) -> bool:
        return interface is Interface.CONTACTLESS

    def select(self, ctx: Context, aid: bytes) -> bytes:
        return ber.encode(0x6F, ber.encode(0x84, ctx.aid))

    def process(self, ctx: Context, command: Command) -> Response:
        """INS 10 writes; 11 also refuses, 12 flushes and refuses, 13 breaks; 14 gives P1P2."""
        key = instance_key(ctx.aid, "count")
        count = int.from_bytes(ctx.state.get(key) or b"\0", "big")
        if command.ins == 0x14:
            return Response(bytes((count,)) * (command.p1 << 8 | command.p2), SW.OK)
        if command.ins not in {0x10, 0x11, 0x12, 0x13}:
            raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
        ctx.state.put(key, bytes((count + 1 & 0xFF,)))
        if command.ins == 0x12:
            ctx.state.flush()
        if command.ins == 0x13:
            raise ZeroDivisionError("deliberate")
        if command.ins != 0x10:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        return Response(command.data, SW.OK)

    def deselect(self, ctx: Context) -> None:
        """Nothing to forget."""

    def check_perso(
        self, instance: Instance, dgis: Mapping[int, bytes], encrypted: frozenset[int]
    ) -> None:
        if set(dgis) != {PLAIN_DGI, SECRET_DGI} or encrypted != {SECRET_DGI}:
            raise CardError(SW.WRONG_DATA)

    def commit_perso(self, ctx: Context, instance: Instance, dgis: Mapping[int, bytes]) -> None:
        for number, value in dgis.items():
            ctx.state.put(instance_key(instance.aid, f"{number:04X}"), bytes(value))
        entry = ber.build((0x50, b"tiny"), (0x9F2A, b"\x03"))
        ctx.state.put(instance_key(instance.aid, "directory"), entry)

    def remove(self, ctx: Context, instance: Instance) -> None:
        """Nothing outside the instance's own keys."""


SANDBOX_KEYS = StaticKeys(*(Secret(SANDBOX_KEY) for _ in range(3)))
CATALOG = Catalog([TinyModule(), PpseApplet(), CrsApplet(), CardholderApplet()])


def profile(**changes: Any) -> Profile:
    """The profile that the test keys fit."""
    fields: dict[str, Any] = {
        "model": "wristlet-se-1",
        "tsp_root": TrustRoot(TSP_ROOT_ID, ec.point_of(TSP_ROOT)),
        "tenant_root": TrustRoot(TENANT_ROOT_ID, ec.point_of(TENANT_ROOT)),
        "pin_authority": aids.TSP_DOMAIN,
    }
    return Profile(**{**fields, **changes})


def oce_certificate(
    root: ec.PrivateKey, root_id: bytes, point: bytes, subject: bytes = b"subject"
) -> bytes:
    """A 7F21 certificate for key agreement."""
    plain = Certificate(b"\x01", root_id, subject, "20400101", point)
    return gpcert.issue(root, plain).encode()


TSP_CERTIFICATE = oce_certificate(TSP_ROOT, TSP_ROOT_ID, ec.point_of(TSP_KEY))
PHONE_CERTIFICATE = oce_certificate(TENANT_ROOT, TENANT_ROOT_ID, ec.point_of(PHONE_KEY))


@dataclass
class Rig:
    """One card with all that stands around it."""

    env: SimEnv
    owner: KeyStore
    identity: SeIdentity
    card: Card

    @property
    def wired(self) -> Port:
        return self.card.port(Interface.WIRED)

    @property
    def contactless(self) -> Port:
        return self.card.port(Interface.CONTACTLESS)

    @property
    def disk(self) -> MemoryDisk:
        return self.env.disk

    def reopen(self, disk: MemoryDisk | None = None, seed: int = 77) -> Rig:
        """The same card after its process died or lost power."""
        used = disk if disk is not None else self.env.disk
        used.restart()
        env = SimEnv(seed, disk=used)
        card = Card.open(env, DIRECTORY, SEAL_KEY, sandbox=True, catalog=CATALOG)
        return Rig(env, self.owner, self.identity, card)

    def state(self) -> dict[str, bytes]:
        """Durable state without what moves at every power-up."""
        return {k: v for k, v in self.card.store.snapshot().items() if k != "sys/counter"}

    def set_pin(self) -> None:
        """As if a phone had made one."""
        self.card.store.put("pin/verifier", bytes(48))
        self.card.store.flush()

    def enrol_phone(self) -> None:
        """First phone, by the strap's button."""
        point = ec.point_of(PHONE_KEY)
        select(self.wired, aids.CARDHOLDER_APPLET)
        assert send(self.wired, Command(0x80, 0xE0, 0, 0, point)).sw == SW.OK

    def draft(self, number: int, *, se_id: bytes = b"", domain: bytes = aids.TSP_DOMAIN) -> Draft:
        """A script of the token service for this card."""
        to = Addressee(
            se_id or self.identity.se_id,
            domain,
            self.identity.domain_points[aids.TSP_DOMAIN],
            number,
        )
        ephemeral = ec.private_key(bytes(28) + (number + 100).to_bytes(4, "big"))
        return ScriptBuilder(TSP_KEY, TSP_CERTIFICATE).begin(to, ephemeral)

    def perso_script(self, number: int, index: int = 1, **choices: bool) -> BuiltScript:
        """A script that installs and personalises one instance."""
        draft = self.draft(number)
        perso(draft, index, **choices)
        return draft.finish()


def instance(index: int) -> bytes:
    """AID of a payment instance."""
    return aids.instance_aid(aids.KERNEL_3, index)


def perso(
    draft: Draft, index: int = 1, *, surplus: bool = False, missing: bool = False,
    locked: bool = False, secret_in_clear: bool = False,
) -> None:  # fmt: skip
    """Add installation and personalisation of one instance to a script."""
    state = ContactlessState.NON_ACTIVATABLE if locked else ContactlessState.DEACTIVATED
    aid = instance(index)
    fields = InstallForInstall(
        aids.PAYMENT_PACKAGE, TinyModule.aid, aid, parameters=instance_parameters(state)
    )
    draft.add(commands.install_for_install(fields))
    groups = [Dgi(PLAIN_DGI, b"record" * 30), Dgi(SECRET_DGI, b"secret key" + bytes((index,)))]
    if surplus:
        groups.append(Dgi(0x0202, b"too much"))
    if missing:
        del groups[0]
    secret = frozenset[int]() if secret_in_clear else frozenset({SECRET_DGI})
    draft.personalize(aid, groups, secret)


def owner_store(env: SimEnv) -> KeyStore:
    """The maker's key store."""
    ensure_dir(env.disk, "/owner")
    return KeyStore.create(env.disk, "/owner/keys", SEAL_KEY, b"owner", env.random.bytes)


def sealed(seed: int = 0, **changes: Any) -> Rig:
    """A card on a disk in memory."""
    env = SimEnv(seed)
    owner = owner_store(env)
    identity = create(env, DIRECTORY, SEAL_KEY, owner, profile(**changes), sandbox=True)
    card = Card.open(env, DIRECTORY, SEAL_KEY, sandbox=True, catalog=CATALOG)
    return Rig(env, owner, identity, card)


def volatile(seed: int = 0, **changes: Any) -> Rig:
    """A card in memory only."""
    env = SimEnv(seed)
    owner = owner_store(env)
    store, identity = create_volatile(env, owner, profile(**changes), sandbox=True)
    return Rig(env, owner, identity, Card(env, store, CATALOG, sandbox=True))


def transmit(port: Port, raw: bytes) -> Response:
    """One command and its whole answer."""
    response = Response.parse(port.process(raw))
    data = response.data
    while response.sw >> 8 == 0x61:
        more = commands.get_response().with_channel(raw[0] & 3)
        response = Response.parse(port.process(more.encode()))
        data += response.data
    return Response(data, response.sw)


def send(port: Port, command: Command) -> Response:
    """One command, encoded, and its whole answer."""
    return transmit(port, command.encode())


def select(port: Port, aid: bytes, **options: bool) -> Response:
    """SELECT by name."""
    return send(port, commands.select(aid, **options))


def run(port: Port, apdus: tuple[bytes, ...]) -> list[Response]:
    """All APDUs of a script as far as they are answered 9000."""
    answers = []
    for raw in apdus:
        answers.append(transmit(port, raw))
        if answers[-1].sw != SW.OK:
            break
    return answers


class HostSession:
    """Our host's end of an open secure channel."""

    def __init__(self, port: Port, channel: scp03.HostChannel) -> None:
        self.port = port
        self.channel = channel

    def send(self, command: Command) -> Response:
        """Wrap, send, unwrap."""
        if len(command.data) > 239:
            command = command.replace(extended=True)
        return self.channel.unwrap(send(self.port, self.channel.wrap(command)))


def open_scp03(
    port: Port, level: int = 0x33, keys: scp03.StaticKeys | None = None, aid: bytes = aids.ISD
) -> HostSession:
    """Open a session to the issuer domain with the sandbox keys."""
    static = keys or SANDBOX_KEYS
    assert select(port, aid).sw == SW.OK
    challenge = bytes(range(8))
    answer = send(port, commands.initialize_update(challenge))
    assert answer.sw == SW.OK
    command, channel = scp03.host_open(static, challenge, answer.data, level)
    assert send(port, command).sw == SW.OK
    return HostSession(port, channel)


def open_scp11a(
    rig: Rig,
    aid: bytes = aids.CARDHOLDER_APPLET,
    *,
    key: ec.PrivateKey = PHONE_KEY,
    certificate: bytes = PHONE_CERTIFICATE,
) -> HostSession | int:
    """Open a phone's session; gives the status word where the card refuses."""
    select(rig.wired, aid)
    pso = commands.perform_security_operation(certificate, kvn=1, kid=0x10)
    answer = send(rig.wired, pso)
    if answer.sw != SW.OK:
        return answer.sw
    card = ec.public_key(rig.identity.domain_points[aids.CARDHOLDER_DOMAIN])
    fresh = ec.private_key(bytes(31) + b"\x55")
    handshake = scp11.HostHandshake(scp11.Variant.A, card, fresh, key)
    answer = send(rig.wired, commands.mutual_authenticate(handshake.request, kvn=1, kid=0x11))
    if answer.sw != SW.OK:
        return answer.sw
    return HostSession(rig.wired, handshake.finish(answer.data))
