"""What the strap itself can show: the running day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wristlet.model.movement import is_active
from wristlet.strap.activity.ring import ActivityRing
from wristlet.wire.strap.activity_log import Boot, Minute, Position

DAYS_MAX: Final = 32
_DAY_S: Final = 86_400
_READ_BYTES: Final = 4096


@dataclass(slots=True)
class DayTotal:
    """What one day came to so far."""

    steps: int = 0
    active_minutes: int = 0


@dataclass(slots=True)
class Today:
    """Steps and active minutes since the wearer's midnight.

    Every day has its own total, so that a clock set wrong and then right again brings back the
    right one. Minutes before the clock was set go to the day that it then shows.
    """

    _day: int | None = None
    _totals: dict[int | None, DayTotal] = field(default_factory=dict)

    @classmethod
    def of(cls, ring: ActivityRing) -> Today:
        """Add up the days that the log holds, after a restart."""
        found = cls()
        number = ring.extent.oldest
        while (page := ring.read(number, _READ_BYTES)).records:
            position = page.position
            for record in page.records:
                if isinstance(record, Minute):
                    found.minute(position, record)
                elif isinstance(record, Boot):
                    found._totals.pop(None, None)
                position = position.after(record)
            number = page.first + len(page.records)
        return found

    @property
    def steps(self) -> int:
        """Steps of the running day."""
        return self._total().steps

    @property
    def active_minutes(self) -> int:
        """Minutes of moderate or stronger activity of the running day."""
        return self._total().active_minutes

    def minute(self, position: Position, minute: Minute) -> None:
        """Take one minute that began at `position`."""
        self._day = _day(position)
        if self._day is not None and None in self._totals:
            early = self._totals.pop(None)
            self._add(early.steps, early.active_minutes)
        self._add(minute.steps, int(is_active(minute)))

    def _total(self) -> DayTotal:
        return self._totals.get(self._day, DayTotal())

    def _add(self, steps: int, active_minutes: int) -> None:
        total = self._totals.setdefault(self._day, DayTotal())
        total.steps += steps
        total.active_minutes += active_minutes
        if len(self._totals) > DAYS_MAX:
            del self._totals[next(iter(self._totals))]


def _day(position: Position) -> int | None:
    """Return the number of the day in the wearer's zone."""
    if position.utc_s is None or position.anchor is None:
        return None
    return (position.utc_s + position.anchor.zone_min * 60) // _DAY_S
