"""Days and weeks out of minutes, by the wearer's clock at the time and the wearer's profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from wristlet.companion.activity.store import StoredMinute
from wristlet.model.movement import Profile, effort
from wristlet.wire.strap.activity_log import Kind, Minute

DAY_S: Final = 86_400
EVENING_S: Final = 18 * 3600
"""Sleep from here on belongs to the next day: to the one on which the wearer wakes."""
STILL_OFF_MINUTES: Final = 60
"""How long a strap without skin contact lies still until it knows that it is off."""


@dataclass(slots=True)
class DaySummary:
    """One day of the wearer; `heart_*` are 0 when none was measured."""

    day: date
    recorded_minutes: float = 0.0
    worn_minutes: float = 0.0
    steps: int = 0
    distance_m: float = 0.0
    kcal: float = 0.0
    active_kcal: float = 0.0
    active_minutes: float = 0.0
    asleep_minutes: float = 0.0
    heart_min_bpm: int = 0
    heart_max_bpm: int = 0
    heart_mean_bpm: float = 0.0
    kind_minutes: dict[Kind, float] = field(default_factory=dict)
    _heart_readings: int = 0

    def add(self, minute: Minute, profile: Profile) -> None:
        """Take one minute of this day."""
        share = minute.seconds / 60
        self.recorded_minutes += share
        done = effort(profile, minute)
        self.kcal += done.kcal
        if not minute.worn:
            return
        self.worn_minutes += share
        self.steps += minute.steps
        self.distance_m += done.distance_m
        self.active_kcal += done.active_kcal
        self.active_minutes += share * done.is_active
        self.kind_minutes[minute.kind] = self.kind_minutes.get(minute.kind, 0.0) + share
        if minute.heart_bpm:
            self._heart(minute.heart_bpm)

    def _heart(self, bpm: int) -> None:
        readings = self._heart_readings
        self.heart_min_bpm = min(self.heart_min_bpm or bpm, bpm)
        self.heart_max_bpm = max(self.heart_max_bpm, bpm)
        self.heart_mean_bpm = (self.heart_mean_bpm * readings + bpm) / (readings + 1)
        self._heart_readings = readings + 1


@dataclass(frozen=True, slots=True)
class WeekSummary:
    """Seven days, and their sums."""

    days: tuple[DaySummary, ...]

    @property
    def steps(self) -> int:
        """All steps."""
        return sum(day.steps for day in self.days)

    @property
    def distance_m(self) -> float:
        """The whole way."""
        return sum(day.distance_m for day in self.days)

    @property
    def active_minutes(self) -> float:
        """All active minutes."""
        return sum(day.active_minutes for day in self.days)

    @property
    def active_kcal(self) -> float:
        """Energy above rest."""
        return sum(day.active_kcal for day in self.days)


def summarise_day(minutes: Sequence[StoredMinute], day: date, profile: Profile) -> DaySummary:
    """Sum up one day; `minutes` must reach back to the evening before for its sleep."""
    return _days(minutes, [day], profile)[0]


def summarise_week(minutes: Sequence[StoredMinute], first: date, profile: Profile) -> WeekSummary:
    """Sum up seven days from `first` on; `minutes` must reach back to the evening before."""
    days = [first + timedelta(days=offset) for offset in range(7)]
    return WeekSummary(tuple(_days(minutes, days, profile)))


def span_of(first: date, days: int) -> tuple[int, int]:
    """Return from when to when, on the wearer's clock, minutes are needed to sum up days.

    An hour more than the evening before: that long a strap lies still before it knows it is off.
    """
    start = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp())
    return start - (DAY_S - EVENING_S) - 3600, start + days * DAY_S


def without_table_time(minutes: Sequence[StoredMinute]) -> list[StoredMinute]:
    """Count the stillness that ended in "off the wrist" as off from its beginning."""
    minutes = sorted(minutes, key=lambda stored: (stored.log_id, stored.record))
    result = list(minutes)
    for index, stored in enumerate(minutes):
        if index == 0 or stored.minute.worn or minutes[index - 1].log_id != stored.log_id:
            continue
        back = index - 1
        lowest = max(0, index - STILL_OFF_MINUTES)
        while back >= lowest and _is_table_time(minutes[back].minute):
            back -= 1
        if index - 1 - back >= STILL_OFF_MINUTES - 1:
            for still in range(back + 1, index):
                off = Minute(worn=False, seconds=minutes[still].minute.seconds)
                result[still] = replace(minutes[still], minute=off)
    return result


def _is_table_time(minute: Minute) -> bool:
    return minute.worn and not minute.count and not minute.heart_bpm and not minute.steps


def _days(
    minutes: Sequence[StoredMinute], days: Iterable[date], profile: Profile
) -> list[DaySummary]:
    found = {day: DaySummary(day) for day in days}
    for stored in without_table_time(minutes):
        summary = found.get(_date(stored.local_s))
        if summary is not None:
            summary.add(stored.minute, profile)
        if stored.minute.asleep:
            night = found.get(_date(stored.local_s + DAY_S - EVENING_S))
            if night is not None:
                night.asleep_minutes += stored.minute.seconds / 60
    return list(found.values())


def _date(local_s: int) -> date:
    return datetime.fromtimestamp(local_s, tz=UTC).date()
