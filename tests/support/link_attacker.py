"""A strap on the link in front of a whole secure element, its owner's life, and who attacks it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from support import paid_cards
from support.payment_cards import K3, PAN, PIN
from support.se_cards import PHONE_CERTIFICATE, PHONE_KEY, Rig, sealed
from wristlet.companion.phone_channel import PhoneChannel
from wristlet.crypto import ec
from wristlet.env.base import Env
from wristlet.lab.canary import CanarySecret, Kind
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.script_runner import run_script
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_loop import FramePlan, LoopCarrier
from wristlet.se import keyset
from wristlet.se.context import SECRET_KEY
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.invitation import Invitations
from wristlet.strap.relay import StrapRelay
from wristlet.strap.services import relay_endpoints
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.keys import KeyType
from wristlet.wire.masked import SecretDigits
from wristlet.wire.strap import frames, gatt
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.frames import Ack, Broken, Data, Hello, Message, MessageKind, Reason
from wristlet.wire.strap.gatt import Characteristic

CONCERNS = tuple(Concern)


@dataclass
class Strap:
    """The strap's server over a card; `captured` is every frame that crossed, `apdus` every
    command that reached the secure element.
    """

    rig: Rig
    env: Env
    captured: list[bytes] = field(default_factory=list)
    apdus: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        wired = LoopbackChannel(self.rig.wired)
        self.relay = StrapRelay(self, self.env.random)
        self._wired = wired
        self.server = GattServer(self.env)
        self.server.attach(
            relay_endpoints(self.relay, Invitations(self.env)), {Concern.APDU: wired.reset}
        )
        self.plan = FramePlan(tap=lambda _, frame: self.captured.append(frame))

    async def transmit(self, command: bytes) -> bytes:
        """Pass a command on to the secure element, noting it."""
        self.apdus.append(command)
        return await self._wired.transmit(command)

    def client(self, peer: str = "owner") -> StrapClient:
        """The core of a bonded phone."""
        return StrapClient(
            self.env,
            lambda: LoopCarrier.connect(self.server.serve, self.env.clock, self.plan, peer=peer),
        )

    def kept(self) -> dict[str, bytes]:
        """Everything that the secure element keeps, its rollback counter included.

        All but the number of SCP03 sessions: by GlobalPlatform's Amendment D it moves with every
        INITIALIZE UPDATE, needs no key, and has room for 16 million.
        """
        state = self.rig.card.store.snapshot()
        return {name: value for name, value in state.items() if "/seq/" not in name}


def new_strap(seed: int, env: Env | None = None) -> Strap:
    """A strap whose secure element is new."""
    rig = paid_cards.built_in(sealed(seed))
    return Strap(rig, env or rig.env)


async def phone_channel(strap: Strap, link: StrapClient, fresh: int) -> PhoneChannel:
    """The owner's channel to the secure element, through the strap."""
    point = strap.rig.identity.domain_points[aids.CARDHOLDER_DOMAIN]
    return await PhoneChannel.open(
        link,
        private_scalar=ec.scalar_of(PHONE_KEY),
        certificate=PHONE_CERTIFICATE,
        domain_point=point,
        ephemeral_scalar=bytes(30) + fresh.to_bytes(2, "big"),
    )


async def whole_life(strap: Strap, link: StrapClient) -> None:
    """Pair, make a PIN, load a card, prove the wearer, pay."""
    await link.pair_offer(ec.point_of(PHONE_KEY))
    await link.pair_reveal(bytes(range(16)))
    await strap.relay.press_confirm()
    channel = await phone_channel(strap, link, 0x101)
    await channel.create_pin(SecretDigits(PIN))
    aid, apdus = paid_cards.card_script(strap.rig, 1, K3)
    assert (await run_script(link, apdus)).completed
    channel = await phone_channel(strap, link, 0x102)
    await channel.activate(aid)
    await channel.verify_pin(SecretDigits(PIN))
    assert paid_cards.pay(strap.rig).ok
    await link.status()


def secrets_of(strap: Strap) -> list[CanarySecret]:
    """What nobody on the link may learn."""
    found = [
        CanarySecret("PIN", Kind.PIN, PIN.encode()),
        CanarySecret("token number", Kind.NUMBER, PAN.encode()),
        CanarySecret("phone key", Kind.KEY, ec.scalar_of(PHONE_KEY)),
        CanarySecret("AC key", Kind.KEY, K3.keys[:16]),
    ]
    state = strap.rig.card.store
    found.append(CanarySecret("element secret", Kind.KEY, state.snapshot()[SECRET_KEY]))
    for domain in (aids.ISD, aids.TSP_DOMAIN, aids.CARDHOLDER_DOMAIN):
        found += [
            CanarySecret(f"{domain.hex()} {key!r}", Kind.KEY, key.value)
            for key in keyset.load(state, domain)
            if key.kind == KeyType.EC_PRIVATE
        ]
    return found


# ------------------------------------------------------------------ frames


def flipped(raw: bytes, chance: random.Random) -> bytes:
    """Damage a frame: bits, cuts, more bytes."""
    changed = bytearray(raw)
    for _ in range(chance.randrange(1, 4)):
        kind = chance.randrange(3)
        if kind == 0 and changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        elif kind == 1 and changed:
            del changed[chance.randrange(len(changed)) :]
        else:
            changed += chance.randbytes(chance.randrange(1, 40))
    return bytes(changed[: frames.FRAME_MAX + 1])


