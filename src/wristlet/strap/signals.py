"""What the wearer notices: text, light and vibration, before any display class has cut it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum, unique


@unique
class Colour(StrEnum):
    """Colours that every LED of a strap can show."""

    WHITE = "white"
    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    YELLOW = "yellow"
    CYAN = "cyan"
    MAGENTA = "magenta"


@unique
class Urgency(IntEnum):
    """A signal gives way to a more urgent one and never interrupts one."""

    QUIET = 0
    NORMAL = 1
    URGENT = 2
    PAYMENT = 3


@dataclass(frozen=True, slots=True)
class Light:
    """An LED pattern: `blinks` times on and off."""

    colour: Colour
    blinks: int = 1
    on_ms: int = 200
    off_ms: int = 200


@dataclass(frozen=True, slots=True)
class Vibration:
    """Milliseconds on, off, on, ...; begins with on."""

    pulses_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing the wearer is told; `lines` are whole texts, the display cuts them."""

    lines: tuple[str, ...] = ()
    light: Light | None = None
    vibration: Vibration | None = None
    urgency: Urgency = Urgency.NORMAL
    hold_ms: int = 4_000
