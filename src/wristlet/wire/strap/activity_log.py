"""The records of the strap's activity log, as they lie on flash and travel to the phone.

A log is a row of records, each with the next sequence number. Minutes follow each other without
gaps on the strap's own clock; what breaks the row (a restart, time not sampled, a clock that was
set) is a record too, so that a `Position` carried along the row says where every record stands.

A block is any run of records. Its first byte of each record tells the kind; numbers are unsigned
LEB128, differences zigzag. A block needs nothing from the block before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import Final, TypeAlias

from wristlet.wire.errors import DecodeError, EncodeError

SECONDS_MAX: Final = 60
STEPS_MAX: Final = 0xFFFF
COUNT_MAX: Final = 0xFFFF
HEART_MAX: Final = 0xFF
UTC_MAX: Final = 0xFFFFFFFF
TICK_MAX: Final = 0xFFFFFFFF
ZONE_MAX_MIN: Final = 14 * 60

_COUNT: Final = 0x40
_STEPS: Final = 0x20
_HEART: Final = 0x10
_SHORT: Final = 0x08
_STATE: Final = 0x04
_RESERVED: Final = 0x03
_KIND_MASK: Final = 0x0F
_WORN: Final = 0x10
_ASLEEP: Final = 0x20
_SKIPPED: Final = 0x80
_ANCHOR: Final = 0x81
_BOOT: Final = 0x82


@unique
class Kind(IntEnum):
    """What the wearer mostly did in a minute."""

    REST = 0
    ACTIVE = 1
    """Moved, with nothing regular or strong in it."""
    WALKING = 2
    RUNNING = 3
    SPORT = 4
    """Strong movement without a steady step: ball games, dancing, boxing."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute, or less where a restart or a set clock cut it.

    `moving_s` are the seconds spent stepping, so that steps over them give the cadence; `count`
    is the activity count; `heart_bpm` is the mean heart rate, 0 when none was measured.
    """

    steps: int = 0
    moving_s: int = 0
    count: int = 0
    heart_bpm: int = 0
    kind: Kind = Kind.REST
    worn: bool = True
    asleep: bool = False
    seconds: int = SECONDS_MAX


@dataclass(frozen=True, slots=True)
class Skipped:
    """Time in which the accelerometer was off."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """The phone's clock at this place: Unix seconds, and the wearer's zone in minutes east."""

    utc_s: int
    zone_min: int


@dataclass(frozen=True, slots=True)
class Boot:
    """The strap started: its own clock begins anew and knows no wall time."""

    number: int


Record: TypeAlias = Minute | Skipped | Anchor | Boot


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands: start number, seconds since then, and the clock in force."""

    boot: int = 0
    tick_s: int = 0
    anchor_tick_s: int = 0
    anchor: Anchor | None = None

    @property
    def utc_s(self) -> int | None:
        """Unix seconds here, None while nobody has set the clock since the start."""
        if self.anchor is None:
            return None
        return self.anchor.utc_s + self.tick_s - self.anchor_tick_s

    def after(self, record: Record) -> Position:
        """Return where the record after `record` stands."""
        match record:
            case Minute() | Skipped():
                return replace(self, tick_s=self.tick_s + record.seconds)
            case Anchor():
                return replace(self, anchor_tick_s=self.tick_s, anchor=record)
            case Boot():
                return Position(boot=record.number)


def encode_records(records: Iterable[Record]) -> bytes:
    """Write records as one block; raises EncodeError naming the field that does not fit."""
    out = bytearray()
    state, heart = 0, 0
    for record in records:
        match record:
            case Minute():
                state, heart = _write_minute(out, record, state, heart)
            case Skipped():
                out.append(_SKIPPED)
                _write_number(out, _checked("seconds", record.seconds, 1, TICK_MAX))
            case Anchor():
                out.append(_ANCHOR)
                _write_number(out, _checked("utc_s", record.utc_s, 0, UTC_MAX))
                zone = _checked("zone_min", record.zone_min, -ZONE_MAX_MIN, ZONE_MAX_MIN)
                _write_number(out, _zigzag(zone))
            case Boot():
                out.append(_BOOT)
                _write_number(out, _checked("number", record.number, 0, TICK_MAX))
    return bytes(out)


