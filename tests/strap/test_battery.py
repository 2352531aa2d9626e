"""The battery's account: nothing is lost to rounding, and the reserve keeps its promise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.strap import battery
from wristlet.strap.battery import Battery, BatteryModel, Load
from wristlet.strap.body import Body
from wristlet.strap.device import LOADS_UA, MODELS, PRO
from wristlet.strap.power import Power
from wristlet.strap.presenter import Shown
from wristlet.wire.strap.state import Mode

MODEL = PRO.battery
FULL = Battery(MODEL.capacity_nah)
LOADS = st.sets(st.sampled_from(sorted(Load, key=lambda load: load.value)))
MODELS_ANY = st.builds(
    BatteryModel,
    capacity_mah=st.floats(20, 300),
    loads_ua=st.fixed_dictionaries({load: st.floats(0, LOADS_UA[load] * 2) for load in Load}),
    tap_nah=st.integers(1, 50_000),
    charge_ma=st.floats(5, 100),
    reserve_taps=st.integers(0, 50),
    reserve_hours=st.integers(0, 48),
)


def test_a_load_for_an_hour_takes_its_current() -> None:
    after = battery.drained(MODEL, FULL, {Load.BASE, Load.MOTION}, 3_600_000)
    assert FULL.charge_nah - after.charge_nah == 118_000


def test_a_million_short_looks_are_one_long_one() -> None:
    short = FULL
    for _ in range(20_000):
        short = battery.drained(MODEL, short, {Load.BASE}, 7)
    long = battery.drained(MODEL, FULL, {Load.BASE}, 140_000)
    assert abs(short.charge_nah - long.charge_nah) <= 1


def test_the_charger_fills_and_stops_at_full() -> None:
    low = Battery(1_000_000, is_charging=True)
    after = battery.drained(MODEL, low, {Load.BASE}, 3_600_000)
    assert after.charge_nah == 1_000_000 + 30_000_000 - 28_000
    assert battery.drained(MODEL, after, {Load.BASE}, 36_000_000).charge_nah == MODEL.capacity_nah


def test_percent_and_voltage_fall_to_the_shutdown() -> None:
    assert battery.percent(MODEL, FULL) == 100
    assert battery.percent(MODEL, Battery(MODEL.shutdown_nah + 1)) == 1
    assert battery.percent(MODEL, Battery(MODEL.shutdown_nah)) == 0
    assert battery.must_shut_down(MODEL, Battery(MODEL.shutdown_nah))
    assert not battery.must_shut_down(MODEL, Battery(MODEL.shutdown_nah, is_charging=True))
    levels = range(0, MODEL.capacity_nah + 1, MODEL.capacity_nah // 50)
    volts = [battery.voltage_mv(MODEL, Battery(nah)) for nah in levels]
    assert volts == sorted(volts)
    assert (volts[0], volts[-1]) == (3_000, 4_200)


@pytest.mark.parametrize(
    ("before", "now", "warned"),
    [(100, 21, None), (21, 20, 20), (20, 20, None), (12, 4, 5), (25, 9, 10), (9, 30, None)],
)
def test_warnings_come_once_on_the_way_down(before: int, now: int, warned: int | None) -> None:
    assert battery.warning(MODEL, before, now) == warned


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"loads_ua": {Load.BASE: 1.0}}, "is missing"),
        ({"charge_ma": 0.0}, "charge_ma"),
        ({"reserve_taps": -1}, "reserve_taps"),
        ({"capacity_mah": 0.1}, "the reserve is as large"),
    ],
)
def test_a_model_that_cannot_be_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(MODEL, **change)  # type: ignore[arg-type]  # wrong on purpose


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="elapsed_ms"):
        battery.drained(MODEL, FULL, (), -1)


@given(MODELS_ANY)
def test_after_the_shutdown_the_promised_taps_are_there_for_the_promised_time(
    model: BatteryModel,
) -> None:
    at_shutdown = Battery(model.shutdown_nah)
    later = battery.drained(model, at_shutdown, {Load.OFF}, model.reserve_hours * 3_600_000)
    for _ in range(model.reserve_taps):
        assert battery.taps_left(model, later) >= 1
        later = battery.tapped(model, later)


@given(MODELS_ANY, st.lists(st.tuples(LOADS, st.integers(0, 10**7)), max_size=20))
def test_charge_stays_within_the_cell(
    model: BatteryModel, times: list[tuple[set[Load], int]]
) -> None:
    now = Battery(model.capacity_nah)
    for number, (loads, elapsed_ms) in enumerate(times):
        now = battery.drained(
            model, battery.plugged(now, is_charging=number % 3 == 0), loads, elapsed_ms
        )
        assert 0 <= now.charge_nah <= model.capacity_nah
        assert 0 <= battery.percent(model, now) <= 100


@given(st.sampled_from(sorted(MODELS)), st.integers(1, 10**10), st.integers(0, 10**9))
def test_who_looks_late_finds_the_reserve_whole(name: str, late_ms: int, above_nah: int) -> None:
    model = MODELS[name]
    power = Power(model, model.battery.shutdown_nah + above_nah, 0)
    power.pass_time(Body(), Shown(), late_ms)
    leaked_nah = model.battery.loads_ua[Load.OFF] * 1_000 * late_ms / 3_600_000
    whole = model.battery.reserve_nah - leaked_nah
    assert power.battery.charge_nah >= min(whole, model.battery.capacity_nah) - 1


def test_a_strap_that_nobody_looks_at_leaks_after_its_shutdown() -> None:
    power = Power(PRO, MODEL.shutdown_nah, 0)
    power.pass_time(Body(), Shown(), 10 * 3_600_000)
    gone = MODEL.shutdown_nah - power.battery.charge_nah
    assert gone == pytest.approx(10 * 2_000, abs=100)


def test_a_week_between_charges() -> None:
    day_hours = 24.0
    assert MODEL.hours({Load.BASE, Load.MOTION, Load.CONNECTED}) / day_hours > 7
    assert MODEL.hours({Load.BASE}) > MODEL.hours({Load.BASE, Load.MOTION})


def test_modes_draw_less_and_less() -> None:
    drawn = []
    for mode in (Mode.NORMAL, Mode.STANDALONE, Mode.SLEEP, Mode.RESERVE):
        power = Power(PRO, MODEL.capacity_nah, 0)
        power.pass_time(Body(mode=mode), Shown(), 3_600_000)
        drawn.append(MODEL.capacity_nah - power.battery.charge_nah)
    assert drawn == sorted(drawn, reverse=True)
    assert len(set(drawn)) == 4
