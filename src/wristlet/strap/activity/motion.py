"""What the wrist does, second by second: how strongly it moves, steps, and the kind of movement.

All of it works on the movement about the mean of a few seconds, summed over the three axes, so
that neither gravity nor the way the strap sits matters, and samples with gravity taken out serve
as well. Steps are counted by their rhythm: the autocorrelation of six seconds shows the step, or
the stride of the swinging arm, as a peak, and a steady rhythm times its duration is the number of
steps. Memory is those six seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from math import sqrt
from operator import add, mul, sub
from typing import Final

from wristlet.wire.strap.activity_log import Kind

RATE_MIN_HZ: Final = 10
RATE_MAX_HZ: Final = 50

QUIET_RANGE_MG: Final = 24
"""A second in which no axis ranges over more needs no closer look."""
STILL_MG: Final = 15
"""A second that moves less about its mean is still: twice the noise of a common sensor."""
COUNT_FLOOR_MG: Final = 10
COUNT_STEP_MG: Final = 16

RHYTHM_HZ: Final = 12
WINDOW_S: Final = 6
HOP_S: Final = 2
MOVING_MG: Final = 70
MOVING_SECONDS_MIN: Final = 4

# Where kinds part is read off the training half of the recordings named in docs/activity.md:
# each limit is the geometric mean of the nearest two recordings on either side.
STRIDE_MG: Final = 220
RUNNING_MG: Final = 760
SPORT_MG: Final = 600
STEADY: Final = 0.45
"""A rhythm whose autocorrelation peaks below this is none."""
HALF_STEADY: Final = 0.25
"""A stride whose half is as alike as this has two steps in it, however gently it is walked."""

PERIOD_MIN_S: Final = 0.28
PERIOD_MAX_S: Final = 1.75
STEP_PERIOD_MAX_S: Final = 0.55
STRIDE_PERIOD_MIN_S: Final = 0.80
_NEARLY: Final = 0.85
RUNNING_CADENCE_MIN: Final = 100


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A steady beat: its period, and how alike the window is one period and half a period later."""

    period_s: float
    likeness: float
    half_likeness: float