def decode_records(data: bytes) -> tuple[Record, ...]:
    """Read a whole block; raises DecodeError, also for any but the shortest form."""
    reader = _Reader(data)
    found: list[Record] = []
    state, heart = 0, 0
    while reader.at < len(data):
        head = reader.byte()
        if head < _SKIPPED:
            minute, state = reader.minute(head, state, heart)
            heart = minute.heart_bpm or heart
            found.append(minute)
        elif head == _SKIPPED:
            found.append(Skipped(reader.bounded("seconds", 1, TICK_MAX)))
        elif head == _ANCHOR:
            utc_s = reader.bounded("utc_s", 0, UTC_MAX)
            found.append(Anchor(utc_s, reader.zone()))
        elif head == _BOOT:
            found.append(Boot(reader.bounded("number", 0, TICK_MAX)))
        else:
            raise DecodeError("activity record: unknown kind; update the app", offset=reader.at - 1)
    return tuple(found)


def _write_minute(out: bytearray, minute: Minute, state: int, heart: int) -> tuple[int, int]:
    """Append one minute; return the state and heart rate that the next one compares with."""
    seconds = _checked("seconds", minute.seconds, 1, SECONDS_MAX)
    steps = _checked("steps", minute.steps, 0, STEPS_MAX)
    moving_s = _checked("moving_s", minute.moving_s, 0, seconds)
    count = _checked("count", minute.count, 0, COUNT_MAX)
    bpm = _checked("heart_bpm", minute.heart_bpm, 0, HEART_MAX)
    now = int(minute.kind) | _WORN * minute.worn | _ASLEEP * minute.asleep
    stepped = bool(steps or moving_s)
    out.append(
        _COUNT * bool(count)
        | _STEPS * stepped
        | _HEART * bool(bpm)
        | _SHORT * (seconds != SECONDS_MAX)
        | _STATE * (now != state)
    )
    if count:
        _write_number(out, count)
    if stepped:
        _write_number(out, steps)
        out.append(moving_s)
    if bpm:
        _write_number(out, _zigzag(bpm - heart))
    if seconds != SECONDS_MAX:
        out.append(seconds)
    if now != state:
        out.append(now)
    return now, bpm or heart


def _checked(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise EncodeError(f"activity record: {name} must be {low} to {high}")
    return value


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _write_number(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


class _Reader:
    """A place in a block."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def byte(self) -> int:
        if self.at >= len(self._data):
            raise DecodeError("activity record: ends early", offset=self.at)
        self.at += 1
        return self._data[self.at - 1]

    def number(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 35:
                raise DecodeError("activity record: number is too long", offset=self.at - 1)
        if byte == 0 and shift > 7:
            raise DecodeError("activity record: number is not in its shortest form", offset=self.at)
        return value

    def bounded(self, name: str, low: int, high: int) -> int:
        return self._within(name, self.number(), low, high)

    def signed(self) -> int:
        coded = self.number()
        return -(coded + 1 >> 1) if coded & 1 else coded >> 1

    def zone(self) -> int:
        return self._within("zone_min", self.signed(), -ZONE_MAX_MIN, ZONE_MAX_MIN)

    def minute(self, head: int, state: int, heart: int) -> tuple[Minute, int]:
        """Read what `head` announces; return the minute and its state byte."""
        if head & _RESERVED:
            raise DecodeError("activity record: reserved bits are set", offset=self.at - 1)
        count = self.bounded("count", 1, COUNT_MAX) if head & _COUNT else 0
        steps, moving_s = 0, 0
        if head & _STEPS:
            steps, moving_s = self.bounded("steps", 0, STEPS_MAX), self.byte()
            if not steps and not moving_s:
                raise DecodeError("activity record: steps announced, none given", offset=self.at)
        bpm = self._within("heart_bpm", heart + self.signed(), 1, HEART_MAX) if head & _HEART else 0
        seconds = SECONDS_MAX
        if head & _SHORT:
            seconds = self._within("seconds", self.byte(), 1, SECONDS_MAX - 1)
        self._within("moving_s", moving_s, 0, seconds)
        if head & _STATE:
            state = self._changed(state)
        kind = Kind(state & _KIND_MASK)
        worn, asleep = bool(state & _WORN), bool(state & _ASLEEP)
        return Minute(steps, moving_s, count, bpm, kind, worn, asleep, seconds), state

    def _changed(self, before: int) -> int:
        state = self.byte()
        known = (state & _KIND_MASK) in _KINDS and state < 2 * _ASLEEP
        if not known or state == before:
            raise DecodeError("activity record: state is not known or not new", offset=self.at - 1)
        return state

    def _within(self, name: str, value: int, low: int, high: int) -> int:
        if not low <= value <= high:
            raise DecodeError(f"activity record: {name} is not {low} to {high}", offset=self.at)
        return value


_KINDS: Final = frozenset(int(kind) for kind in Kind)
