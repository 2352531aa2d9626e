"""Local time: alarms over changes of the clocks and of the zone, quiet hours over midnight."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.strap.messages.clocks import (
    DAY_MS,
    MINUTE_MS,
    Offset,
    local,
    moment,
    next_ring,
    quiet_until,
    utc,
    weekday,
)
from wristlet.wire.strap.message_choices import EVERY_DAY, NO_DAY, Weekdays
from wristlet.wire.strap.messages import Alarm, Window

HOUR_MS = 60 * MINUTE_MS


def at(text: str) -> int:
    """Unix milliseconds of a UTC time."""
    return int(dt.datetime.fromisoformat(text + "+00:00").timestamp()) * 1000


SPRING, AUTUMN = at("2026-03-29T01:00"), at("2026-10-25T01:00")


def berlin(at_ms: int) -> int:
    """Central European Time in 2026."""
    return 120 if SPRING <= at_ms < AUTUMN else 60


def fixed(minutes: int) -> Offset:
    return lambda _at_ms: minutes


def alarm(hour: int, minute: int = 0, weekdays: Weekdays = EVERY_DAY, day: int = 0) -> Alarm:
    return Alarm(bytes(4), 1, 0, hour * 60 + minute, NO_DAY if day else weekdays, day)


def test_weekdays() -> None:
    assert weekday(local(at("2026-01-01T12:00"), utc)[0]) is Weekdays.THURSDAY
    assert weekday(local(at("2026-03-29T12:00"), utc)[0]) is Weekdays.SUNDAY


@pytest.mark.parametrize(
    ("zone", "local_time", "expected"),
    [
        (fixed(540), "2026-06-01T07:00", "2026-05-31T22:00"),
        (fixed(-600), "2026-06-01T20:00", "2026-06-02T06:00"),
        (fixed(345), "2026-06-01T00:00", "2026-05-31T18:15"),
        (berlin, "2026-03-29T01:59", "2026-03-29T00:59"),
        (berlin, "2026-03-29T02:30", "2026-03-29T01:30"),  # never comes: 3:30
        (berlin, "2026-03-29T03:00", "2026-03-29T01:00"),
        (berlin, "2026-10-25T02:30", "2026-10-25T00:30"),  # comes twice: the first
        (berlin, "2026-10-25T03:00", "2026-10-25T02:00"),
        (berlin, "2026-10-25T01:59", "2026-10-24T23:59"),
    ],
)
def test_local_times(zone: Offset, local_time: str, expected: str) -> None:
    minutes = at(local_time) // MINUTE_MS
    assert moment(minutes // 1440, minutes % 1440, zone) == at(expected)


@given(
    st.integers(at("2026-01-02T00:00"), at("2026-12-30T00:00")).map(lambda t: t // 60000 * 60000)
)
def test_a_moment_is_found_by_its_local_time(at_ms: int) -> None:
    found = moment(*local(at_ms, berlin), berlin)
    assert local(found, berlin) == local(at_ms, berlin)
    assert found == at_ms or at_ms - found == HOUR_MS  # the second time of the night


@pytest.mark.parametrize(
    ("set_", "after", "expected"),
    [
        (alarm(7), "2026-01-01T05:00", "2026-01-01T06:00"),
        (alarm(7), "2026-01-01T06:00", "2026-01-02T06:00"),
        (alarm(7, weekdays=Weekdays.MONDAY), "2026-01-01T00:00", "2026-01-05T06:00"),
        (alarm(7, weekdays=Weekdays.THURSDAY), "2026-01-01T06:00", "2026-01-08T06:00"),
        (alarm(7), "2026-03-28T07:00", "2026-03-29T05:00"),
        (alarm(7), "2026-10-24T07:00", "2026-10-25T06:00"),
        (alarm(2, 30), "2026-03-28T12:00", "2026-03-29T01:30"),
        (alarm(2, 30), "2026-10-24T12:00", "2026-10-25T00:30"),
        (alarm(2, 30), "2026-10-25T00:30", "2026-10-26T01:30"),  # not in the doubled hour again
        (alarm(0, 0), "2026-01-01T00:00", "2026-01-01T23:00"),
    ],
)
def test_alarms_ring_by_local_time(set_: Alarm, after: str, expected: str) -> None:
    assert next_ring(set_, at(after), berlin) == at(expected)


def test_an_alarm_follows_a_journey() -> None:
    seven, landed = alarm(7), at("2026-06-01T00:30")
    assert next_ring(seven, landed, fixed(540)) == at("2026-06-01T22:00")
    assert next_ring(seven, landed, fixed(-600)) == at("2026-06-01T17:00")


def test_a_single_alarm_rings_once() -> None:
    day = at("2026-03-02T00:00") // DAY_MS
    once = alarm(7, day=day)
    assert next_ring(once, 0, berlin) == at("2026-03-02T06:00")
    assert next_ring(once, at("2026-03-02T06:00"), berlin) is None


NIGHT = Window(EVERY_DAY, 22 * 60, 7 * 60)
SUNDAY_REST = Window(Weekdays.SUNDAY, 13 * 60, 15 * 60)


@pytest.mark.parametrize(
    ("windows", "now", "ends"),
    [
        ((NIGHT,), "2026-01-01T20:59", None),  # 21:59 in Berlin
        ((NIGHT,), "2026-01-01T21:00", "2026-01-02T06:00"),
        ((NIGHT,), "2026-01-02T05:59", "2026-01-02T06:00"),
        ((NIGHT,), "2026-01-02T06:00", None),
        ((NIGHT,), "2026-03-28T23:00", "2026-03-29T05:00"),  # an hour shorter
        ((NIGHT,), "2026-10-24T21:00", "2026-10-25T06:00"),  # an hour longer
        ((SUNDAY_REST,), "2026-01-04T12:30", "2026-01-04T14:00"),
        ((SUNDAY_REST,), "2026-01-05T12:30", None),
        ((Window(Weekdays.SATURDAY, 1320, 420),), "2026-01-04T03:00", "2026-01-04T06:00"),
        ((Window(Weekdays.SATURDAY, 1320, 420),), "2026-01-03T03:00", None),
        ((NIGHT, Window(EVERY_DAY, 420, 480)), "2026-01-02T05:00", "2026-01-02T07:00"),
        ((), "2026-01-01T00:00", None),
    ],
)
def test_quiet_hours(windows: tuple[Window, ...], now: str, ends: str | None) -> None:
    assert quiet_until(windows, at(now), berlin) == (ends and at(ends))


def test_quiet_all_week_ends_some_day() -> None:
    always = (Window(EVERY_DAY, 0, 0),)
    assert (quiet_until(always, at("2026-01-01T00:00"), utc) or 0) >= at("2026-01-08T00:00")
