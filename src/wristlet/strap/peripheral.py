"""The strap as a Bluetooth LE peripheral: advertises, bonds, and serves one bonded phone.

Needs the extra [ble]. A peer that is not bonded, or whose bond nobody confirmed, can pair and
nothing else; a link that comes to nothing is dropped, so that strangers cannot hold the strap.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from bumble import att, hci
from bumble.core import AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic as StackCharacteristic
from bumble.gatt import CharacteristicValue
from bumble.gatt import Service as StackService

from wristlet.env.base import Env
from wristlet.links import ble
from wristlet.links.alarm import Alarm
from wristlet.links.ble import Radio
from wristlet.links.bonds import BondFile
from wristlet.links.strap_carrier import Serve, Visit
from wristlet.strap.comparison import Comparison
from wristlet.wire.strap import gatt
from wristlet.wire.strap.gatt import Characteristic, Property

LINKS_MAX: Final = 3
"""So many connections at once, of which one is served: a stranger alone cannot keep a phone out."""
STRANGER_MS: Final = 45_000
"""How long a connection may take to become a bonded phone's."""
ADDRESS_MS: Final = 15 * 60_000
"""How long a private address is advertised before the next one."""

_PROPERTIES: Final = {
    Property.READ: StackCharacteristic.Properties.READ,
    Property.WRITE: StackCharacteristic.Properties.WRITE,
    Property.WRITE_WITHOUT_RESPONSE: StackCharacteristic.Properties.WRITE_WITHOUT_RESPONSE,
    Property.NOTIFY: StackCharacteristic.Properties.NOTIFY,
}
_READING: Final = (
    att.Attribute.READABLE
    | att.Attribute.READ_REQUIRES_ENCRYPTION
    | att.Attribute.READ_REQUIRES_AUTHENTICATION
)
_WRITING: Final = (
    att.Attribute.WRITEABLE
    | att.Attribute.WRITE_REQUIRES_ENCRYPTION
    | att.Attribute.WRITE_REQUIRES_AUTHENTICATION
)
_NOT_NEEDED: Final = (
    att.Opcode.ATT_PREPARE_WRITE_REQUEST,
    att.Opcode.ATT_EXECUTE_WRITE_REQUEST,
    att.Opcode.ATT_READ_MULTIPLE_REQUEST,
    att.Opcode.ATT_READ_MULTIPLE_VARIABLE_REQUEST,
    att.Opcode.ATT_SIGNED_WRITE_COMMAND,
)
"""No characteristic of ours is longer than a packet: what queues and joins values is refused."""


class BleLine:
    """One connection; `visit` is there once a bonded phone is served on it."""

    def __init__(self, peripheral: Peripheral, connection: Connection) -> None:
        self._peripheral = peripheral
        self.connection = connection
        self.visit: Visit | None = None
        self.patience: Alarm | None = None

    @property
    def peer(self) -> str:
        """The phone's identity address."""
        return str(self.connection.peer_address)

    @property
    def mtu(self) -> int:
        """The ATT MTU agreed so far."""
        return self.connection.att_mtu

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        """Notify the phone if it has asked for it; on a closed connection nothing happens."""
        self._peripheral.notify(self, characteristic, value)

    def drop(self) -> None:
        """End the connection."""
        self._peripheral.end(self, ble.USER_ENDED)


