"""An alarm rings at what was set last, and once."""

from __future__ import annotations

import asyncio

from wristlet.env.sim import SimEnv
from wristlet.links.alarm import Alarm


async def test_it_rings_once_at_the_moment_that_was_set_last() -> None:
    env, rung = SimEnv(), list[int]()
    alarm = Alarm(env.clock, lambda: rung.append(env.clock.monotonic_us() // 1000))
    alarm.set(100)
    alarm.set(300)
    await env.clock.run_ms(299)
    assert rung == []
    await env.clock.run_ms(500)
    assert rung == [300]


async def test_an_earlier_moment_counts_too() -> None:
    env, rung = SimEnv(), list[int]()
    alarm = Alarm(env.clock, lambda: rung.append(env.clock.monotonic_us() // 1000))
    alarm.set(1_000)
    await env.clock.run_ms(10)
    alarm.set(50)
    await env.clock.run_ms(2_000)
    assert rung == [50]


async def test_it_is_silent_when_nothing_is_due_any_more() -> None:
    env, rung = SimEnv(), list[int]()
    alarm = Alarm(env.clock, lambda: rung.append(1))
    alarm.set(100)
    alarm.set(None)
    await env.clock.run_ms(200)
    alarm.set(300)
    alarm.cancel()
    await env.clock.run_ms(500)
    assert rung == []
    assert [task for task in asyncio.all_tasks() if "Alarm" in repr(task)] == []


async def test_it_may_be_set_again_while_it_rings() -> None:
    env, rung = SimEnv(), list[int]()

    def ring() -> None:
        rung.append(env.clock.monotonic_us() // 1000)
        if len(rung) < 3:
            alarm.set(rung[-1] + 100)

    alarm = Alarm(env.clock, ring)
    alarm.set(100)
    await env.clock.run_ms(1_000)
    assert rung == [100, 200, 300]
