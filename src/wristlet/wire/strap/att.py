"""The few PDUs of the Attribute Protocol that the strap's services need, and their handles.

For carriers without a Bluetooth stack of their own: what crosses them is what a radio would carry.
Numbers are little-endian, as in the Attribute Protocol of the Bluetooth Core Specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from wristlet.wire.errors import DecodeError
from wristlet.wire.strap.gatt import CHARACTERISTICS, SERVICES, Characteristic, Property


@unique
class Opcode(IntEnum):
    """The first byte of a PDU."""

    ERROR = 0x01
    MTU_REQUEST = 0x02
    MTU_RESPONSE = 0x03
    READ_REQUEST = 0x0A
    READ_RESPONSE = 0x0B
    WRITE_REQUEST = 0x12
    WRITE_RESPONSE = 0x13
    NOTIFICATION = 0x1B
    WRITE_COMMAND = 0x52


@unique
class ErrorCode(IntEnum):
    """Why a request was not served."""

    INVALID_HANDLE = 0x01
    READ_NOT_PERMITTED = 0x02
    WRITE_NOT_PERMITTED = 0x03
    INVALID_PDU = 0x04
    INSUFFICIENT_AUTHENTICATION = 0x05
    REQUEST_NOT_SUPPORTED = 0x06


PDU_MAX: Final = 517
WITH_HANDLE: Final = frozenset(
    (Opcode.READ_REQUEST, Opcode.WRITE_REQUEST, Opcode.NOTIFICATION, Opcode.WRITE_COMMAND)
)


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU; `handle` is 0 where the opcode has none, `value` is what follows."""

    opcode: Opcode
    handle: int = 0
    value: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes."""
        if self.opcode in WITH_HANDLE:
            return bytes((self.opcode,)) + self.handle.to_bytes(2, "little") + self.value
        return bytes((self.opcode,)) + self.value


def parse(raw: bytes) -> Pdu:
    """Read one PDU; DecodeError for an opcode that no strap or phone sends here."""
    if not 1 <= len(raw) <= PDU_MAX:
        raise DecodeError(f"has {len(raw)} bytes, not 1 to {PDU_MAX}", path=("att",))
    try:
        opcode = Opcode(raw[0])
    except ValueError:
        raise DecodeError("has an opcode that is not known", path=("att",)) from None
    if opcode not in WITH_HANDLE:
        return Pdu(opcode, 0, raw[1:])
    if len(raw) < 3:
        raise DecodeError("is too short for a handle", path=("att",))
    return Pdu(opcode, int.from_bytes(raw[1:3], "little"), raw[3:])


def mtu_pdu(opcode: Opcode, mtu: int) -> bytes:
    """Return a request or response that names an MTU."""
    return Pdu(opcode, 0, mtu.to_bytes(2, "little")).encode()


def _handles() -> dict[Characteristic, int]:
    """Number the values as a server does: declarations, values and their descriptors in a row."""
    numbers, handle = {}, 0
    for service in SERVICES:
        handle += 1
        for characteristic in service.characteristics:
            handle += 2
            numbers[characteristic] = handle
            handle += Property.NOTIFY in characteristic.properties
    return numbers


HANDLES: Final = _handles()
"""The handle of each characteristic's value on a carrier that has no discovery."""
BY_HANDLE: Final = {HANDLES[one]: one for one in CHARACTERISTICS}
