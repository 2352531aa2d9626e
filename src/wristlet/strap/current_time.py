"""The value of the standard characteristic Current Time, for phones that know nothing of ours.

Source: Bluetooth SIG, Current Time Service, Current Time characteristic: year(2, little-endian),
month, day, hours, minutes, seconds, day of week (1 is Monday), 256ths of a second, adjust reason.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Final

from wristlet.wire.errors import DecodeError

SIZE: Final = 10
YEAR_MIN, YEAR_MAX = 2000, 2199
MANUAL: Final = 0x01
"""Adjust reason: manual time update."""
_LAYOUT: Final = struct.Struct("<H8B")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def encode(local_ms: int) -> bytes:
    """Return local time (Unix milliseconds plus offset) as ten bytes; ValueError out of range."""
    moment = _EPOCH + timedelta(milliseconds=local_ms)
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ValueError("the strap's clock is out of range; set it from a phone")
    fraction = local_ms % 1_000 * 256 // 1_000
    date, time = moment.timetuple()[:3], moment.timetuple()[3:6]
    return _LAYOUT.pack(*date, *time, moment.isoweekday(), fraction, 0)


def decode(raw: bytes) -> int:
    """Read ten bytes; return local time in milliseconds. Raises DecodeError."""
    if len(raw) != SIZE:
        raise DecodeError(f"has {len(raw)} bytes instead of {SIZE}", path=("current_time",))
    year, month, day, hour, minute, second, _weekday, fraction, _reason = _LAYOUT.unpack(raw)
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise DecodeError("the year is out of range", offset=0, path=("current_time",))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise DecodeError("is no date", offset=2, path=("current_time",)) from None
    whole_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
    return whole_ms + int(fraction) * 1_000 // 256