def well_formed(chance: random.Random) -> bytes:
    """A frame that parses, at the wrong time."""
    session, byte = chance.randrange(4), chance.randrange(256)
    kind = chance.randrange(4)
    if kind == 0:
        epoch = chance.choice((frames.NO_EPOCH, chance.randbytes(8)))
        return Hello(session, epoch, byte, chance.choice((1, 1, 2))).encode()
    if kind == 1:
        payload = chance.randbytes(chance.randrange(12, 500))
        return Data(session, chance.randrange(8), byte, chance.random() < 0.5, payload).encode()
    if kind == 2:
        return Ack(session, byte, chance.randrange(65), chance.random() < 0.5).encode()
    return Broken(session, chance.choice(list(Reason))).encode()


def hostile_commands(recorded: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Commands that somebody would try who has the link: plain ones, replayed ones, any."""
    point = ec.point_of(ec.private_key(bytes(31) + b"\x07"))
    select = [commands.select(one).encode() for one in ATTACKED]
    plain = [
        commands.crs_set_status(0x01, 0x00, aids.instance_aid(aids.KERNEL_3, 1)),
        Command(0x80, 0x12, 0x00, 0x00),
        Command(0x80, 0x12, 0x01, 0x00),
        Command(0x80, 0xE0, 0x00, 0x00, point),
        Command(0x80, 0xE0, 0x01, 0x00, bytes(32)),
        commands.crs_set_status(0x01, 0x01, aids.instance_aid(aids.KERNEL_3, 1)),
        commands.verify("000000"),
        commands.change_pin("000000", "918273"),
        commands.create_pin("918273"),
        commands.open_channel(),
        commands.delete(aids.instance_aid(aids.KERNEL_3, 1)),
        commands.perform_security_operation(PHONE_CERTIFICATE, kvn=1, kid=0x10),
        Command(0x80, 0x50, 0x00, 0x00, bytes(8), le=256),
        Command(0x84, 0x82, 0x33, 0x00, bytes(16)),
        Command(0x80, 0xF0, 0x80, 0x7F, aids.ISD),
        Command(0x80, 0xE2, 0x80, 0x00, bytes(20)),
    ]
    for command in plain:
        for applet in (aids.CRS, aids.CARDHOLDER_APPLET):
            yield commands.select(applet).encode()
            yield command.encode()
    while True:
        yield chance.choice(select)
        yield chance.choice(plain).encode()
        if recorded:
            start = chance.randrange(len(recorded))
            yield from recorded[start : start + chance.randrange(1, 6)]
        yield flipped(chance.choice(recorded or select), chance)
        yield bytes((0x80, *chance.randbytes(3))) + chance.randbytes(chance.randrange(0, 30))


ATTACKED = (aids.CARDHOLDER_APPLET, aids.CRS, aids.ISD, aids.TSP_DOMAIN, aids.PPSE)


class HostilePhone:
    """A bonded phone that speaks frames well enough to have its requests carried out."""

    peer = "hostile"
    mtu = frames.MTU_MAX

    def __init__(self, strap: Strap, chance: random.Random, recorded: list[bytes]) -> None:
        self._strap = strap
        self._chance = chance
        self._recorded = recorded
        self._commands = hostile_commands(recorded, chance)
        self._session, self._sequence, self._id = 0, 0, 0
        self._epoch = frames.NO_EPOCH
        self.sent = 0
        self.heard: list[bytes] = []
        visit = strap.server.serve(self)
        assert visit is not None
        self._visit = visit

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        """Listen well."""
        self.heard.append(value)
        if characteristic is not gatt.from_strap(Concern.APDU) or len(value) > frames.FRAME_MAX:
            return
        try:
            frame = frames.parse(value)
        except ValueError:
            return
        if isinstance(frame, frames.Welcome):
            self._session, self._sequence = frame.session, 0
            self._epoch, self._id = frame.epoch, frame.last

    def drop(self) -> None:
        """It would not mind."""

    def leave(self) -> None:
        """Go away."""
        self._visit.closed()

    async def attack(self, count: int) -> None:
        """Send so many hostile frames and let the strap do what it does."""
        while self.sent < count:
            kind = self._chance.randrange(5)
            if kind == 0:
                await self._write(self._chance.randbytes(self._chance.randrange(0, 513)))
            elif kind == 1:
                await self._write(flipped(self._chance.choice(self._strap.captured), self._chance))
            elif kind == 2:
                await self._write(well_formed(self._chance))
            else:
                await self._request(next(self._commands))

    async def _request(self, command: bytes) -> None:
        """Have one command carried out, in a session of its own: nothing stands in its way."""
        hello = Hello(self._session % 255 + 1, self._epoch, 64)
        await self._write(hello.encode(), Concern.APDU)
        self._id += 1
        message = Message(MessageKind.REQUEST, self._id, command).encode(self._epoch)
        for at in range(0, len(message), 508):
            frame = Data(self._session, self._sequence, 0, at == 0, message[at : at + 508])
            self._sequence += 1
            await self._write(frame.encode(), Concern.APDU)

    async def _write(self, frame: bytes, concern: Concern | None = None) -> None:
        self.sent += 1
        to = gatt.to_strap(concern or self._chance.choice(CONCERNS))
        self._visit.written(to, frame)
        for _ in range(4):
            await asyncio.sleep(0)
