"""The digits of a pairing: shown, confirmed by a button in time, one question at a time."""

from __future__ import annotations

import asyncio

import pytest

from wristlet.env.sim import SimEnv
from wristlet.strap.comparison import PATIENCE_MS, Comparison


async def asked(comparison: Comparison, digits: str = "123456") -> asyncio.Task[bool]:
    task = asyncio.create_task(comparison.ask(digits))
    await asyncio.sleep(0)
    return task


async def test_the_button_says_yes_to_what_is_shown() -> None:
    shown: list[str] = []
    comparison = Comparison(SimEnv().clock, shown.append)
    assert not comparison.confirm()
    task = await asked(comparison)
    assert comparison.is_pending
    assert comparison.confirm()
    assert not comparison.confirm()
    assert await task
    assert shown == ["123456", ""]
    assert not comparison.is_pending


async def test_no_button_in_time_says_no() -> None:
    env = SimEnv()
    comparison = Comparison(env.clock, lambda _: None)
    task = await asked(comparison)
    await env.clock.run_ms(PATIENCE_MS - 1)
    assert not task.done()
    await env.clock.run_ms(1)
    assert not await task
    assert not comparison.confirm()


async def test_a_second_phone_meanwhile_is_told_no_and_shows_nothing() -> None:
    shown: list[str] = []
    comparison = Comparison(SimEnv().clock, shown.append)
    task = await asked(comparison)
    assert not await comparison.ask("654321")
    assert shown == ["123456"]
    comparison.confirm()
    assert await task


async def test_a_phone_that_goes_away_takes_its_digits_with_it() -> None:
    shown: list[str] = []
    comparison = Comparison(SimEnv().clock, shown.append)
    task = await asked(comparison)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert shown == ["123456", ""]
    assert not comparison.confirm()
