"""What phone and strap say about the activity log: read from a record on, a page back.

The phone keeps the cursor. A page says which records the strap still has, so that what was
overwritten before it was fetched shows as a gap and is never passed over; asking again gives the
same records again, so that a lost answer costs nothing. Numbers are big endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap.activity_log import (
    ZONE_MAX_MIN,
    Anchor,
    Position,
    Record,
    decode_records,
    encode_records,
)

LOG_ID_BYTES: Final = 8
PAGE_BYTES_MIN: Final = 64
PAGE_BYTES_MAX: Final = 4096

_READ: Final = 0x01
_EXTENT: Final = 0x02
_PAGE: Final = 0x03
_ASK_EXTENT: Final = 0x04
_READ_FORM: Final = struct.Struct(">BIH")
_EXTENT_FORM: Final = struct.Struct(f">B{LOG_ID_BYTES}sII")
_PAGE_FORM: Final = struct.Struct(f">B{LOG_ID_BYTES}sIII")
_POSITION_FORM: Final = struct.Struct(">IIBIIh")

POSITION_BYTES: Final = _POSITION_FORM.size


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Phone to strap: send records from `first` on, at most `bytes_max` bytes of them.

    By asking for `first` the phone says that it has everything before it on its disk.
    """

    first: int
    bytes_max: int = PAGE_BYTES_MAX

    def encode(self) -> bytes:
        """Return the message; raises EncodeError."""
        if not 0 <= self.first <= 0xFFFFFFFF:
            raise EncodeError("read activity: first must fit four bytes")
        if not PAGE_BYTES_MIN <= self.bytes_max <= PAGE_BYTES_MAX:
            raise EncodeError(
                f"read activity: bytes_max must be {PAGE_BYTES_MIN} to {PAGE_BYTES_MAX}"
            )
        return _READ_FORM.pack(_READ, self.first, self.bytes_max)

    @classmethod
    def decode(cls, data: bytes) -> ReadLog:
        """Read the message; raises DecodeError."""
        if len(data) != _READ_FORM.size or data[0] != _READ:
            raise DecodeError("read activity: not this message; update strap or app")
        _, first, bytes_max = _READ_FORM.unpack(data)
        if not PAGE_BYTES_MIN <= bytes_max <= PAGE_BYTES_MAX:
            raise DecodeError("read activity: bytes_max is out of range", offset=5)
        return cls(first, bytes_max)


@dataclass(frozen=True, slots=True)
class AskExtent:
    """Phone to strap: which log is there, and which records of it."""

    def encode(self) -> bytes:
        """Return the message."""
        return bytes([_ASK_EXTENT])

    @classmethod
    def decode(cls, data: bytes) -> AskExtent:
        """Read the message; raises DecodeError."""
        if data != bytes([_ASK_EXTENT]):
            raise DecodeError("ask activity extent: not this message; update strap or app")
        return cls()


def decode_request(data: bytes) -> ReadLog | AskExtent:
    """Read what a phone asks; raises DecodeError."""
    return AskExtent.decode(data) if data[:1] == bytes([_ASK_EXTENT]) else ReadLog.decode(data)


@dataclass(frozen=True, slots=True)
class Extent:
    """Answer and news of the strap: a log's records from `oldest` up to, not including, `end`.

    `log_id` is drawn when the log is made: another one means another row of numbers.
    """

    log_id: bytes
    oldest: int
    end: int

    def encode(self) -> bytes:
        """Return the message; raises EncodeError."""
        _check_extent(self)
        return _EXTENT_FORM.pack(_EXTENT, self.log_id, self.oldest, self.end)

    @classmethod
    def decode(cls, data: bytes) -> Extent:
        """Read the message; raises DecodeError."""
        if len(data) != _EXTENT_FORM.size or data[0] != _EXTENT:
            raise DecodeError("activity extent: not this message; update strap or app")
        _, log_id, oldest, end = _EXTENT_FORM.unpack(data)
        if oldest > end:
            raise DecodeError("activity extent: oldest lies behind end", offset=9)
        return cls(log_id, oldest, end)


@dataclass(frozen=True, slots=True)
class Page:
    """Strap to phone: records from `first` on, and where the first of them stands.

    `first` lies behind what was asked for when that was overwritten. Without records, `first` is
    the end of the log: nothing new.
    """

    extent: Extent
    first: int
    position: Position
    records: tuple[Record, ...]

    def encode(self) -> bytes:
        """Return the message; raises EncodeError."""
        _check_extent(self.extent)
        return (
            _PAGE_FORM.pack(
                _PAGE, self.extent.log_id, self.extent.oldest, self.extent.end, self.first
            )
            + encode_position(self.position)
            + encode_records(self.records)
        )

    @classmethod
    def decode(cls, data: bytes) -> Page:
        """Read the message; raises DecodeError."""
        if len(data) < _PAGE_FORM.size + POSITION_BYTES or data[0] != _PAGE:
            raise DecodeError("activity page: not this message; update strap or app")
        _, log_id, oldest, end, first = _PAGE_FORM.unpack_from(data)
        at = _PAGE_FORM.size
        position = decode_position(data[at : at + POSITION_BYTES])
        records = decode_records(data[at + POSITION_BYTES :])
        if not oldest <= first <= first + len(records) <= end:
            raise DecodeError("activity page: records lie outside the log's extent", offset=17)
        return cls(Extent(log_id, oldest, end), first, position, records)


def encode_position(position: Position) -> bytes:
    """Write a position in its fixed form; raises EncodeError."""
    anchor = position.anchor
    try:
        return _POSITION_FORM.pack(
            position.boot,
            position.tick_s,
            int(anchor is not None),
            position.anchor_tick_s,
            anchor.utc_s if anchor else 0,
            anchor.zone_min if anchor else 0,
        )
    except struct.error as error:
        raise EncodeError("activity position: a number does not fit its field") from error


def decode_position(data: bytes) -> Position:
    """Read a position; raises DecodeError."""
    if len(data) != POSITION_BYTES:
        raise DecodeError("activity position: wrong length")
    boot, tick_s, has_anchor, anchor_tick_s, utc_s, zone_min = _POSITION_FORM.unpack(data)
    if has_anchor > 1 or anchor_tick_s > tick_s or abs(zone_min) > ZONE_MAX_MIN:
        raise DecodeError("activity position: its clock cannot be")
    if not has_anchor and (anchor_tick_s or utc_s or zone_min):
        raise DecodeError("activity position: a clock that is not there has a value")
    return Position(boot, tick_s, anchor_tick_s, Anchor(utc_s, zone_min) if has_anchor else None)


def _check_extent(extent: Extent) -> None:
    if len(extent.log_id) != LOG_ID_BYTES:
        raise EncodeError(f"activity: log_id must have {LOG_ID_BYTES} bytes")
    if not 0 <= extent.oldest <= extent.end <= 0xFFFFFFFF:
        raise EncodeError("activity: oldest and end must be in order and fit four bytes")
