"""Days by the wearer's clock: zones, jumps, midnights, nights; and what is left on a table."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.activity_phone import Link, PhoneOnFile, done, endpoint_of
from wristlet.companion.activity.store import StoredMinute, Unplaced
from wristlet.companion.activity.summary import (
    span_of,
    summarise_day,
    summarise_week,
    without_table_time,
)
from wristlet.companion.activity.sync import ActivitySync
from wristlet.env.sim import MemoryDisk, SimEnv
from wristlet.model.movement import Profile
from wristlet.strap.activity.ring import ActivityRing
from wristlet.strap.flash import DiskFlash
from wristlet.wire.strap.activity_log import Anchor, Boot, Kind, Minute, Record

PROFILE = Profile()
FIRST = date(2026, 1, 1)
MIDNIGHT_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
HOUR = 3600
WALK = Minute(100, 60, 1000, 0, Kind.WALKING)


@pytest.fixture
def phone(tmp_path_factory: pytest.TempPathFactory) -> PhoneOnFile:
    return PhoneOnFile(tmp_path_factory.mktemp("phone"))


def taken(phone: PhoneOnFile, records: list[Record]) -> None:
    """Bring a strap's records onto the phone by the real way."""
    env = SimEnv(0, disk=MemoryDisk())
    ring = ActivityRing(DiskFlash.create(env.disk, "/flash", 32), env.random)
    ring.append(records)
    done(ActivitySync(phone.store, "strap").run(Link(endpoint_of(ring))))


def steps_of(phone: PhoneOnFile, days: int = 3) -> list[int]:
    """Steps of the first days of the year."""
    return [
        summarise_day(
            done(phone.store.minutes(*span_of(date(2026, 1, day), 1))), date(2026, 1, day), PROFILE
        ).steps
        for day in range(1, days + 1)
    ]


def test_a_day_ends_at_the_wearers_midnight(phone: PhoneOnFile) -> None:
    zone_min = 9 * 60
    start = MIDNIGHT_S + 24 * HOUR - zone_min * 60 - 120
    taken(phone, [Boot(1), Anchor(start, zone_min), *[WALK] * 5])
    assert steps_of(phone) == [200, 300, 0]


def test_a_flight_west_makes_a_long_day(phone: PhoneOnFile) -> None:
    """Steps before and after the change of zone are one day's when the wearer's date is one."""
    start = MIDNIGHT_S + 12 * HOUR - 540 * 60
    taken(
        phone,
        [
            Boot(1), Anchor(start, 540), *[WALK] * 60,
            Anchor(start + 10 * HOUR, -480), *[WALK] * 60,
        ],
    )  # fmt: skip
    assert steps_of(phone) == [12_000, 0, 0]


def test_a_clock_that_jumps_back_doubles_nothing(phone: PhoneOnFile) -> None:
    start = MIDNIGHT_S + 12 * HOUR
    taken(
        phone,
        [Boot(1), Anchor(start, 0), *[WALK] * 30, Anchor(start + 600, 0), *[WALK] * 30],
    )
    assert steps_of(phone) == [6000, 0, 0]
    day = summarise_day(done(phone.store.minutes(*span_of(FIRST, 1))), FIRST, PROFILE)
    assert day.recorded_minutes == 60


def test_a_clock_that_jumps_forward_invents_nothing(phone: PhoneOnFile) -> None:
    start = MIDNIGHT_S + 12 * HOUR
    taken(
        phone,
        [Boot(1), Anchor(start, 0), *[WALK] * 30, Anchor(start + 10 * HOUR, 0), *[WALK] * 30],
    )
    day = summarise_day(done(phone.store.minutes(*span_of(FIRST, 1))), FIRST, PROFILE)
    assert (day.recorded_minutes, day.steps) == (60, 6000)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 50), st.integers(-40_000, 40_000), st.sampled_from([-480, 0, 330, 540])
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_the_clock_does_each_minute_is_in_one_day(
    parts: list[tuple[int, int, int]],
) -> None:
    """All days together hold every step once."""
    stored, record, utc_s = [], 0, MIDNIGHT_S + 10 * 86_400
    for count, jump_s, zone_min in parts:
        utc_s += jump_s
        for _ in range(count):
            stored.append(StoredMinute(b"log", record, utc_s, zone_min, WALK))
            record, utc_s = record + 1, utc_s + 60
    weeks = [summarise_week(stored, date(2026, 1, day), PROFILE) for day in (1, 8, 15, 22)]
    assert sum(week.steps for week in weeks) == 100 * len(stored)
    assert sum(day.recorded_minutes for week in weeks for day in week.days) == len(stored)


