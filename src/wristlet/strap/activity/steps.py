"""From verdicts to steps: a rhythm counts once it has lasted, then from its beginning."""

from __future__ import annotations

from typing import Final

from wristlet.strap.activity.motion import HOP_S, Verdict
from wristlet.wire.strap.activity_log import Kind

STEPPING: Final = (Kind.WALKING, Kind.RUNNING)
LEAD_IN_S: Final = 2
"""A walk has gone on for a while before its window is full enough to be believed."""


class StepCounter:
    """Adds up cadence times duration; a single rhythmic window among others counts nothing."""

    def __init__(self) -> None:
        self._held: Verdict | None = None
        self._going = False
        self._part = 0.0

    def take(self, verdict: Verdict) -> tuple[int, int]:
        """Return how many steps, and seconds of stepping, this verdict makes certain."""
        if verdict.kind not in STEPPING:
            self._held, self._going = None, False
            return 0, 0
        if self._going:
            return self._count(verdict.cadence, HOP_S)
        if self._held is None:
            self._held = verdict
            return 0, 0
        mean = (self._held.cadence + verdict.cadence) / 2
        self._held, self._going = None, True
        return self._count(mean, 2 * HOP_S + LEAD_IN_S)

    def _count(self, cadence: float, seconds: int) -> tuple[int, int]:
        self._part += cadence * seconds / 60
        whole = int(self._part)
        self._part -= whole
        return whole, seconds
