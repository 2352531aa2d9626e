"""What both ends of a Bluetooth link share: a device of the stack, its bonds, strict pairing.

Needs the extra [ble]; whoever imports this has decided for Bluetooth.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from bumble import hci, smp
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.keys import KeyStore, PairingKeys
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import StreamPacketSink, StreamPacketSource

from wristlet.links.bonds import Bond, BondFile
from wristlet.wire.strap import gatt

KEY_SIZE: Final = 16
ADVERTISING_INTERVAL_MS: Final = 20.0
LOW_RESOURCES: Final = (
    hci.HCI_ErrorCode.REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_LOW_RESOURCES_ERROR
)
USER_ENDED: Final = hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR
Compare = Callable[[str], Awaitable[bool]]
"""Shows six digits and tells whether somebody confirmed that the other end shows the same."""

_WANTED = smp.AuthReq.BONDING | smp.AuthReq.MITM | smp.AuthReq.SC
_CAN_COMPARE = (smp.IoCapability.DISPLAY_YES_NO, smp.IoCapability.KEYBOARD_DISPLAY)


class Bonds(KeyStore):
    """A bond file as the stack wants its keys; takes nothing that nobody confirmed."""

    def __init__(self, file: BondFile) -> None:
        self.file = file

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Keep what a pairing left; raises ValueError for a just-works pairing, BondsFull."""
        if keys.ltk is None or not keys.ltk.authenticated:
            raise ValueError("bonds: the pairing was not confirmed by anybody")
        irk = keys.irk.value.hex() if keys.irk is not None else ""
        kind = int(keys.address_type) if keys.address_type is not None else 1
        self.file.put(Bond(_plain(name), kind, keys.ltk.value.hex(), irk))

    async def get(self, name: str) -> PairingKeys | None:
        """Return what is kept of a peer."""
        bond = self.file.get(_plain(name))
        return None if bond is None else _keys(bond)

    async def get_all(self) -> list[tuple[str, PairingKeys]]:
        """Return what is kept of every peer."""
        return [(bond.address, _keys(bond)) for bond in self.file]

    async def delete(self, name: str) -> None:
        """Forget a peer."""
        self.file.forget(_plain(name))


def _plain(name: str) -> str:
    """Leave out how the stack marks public addresses."""
    return name.split("/", maxsplit=1)[0]


def _keys(bond: Bond) -> PairingKeys:
    irk = PairingKeys.Key(bytes.fromhex(bond.irk), authenticated=True) if bond.irk else None
    return PairingKeys(
        address_type=hci.AddressType(bond.address_type),
        ltk=PairingKeys.Key(bytes.fromhex(bond.ltk), authenticated=True),
        irk=irk,
    )


class StrictSession(smp.Session):
    """A pairing that is numeric comparison under LE Secure Connections, or none.

    The stack itself would go down to just-works, to legacy pairing or to a shorter key when the
    peer asks for it.
    """

    def on_smp_pairing_request_command(self, command: Any) -> None:
        """Begin as the responder, if the peer can do it this way."""
        if not self._refused(command):
            super().on_smp_pairing_request_command(command)

    def on_smp_pairing_response_command(self, command: Any) -> None:
        """Go on as the initiator, if the peer can do it this way."""
        if not self._refused(command):
            super().on_smp_pairing_response_command(command)

    def _refused(self, command: Any) -> bool:
        if command.maximum_encryption_key_size != KEY_SIZE:
            self.send_pairing_failed(smp.ErrorCode.ENCRYPTION_KEY_SIZE)
            return True
        is_strict = command.auth_req & _WANTED == _WANTED and not command.oob_data_flag
        if is_strict and command.io_capability in _CAN_COMPARE:
            return False
        self.send_pairing_failed(smp.ErrorCode.AUTHENTICATION_REQUIREMENTS)
        return True


class _Comparing(PairingDelegate):
    """Asks a person; says no to every other way of pairing."""

    def __init__(self, compare: Compare, may_pair: Callable[[], bool]) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
        self._compare = compare
        self._may_pair = may_pair

    async def accept(self) -> bool:
        """Let a pairing begin, or not."""
        return self._may_pair()

    async def confirm(self, auto: bool = False) -> bool:
        """Refuse just-works."""
        return False

    async def compare_numbers(self, number: int, digits: int) -> bool:
        """Have the digits compared."""
        return await self._compare(f"{number:0{digits}d}")

    async def get_number(self) -> int | None:
        """Refuse to take digits."""
        return None


@dataclass(slots=True)
class Radio:
    """A way to a Bluetooth controller, real or emulated."""

    source: Any
    sink: Any
    close: Callable[[], Awaitable[None]]


async def open_radio(url: str) -> Radio:
    """Open a controller by the stack's URL, as `usb:0`, `serial:/dev/ttyACM0`, `unix:/path`.

    Raises OSError, or whatever the stack has for a URL that it does not know, as ValueError.
    """
    _keep_quiet()
    scheme, _, rest = url.partition(":")
    try:
        transport = await open_transport(f"unix-client:{rest}" if scheme == "unix" else url)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(
            f"Bluetooth controller {url!r} cannot be opened: {type(error).__name__}"
        ) from error
    return Radio(transport.source, transport.sink, transport.close)


