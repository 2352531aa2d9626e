"""The phone's core over a carrier in this process: whatever the link does, once at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest

from support.strap_pair import Pair, until
from wristlet.env.sim import SimEnv
from wristlet.links.channel import LinkLost
from wristlet.links.strap_client import PATIENCE_MS, StrapClient
from wristlet.links.strap_link import StrapRefused
from wristlet.links.strap_loop import FrameFault, FramePlan, LoopCarrier
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.frames import BODY_MAX

T = TypeVar("T")
LONG = bytes(range(256)) * 12


@pytest.fixture
def env() -> SimEnv:
    return SimEnv(1)


@pytest.fixture
async def pair(env: SimEnv) -> AsyncIterator[Pair]:
    pair = Pair(env)
    yield pair
    await pair.close()


async def on_time(env: SimEnv, work: Awaitable[T], limit_ms: int = 120_000) -> T:
    """Move time on until something is done; AssertionError when it takes longer than `limit_ms`."""
    task = asyncio.ensure_future(work)
    for _ in range(limit_ms // 50):
        await env.clock.run_ms(0)
        if task.done():
            return await task
        await env.clock.run_ms(50)
    task.cancel()
    raise AssertionError("it took too long")


async def test_a_request_gets_its_answer_without_any_waiting(pair: Pair) -> None:
    assert await pair.client.ask(Concern.APDU, b"abc") == b"cba"
    assert await pair.client.ask(Concern.APDU, b"") == b""
    assert await pair.client.ask(Concern.MESSAGES, LONG) == LONG[::-1]
    assert pair.echo.carried_out == [b"abc", b""]
    assert pair.other.presence == ["connected"]


@pytest.mark.parametrize("mtu", [23, 24, 64, 185, 516, 517])
async def test_every_length_passes_at_every_mtu(env: SimEnv, mtu: int) -> None:
    pair = Pair(env, mtu=mtu)
    for size in (0, 1, 3, 4, 5, 16, 17, 255, 512, 1_000):
        body = bytes(index % 251 for index in range(size))
        assert await pair.client.ask(Concern.APDU, body) == body[::-1]
    await pair.close()


async def test_the_longest_message_passes_and_a_longer_one_is_refused(pair: Pair) -> None:
    body = bytes(BODY_MAX)
    assert await pair.client.ask(Concern.APDU, body) == body
    with pytest.raises(StrapRefused, match="too long"):
        await pair.client.ask(Concern.APDU, bytes(BODY_MAX + 1))
    assert await pair.client.ask(Concern.APDU, b"ab") == b"ba"


async def test_refusals_say_why(pair: Pair) -> None:
    with pytest.raises(StrapRefused, match="paired already"):
        await pair.client.ask(Concern.APDU, b"refuse")
    assert await pair.client.ask(Concern.APDU, b"ab") == b"ba"


async def test_a_lost_secure_element_is_a_lost_link_and_the_next_request_works(
    pair: Pair, env: SimEnv
) -> None:
    with pytest.raises(LinkLost, match="restarted"):
        await on_time(env, pair.client.ask(Concern.APDU, b"lost"))
    assert await on_time(env, pair.client.ask(Concern.APDU, b"ab")) == b"ba"
    assert pair.echo.carried_out == [b"lost", b"ab"]


async def test_requests_of_one_concern_wait_for_each_other(pair: Pair) -> None:
    answers = await asyncio.gather(
        *(pair.client.ask(Concern.APDU, b"%d." % number) for number in range(20))
    )
    assert answers == [(b"%d." % number)[::-1] for number in range(20)]


async def test_an_answer_that_nobody_waits_for_is_taken_for_no_other(pair: Pair) -> None:
    task = asyncio.create_task(pair.client.ask(Concern.APDU, b"wait"))
    await until(lambda: pair.echo.carried_out == [b"wait"])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    later = asyncio.create_task(pair.client.ask(Concern.APDU, b"next"))
    pair.echo.gate.set()
    assert await later == b"txen"


async def frames_of(body: bytes, mtu: int) -> int:
    """How many frames a request and its answer take when nothing fails."""
    pair = Pair(SimEnv(1), mtu=mtu)
    await pair.client.ask(Concern.APDU, body)
    await pair.close()
    return pair.plan.seen


@pytest.mark.parametrize("fault", list(FrameFault))
async def test_a_fault_at_any_frame_costs_time_and_nothing_else(fault: FrameFault) -> None:
    body = bytes(range(60))
    for index in range(await frames_of(body, 40) + 2):
        env = SimEnv(index)
        pair = Pair(env, mtu=40, plan=FramePlan({index: fault}))
        assert await on_time(env, pair.client.ask(Concern.APDU, body)) == body[::-1], index
        assert await on_time(env, pair.client.ask(Concern.APDU, b"ab")) == b"ba", index
        assert pair.echo.carried_out == [body, b"ab"], index
        await pair.close()


async def test_an_answer_that_was_lost_with_the_connection_is_asked_for(
    pair: Pair, env: SimEnv
) -> None:
    task = asyncio.create_task(pair.client.ask(Concern.APDU, b"wait"))
    await until(lambda: pair.echo.carried_out == [b"wait"])
    assert pair.carrier is not None
    pair.carrier.drop()
    pair.echo.gate.set()
    assert await on_time(env, task) == b"tiaw"
    assert (pair.echo.carried_out, pair.connections) == ([b"wait"], 2)


async def test_after_a_restart_of_the_strap_nobody_knows(pair: Pair, env: SimEnv) -> None:
    task = asyncio.create_task(pair.client.ask(Concern.APDU, b"wait"))
    await until(lambda: pair.echo.carried_out == [b"wait"])
    pair.restart_strap()
    with pytest.raises(LinkLost, match="restarted"):
        await on_time(env, task)
    assert await pair.client.ask(Concern.APDU, b"ab") == b"ba"
    assert pair.echo.carried_out == [b"wait", b"ab"]


async def test_without_a_strap_a_request_ends_soon(pair: Pair, env: SimEnv) -> None:
    task = asyncio.create_task(pair.client.ask(Concern.APDU, b"wait"))
    await until(lambda: pair.echo.carried_out == [b"wait"])

    async def nowhere() -> LoopCarrier:
        raise LinkLost("the strap cannot be reached")

    pair.client._connect = nowhere
    assert pair.carrier is not None
    pair.carrier.drop()
    with pytest.raises(LinkLost, match="broke before it answered"):
        await on_time(env, task, 10_000)
    with pytest.raises(LinkLost, match="cannot be reached"):
        await pair.client.ask(Concern.APDU, b"ab")


async def test_an_answer_that_never_comes_ends_too(pair: Pair, env: SimEnv) -> None:
    task = asyncio.create_task(pair.client.ask(Concern.APDU, b"wait"))
    with pytest.raises(LinkLost, match="does not answer"):
        await on_time(env, task, PATIENCE_MS + 1_000)
    pair.echo.gate.set()
    assert await on_time(env, pair.client.ask(Concern.APDU, b"ab")) == b"ba"


async def test_news_reach_who_listens_in_order_and_after_a_reconnection(
    pair: Pair, env: SimEnv
) -> None:
    heard: list[bytes] = []
    pair.client.listen(Concern.MESSAGES, heard.append)
    await until(lambda: pair.other.presence == ["connected"])
    for number in range(5):
        pair.server.news(Concern.MESSAGES, b"%d" % number)
    pair.server.news(Concern.MESSAGES, LONG)
    await until(lambda: len(heard) == 6)
    assert heard == [b"0", b"1", b"2", b"3", b"4", LONG]
    assert pair.carrier is not None
    pair.carrier.drop()
    await env.clock.run_ms(500)
    pair.server.news(Concern.MESSAGES, b"again")
    await until(lambda: len(heard) == 7)
    assert pair.other.presence == ["connected", "disconnected", "connected"]


@pytest.mark.parametrize("fault", [fault for fault in FrameFault if fault is not FrameFault.CUT])
async def test_news_are_told_once_whatever_happens_to_a_frame(fault: FrameFault) -> None:
    """All but a cut: what a phone that was away did not hear is the concern's matter."""
    for index in range(2, 14):
        env = SimEnv(index)
        pair, heard = Pair(env, mtu=40, plan=FramePlan({index: fault})), list[bytes]()
        pair.client.listen(Concern.MESSAGES, heard.append)
        await until(lambda pair=pair: pair.other.presence == ["connected"])  # type: ignore[misc] # bound for this turn
        told = [bytes((number,)) * (20 * number) for number in range(1, 5)]
        for one in told:
            pair.server.news(Concern.MESSAGES, one)
        await env.clock.run_ms(20_000)
        assert heard == told, (fault, index)
        await pair.close()


