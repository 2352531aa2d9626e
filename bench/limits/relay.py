"""Bare GATT on the same Bluetooth stack and the same emulated radio: write, notify back.

No message, no session, no acknowledgement, no check, no bond: a value without response to one
characteristic, a value notified by the other. What is longer than a packet goes as packets in a
row, all of them before the first one back.
"""

from __future__ import annotations

import asyncio
import struct

from bumble import att, hci
from bumble.core import UUID
from bumble.device import Connection, Device, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service

from wristlet.links.ble import Air, Radio

MTU = 517
VALUE_MAX = 512
SERVICE = UUID("7c5bff00-9d5f-4e0a-8a36-5f1e0b7d9c21")
WRITTEN = UUID("7c5bff01-9d5f-4e0a-8a36-5f1e0b7d9c21")
NOTIFIED = UUID("7c5bff02-9d5f-4e0a-8a36-5f1e0b7d9c21")


class BareGatt:
    """A server that notifies as many bytes as were written, once all of them have come."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self._wanted = self._came = self._back = 0
        self._done: asyncio.Future[None] | None = None
        self._connection: Connection | None = None

    async def start(self) -> None:
        """Connect both ends."""
        server = _device(self._air.radio(), "F1:00:00:00:00:01")
        client = _device(self._air.radio(), "F1:00:00:00:00:02")
        self._server = server
        self._notified: Characteristic[bytes] = Characteristic(
            NOTIFIED, Characteristic.Properties.NOTIFY, att.Attribute.Permissions(0), b""
        )
        written: Characteristic[bytes] = Characteristic(
            WRITTEN,
            Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
            att.Attribute.WRITEABLE,
            CharacteristicValue(write=self._written),
        )
        server.add_service(Service(SERVICE, [written, self._notified]))
        await server.power_on()
        await server.start_advertising()
        await client.power_on()
        connection = await client.connect_le(server.random_address)
        peer = Peer(connection)
        await peer.request_mtu(MTU)
        (service,) = await peer.discover_service(SERVICE)
        to, back = await service.discover_characteristics()
        await peer.subscribe(back, self._came_back)
        self._client, self._handle = peer.gatt_client, to.handle

    async def exchange(self, size: int) -> None:
        """Write so many bytes and wait until as many have come back."""
        self._wanted, self._came, self._back = size, 0, 0
        self._done = asyncio.get_running_loop().create_future()
        for length in _lengths(size):
            head = struct.pack("<BH", att.Opcode.ATT_WRITE_COMMAND, self._handle)
            self._client.send_gatt_pdu(head + bytes(length))
        await self._done

    def _written(self, connection: Connection, value: bytes) -> None:
        self._came += len(value)
        if self._came < self._wanted:
            return
        for length in _lengths(self._wanted):
            head = struct.pack(
                "<BH", att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION, self._notified.handle
            )
            self._server.gatt_server.send_gatt_pdu(connection, head + bytes(length))

    def _came_back(self, value: bytes) -> None:
        self._back += len(value)
        if self._back >= self._wanted and self._done is not None and not self._done.done():
            self._done.set_result(None)


def _device(radio: Radio, address: str) -> Device:
    return Device.with_hci("bare", hci.Address(address), radio.source, radio.sink)


def _lengths(size: int) -> list[int]:
    whole, rest = divmod(size, VALUE_MAX)
    return [VALUE_MAX] * whole + ([rest] if rest else [])
