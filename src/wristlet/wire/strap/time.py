"""The phone's clock for the strap: time, zone, and the next change of the offset.

The strap has a clock that runs but may start anywhere. The phone gives it Unix time and the
offset of local time, now and after the next change (daylight saving), so that the strap changes by
itself while no phone is near. The answer tells how far the strap's clock had gone wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap.fields import TIME_MS, Family, Flag, Text, Wire

OFFSET_MAX_S: Final = 18 * 3600
"""Offsets of local time lie within 18 hours of UTC."""
ZONE_BYTES: Final = 64
DRIFT_MAX_MS: Final = (1 << 48) - 1


@dataclass(frozen=True, slots=True)
class Sint:
    """A signed integer from -`bound` to `bound`: zigzag (0, -1, 1, -2, ...), then as an integer."""

    bound: int

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"signed integer -{self.bound:,}..{self.bound:,}, zigzag"

    def write(self, value: int) -> bytes:
        """Return the shortest bytes."""
        if not -self.bound <= value <= self.bound:
            raise EncodeError(f"must be -{self.bound} to {self.bound}")
        folded = value * 2 if value >= 0 else -value * 2 - 1
        return folded.to_bytes((folded.bit_length() + 7) // 8, "big")

    def read(self, raw: bytes) -> Any:
        """Return the number; a leading zero is refused."""
        folded = int.from_bytes(raw, "big")
        value = folded // 2 if folded % 2 == 0 else -(folded + 1) // 2
        if raw[:1] == b"\0":
            raise DecodeError("an integer begins with a zero byte")
        if not -self.bound <= value <= self.bound:
            raise DecodeError(f"must be -{self.bound} to {self.bound}")
        return value


_OFFSET: Final = Sint(OFFSET_MAX_S)


@dataclass(frozen=True, slots=True)
class Zone:
    """Local time as offset from UTC in seconds; `change_ms` 0 when no change is known."""

    offset_s: Annotated[int, Wire(0x01, _OFFSET, "added to UTC")] = 0
    change_ms: Annotated[int, Wire(0x02, TIME_MS, "the next change, Unix ms; 0: none")] = 0
    offset_after_s: Annotated[int, Wire(0x03, _OFFSET, "from the change on")] = 0
    name: Annotated[str, Wire(0x04, Text(ZONE_BYTES), "as in the tz database, for export")] = ""

    def offset_at(self, unix_ms: int) -> int:
        """Return the offset in seconds that holds at a time."""
        is_after = bool(self.change_ms) and unix_ms >= self.change_ms
        return self.offset_after_s if is_after else self.offset_s


UTC: Final = Zone()


@dataclass(frozen=True, slots=True)
class ReadTime:
    """Ask for the strap's time."""


@dataclass(frozen=True, slots=True)
class SetTime:
    """Set the strap's time."""

    unix_ms: Annotated[int, Wire(0x01, TIME_MS, "the phone's clock when it sent this")]
    offset_s: Annotated[int, Wire(0x02, _OFFSET, "see the zone")] = 0
    change_ms: Annotated[int, Wire(0x03, TIME_MS, "see the zone")] = 0
    offset_after_s: Annotated[int, Wire(0x04, _OFFSET, "see the zone")] = 0
    name: Annotated[str, Wire(0x05, Text(ZONE_BYTES), "see the zone")] = ""

    @property
    def zone(self) -> Zone:
        """The zone that was given."""
        return Zone(self.offset_s, self.change_ms, self.offset_after_s, self.name)


@dataclass(frozen=True, slots=True)
class Time:
    """The strap's time; `drift_ms` is what the last setting put right (strap minus phone)."""

    unix_ms: Annotated[int, Wire(0x01, TIME_MS, "")]
    offset_s: Annotated[int, Wire(0x02, _OFFSET, "of local time now")] = 0
    is_set: Annotated[bool, Wire(0x03, Flag(), "false: never set since the clock stopped")] = False
    drift_ms: Annotated[int, Wire(0x04, Sint(DRIFT_MAX_MS), "")] = 0


Request = ReadTime | SetTime

REQUESTS: Final[Family[Request]] = Family("time request", {0x01: ReadTime, 0x02: SetTime})
ANSWERS: Final[Family[Time]] = Family("time answer", {0x41: Time})
