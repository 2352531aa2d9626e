"""The recorder: samples in, exact rows of records out, the phone's clock laid beside its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.env.sim import MemoryDisk, SimEnv
from wristlet.lab.wearer import Wearer
from wristlet.strap.activity.recorder import ActivityRecorder
from wristlet.strap.activity.ring import ActivityRing
from wristlet.strap.flash import DiskFlash
from wristlet.wire.strap.activity_log import (
    Anchor,
    Boot,
    Kind,
    Minute,
    Position,
    Record,
    Skipped,
)

RATE = 10
NOON_S = 1_767_268_800  # 2026-01-01 12:00:00 UTC
STILL = [0, 0, 1000] * RATE
SHAKEN = [0, 0, 1000, 0, 0, 1300] * (RATE // 2)


def opened(disk: MemoryDisk | None = None) -> ActivityRing:
    env = SimEnv(0, disk=disk)
    return ActivityRing(DiskFlash.create(env.disk, "/flash", 16, 1024), env.random)


def row(ring: ActivityRing) -> list[Record]:
    found: list[Record] = []
    while (page := ring.read(len(found), 4096)).records:
        found += page.records
    return found


def minutes(ring: ActivityRing) -> list[Minute]:
    return [record for record in row(ring) if isinstance(record, Minute)]


def ticks(records: list[Record]) -> int:
    place = Position()
    for record in records:
        place = place.after(record)
    return place.tick_s


def test_every_second_is_in_exactly_one_record() -> None:
    ring = opened()
    recorder = ActivityRecorder(ring, RATE)
    recorder.feed(STILL * 150)
    recorder.set_time((NOON_S + 17) * 1000, 0)
    recorder.feed(STILL * 130)
    recorder.skip(500)
    recorder.feed(STILL * 61)
    recorder.stop()
    records = row(ring)
    assert ticks(records) == 150 + 130 + 500 + 61
    assert [type(record) for record in records[:5]] == [Boot, Minute, Minute, Minute, Anchor]
    assert [minute.seconds for minute in minutes(ring)] == [60, 60, 30, 43, 60, 27, 13, 48]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(0, 59))
def test_pieces_of_any_size_make_the_same_row(pieces: list[int], second: int) -> None:
    whole, cut = opened(), opened()
    samples = (STILL + SHAKEN) * ((sum(pieces) + 2 * RATE - 1) // (2 * RATE))
    samples = samples[: 3 * sum(pieces)]
    for ring, sizes in ((whole, [sum(pieces)]), (cut, pieces)):
        recorder = ActivityRecorder(ring, RATE)
        recorder.set_time((NOON_S + second) * 1000, 0)
        start = 0
        for size in sizes:
            recorder.feed(samples[3 * start : 3 * (start + size)])
            start += size
        recorder.stop()
    assert row(whole) == row(cut)


def test_minutes_begin_where_the_phones_minutes_begin() -> None:
    ring = opened()
    recorder = ActivityRecorder(ring, RATE)
    recorder.feed(STILL * 45)
    recorder.set_time((NOON_S + 20) * 1000, 60)
    recorder.feed(STILL * 200)
    recorder.stop()
    place, starts = Position(), []
    for record in row(ring):
        if isinstance(record, Minute) and place.utc_s is not None:
            starts.append(place.utc_s - NOON_S)
        place = place.after(record)
    assert starts == [20, 60, 120, 180]


def test_a_clock_set_to_nearly_the_same_writes_nothing() -> None:
    ring = opened()
    recorder = ActivityRecorder(ring, RATE)
    recorder.set_time(NOON_S * 1000, 60)
    recorder.feed(STILL * 90)
    recorder.set_time((NOON_S + 91) * 1000, 60)
    recorder.set_time((NOON_S + 95) * 1000, 60)
    recorder.set_time((NOON_S + 95) * 1000, 120)
    recorder.stop()
    assert [record for record in row(ring) if isinstance(record, Anchor)] == [
        Anchor(NOON_S, 60),
        Anchor(NOON_S + 95, 60),
        Anchor(NOON_S + 95, 120),
    ]


def test_half_a_second_in_the_queue_does_not_move_the_clock() -> None:
    ring = opened()
    recorder = ActivityRecorder(ring, RATE)
    recorder.feed([*STILL * 3, *STILL[:15]])
    recorder.set_time(NOON_S * 1000 + 500, 0)
    recorder.stop()
    assert row(ring)[-1] == Anchor(NOON_S, 0)


def test_each_start_is_a_new_boot_and_the_row_goes_on() -> None:
    ring = opened()
    for _ in range(3):
        recorder = ActivityRecorder(ring, RATE)
        recorder.feed(STILL * 60)
        recorder.stop()
    boots = [record.number for record in row(ring) if isinstance(record, Boot)]
    assert boots == [1, 2, 3]
    assert len(minutes(ring)) == 3


def test_a_power_cut_loses_at_most_seven_minutes() -> None:
    disk = MemoryDisk()
    recorder = ActivityRecorder(opened(disk), RATE)
    for passed in range(1, 60):
        recorder.feed(STILL * 60)
        assert passed - len(minutes(opened(disk.copy()))) <= 7


def test_an_orderly_stop_loses_nothing() -> None:
    disk = MemoryDisk()
    recorder = ActivityRecorder(opened(disk), RATE)
    recorder.feed(STILL * 1000)
    recorder.stop()
    assert ticks(row(opened(disk))) == 1000


def test_wear_is_told_when_it_changes() -> None:
    told: list[bool] = []
    recorder = ActivityRecorder(opened(), RATE, worn=told.append)
    recorder.heart(None, contact=False)
    recorder.feed(SHAKEN * 5)
    assert told == []
    recorder.heart(70, contact=True)
    recorder.feed(STILL * 2)
    assert (told, recorder.worn) == ([True], True)
    recorder.heart(None, contact=False)
    recorder.feed(STILL * 3)
    assert (told, recorder.worn) == ([True, False], False)


def test_minutes_off_the_wrist_count_nothing() -> None:
    ring = opened()
    recorder = ActivityRecorder(ring, RATE)
    wearer = Wearer(RATE, 3)
    for _ in range(6):
        recorder.heart(None, contact=False)
        recorder.feed(wearer.walk(10))
    recorder.stop()
    assert minutes(ring) == [Minute(worn=False)]


def test_heart_rates_are_averaged_and_nonsense_is_not() -> None:
    ring = opened()
    recorder = ActivityRecorder(ring, RATE)
    for bpm in (80, 90, 255, 3, None):
        recorder.heart(bpm)
        recorder.feed(SHAKEN * 12)
    recorder.stop()
    assert minutes(ring)[0].heart_bpm == round((80 + 90 + 255) / 3)


def test_the_day_goes_on_after_a_restart_and_ends_at_the_wearers_midnight() -> None:
    disk = MemoryDisk()
    zone_min = 9 * 60
    before_midnight = NOON_S + 3 * 3600 - 600  # 23:50 in this zone
    wearer = Wearer(RATE, 1)
    recorder = ActivityRecorder(opened(disk), RATE)
    recorder.set_time(before_midnight * 1000, zone_min)
    recorder.feed(wearer.walk(300))
    recorder.stop()
    first = recorder.today.steps
    assert abs(first - wearer.steps) < 0.03 * wearer.steps
    assert recorder.today.active_minutes >= 4
    again = ActivityRecorder(opened(disk), RATE)
    assert again.today.steps == first
    again.set_time((before_midnight + 310) * 1000, zone_min)
    again.feed(STILL * 350)
    assert again.today.steps == 0


def test_a_clock_wrong_for_a_while_brings_back_the_right_day() -> None:
    recorder = ActivityRecorder(opened(), RATE)
    wearer = Wearer(RATE, 1)
    recorder.set_time(NOON_S * 1000, 0)
    recorder.feed(wearer.walk(120))
    recorder.feed(STILL * 60)
    steps = recorder.today.steps
    recorder.set_time((NOON_S + 400 * 86_400) * 1000, 0)
    recorder.feed(STILL * 120)
    assert (steps > 0, recorder.today.steps) == (True, 0)
    recorder.set_time((NOON_S + 300) * 1000, 0)
    recorder.feed(STILL * 60)
    assert recorder.today.steps == steps


def test_broken_samples_are_refused() -> None:
    recorder = ActivityRecorder(opened(), RATE)
    with pytest.raises(ValueError, match="x, y and z"):
        recorder.feed([1, 2])
    with pytest.raises(ValueError, match="rate_hz"):
        ActivityRecorder(opened(), 60)


def test_memory_is_bounded() -> None:
    recorder = ActivityRecorder(opened(), RATE)
    recorder.feed(STILL * 3600)
    assert len(recorder._queue) <= 8
    assert len(recorder._rest) < 3 * RATE


def test_kinds_of_a_day() -> None:
    """Five minutes of each; the wearer's own time and the minutes' kinds agree."""
    ring = opened()
    recorder = ActivityRecorder(ring, 25)
    wearer = Wearer(25, 2)
    recorder.set_time(NOON_S * 1000, 0)
    for samples in (wearer.sit(300), wearer.walk(300), wearer.run(300), wearer.play(300)):
        recorder.feed(samples)
    recorder.stop()
    kinds = [minute.kind for minute in minutes(ring)]
    assert set(kinds[1:5]) <= {Kind.REST, Kind.ACTIVE}
    assert set(kinds[6:10]) == {Kind.WALKING}
    assert set(kinds[11:15]) == {Kind.RUNNING}
    assert set(kinds[16:20]) == {Kind.SPORT}


def test_skipped_time_has_its_record() -> None:
    ring = opened()
    recorder = ActivityRecorder(ring, RATE)
    recorder.skip(0)
    recorder.skip(3600)
    assert row(ring) == [Boot(1), Skipped(3600)]
