"""The PIN and what it opens: limits run down, a lease grows old, the PIN is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.city_story import PIN, add, on_strap, shown, tokens
from support.clocks import LaterClock
from wristlet.companion.errors import PinWrong
from wristlet.env.base import Env
from wristlet.env.real import real_env
from wristlet.lab.city import City, running_city
from wristlet.model.testcards import AOBA, KITA, Bank
from wristlet.model.tsp_messages import LifecycleRequest
from wristlet.pos.kernel.outcome import Cvm, Display

pytestmark = pytest.mark.slow

SMALL, LARGE = 480, 15_000
HOUR_MS = 3_600_000
NEW_PIN = "739251"


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
async def city(tmp_path: Path, clock: LaterClock) -> AsyncIterator[City]:
    real = real_env()
    async with running_city(tmp_path / "city", Env(clock, real.random, real.disk)) as running:
        await running.phone.pair("strap", confirm=running.press)
        await running.phone.create_pin(PIN)
        yield running


@pytest.mark.parametrize("bank", [AOBA, KITA], ids=["kernel 3", "kernel 2"])
async def test_a_lease_that_is_too_old_is_declined_until_the_pin_is_entered_again(
    city: City, clock: LaterClock, bank: Bank
) -> None:
    await add(city, bank)
    await city.phone.verify_pin(PIN)
    assert (await city.bench.tap(LARGE)).approved
    clock.ahead_ms = 25 * HOUR_MS
    old = await city.bench.tap(LARGE)
    assert (old.approved, old.response_code) == (False, "65")
    assert (await city.phone.state()).lease_valid, "the strap trusts no clock"
    await city.phone.verify_pin(PIN)
    assert (await city.bench.tap(LARGE)).approved


async def test_age_runs_from_the_first_tap_if_no_report_came(city: City, clock: LaterClock) -> None:
    await add(city)
    city.wires.wallet.up = False
    await city.phone.verify_pin(PIN)
    clock.ahead_ms = 25 * HOUR_MS
    assert (await city.bench.tap(LARGE)).approved
    city.wires.wallet.up = True
    await city.phone.sync()
    clock.ahead_ms += 23 * HOUR_MS
    assert (await city.bench.tap(LARGE)).approved
    clock.ahead_ms += 2 * HOUR_MS
    assert (await city.bench.tap(LARGE)).response_code == "65"


@pytest.mark.parametrize("bank", [AOBA, KITA], ids=["kernel 3", "kernel 2"])
async def test_small_taps_without_pin_run_out_and_the_terminal_points_to_the_phone(
    city: City, bank: Bank
) -> None:
    await add(city, bank)
    for _ in range(5):
        payment = await city.bench.tap(SMALL)
        assert (payment.approved, payment.cvm) == (True, Cvm.NONE)
    out = await city.bench.tap(SMALL)
    assert (out.approved, out.display) == (False, Display.SEE_PHONE)
    await city.phone.verify_pin(PIN)
    assert (await city.bench.tap(SMALL)).approved


async def test_a_lease_runs_down_tap_by_tap(city: City) -> None:
    await add(city)
    lease = await city.phone.verify_pin(PIN)
    for taken in (1, 2):
        assert (await city.bench.tap(LARGE)).cvm is Cvm.CDCVM
        state = await city.phone.state()
        assert state.taps_left == lease.taps_max - taken
        assert state.amount_left_minor == lease.amount_max_minor - taken * LARGE
    assert (await city.bench.tap(LARGE)).approved
    over = await city.bench.tap(LARGE)
    assert (over.approved, over.display) == (False, Display.SEE_PHONE)


async def test_the_changed_pin_counts_and_the_old_one_does_not(city: City) -> None:
    card = await add(city)
    with pytest.raises(PinWrong) as caught:
        await city.phone.change_pin(NEW_PIN, "111999")
    assert caught.value.tries_left == 2
    await city.phone.change_pin(PIN, NEW_PIN)
    with pytest.raises(PinWrong):
        await city.phone.verify_pin(PIN)
    assert (await city.phone.verify_pin(NEW_PIN)).taps_max == 20
    assert (await city.phone.state()).tries_left == 3
    assert (await city.bench.tap(LARGE)).approved
    assert (await shown(city, card)).state == "active"


async def test_a_right_pin_brings_back_what_a_blocked_one_suspended(city: City) -> None:
    """The report proves it; without a server it waits on the phone for the next sync."""
    card = await add(city)
    (reference,) = await tokens(city)
    locked = LifecycleRequest("task_locked", "pin_locked", "three wrong PINs")
    caller = city.tsp.context.config.callers[0]
    await city.tsp.change_token(caller, reference, "suspend", locked)
    assert (await city.bench.tap(SMALL)).response_code == "62"
    city.wires.wallet.up = False
    await city.phone.verify_pin(PIN)
    city.wires.wallet.up = True
    assert list((await tokens(city)).values()) == [("suspended", "pin_locked")]
    await city.phone.sync()
    assert list((await tokens(city)).values()) == [("active", "")]
    assert (await shown(city, card)).state == "active"
    assert list(on_strap(city).values()) == [1]
    assert (await city.bench.tap(SMALL)).approved