class Air:
    """An emulated radio: every controller on it hears every other, in this process or beyond.

    What crosses it is compared for its keys but not encrypted: it stands in for the radio only.
    """

    def __init__(self) -> None:
        _keep_quiet()
        self.link = LocalLink()  # type: ignore[no-untyped-call] # of the stack
        self._count = 0
        self._guests: dict[asyncio.BaseTransport, Controller] = {}

    def controller(self, source: Any = None, sink: Any = None) -> Controller:
        """Return one more controller."""
        self._count += 1
        address = hci.Address(f"00:00:00:00:00:{self._count % 256:02X}", hci.AddressType(0))
        return Controller(f"C{self._count}", source, sink, self.link, address)

    def radio(self) -> Radio:
        """Return a controller of its own for a device in this process."""
        controller = self.controller()
        to_host, to_controller = _Pipe(), _Pipe()
        controller.host = to_host
        to_controller.set_packet_sink(controller)

        async def close() -> None:
            self.leave(controller)

        return Radio(to_host, to_controller, close)

    def guest(self) -> asyncio.Protocol:
        """Return the protocol by which another process gets a controller over a socket."""
        return _Guest(self)

    def leave(self, controller: Controller) -> None:
        """Take a controller off the air; its connections end."""
        for connection in list(controller.le_connections.values()):
            for other in list(self.link.controllers):
                for theirs in list(other.le_connections.values()):
                    if other is not controller and theirs.peer_address == connection.self_address:
                        other.on_le_disconnected(theirs, hci.HCI_CONNECTION_TIMEOUT_ERROR)
        controller.le_legacy_advertiser.stop()
        for advertising in controller.advertising_sets.values():
            advertising.stop()
        self.link.controllers.discard(controller)


class _Pipe:
    """Hands packets on within the process, each in a turn of the loop of its own."""

    def __init__(self) -> None:
        self._sink: Any = None
        self.terminated = asyncio.get_running_loop().create_future()

    def set_packet_sink(self, sink: Any) -> None:
        self._sink = sink

    def on_packet(self, packet: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._hand_on, packet)

    def _hand_on(self, packet: bytes) -> None:
        # As the stack's own transports do: a packet that nobody can read ends nothing else.
        with contextlib.suppress(Exception):
            if self._sink is not None:
                self._sink.on_packet(packet)


class _Guest(StreamPacketSource):
    """Another process's connection to a controller on the air."""

    def __init__(self, air: Air) -> None:
        super().__init__()
        self._air = air
        self._controller: Controller | None = None

    def connection_made(self, transport: Any) -> None:
        """Give it a controller."""
        self._controller = self._air.controller(self, StreamPacketSink(transport))

    def connection_lost(self, _error: Exception | None) -> None:
        """Take the controller away."""
        if self._controller is not None:
            self._air.leave(self._controller)


def make_device(
    radio: Radio,
    name: str,
    file: BondFile,
    compare: Compare,
    may_pair: Callable[[], bool] = lambda: True,
) -> Device:
    """Return a device with its identity, private addresses and strict pairing; not yet on."""
    config = DeviceConfiguration(
        name=name,
        address=hci.Address(file.address),
        irk=file.irk,
        le_privacy_enabled=True,
        # Addresses change when `change_address` says so: the stack's own timer skips it while
        # the device advertises, which a strap always does.
        le_rpa_timeout=0,
        advertising_interval_min=ADVERTISING_INTERVAL_MS,
        advertising_interval_max=ADVERTISING_INTERVAL_MS,
        identity_address_type=PairingConfig.AddressType.RANDOM,
    )
    device = Device.from_config_with_hci(config, radio.source, radio.sink)
    device.keystore = Bonds(file)
    device.smp_manager.session_proxy = StrictSession
    delegate = _Comparing(compare, may_pair)
    device.pairing_config_factory = lambda _: PairingConfig(
        sc=True,
        mitm=True,
        bonding=True,
        delegate=delegate,
        identity_address_type=PairingConfig.AddressType.RANDOM,
    )
    return device


def uuid_of(text: str) -> UUID:
    """Return a UUID as the stack has it, in 16 bits where the Bluetooth SIG has assigned it."""
    head, tail = text[:8], text[8:]
    if head.startswith("0000") and tail == gatt.SIG_FORMAT.format(number=0)[8:]:
        return UUID.from_16_bits(int(head, 16))
    return UUID(text)


async def change_address(device: Device) -> None:
    """Take a new private address; not while the device advertises, scans or is connected."""
    address = hci.Address.generate_private_address(device.irk)
    await device.send_sync_command(hci.HCI_LE_Set_Random_Address_Command(random_address=address))
    device.random_address = address


async def is_trusted(device: Device, connection: Connection) -> bool:
    """Tell whether a connection is encrypted under a key that somebody confirmed.

    The stack calls every encrypted connection authenticated: only the stored key knows.
    """
    if not connection.is_encrypted or device.keystore is None:
        return False
    keys = await device.keystore.get(str(connection.peer_address))
    return bool(keys and keys.ltk and keys.ltk.authenticated)


async def disconnect(connection: Connection, reason: hci.HCI_ErrorCode = USER_ENDED) -> None:
    """End a connection, if it is still there: the stack would wait for ever for the end of one
    that has ended.
    """
    if connection.device.connections.get(connection.handle) is connection:
        with contextlib.suppress(hci.HCI_Error, asyncio.CancelledError):
            await connection.disconnect(reason)


def _keep_quiet() -> None:
    """The stack logs what it is sent: whole values of whoever is near, and of whoever attacks."""
    logging.getLogger("bumble").setLevel(logging.CRITICAL + 1)