async def test_another_phone_finds_nothing_of_the_first(env: SimEnv) -> None:
    pair = Pair(env)
    await pair.client.ask(Concern.APDU, b"first")
    before = pair.resets
    stranger = StrapClient(
        env, lambda: LoopCarrier.connect(pair.server.serve, env.clock, peer="another")
    )
    with pytest.raises(LinkLost, match="busy with another phone"):
        await stranger.ask(Concern.APDU, b"second")
    await pair.client.close()
    assert await stranger.ask(Concern.APDU, b"second") == b"dnoces"
    assert pair.resets > before
    await stranger.close()
    await pair.close()


async def test_what_a_phone_began_is_dropped_when_it_does_not_come_back(
    pair: Pair, env: SimEnv
) -> None:
    await pair.client.ask(Concern.APDU, b"first")
    before = pair.resets
    await pair.client.close()
    await env.clock.run_ms(29_000)
    assert pair.resets == before
    await env.clock.run_ms(2_000)
    assert pair.resets == before + 1


async def test_a_closed_client_says_so(pair: Pair) -> None:
    task = asyncio.create_task(pair.client.ask(Concern.APDU, b"wait"))
    await until(lambda: pair.echo.carried_out == [b"wait"])
    await pair.client.close()
    with pytest.raises(LinkLost, match="closed"):
        await task
    with pytest.raises(LinkLost, match="closed"):
        await pair.client.ask(Concern.APDU, b"ab")