def test_minutes_before_the_clock_was_set_are_placed_when_it_is(phone: PhoneOnFile) -> None:
    start = MIDNIGHT_S + 12 * HOUR
    taken(phone, [Boot(1), *[WALK] * 10, Boot(2), *[WALK] * 10, Anchor(start, 0), WALK])
    assert steps_of(phone) == [1100, 0, 0]
    assert done(phone.store.unplaced()) == Unplaced(10, 1000)
    first = done(phone.store.minutes(*span_of(FIRST, 1)))[0]
    assert first.utc_s == start - 600


def test_a_night_belongs_to_the_morning(phone: PhoneOnFile) -> None:
    start = MIDNIGHT_S + 22 * HOUR
    taken(phone, [Boot(1), Anchor(start, 0), *[Minute(asleep=True, count=1)] * 480])
    second = date(2026, 1, 2)
    minutes = done(phone.store.minutes(*span_of(second, 1)))
    assert summarise_day(minutes, second, PROFILE).asleep_minutes == 480
    minutes = done(phone.store.minutes(*span_of(FIRST, 1)))
    assert summarise_day(minutes, FIRST, PROFILE).asleep_minutes == 0


def test_an_hour_on_the_table_is_not_an_hour_asleep() -> None:
    still, off = Minute(asleep=True), Minute(worn=False)
    row = [WALK, *[still] * 60, *[off] * 5, WALK, *[still] * 30, off]
    stored = [
        StoredMinute(b"log", at, MIDNIGHT_S + HOUR + 60 * at, 0, minute)
        for at, minute in enumerate(row)
    ]
    assert [one.minute.worn for one in without_table_time(stored)] == (
        [True] + [False] * 65 + [True] * 31 + [False]
    )
    assert summarise_day(stored, FIRST, PROFILE).asleep_minutes == 30


def test_a_day_of_everything() -> None:
    row = [
        Minute(heart_bpm=60),
        Minute(110, 60, 1200, 100, Kind.WALKING),
        Minute(160, 60, 5000, 160, Kind.RUNNING),
        Minute(count=3000, kind=Kind.SPORT, heart_bpm=140),
        Minute(worn=False),
        Minute(count=100, kind=Kind.ACTIVE, seconds=30),
    ]
    stored = [
        StoredMinute(b"log", at, MIDNIGHT_S + HOUR + 60 * at, 0, minute)
        for at, minute in enumerate(row)
    ]
    day = summarise_day(stored, FIRST, PROFILE)
    assert (day.recorded_minutes, day.worn_minutes) == (5.5, 4.5)
    assert (day.steps, day.active_minutes) == (270, 3)
    assert (day.heart_min_bpm, day.heart_mean_bpm, day.heart_max_bpm) == (60, 115, 160)
    assert day.kind_minutes == {
        Kind.REST: 1, Kind.WALKING: 1, Kind.RUNNING: 1, Kind.SPORT: 1, Kind.ACTIVE: 0.5,
    }  # fmt: skip
    assert 200 < day.distance_m < 300
    assert 0 < day.active_kcal < day.kcal
    week = summarise_week(stored, FIRST, PROFILE)
    assert (week.steps, week.active_minutes) == (270, 3)
    assert week.distance_m == day.distance_m
    assert week.active_kcal == pytest.approx(day.active_kcal)
    assert len(week.days) == 7
