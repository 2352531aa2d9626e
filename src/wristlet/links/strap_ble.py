"""A strap over Bluetooth LE, as the phone has it: finds it, pairs or comes back, carries values.

Needs the extra [ble].
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from bumble import att, hci
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy

from wristlet.env.base import Env
from wristlet.links import ble
from wristlet.links.alarm import Alarm
from wristlet.links.ble import Compare, Radio
from wristlet.links.bonds import BondFile
from wristlet.links.channel import LinkLost
from wristlet.links.strap_carrier import Take
from wristlet.links.strap_link import StrapRefused
from wristlet.wire.strap import gatt
from wristlet.wire.strap.frames import MTU_MAX
from wristlet.wire.strap.gatt import Characteristic

T = TypeVar("T")

FIND_MS: Final = 10_000
"""How long to look for a strap."""
PAIR_MS: Final = 45_000
_GONE: Final = "the link to the strap broke"
_NOT_LET_IN: Final = (
    "the strap did not let this phone in; let both forget each other, then pair again"
)
_FAILURES: Final = (BaseBumbleError, ValueError, LookupError, struct.error, OSError)
"""What the stack raises for a link that breaks, and for a strap that sends it nonsense."""


@contextmanager
def _link_lost(message: str) -> Iterator[None]:
    """Turn what the stack raises into LinkLost; it cancels what waits when a connection ends."""
    try:
        yield
    except LinkLost:
        raise
    except (*_FAILURES, TimeoutError) as error:
        raise LinkLost(message) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LinkLost(message) from error


async def _while_connected(connection: Connection, work: Coroutine[Any, Any, T]) -> T:
    """Do something on a connection; raises LinkLost as soon as it is gone.

    Some of what the stack waits for would go on waiting.
    """
    task: asyncio.Task[T] = asyncio.ensure_future(work)

    def gone(_reason: int) -> None:
        task.cancel("disconnected")

    connection.on(Connection.EVENT_DISCONNECTION, gone)
    try:
        with _link_lost(_GONE):
            return await task
    finally:
        connection.remove_listener(Connection.EVENT_DISCONNECTION, gone)
        task.cancel()


class BleCarrier:
    """A phone's encrypted connection to a bonded strap."""

    def __init__(self, connection: Connection, peer: Peer) -> None:
        self._connection = connection
        self._peer = peer
        self._found: dict[UUID, CharacteristicProxy[bytes]] = {}
        self._closed: list[Callable[[], None]] = []
        self._is_open = True
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)

    @property
    def mtu(self) -> int:
        """The MTU that was agreed."""
        return self._connection.att_mtu

    async def discover(self) -> None:
        """Learn the handles of everything that the declaration names; raises LinkLost."""
        with _link_lost(_GONE):
            await self._peer.discover_services()
            for service in gatt.SERVICES:
                for there in self._peer.get_services_by_uuid(UUID(service.uuid)):
                    await self._peer.discover_characteristics(service=there)
                    for characteristic in there.characteristics:
                        self._found[characteristic.uuid] = characteristic

    async def subscribe(self, characteristic: Characteristic, take: Take) -> None:
        """Have a characteristic's notifications handed over in order; raises LinkLost."""
        there = self._there(characteristic)
        await _while_connected(self._connection, self._peer.subscribe(there, take))

    def write(self, characteristic: Characteristic, value: bytes) -> None:
        """Write without response; on a closed connection nothing happens."""
        there = self._found.get(UUID(characteristic.uuid))
        if self._is_open and there is not None:
            command = att.ATT_Write_Command(attribute_handle=there.handle, attribute_value=value)
            self._peer.gatt_client.send_gatt_pdu(bytes(command))

    async def read(self, characteristic: Characteristic) -> bytes:
        """Read a value; raises LinkLost, StrapRefused."""
        there = self._there(characteristic)
        return await _while_connected(self._connection, self._read(characteristic, there))

    async def _read(
        self, characteristic: Characteristic, there: CharacteristicProxy[bytes]
    ) -> bytes:
        try:
            return bytes(await self._peer.read_value(there))
        except att.ATT_Error as error:
            raise StrapRefused(
                f"{characteristic.name}: the strap has no such value to read"
            ) from error

    def on_closed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once when the connection is gone, at once if it is already."""
        if self._is_open:
            self._closed.append(tell)
        else:
            tell()

    async def close(self) -> None:
        """Drop the connection."""
        await ble.disconnect(self._connection)

    def _there(self, characteristic: Characteristic) -> CharacteristicProxy[bytes]:
        if not self._is_open:
            raise LinkLost(_GONE)
        there = self._found.get(UUID(characteristic.uuid))
        if there is None:
            raise LinkLost(f"the strap has no {characteristic.name}; update its firmware")
        return there

    def _disconnected(self, _reason: int) -> None:
        self._is_open = False
        closed, self._closed = self._closed, []
        for tell in closed:
            tell()


class BlePhone:
    """The phone's Bluetooth: one controller, its bonds, and straps found by it."""

    def __init__(self, env: Env, radio: Radio, bonds: BondFile, compare: Compare) -> None:
        """Take a radio; `compare` shows a pairing's digits and says whether they fit."""
        self._env = env
        self._radio = radio
        self._bonds = bonds
        self.device = ble.make_device(radio, "phone", bonds, compare)
        self._is_on = False

    async def close(self) -> None:
        """Switch Bluetooth off."""
        if self._is_on:
            self._is_on = False
            with contextlib.suppress(*_FAILURES, asyncio.CancelledError):
                await self.device.power_off()
        await self._radio.close()

    async def connect(self, identity: str = "") -> BleCarrier:
        """Connect to the strap with this identity, to any bonded one, or pair with one anew.

        Raises LinkLost.
        """
        with _link_lost("the strap cannot be reached; is it near and switched on?"):
            if not self._is_on:
                await self.device.power_on()
                self._is_on = True
            await ble.change_address(self.device)
            address = await self._find(identity)
            connection = await self.device.connect_le(address, timeout=FIND_MS / 1000)
        try:
            return await _while_connected(connection, self._opened(connection))
        except BaseException:
            await ble.disconnect(connection)
            raise

    async def _opened(self, connection: Connection) -> BleCarrier:
        """Agree on sizes, encrypt under the bond or pair, and learn what is there."""
        peer = Peer(connection)
        with _link_lost(_GONE):
            await peer.request_mtu(MTU_MAX)
        with _link_lost(_NOT_LET_IN):
            if self._bonds.get(_address_of(connection)) is not None:
                await connection.encrypt()
            else:
                await connection.pair()
        if not await ble.is_trusted(self.device, connection):
            raise LinkLost("the pairing was not confirmed on both ends; pair again")
        carrier = BleCarrier(connection, peer)
        await carrier.discover()
        return carrier

    async def _find(self, identity: str) -> hci.Address:
        """Look for a strap's advertisement; TimeoutError when none comes."""
        found: asyncio.Future[hci.Address] = asyncio.get_running_loop().create_future()
        known = {identity} if identity else {bond.address for bond in self._bonds}

        def seen(advertisement: Advertisement) -> None:
            if found.done() or not _is_strap(advertisement):
                return
            if not known or self._identity_of(advertisement.address) in known:
                found.set_result(advertisement.address)

        def late() -> None:
            if not found.done():
                found.set_exception(TimeoutError())

        patience = Alarm(self._env.clock, late)
        patience.set(self._env.clock.monotonic_us() // 1000 + FIND_MS)
        self.device.on(Device.EVENT_ADVERTISEMENT, seen)
        try:
            await self.device.start_scanning(active=True, filter_duplicates=False)
            return await found
        finally:
            self.device.remove_listener(Device.EVENT_ADVERTISEMENT, seen)
            patience.cancel()
            await self.device.stop_scanning()

    def _identity_of(self, address: hci.Address) -> str:
        """Return who is behind a private address, if it is somebody we know."""
        resolver = self.device.address_resolver
        resolved = resolver.resolve(address) if resolver and address.is_resolvable else None
        return str(resolved or address).split("/")[0]


def _address_of(connection: Connection) -> str:
    return str(connection.peer_address).split("/")[0]


def _is_strap(advertisement: Advertisement) -> bool:
    wanted = bytes.fromhex(gatt.SERVICES[0].uuid.replace("-", ""))[::-1]
    kinds = (
        AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
        AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    )
    lists = [value for kind, value in advertisement.data.ad_structures if kind in kinds]
    return any(wanted == one[at : at + 16] for one in lists for at in range(0, len(one), 16))
