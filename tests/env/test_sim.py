from __future__ import annotations

import asyncio

import pytest

from wristlet.env.sim import DEFAULT_START_MS, SimClock, SimEnv, SimRandom


async def test_sleepers_wake_when_time_is_moved() -> None:
    clock, woken = SimClock(), []

    async def sleeper(duration_ms: int) -> None:
        await clock.sleep_ms(duration_ms)
        woken.append((duration_ms, clock.monotonic_us()))

    tasks = [asyncio.ensure_future(sleeper(ms)) for ms in (30, 10, 20)]
    await asyncio.sleep(0)
    clock.advance_ms(19)
    await asyncio.sleep(0)
    assert woken == [(10, 19_000)]
    clock.advance_us(1_000)
    await asyncio.sleep(0)
    assert woken == [(10, 19_000), (20, 20_000)]
    clock.advance_ms(100)
    await asyncio.gather(*tasks)
    assert woken[-1] == (30, 120_000)


async def test_running_lets_each_sleeper_act_at_its_own_time() -> None:
    clock, woken = SimClock(), []

    async def ticker(period_ms: int) -> None:
        for _ in range(3):
            await clock.sleep_ms(period_ms)
            woken.append((clock.monotonic_us() // 1000, period_ms))

    tasks = [asyncio.ensure_future(ticker(ms)) for ms in (20, 30)]
    await clock.run_ms(75)
    assert woken == [(20, 20), (30, 30), (40, 20), (60, 30), (60, 20)]
    assert clock.monotonic_us() == 75_000
    assert clock.next_wake_us() == 90_000
    await clock.run_ms(15)
    await asyncio.gather(*tasks)
    assert clock.next_wake_us() is None


async def test_sleeping_not_at_all_still_lets_others_run() -> None:
    clock, order = SimClock(), []

    async def other() -> None:
        order.append("other")

    task = asyncio.ensure_future(other())
    await clock.sleep_ms(0)
    await clock.sleep_ms(-5)
    order.append("self")
    assert order == ["other", "self"]
    await task


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = SimClock()
    task = asyncio.ensure_future(clock.sleep_ms(10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.next_wake_us() is None
    clock.advance_ms(10)


def test_time_stands_still_and_never_goes_back() -> None:
    clock = SimClock(1_000)
    assert (clock.now_ms(), clock.monotonic_us()) == (1_000, 0)
    clock.advance_us(1_500)
    assert (clock.now_ms(), clock.monotonic_us()) == (1_001, 1_500)
    with pytest.raises(ValueError, match="forward"):
        clock.advance_ms(-1)


def test_only_the_wall_clock_can_be_wrong() -> None:
    clock = SimClock()
    clock.jump_wall_ms(-86_400_000)
    assert clock.now_ms() == DEFAULT_START_MS - 86_400_000
    assert clock.monotonic_us() == 0


def test_randomness_is_fixed_by_its_seed() -> None:
    one, same, other = SimRandom(7), SimRandom(7), SimRandom(8)
    drawn = [one.bytes(size) for size in (16, 0, 3, 16)]
    assert [len(part) for part in drawn] == [16, 0, 3, 16]
    assert drawn == [same.bytes(size) for size in (16, 0, 3, 16)]
    assert drawn[0] != drawn[3]
    assert other.bytes(16) != drawn[0]
    # A recorded seed must give the same run on every machine and version.
    assert SimRandom(1).bytes(8).hex() == "d6f2eb5986ee506b"


def test_a_fork_does_not_depend_on_what_was_drawn() -> None:
    one, other = SimRandom(7), SimRandom(7)
    one.bytes(100)
    assert one.fork("se").bytes(16) == other.fork("se").bytes(16)
    assert one.fork("se").bytes(16) != one.fork("tsp").bytes(16)
    assert one.fork("se").bytes(16) != SimRandom(7).bytes(16)


def test_an_environment_joins_them() -> None:
    env = SimEnv(3, start_ms=5)
    assert env.clock.now_ms() == 5
    assert env.random.bytes(4) == SimRandom(3).bytes(4)
    assert SimEnv(disk=env.disk).disk is env.disk
