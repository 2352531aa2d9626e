"""Issuer Application Data of both cryptogram versions, with the lease block.

The lease block is the secure element's verdict about the cardholder. It stands
in that part of the data which the cryptogram covers.

Source: layouts as of cryptogram versions 18 and 21; the lease block is wristlet's own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag, unique
from typing import Final, Self

from wristlet.wire import numbers
from wristlet.wire.errors import DecodeError, EncodeError

_LEASE: Final = struct.Struct(">HBBI")
LEASE_BYTES: Final = _LEASE.size
AMOUNT_MAX: Final = 0xFFFFFFFF
TRIES_MASK: Final = 0x0F

CVN_18: Final = 0x12
CVN_21: Final = 0x15
IAD_18_BYTES: Final = 17
IAD_21_BYTES: Final = 18
CVR_18_BYTES: Final = 3
CVR_21_BYTES: Final = 6
DAC_BYTES: Final = 2

_IAD_18_LENGTH: Final = 0x06
"""Counts what follows up to the end of the CVR."""
_IAD_18_DISCRETIONARY: Final = b"\x09\x0f"
"""Length of the discretionary data, and the format byte before the lease block."""

_SECOND_AC_NOT_REQUESTED: Final = 0x80
_FIRST_AC_SHIFT: Final = 4
_FIRST_AC_MASK: Final = 0x30
_CDCVM_18: Final = 0x04
"""Verification done by the card: set here for the device's verification."""
_CDCVM_21: Final = 0x05
"""Verification done by the card, and successful: set here for the device's verification."""


@unique
class AcType(IntEnum):
    """Type of an application cryptogram."""

    AAC = 0
    TC = 1
    ARQC = 2


class LeaseFlags(IntFlag):
    """Flag byte of the lease block; its low nibble counts the PIN tries left."""

    VALID = 0x80
    USED = 0x40
    WORN = 0x20
    PIN_BLOCKED = 0x10


# Plain integers: joining members of an IntFlag costs more than the rest of a lease block.
_VALID, _USED, _WORN, _PIN_BLOCKED = (int(flag) for flag in LeaseFlags)


def pack_lease(unlock_counter: int, flags: int, taps_left: int, amount_left_minor: int) -> bytes:
    """Return a lease block of plain numbers; `flags` are those of `LeaseFlags` and the tries.

    The secure element keeps its lease in the same layout, with flags of its own.
    """
    try:
        return _LEASE.pack(unlock_counter, flags, taps_left, amount_left_minor)
    except struct.error:
        raise EncodeError("counter, flags, taps or amount do not fit", path=("lease",)) from None


def unpack_lease(raw: bytes) -> tuple[int, int, int, int]:
    """Read what `pack_lease` wrote: unlock counter, flags, taps and amount left."""
    return _LEASE.unpack(raw)


@dataclass(frozen=True, slots=True)
class LeaseBlock:
    """The verdict about the cardholder, 8 bytes; amounts are minor units."""

    unlock_counter: int
    valid: bool
    used: bool
    worn: bool
    pin_blocked: bool
    tries_left: int
    taps_left: int
    amount_left_minor: int

    def encode(self) -> bytes:
        """Return the bytes; an amount above four bytes is written as the largest."""
        if not 0 <= self.tries_left <= TRIES_MASK:
            raise EncodeError("tries left do not fit 4 bits", path=("lease",))
        flags = self.tries_left
        flags |= _VALID if self.valid else 0
        flags |= _USED if self.used else 0
        flags |= _WORN if self.worn else 0
        flags |= _PIN_BLOCKED if self.pin_blocked else 0
        amount = min(self.amount_left_minor, AMOUNT_MAX)
        return pack_lease(self.unlock_counter, flags, self.taps_left, amount)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 8 bytes."""
        numbers.sized(raw, LEASE_BYTES, "lease")
        unlock_counter, flags, taps_left, amount_left_minor = unpack_lease(raw)
        return cls(
            unlock_counter=unlock_counter,
            valid=flags & _VALID != 0,
            used=flags & _USED != 0,
            worn=flags & _WORN != 0,
            pin_blocked=flags & _PIN_BLOCKED != 0,
            tries_left=flags & TRIES_MASK,
            taps_left=taps_left,
            amount_left_minor=amount_left_minor,
        )


def cvr18(ac: AcType, *, cdcvm_done: bool) -> bytes:
    """Return the card verification results of version 18 (3 bytes)."""
    return _CVRS_18[ac][cdcvm_done]


def cvr21(ac: AcType, *, cdcvm_done: bool) -> bytes:
    """Return the card verification results of version 21 (6 bytes)."""
    return _CVRS_21[ac][cdcvm_done]


def _cvrs(size: int, cdcvm: int) -> tuple[tuple[bytes, bytes], ...]:
    """Lay out the results by type of cryptogram, without and with the device's verification."""
    firsts = [_SECOND_AC_NOT_REQUESTED | ac << _FIRST_AC_SHIFT for ac in AcType]
    rest = bytes(size - 1)
    return tuple((bytes((first,)) + rest, bytes((first | cdcvm,)) + rest) for first in firsts)


