"""A stranger on the radio: no bond, every kind of packet, and whatever frames it has heard."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

from bumble import hci, smp
from bumble.att import ATT_CID
from bumble.core import ProtocolError
from bumble.device import Connection, Device
from bumble.pairing import PairingConfig, PairingDelegate

from support.ble_pair import Wearer, memory_env
from support.link_attacker import Strap, flipped, hostile_commands, well_formed
from wristlet.links.ble import Air
from wristlet.links.bonds import BondFile
from wristlet.links.strap_ble import BlePhone
from wristlet.links.strap_client import StrapClient
from wristlet.strap.comparison import Comparison
from wristlet.strap.peripheral import Peripheral
from wristlet.wire.strap import frames, gatt
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.frames import Data, Hello, Message, MessageKind
from wristlet.wire.strap.gatt import Characteristic

HANDLES = 80
PDUS_TOGETHER = 16


class OnAir:
    """A strap on an emulated radio with its owner's phone, which is bonded."""

    def __init__(self, strap: Strap) -> None:
        self.strap = strap
        self.air = Air()
        self.shown: list[str] = []
        comparison = Comparison(strap.env.clock, self.shown.append)
        self.wearer = Wearer(comparison, self.shown)
        self.bonds = BondFile(strap.env, "strap-bonds")
        self.peripheral = Peripheral(
            strap.env, self.air.radio(), "wristlet", self.bonds, strap.server.serve, comparison
        )
        owner = BondFile(memory_env(), "owner-bonds")
        self.phone = BlePhone(strap.env, self.air.radio(), owner, self.wearer.compare)

    async def start(self) -> None:
        """Go on the air and bond the owner's phone."""
        await self.peripheral.start()
        assert await self.owner_is_let_in()

    async def owner_is_let_in(self) -> bool:
        """Tell whether the owner's phone gets an answer."""
        link = StrapClient(self.strap.env, self.phone.connect)
        try:
            return (await link.status()).display != ""
        except OSError:
            return False
        finally:
            await link.close()
            await self._until_alone()

    async def stop(self) -> None:
        """Leave the air."""
        await self.phone.close()
        await self.peripheral.stop()
        await self.strap.server.close()

    async def _until_alone(self) -> None:
        while self.peripheral._lines:
            await asyncio.sleep(0)


class Stranger:
    """Somebody with a radio."""

    def __init__(self, on_air: OnAir, chance: random.Random, recorded: list[bytes]) -> None:
        self._on_air = on_air
        self._chance = chance
        self._commands = hostile_commands(recorded, chance)
        radio = on_air.air.radio()
        self.device = Device.with_hci(
            "stranger", hci.Address("F0:F1:F2:F3:F4:F5"), radio.source, radio.sink
        )
        weak = PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
        self.device.pairing_config_factory = lambda _: PairingConfig(mitm=False, delegate=weak)
        self._connection: Connection | None = None
        self._epoch, self._session = frames.NO_EPOCH, 0
        self.sent = 0
        self.heard: list[bytes] = []

    async def attack(self, count: int) -> None:
        """Send so many packets, connecting anew whenever the strap has had enough."""
        await self.device.power_on()
        while self.sent < count:
            connection = await self._connected()
            for _ in range(PDUS_TOGETHER):
                if connection.handle in self.device.connections:
                    self._send(connection)
            await connection.drain()
            for _ in range(6):
                await asyncio.sleep(0)
        if self._connection is not None and self._connection.handle in self.device.connections:
            await self._connection.disconnect()

    async def _connected(self) -> Connection:
        there = self._connection
        if there is not None and there.handle in self.device.connections:
            return there
        address = self._on_air.peripheral.device.random_address
        connection = await self.device.connect_le(address, timeout=10)
        self._connection = connection
        connection.gatt_client.on_gatt_pdu = self._notified  # type: ignore[assignment] # listens to all
        if not self._session:
            with contextlib.suppress(ProtocolError):
                await connection.pair()
        return connection

    def _notified(self, pdu: Any) -> None:
        if pdu.name != "ATT_HANDLE_VALUE_NOTIFICATION":
            return
        self.heard.append(pdu.attribute_value)
        try:
            frame = frames.parse(pdu.attribute_value)
        except ValueError:
            return
        if isinstance(frame, frames.Welcome):
            self._session, self._epoch = frame.session, frame.epoch

    def _send(self, connection: Connection) -> None:
        """One packet: attribute protocol with frames in it, or security manager."""
        self.sent += 1
        chance = self._chance
        kind = chance.randrange(8)
        if kind == 0:
            connection.send_l2cap_pdu(smp.SMP_CID, chance.randbytes(chance.randrange(1, 66)))
            return
        if kind == 1:
            connection.send_l2cap_pdu(ATT_CID, chance.randbytes(chance.randrange(1, 60)))
            return
        handle = chance.randrange(1, HANDLES).to_bytes(2, "little")
        if kind == 2:
            connection.send_l2cap_pdu(ATT_CID, bytes((chance.choice((0x0A, 0x0C)),)) + handle)
            return
        if kind == 3:
            to = chance.choice((handle, self._handle(gatt.from_strap(Concern.APDU), 1)))
            connection.send_l2cap_pdu(ATT_CID, b"\x12" + to + b"\x01\x00")
            return
        opcode = chance.choice((b"\x52", b"\x52", b"\x52", b"\x12"))
        if kind in (4, 5):
            for frame in self._request():
                to = self._handle(gatt.to_strap(Concern.APDU))
                connection.send_l2cap_pdu(ATT_CID, opcode + to + frame)
            return
        captured = flipped(chance.choice(self._on_air.strap.captured), chance)
        frame = chance.choice((captured, well_formed(chance)))[:20]
        connection.send_l2cap_pdu(ATT_CID, opcode + handle + frame)

    def _handle(self, characteristic: Characteristic, further: int = 0) -> bytes:
        """The handle of a value, or of what follows it, as anybody can discover."""
        handle = self._on_air.peripheral._values[characteristic].handle + further
        return handle.to_bytes(2, "little")

    def _request(self) -> list[bytes]:
        """Begin a session and ask for something in it; the epoch is known once anything came."""
        session = self._session % 255 + 1
        message = Message(MessageKind.REQUEST, 0xFFFF, next(self._commands)[:4])
        asked = Data(session, 0, 0, True, message.encode(self._epoch)).encode()
        return [Hello(session, self._epoch, 64).encode(), asked]
