"""Local time of a strap: when an alarm rings next, and when it is quiet.

Pure functions. A time zone is a function from a moment (Unix ms) to the minutes that local time is
ahead of UTC then, so that changes to and from summer time are in it as far as the phone has told
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wristlet.wire.strap.message_choices import Weekdays
from wristlet.wire.strap.messages import MINUTES_A_DAY, Alarm, Window

Offset = Callable[[int], int]
"""Minutes east of UTC at a moment."""

MINUTE_MS: Final = 60_000
DAY_MS: Final = MINUTES_A_DAY * MINUTE_MS
_MONDAY: Final = 4
"""1970-01-05, day 4, was a Monday."""


def utc(_at_ms: int) -> int:
    """Return no offset: what a strap goes by that has not heard of a time zone."""
    return 0


def local(at_ms: int, offset: Offset) -> tuple[int, int]:
    """Return local day (days since 1970-01-01) and minute of that day."""
    return divmod(at_ms // MINUTE_MS + offset(at_ms), MINUTES_A_DAY)


def weekday(day: int) -> Weekdays:
    """Return the day of the week of a day."""
    return Weekdays(1 << (day - _MONDAY) % 7)


def moment(day: int, minute: int, offset: Offset) -> int:
    """Return when a local time is.

    A time that comes twice (clocks go back) is its first one; one that never comes (clocks go
    forward) is as long after the change as it is behind the last minute before it.
    """
    naive_ms = (day * MINUTES_A_DAY + minute) * MINUTE_MS
    before = naive_ms - offset(naive_ms - DAY_MS) * MINUTE_MS
    after = naive_ms - offset(naive_ms + DAY_MS) * MINUTE_MS
    for candidate in sorted((before, after)):
        if candidate + offset(candidate) * MINUTE_MS == naive_ms:
            return candidate
    return before


def next_ring(alarm: Alarm, after_ms: int, offset: Offset) -> int | None:
    """Return the first moment above `after_ms` at which an alarm rings, None if there is none."""
    if alarm.day:
        once = moment(alarm.day, alarm.minute, offset)
        return once if once > after_ms else None
    today = local(after_ms, offset)[0]
    rings = (
        moment(day, alarm.minute, offset)
        for day in range(today - 1, today + 9)
        if weekday(day) & alarm.weekdays
    )
    return min((ring for ring in rings if ring > after_ms), default=None)


def quiet_until(windows: tuple[Window, ...], at_ms: int, offset: Offset) -> int | None:
    """Return when the quiet that is on at a moment ends, None when it is not quiet.

    Windows that follow each other without a gap are one; quiet around the clock ends a week on.
    """
    end_ms, limit_ms = at_ms, at_ms + 7 * DAY_MS
    while end_ms < limit_ms:
        later = max((_end(window, end_ms, offset) for window in windows), default=end_ms)
        if later == end_ms:
            break
        end_ms = later
    return end_ms if end_ms > at_ms else None


def _end(window: Window, at_ms: int, offset: Offset) -> int:
    """Return when a window ends if it is on at a moment, else that moment."""
    today, minute = local(at_ms, offset)
    wraps = window.end <= window.start
    if weekday(today) & window.days and minute >= window.start and (wraps or minute < window.end):
        return max(at_ms, moment(today + wraps, window.end, offset))
    if wraps and weekday(today - 1) & window.days and minute < window.end:
        return max(at_ms, moment(today, window.end, offset))
    return at_ms