_CVRS_18: Final = _cvrs(CVR_18_BYTES, _CDCVM_18)
_CVRS_21: Final = _cvrs(CVR_21_BYTES, _CDCVM_21)


def ac_type_of(cvr: bytes) -> AcType:
    """Read the type of the first cryptogram, which both versions code alike."""
    if not cvr:
        raise DecodeError("is empty", path=("cvr",))
    try:
        return AcType((cvr[0] & _FIRST_AC_MASK) >> _FIRST_AC_SHIFT)
    except ValueError:
        raise DecodeError("an unknown cryptogram type", path=("cvr",)) from None


def iad18(dki: int, cvr: bytes, lease: bytes) -> bytes:
    """Return tag 9F10 of version 18 from an encoded lease block (see `Iad18`)."""
    if not 0 <= dki <= 0xFF or len(cvr) != CVR_18_BYTES:
        raise EncodeError("the DKI has 1 byte and the CVR 3", path=("9F10",))
    head = bytes((_IAD_18_LENGTH, dki, CVN_18, CVR_18_BYTES))
    return head + cvr + _IAD_18_DISCRETIONARY + lease


def iad21(kdi: int, cvr: bytes, dac: bytes, lease: bytes) -> bytes:
    """Return tag 9F10 of version 21 from an encoded lease block (see `Iad21`)."""
    if not 0 <= kdi <= 0xFF or len(cvr) != CVR_21_BYTES or len(dac) != DAC_BYTES:
        raise EncodeError("the KDI has 1 byte, the CVR 6 and the DAC 2", path=("9F10",))
    return bytes((kdi, CVN_21)) + cvr + dac + lease


@dataclass(frozen=True, slots=True)
class Iad18:
    """Version 18, 17 bytes: `06 DKI 12 03 CVR(3) 09 0F lease(8)`; the cryptogram covers all."""

    dki: int
    cvr: bytes
    lease: LeaseBlock

    @property
    def ac_type(self) -> AcType:
        """Type of the cryptogram as the card reports it."""
        return ac_type_of(self.cvr)

    @property
    def cdcvm_done(self) -> bool:
        """The card says that the device verified the cardholder."""
        return bool(self.cvr[0] & _CDCVM_18)

    def encode(self) -> bytes:
        """Return the bytes of tag 9F10."""
        return iad18(self.dki, self.cvr, self.lease.encode())

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the bytes of tag 9F10."""
        numbers.sized(raw, IAD_18_BYTES, "9F10")
        fixed = (raw[0], raw[2], raw[3], raw[7:9])
        if fixed != (_IAD_18_LENGTH, CVN_18, CVR_18_BYTES, _IAD_18_DISCRETIONARY):
            raise DecodeError("is not of cryptogram version 18", path=("9F10",))
        ac_type_of(raw[4:7])
        return cls(raw[1], raw[4:7], LeaseBlock.parse(raw[9:]))


@dataclass(frozen=True, slots=True)
class Iad21:
    """Version 21, 18 bytes: `KDI 15 CVR(6) DAC(2) lease(8)`; CVR and lease are covered."""

    kdi: int
    cvr: bytes
    dac: bytes
    lease: LeaseBlock

    @property
    def ac_type(self) -> AcType:
        """Type of the cryptogram as the card reports it."""
        return ac_type_of(self.cvr)

    @property
    def cdcvm_done(self) -> bool:
        """The card says that the device verified the cardholder."""
        return self.cvr[0] & _CDCVM_21 == _CDCVM_21

    def encode(self) -> bytes:
        """Return the bytes of tag 9F10."""
        return iad21(self.kdi, self.cvr, self.dac, self.lease.encode())

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the bytes of tag 9F10."""
        numbers.sized(raw, IAD_21_BYTES, "9F10")
        if raw[1] != CVN_21:
            raise DecodeError("is not of cryptogram version 21", path=("9F10",))
        ac_type_of(raw[2:8])
        return cls(raw[0], raw[2:8], raw[8:10], LeaseBlock.parse(raw[10:]))
