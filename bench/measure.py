"""How two sides are compared: in turns, many short rounds, the median of the rounds' ratios.

A shared machine changes its speed for seconds at a time and shows nothing of it. So each half of
a round stands between two runs of a fixed calibration loop, and a round counts as quiet when they
were all within 12 % of the best one seen. The result is the median over the quiet rounds, or over
all of them when fewer than five were quiet.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Side: TypeAlias = Callable[[], Awaitable[float]]
"""Runs one half of a round and returns seconds per operation; what it prepares is not timed."""

Sense: TypeAlias = Literal["at_most", "at_least", "information"]

QUIET: Final = 1.12
QUIET_ROUNDS_MIN: Final = 5
_CALIBRATION_STEPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table.

    `ours` and `limit` are in `unit`, `ratio` is ours over limit; it is what the target speaks of.
    """

    name: str
    unit: str
    ours: float
    limit: float
    ratio: float
    sense: Sense
    target: float | None
    rounds: int
    quiet_rounds: int

    @property
    def met(self) -> bool | None:
        """Whether the ratio keeps to the target; None without one."""
        if self.target is None or self.sense == "information":
            return None
        return self.ratio <= self.target if self.sense == "at_most" else self.ratio >= self.target


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians over the rounds that count; seconds per operation, ratio of ours to the limit."""

    ours_s: float
    limit_s: float
    ratio: float
    rounds: int
    quiet_rounds: int

    def as_time(self, name: str, target: float | None) -> Result:
        """Report microseconds; ours should take at most `target` times the limit."""
        sense: Sense = "information" if target is None else "at_most"
        ours, limit = self.ours_s * 1e6, self.limit_s * 1e6
        return self._result(name, "us", ours, limit, self.ratio, sense, target)

    def as_rate(self, name: str, target: float | None) -> Result:
        """Report operations per second; ours should reach at least `target` of the limit."""
        sense: Sense = "information" if target is None else "at_least"
        return self._result(
            name, "per second", 1 / self.ours_s, 1 / self.limit_s, 1 / self.ratio, sense, target
        )

    def _result(
        self,
        name: str,
        unit: str,
        ours: float,
        limit: float,
        ratio: float,
        sense: Sense,
        target: float | None,
    ) -> Result:
        return Result(name, unit, ours, limit, ratio, sense, target, self.rounds, self.quiet_rounds)


@dataclass(frozen=True, slots=True)
class _Round:
    ours_s: float
    limit_s: float
    slowest_calibration_s: float


async def compare(ours: Side, limit: Side, rounds: int) -> Comparison:
    """Run both sides in turns, each first in every other round, after one round to warm up."""
    await ours()
    await limit()
    gc.collect()
    gc.freeze()
    done = [await _round(ours, limit, ours_first=index % 2 == 0) for index in range(rounds)]
    gc.unfreeze()
    best = min(one.slowest_calibration_s for one in done)
    quiet = [one for one in done if one.slowest_calibration_s <= best * QUIET]
    counted = quiet if len(quiet) >= QUIET_ROUNDS_MIN else done
    return Comparison(
        ours_s=statistics.median(one.ours_s for one in counted),
        limit_s=statistics.median(one.limit_s for one in counted),
        ratio=statistics.median(one.ours_s / one.limit_s for one in counted),
        rounds=rounds,
        quiet_rounds=len(quiet),
    )


async def _round(ours: Side, limit: Side, *, ours_first: bool) -> _Round:
    slowest = calibrate()
    taken: dict[bool, float] = {}
    for is_ours in (ours_first, not ours_first):
        taken[is_ours] = await (ours if is_ours else limit)()
        slowest = max(slowest, calibrate())
    return _Round(taken[True], taken[False], slowest)


def calibrate() -> float:
    """Return the seconds that a fixed loop takes now."""
    start = time.perf_counter()
    number = 0
    for index in range(_CALIBRATION_STEPS):
        number = (number * 31 + index) & 0xFFFFFFFF
    return time.perf_counter() - start


def timed(prepare: Callable[[], None], operation: Callable[[], object], count: int) -> Side:
    """Make a side of a plain function: prepare once, then time `count` calls."""

    async def side() -> float:
        prepare()
        start = time.perf_counter()
        for _ in range(count):
            operation()
        return (time.perf_counter() - start) / count

    return side


def nothing() -> None:
    """Prepare nothing."""