class Peripheral:
    """One strap on the air."""

    def __init__(
        self, env: Env, radio: Radio, name: str, bonds: BondFile, serve: Serve, compare: Comparison
    ) -> None:
        self._env = env
        self._bonds = bonds
        self._serve = serve
        self._lines: dict[Connection, BleLine] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._address_alarm = Alarm(env.clock, lambda: self._spawn(self._advertise()))
        self._advertising = asyncio.Lock()
        self._is_on = False
        self._radio = radio
        self.device: Device = ble.make_device(
            radio, name, bonds, compare.ask, lambda: not bonds.is_full
        )
        self._advertised = _advertised()
        self._scanned = bytes(
            AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, name.encode()[:29])])
        )
        self._values: dict[Characteristic, StackCharacteristic[Any]] = {}
        self.device.add_services([self._service(one) for one in gatt.SERVICES])
        self.device.on(Device.EVENT_CONNECTION, self._connected)

    async def start(self) -> None:
        """Switch the radio on and advertise."""
        await self.device.power_on()
        self._is_on = True
        await self._advertise()

    async def stop(self) -> None:
        """End every connection and go off the air."""
        self._is_on = False
        self._address_alarm.cancel()
        for line in list(self._lines.values()):
            await ble.disconnect(line.connection)
        # Whoever cancels a command leaves the stack without an answer that it waits for.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(hci.HCI_Error, asyncio.CancelledError):
            await self.device.stop_advertising()
            await self.device.power_off()
        await self._radio.close()

    def forget_phones(self) -> None:
        """Drop every bond, and the phone that is connected."""
        self._bonds.forget_all()
        for line in list(self._lines.values()):
            line.drop()
        self._spawn(self.device.refresh_resolving_list())

    def notify(self, line: BleLine, characteristic: Characteristic, value: bytes) -> None:
        """Send a notification, if the phone has asked for it."""
        server, attribute = self.device.gatt_server, self._values[characteristic]
        if line.connection not in self._lines:
            return
        if server.read_cccd(line.connection, attribute)[0] & 1:
            pdu = att.ATT_Handle_Value_Notification(
                attribute_handle=attribute.handle, attribute_value=value
            )
            server.send_gatt_pdu(line.connection, bytes(pdu))

    def end(self, line: BleLine, reason: hci.HCI_ErrorCode) -> None:
        """End a connection soon."""
        self._spawn(ble.disconnect(line.connection, reason))

    def _service(self, service: gatt.Service) -> StackService:
        return StackService(
            service.uuid, [self._characteristic(c) for c in service.characteristics]
        )

    def _characteristic(self, declared: Characteristic) -> StackCharacteristic[Any]:
        """Return a characteristic of the stack, behind encryption and a confirmed bond."""
        properties = StackCharacteristic.Properties(0)
        for ours, theirs in _PROPERTIES.items():
            if ours in declared.properties:
                properties |= theirs
        permissions = att.Attribute.Permissions(0)
        if Property.READ in declared.properties:
            permissions |= _READING
        if declared.properties & (Property.WRITE | Property.WRITE_WITHOUT_RESPONSE):
            permissions |= _WRITING

        def read(connection: Connection) -> bytes:
            value = self._visit(connection).read(declared)
            if value is None:
                raise att.ATT_Error(att.ATT_READ_NOT_PERMITTED_ERROR)
            return value

        def write(connection: Connection, value: bytes) -> None:
            self._visit(connection).written(declared, value)

        made: StackCharacteristic[Any] = StackCharacteristic(
            ble.uuid_of(declared.uuid), properties, permissions, CharacteristicValue(read, write)
        )
        self._values[declared] = made
        return made

    def _visit(self, connection: Connection) -> Visit:
        line = self._lines.get(connection)
        if line is None or line.visit is None:
            raise att.ATT_Error(att.ATT_INSUFFICIENT_AUTHENTICATION_ERROR)
        return line.visit

    def _connected(self, connection: Connection) -> None:
        """Take a connection in; it has to become a bonded phone's before its time is up."""
        line = BleLine(self, connection)
        if len(self._lines) >= LINKS_MAX:
            self.end(line, ble.LOW_RESOURCES)
            return
        self._lines[connection] = line
        connection.gatt_server = _Narrow(self.device.gatt_server)  # type: ignore[assignment] # as little of it as the stack calls
        line.patience = Alarm(self._env.clock, line.drop)
        line.patience.set(self._env.clock.monotonic_us() // 1000 + STRANGER_MS)
        connection.on(Connection.EVENT_DISCONNECTION, lambda _: self._disconnected(line))
        connection.on(
            Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE,
            lambda: self._spawn(self._consider(line)),
        )
        connection.on(Connection.EVENT_PAIRING, lambda _: self._spawn(self._consider(line)))
        if len(self._lines) < LINKS_MAX:
            self._spawn(self._advertise())

    def _disconnected(self, line: BleLine) -> None:
        self._lines.pop(line.connection, None)
        if line.patience is not None:
            line.patience.cancel()
        if line.visit is not None:
            line.visit.closed()
            line.visit = None
        if self._is_on:
            self._spawn(self._advertise())

    async def _consider(self, line: BleLine) -> None:
        """Serve a connection that is a bonded phone's; the second one at a time is sent away."""
        session = self.device.smp_manager.sessions.get(line.connection.handle)
        if session is not None and not session.completed:
            return  # its key is judged when the pairing is done
        if not await ble.is_trusted(self.device, line.connection):
            return
        if line.visit is not None or line.connection not in self._lines:
            return
        line.visit = self._serve(line)
        if line.visit is None:
            self.end(line, ble.LOW_RESOURCES)
        elif line.patience is not None:
            line.patience.cancel()

    async def _advertise(self) -> None:
        """Advertise under a private address; a new one whenever nobody is connected."""
        async with self._advertising:
            if not self._is_on:
                return
            await self.device.stop_advertising()
            if not self._lines:
                await ble.change_address(self.device)
            await self.device.start_advertising(
                advertising_data=self._advertised, scan_response_data=self._scanned
            )
            self._address_alarm.set(self._env.clock.monotonic_us() // 1000 + ADDRESS_MS)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Narrow:
    """The stack's attribute server without what no phone of ours needs."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def on_gatt_pdu(self, bearer: Any, pdu: att.ATT_PDU) -> None:
        """Serve a request, or say that it is not supported."""
        if isinstance(pdu, att.ATT_Write_Request | att.ATT_Write_Command):
            attribute = self._server.get_attribute(pdu.attribute_handle)
            if attribute is not None and not attribute.permissions & att.Attribute.WRITEABLE:
                # The stack would let anybody write over its very declarations.
                self._refuse(bearer, pdu)
                return
        elif pdu.op_code in _NOT_NEEDED:
            if pdu.op_code != att.Opcode.ATT_SIGNED_WRITE_COMMAND:
                self._server.on_att_request(bearer, pdu)
            return
        self._server.on_gatt_pdu(bearer, pdu)

    def _refuse(self, bearer: Any, pdu: att.ATT_Write_Request | att.ATT_Write_Command) -> None:
        if isinstance(pdu, att.ATT_Write_Request):
            answer = att.ATT_Error_Response(
                request_opcode_in_error=pdu.op_code,
                attribute_handle_in_error=pdu.attribute_handle,
                error_code=att.ATT_WRITE_NOT_PERMITTED_ERROR,
            )
            self._server.send_response(bearer, answer)

    def __getattr__(self, name: str) -> Any:
        """Leave everything else to the server."""
        return getattr(self._server, name)


def _advertised() -> bytes:
    """Return what is advertised: that a strap is here, and nothing that tells it from others."""
    apdu = bytes.fromhex(gatt.SERVICES[0].uuid.replace("-", ""))[::-1]
    return bytes(
        AdvertisingData(
            [
                (AdvertisingData.FLAGS, bytes((0x06,))),
                (AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, apdu),
            ]
        )
    )
