"""Asleep or awake, minute by minute, from activity counts.

Weights and limit are those of Cole, Kripke, Gruen, Mullaney and Gillin, "Automatic Sleep/Wake
Identification From Wrist Activity" (Sleep 15(5), 1992), for the mean activity of a minute: a
weighted sum over four minutes before, the minute itself and two after. Then the rules of Webster,
Kripke and others, "An Activity-Based Sleep Monitor System for Ambulatory Use" (Sleep 5(4), 1982),
that look back only: the first minutes of sleep after long waking are still awake. Their rules
that look ahead would hold every minute back for twenty more and are left out.
"""

from __future__ import annotations

from collections import deque
from operator import mul
from typing import Final

WEIGHTS: Final = (106, 54, 58, 76, 230, 74, 67)
"""Oldest first; the minute that is scored is the fifth."""
AHEAD: Final = 2
BACK: Final = 4
LIMIT: Final = 1000 * 30
"""The published limit of 1, with the scale of 0.001, for sums of thirty two-second counts."""
SETTLING: Final = ((4, 1), (10, 3), (15, 4))
"""After so many minutes awake, so many minutes asleep count as awake."""


class SleepScorer:
    """Scores each minute as soon as the two after it are known; holds seven counts."""

    def __init__(self) -> None:
        self._counts: deque[int] = deque(maxlen=len(WEIGHTS))
        self.reset()

    def reset(self) -> None:
        """Forget everything: what comes next has nothing before it."""
        self._counts.extend([0] * len(WEIGHTS))
        self._waiting = 0
        self._awake_run = 0
        self._settled = 0
        self._settle = 0

    def push(self, count: int) -> bool | None:
        """Take the next minute; return whether the minute before the last one was asleep."""
        self._counts.append(count)
        self._waiting += 1
        if self._waiting <= AHEAD:
            return None
        self._waiting -= 1
        return self._score()

    def finish(self) -> list[bool]:
        """Score the minutes still held back as if stillness followed; begin anew after them."""
        left = []
        self._counts.extend([0] * (AHEAD - self._waiting))
        while self._waiting:
            self._counts.append(0)
            left.append(self._score())
            self._waiting -= 1
        self.reset()
        return left

    def _score(self) -> bool:
        if sum(map(mul, self._counts, WEIGHTS)) >= LIMIT:
            self._awake_run += 1
            self._settled = 0
            return False
        if self._settled == 0:
            self._settle = max(
                (mins for run, mins in SETTLING if self._awake_run >= run), default=0
            )
            self._awake_run = 0
        self._settled += 1
        return self._settled > self._settle
