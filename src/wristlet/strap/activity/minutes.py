"""From seconds to minutes: what is gathered until a minute is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wristlet.wire.strap.activity_log import COUNT_MAX, SECONDS_MAX, Kind, Minute

SHARE_S: Final = 20
"""A third of a minute makes its kind."""


@dataclass(slots=True)
class MinuteGatherer:
    """What the running minute has come to so far."""

    seconds: int = 0
    steps: int = 0
    moving_s: int = 0
    count: int = 0
    worn_s: int = 0
    kinds_s: dict[Kind, int] = field(default_factory=dict)
    heart_sum: int = 0
    heart_readings: int = 0

    def second(self, count: int, *, worn: bool) -> None:
        """Take one second."""
        self.seconds += 1
        self.count += count
        self.worn_s += worn

    def movement(self, kind: Kind, seconds: int, steps: int, moving_s: int) -> None:
        """Take one verdict about some seconds, and the steps that became certain with it."""
        self.kinds_s[kind] = self.kinds_s.get(kind, 0) + seconds
        self.steps += steps
        self.moving_s += moving_s

    def heart(self, bpm: int) -> None:
        """Take one heart rate."""
        self.heart_sum += bpm
        self.heart_readings += 1

    def close(self) -> Minute:
        """Return the minute; `asleep` is not known yet.

        A rhythm that became certain may reach back into the minute before: its seconds still fit
        into this one, and its steps are counted here.
        """
        worn = self.worn_s * 2 > self.seconds
        heart = round(self.heart_sum / self.heart_readings) if self.heart_readings else 0
        if not worn:
            return Minute(worn=False, seconds=self.seconds)
        return Minute(
            steps=self.steps,
            moving_s=min(self.moving_s, self.seconds),
            count=min(self.count, COUNT_MAX),
            heart_bpm=heart,
            kind=self._kind(),
            seconds=self.seconds,
        )

    def _kind(self) -> Kind:
        share = SHARE_S * self.seconds / SECONDS_MAX
        seconds = {kind: self.kinds_s.get(kind, 0) for kind in Kind}
        stepping = max(Kind.RUNNING, Kind.WALKING, key=lambda kind: seconds[kind])
        if seconds[Kind.RUNNING] + seconds[Kind.WALKING] >= share and self.steps:
            return stepping
        if seconds[Kind.SPORT] >= share:
            return Kind.SPORT
        return Kind.ACTIVE if sum(seconds.values()) - seconds[Kind.REST] >= share else Kind.REST