@dataclass(frozen=True, slots=True)
class Second:
    """One second: how strongly the wrist moved about its mean place."""

    moved_mg: float

    @property
    def still(self) -> bool:
        """Whether nothing moved but the sensor's noise."""
        return self.moved_mg < STILL_MG

    @property
    def count(self) -> int:
        """Its share of the activity count."""
        return max(0, int(self.moved_mg) - COUNT_FLOOR_MG) // COUNT_STEP_MG


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the last two seconds were; `cadence` is in steps a minute, 0 without steps."""

    kind: Kind
    cadence: float = 0.0


class MotionMeter:
    """Takes whole seconds of samples and tells what they were."""

    def __init__(self, rate_hz: int) -> None:
        if not RATE_MIN_HZ <= rate_hz <= RATE_MAX_HZ:
            raise ValueError(f"rate_hz must be {RATE_MIN_HZ} to {RATE_MAX_HZ}")
        self.rate_hz = rate_hz
        # Averaging neighbours brings any rate near the one the rhythm is looked for at.
        self._every = max(1, rate_hz // RHYTHM_HZ)
        self._windows: tuple[deque[Sequence[int]], ...] = tuple(
            deque(maxlen=WINDOW_S) for _ in "xyz"
        )
        self._moved: deque[float] = deque(maxlen=WINDOW_S)
        self._seconds = 0

    def second(self, samples: Sequence[int]) -> Second:
        """Take one second: x, y, z in thousandths of g, sample after sample."""
        x, y, z = samples[0::3], samples[1::3], samples[2::3]
        moved = 0.0
        if (
            max(x) - min(x) > QUIET_RANGE_MG
            or max(y) - min(y) > QUIET_RANGE_MG
            or max(z) - min(z) > QUIET_RANGE_MG
        ):
            square = sum(map(mul, x, x)) + sum(map(mul, y, y)) + sum(map(mul, z, z))
            means = (sum(x) ** 2 + sum(y) ** 2 + sum(z) ** 2) / self.rate_hz
            moved = sqrt(max(0.0, square - means) / self.rate_hz)
        for window, axis in zip(self._windows, (x, y, z), strict=True):
            window.append(axis)
        self._moved.append(moved)
        self._seconds += 1
        return Second(moved)

    @property
    def is_due(self) -> bool:
        """Whether enough seconds came since the last verdict."""
        return self._seconds >= WINDOW_S and self._seconds % HOP_S == 0

    def verdict(self) -> Verdict:
        """Judge the window that ends now."""
        moving = sum(moved >= MOVING_MG for moved in self._moved)
        if moving < MOVING_SECONDS_MIN:
            recent = max(list(self._moved)[-HOP_S:], default=0.0)
            return Verdict(Kind.ACTIVE if recent >= MOVING_MG else Kind.REST)
        rate = self.rate_hz / self._every
        axes = [_centred(_thinned(window, self._every)) for window in self._windows]
        energy = sum(sum(map(mul, axis, axis)) for axis in axes)
        # Sums of neighbours stand for their means.
        strength = sqrt(energy / len(axes[0])) / self._every
        return judge(strength, rhythm(axes, energy, rate))


def judge(strength_mg: float, beat: Rhythm | None) -> Verdict:
    """Name the kind of movement of a given strength and rhythm."""
    if beat is None or beat.likeness < STEADY:
        return Verdict(Kind.SPORT if strength_mg >= SPORT_MG else Kind.ACTIVE)
    running = strength_mg >= RUNNING_MG
    is_stride = beat.period_s >= STRIDE_PERIOD_MIN_S or (
        running and beat.period_s > STEP_PERIOD_MAX_S
    )
    if is_stride and strength_mg < STRIDE_MG and beat.half_likeness < HALF_STEADY:
        # An arm that swings while its owner stands is as slow as a stride, and gentler.
        return Verdict(Kind.ACTIVE)
    cadence = (120 if is_stride else 60) / beat.period_s
    if running and cadence < RUNNING_CADENCE_MIN and beat.half_likeness >= STEADY:
        # A quick runner's stride fell between two samples, and twice the stride did not.
        cadence *= 2
    if running and cadence < RUNNING_CADENCE_MIN:
        return Verdict(Kind.SPORT)
    return Verdict(Kind.RUNNING if running else Kind.WALKING, cadence)


def rhythm(axes: Sequence[Sequence[float]], energy: float, rate_hz: float) -> Rhythm | None:
    """Find the shortest steady period of centred axes; None when there is none."""
    size = len(axes[0])
    low, high = max(2, int(rate_hz * PERIOD_MIN_S)), int(rate_hz * PERIOD_MAX_S) + 1
    if energy <= 0 or high + 1 >= size:
        return None
    lags = range(low - 1, high + 2)
    alike = [0.0] * len(lags)
    for axis in axes:
        alike = [
            so_far + sum(map(mul, axis[lag:], axis))
            for so_far, lag in zip(alike, lags, strict=True)
        ]
    alike = [found * size / ((size - lag) * energy) for found, lag in zip(alike, lags, strict=True)]
    peaks = [
        index
        for index in range(1, len(alike) - 1)
        if alike[index - 1] < alike[index] >= alike[index + 1] and alike[index] > 0
    ]
    if not peaks:
        return None
    best = max(alike[index] for index in peaks)
    first = next(index for index in peaks if alike[index] >= _NEARLY * best)
    left, top, right = alike[first - 1 : first + 2]
    bend = left - 2 * top + right
    offset = (left - right) / (2 * bend) if bend else 0.0
    lag = low - 1 + first + offset
    half = int(lag / 2 + 0.5) - (low - 1)
    half_likeness = max(alike[max(half - 1, 0) : half + 2], default=0.0)
    return Rhythm(lag / rate_hz, top - (left - right) * offset / 4, half_likeness)


def _thinned(seconds: Iterable[Sequence[int]], every: int) -> list[int]:
    """Join seconds of one axis and add up each `every` neighbours."""
    whole = list(chain.from_iterable(seconds))
    thin = whole[0::every]
    for offset in range(1, every):
        thin = list(map(add, thin, whole[offset::every]))
    return thin


def _centred(values: Sequence[int]) -> list[float]:
    mean = sum(values) / len(values)
    return list(map(sub, values, repeat(mean)))
