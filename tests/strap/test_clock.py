"""The strap's clock: set by the phone, changed by itself where local time changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wristlet.env.sim import SimClock
from wristlet.strap.clock import Setting, StrapClock
from wristlet.wire.strap.time import SetTime, Zone

START_MS = 1_767_225_600_000
HOUR_MS = 3_600_000


def test_the_phone_sets_time_and_zone_and_learns_the_drift() -> None:
    env = SimClock(START_MS)
    clock = StrapClock(env, Setting())
    assert clock.set(SetTime(START_MS - 90_000, 32_400, name="Asia/Tokyo")) == 90_000
    assert clock.now_ms() == START_MS - 90_000
    env.advance_ms(86_400_000)
    assert clock.set(SetTime(START_MS - 90_000 + 86_400_000 + 1_700)) == -1_700
    assert clock.setting.drift_ms == -1_700


def test_local_time_changes_by_itself() -> None:
    env = SimClock(START_MS)
    clock = StrapClock(env, Setting())
    change_ms = START_MS + 2 * HOUR_MS
    clock.set(SetTime(START_MS, 3_600, change_ms, 7_200, "Europe/Berlin"))
    assert (clock.offset_s(), clock.local_minute()) == (3_600, 60)
    env.advance_ms(2 * HOUR_MS - 1)
    assert (clock.offset_s(), clock.local_minute()) == (3_600, 179)
    env.advance_ms(1)
    assert (clock.offset_s(), clock.local_minute()) == (7_200, 240)


def test_local_time_west_of_greenwich_stays_within_the_day() -> None:
    clock = StrapClock(SimClock(START_MS), Setting(zone=Zone(-18_000), is_set=True))
    assert clock.local_minute() == 19 * 60


def test_a_clock_that_stood_still_is_not_set() -> None:
    clock = StrapClock(SimClock(START_MS), Setting(is_set=True))
    clock.stopped()
    assert not clock.setting.is_set


@given(
    st.lists(st.tuples(st.integers(0, 1 << 47), st.integers(0, 10**9)), min_size=1, max_size=8),
    st.integers(-(10**12), 10**12),
)
def test_after_every_setting_the_strap_has_the_phones_time(
    settings: list[tuple[int, int]], wrong_ms: int
) -> None:
    env = SimClock(START_MS)
    clock = StrapClock(env, Setting(correction_ms=wrong_ms))
    for unix_ms, pause_ms in settings:
        drift_ms = clock.now_ms() - unix_ms
        assert clock.set(SetTime(unix_ms)) == drift_ms
        assert clock.now_ms() == unix_ms
        env.advance_ms(pause_ms)
        assert clock.now_ms() == unix_ms + pause_ms
        assert 0 <= clock.local_minute() < 1_440
