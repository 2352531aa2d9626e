"""What the strap says of itself, and what the phone may make it do.

Taps are counted by the strap and kept until the phone has fetched them (`ReadTaps` names the last
one it holds), so a tap with no phone near is told later. Each is also sent as news at once, which
may get lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Annotated, Final

from wristlet.wire.strap.fields import (
    TIME_MS,
    U8,
    U16,
    U32,
    Choice,
    Family,
    Flag,
    Many,
    Part,
    Raw,
    Signs,
    Text,
    Uint,
    Wire,
)
from wristlet.wire.tap_report import TapOutcome

LINES_MAX: Final = 4
LINE_BYTES: Final = 256
TAPS_MAX: Final = 32
FIND_MS_MAX: Final = 60_000
PERCENT: Final = Uint(100)


@unique
class Mode(IntEnum):
    """What the strap does to spare its battery."""

    NORMAL = 0
    STANDALONE = 1
    """No Bluetooth: payments, activity, alarms."""
    SLEEP = 2
    """Payments and the wear sensor only."""
    RESERVE = 3
    """Shut down: a number of taps, nothing else."""
    EMPTY = 4
    """The reserve is used up too."""


ASKABLE: Final = frozenset((Mode.NORMAL, Mode.STANDALONE, Mode.SLEEP))


@dataclass(frozen=True, slots=True)
class ReadState:
    """Ask for the state."""


@dataclass(frozen=True, slots=True)
class ReadTaps:
    """Ask for the taps after a number."""

    after: Annotated[int, Wire(0x01, U32, "the last tap that the phone holds, 0: none")] = 0


@dataclass(frozen=True, slots=True)
class FindMe:
    """Make the strap buzz and blink so long; 0 ends it."""

    for_ms: Annotated[int, Wire(0x01, Uint(FIND_MS_MAX), "")] = 0


@dataclass(frozen=True, slots=True)
class SetMode:
    """Save battery; the strap comes back to normal by its button."""

    mode: Annotated[Mode, Wire(0x01, Choice(Mode), "normal, standalone or sleep")]


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap at a terminal, as the secure element told it: no amount is known here."""

    number: Annotated[int, Wire(0x01, U32, "counts the strap's taps")]
    outcome: Annotated[TapOutcome, Wire(0x02, Choice(TapOutcome), "")]
    at_ms: Annotated[int, Wire(0x03, TIME_MS, "by the strap's clock")] = 0
    aid: Annotated[bytes, Wire(0x04, Raw(0, 16), "the card's instance")] = b""
    lease_taps_left: Annotated[int, Wire(0x05, U8, "0: no lease")] = 0
    free_taps_left: Annotated[int, Wire(0x06, U8, "without PIN; 255: unknown")] = 0xFF


@dataclass(frozen=True, slots=True)
class State:
    """The strap as it is."""

    mode: Annotated[Mode, Wire(0x01, Choice(Mode), "")] = Mode.NORMAL
    percent: Annotated[int, Wire(0x02, PERCENT, "of the battery above its reserve")] = 0
    is_charging: Annotated[bool, Wire(0x03, Flag(), "")] = False
    is_worn: Annotated[bool, Wire(0x04, Flag(), "")] = False
    is_finding: Annotated[bool, Wire(0x05, Flag(), "it buzzes to be found")] = False
    reserve_taps: Annotated[int, Wire(0x06, U16, "payments after a shutdown")] = 0
    brand: Annotated[str, Wire(0x07, Text(64), "")] = ""
    model: Annotated[str, Wire(0x08, Text(64), "")] = ""
    firmware: Annotated[str, Wire(0x09, Text(32), "version")] = ""
    digits: Annotated[str, Wire(0x0A, Signs(6, is_digits=True), "to compare, pairing only")] = ""
    lines: Annotated[
        tuple[str, ...], Wire(0x0B, Many(Text(LINE_BYTES), LINES_MAX), "what the face shows")
    ] = ()
    taps: Annotated[int, Wire(0x0C, U32, "taps counted")] = 0
    storage_free: Annotated[int, Wire(0x0D, U32, "bytes")] = 0
    storage_total: Annotated[int, Wire(0x0E, U32, "bytes")] = 0
    battery_mv: Annotated[int, Wire(0x0F, U16, "")] = 0
    settings_revision: Annotated[int, Wire(0x10, U32, "")] = 0
    is_time_set: Annotated[bool, Wire(0x11, Flag(), "")] = False


@dataclass(frozen=True, slots=True)
class Taps:
    """Taps in order; `lost` counts older ones that the strap no longer holds."""

    taps: Annotated[tuple[Tap, ...], Wire(0x01, Many(Part(Tap), TAPS_MAX), "")] = ()
    lost: Annotated[int, Wire(0x02, U32, "")] = 0


@dataclass(frozen=True, slots=True)
class FindPhone:
    """News: the wearer looks for the phone; false: no more."""

    is_ringing: Annotated[bool, Wire(0x01, Flag(), "")] = False


Request = ReadState | ReadTaps | FindMe | SetMode
Answer = State | Taps
News = State | Tap | FindPhone

REQUESTS: Final[Family[Request]] = Family(
    "state request", {0x01: ReadState, 0x02: ReadTaps, 0x03: FindMe, 0x04: SetMode}
)
ANSWERS: Final[Family[Answer]] = Family("state answer", {0x41: State, 0x42: Taps})
NEWS: Final[Family[News]] = Family("state news", {0x80: State, 0x81: Tap, 0x82: FindPhone})
