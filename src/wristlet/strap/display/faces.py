"""Display classes as data, and what a signal becomes on each of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, TypeAlias

from wristlet.strap.display import cutting
from wristlet.strap.signals import Colour, Light, Signal

CELL_WIDTH_PX, CELL_HEIGHT_PX = 8, 16
BLINKS_MAX: Final = 20
BLINK_PAUSE_MS: Final = 600


@dataclass(frozen=True, slots=True)
class OledFace:
    """A monochrome display of text rows, beside it perhaps a light."""

    columns: int = 16
    rows: int = 2
    has_light: bool = True

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1:
            raise ValueError("display: columns and rows must be 1 or more")

    @property
    def width_px(self) -> int:
        """Width in pixels."""
        return self.columns * CELL_WIDTH_PX

    @property
    def height_px(self) -> int:
        """Height in pixels."""
        return self.rows * CELL_HEIGHT_PX


@dataclass(frozen=True, slots=True)
class LedFace:
    """One light that can show every `Colour`."""


@dataclass(frozen=True, slots=True)
class NoFace:
    """Nothing to look at."""


NO_FACE: Final = NoFace()
DisplayClass: TypeAlias = OledFace | LedFace | NoFace


@dataclass(frozen=True, slots=True)
class BlinkStep:
    """A colour, or dark when None, for a time."""

    colour: Colour | None
    for_ms: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What a face shows: rows already cut to `columns` cells, and the light's plan.

    A face without text has no rows, one without a light an empty plan.
    """

    rows: tuple[str, ...] = ()
    columns: int = 0
    blinks: tuple[BlinkStep, ...] = ()

    @property
    def is_dark(self) -> bool:
        """Nothing is to be seen."""
        return not any(self.rows) and not self.blinks


def frame_of(signal: Signal, face: DisplayClass) -> Frame:
    """Return what a face shows of a signal.

    One text is wrapped into all rows. Of several each has a row of its own; the last one takes
    the rows that are left.
    """
    if isinstance(face, OledFace):
        rows = _padded(_rows(signal.lines, face), face.rows)
        return Frame(rows, face.columns, blink_plan(signal.light) if face.has_light else ())
    if isinstance(face, LedFace):
        return Frame(blinks=blink_plan(signal.light))
    return Frame()


def scrolled(signal: Signal, face: DisplayClass) -> tuple[Frame, ...]:
    """Return the frames that show every text from its begin to its end, a sign at a time.

    One frame where nothing is too long, and on faces without rows.
    """
    still = frame_of(signal, face)
    if not isinstance(face, OledFace) or not signal.lines:
        return (still,)
    texts = (*signal.lines[: face.rows - 1], " ".join(signal.lines[face.rows - 1 :]))
    if len(signal.lines) < face.rows and _fits(signal, face):
        return (still,)
    windows = [cutting.scroll(text, face.columns) for text in texts[: face.rows]]
    ends = [rows[-1] if rows else "" for rows in windows]
    frames = []
    for step in zip_longest(*windows):
        rows = tuple(
            end if window is None else window for window, end in zip(step, ends, strict=True)
        )
        frames.append(Frame(_padded(rows, face.rows), face.columns, still.blinks))
    return tuple(frames) or (still,)


def blink_plan(light: Light | None) -> tuple[BlinkStep, ...]:
    """Return a light's steps; a count stays a count, so there are at most 20 blinks."""
    if light is None or light.blinks < 1:
        return ()
    once = (BlinkStep(light.colour, light.on_ms), BlinkStep(None, light.off_ms))
    return once * min(light.blinks, BLINKS_MAX)


def plan_ms(plan: tuple[BlinkStep, ...]) -> int:
    """Return how long a plan takes."""
    return sum(step.for_ms for step in plan)


def _rows(lines: tuple[str, ...], face: OledFace) -> tuple[str, ...]:
    if not lines:
        return ()
    heads = [cutting.cut(line, face.columns) for line in lines[:-1]][: face.rows - 1]
    last = " ".join(lines[len(heads) :])
    return (*heads, *cutting.wrap(last, face.columns, face.rows - len(heads)))


def _fits(signal: Signal, face: OledFace) -> bool:
    whole = "".join("".join(cutting.clusters(line)) for line in signal.lines)
    return "".join(_rows(signal.lines, face)).replace(" ", "") == whole.replace(" ", "")


def _padded(rows: tuple[str, ...], count: int) -> tuple[str, ...]:
    return (*rows, *("",) * (count - len(rows)))


def dark(face: DisplayClass) -> Frame:
    """Return what a face shows when it is off."""
    return frame_of(Signal(), face)


def digits_plan(digits: str) -> tuple[BlinkStep, ...]:
    """Return blinks that tell digits one after the other: as many as the digit, ten for a zero."""
    steps: list[BlinkStep] = []
    for digit in digits:
        count = int(digit) or 10
        steps.extend((BlinkStep(Colour.BLUE, 200), BlinkStep(None, 200)) * count)
        steps.append(BlinkStep(None, BLINK_PAUSE_MS))
    return tuple(steps)
