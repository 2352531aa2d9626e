"""The acquirer: repeats ask once, unknown outcomes are reversed until it is acknowledged."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.hosts import LossyBank, ScriptedHost, Turn
from wristlet.env.sim import SimEnv
from wristlet.links.iso8583_peer import (
    HostUnavailable,
    HostUnreachable,
    LoopbackClient,
    RequestInFlight,
)
from wristlet.network.acquirer import (
    ANSWERS_KEPT,
    Acquirer,
    AcquirerConfig,
    retrieval_reference,
    reversal_of,
    terminal_trace,
)
from wristlet.wire.iso8583.message import Message, reply
from wristlet.wire.masked import SecretDigits

NUMBER = "9998010000000018"
LOST = HostUnavailable("the answer was lost")


def request(
    stan: int = 1, mti: str = "0100", terminal: str = "WRIST001", amount_minor: int = 500
) -> Message:
    fields: dict[int, str | bytes] = {
        2: SecretDigits(NUMBER),
        3: "000000",
        4: f"{amount_minor:012d}",
        7: "0101120000",
        11: f"{stan:06d}",
        12: "210000",
        13: "0101",
        14: "3012",
        22: "071",
        25: "00",
        41: terminal,
        42: "WRISTLETSHOP001",
        49: "392",
        55: b"\x9f\x02\x06\x00\x00\x00\x00\x05\x00",
    }
    return Message(mti, fields)


def made(*turns: Turn) -> tuple[Acquirer, ScriptedHost, SimEnv]:
    env, host = SimEnv(), ScriptedHost(*turns)
    return Acquirer(env, AcquirerConfig(), host), host, env


async def code(acquirer: Acquirer, message: Message) -> str:
    return (await acquirer.handle(message)).text(39)


async def test_request_is_completed_for_the_network() -> None:
    acquirer, host, _ = made()
    answer = await acquirer.handle(request())
    (sent,) = host.seen
    added = {number: sent.text(number) for number in (18, 19, 32)}
    assert added == {18: "5411", 19: "392", 32: "99990001"}
    assert sent.without(18, 19, 32, 37).fields == request().fields
    assert (answer.mti, answer.text(39), answer.text(37)) == ("0110", "00", sent.text(37))


async def test_decline_is_passed_on_and_not_reversed() -> None:
    acquirer, host, env = made("51")
    assert await code(acquirer, request()) == "51"
    await env.clock.run_ms(5_000)
    assert len(host.seen) == 1


@pytest.mark.parametrize("turn", ["91", "96", LOST, RequestInFlight("twice")])
async def test_unknown_outcome_is_declined_and_reversed(turn: Turn) -> None:
    acquirer, host, env = made(turn)
    assert await code(acquirer, request()) == "91"
    await env.clock.run_ms(0)
    sent, undone = host.seen
    assert undone == reversal_of(sent)
    assert acquirer.open_reversals == 0


async def test_reversal_names_its_request() -> None:
    acquirer, host, env = made(LOST)
    await code(acquirer, request(7))
    await env.clock.run_ms(0)
    sent, undone = host.seen
    assert undone.mti == "0420"
    assert undone.text(90) == "0100" + "000007" + "0101120000" + "00099990001" + "0" * 11
    same = (2, 4, 7, 11, 32, 37, 41, 42, 49)
    assert [undone.fields[n] for n in same] == [sent.fields[n] for n in same]
    assert 55 not in undone.fields


async def test_answer_without_a_code_is_an_unknown_outcome() -> None:
    async def nothing(message: Message) -> Message:
        return reply(message)

    acquirer, host, env = made(nothing)
    assert await code(acquirer, request()) == "91"
    await env.clock.run_ms(0)
    assert [message.mti for message in host.seen] == ["0100", "0420"]


async def test_what_was_never_sent_is_not_reversed_and_may_be_tried_again() -> None:
    acquirer, host, env = made(HostUnreachable("no link"))
    assert await code(acquirer, request()) == "91"
    await env.clock.run_ms(5_000)
    assert acquirer.open_reversals == 0
    assert await code(acquirer, request()) == "00"
    assert [message.mti for message in host.seen] == ["0100", "0100"]


async def test_reversal_is_repeated_until_acknowledged() -> None:
    acquirer, host, env = made(LOST, LOST, "91", HostUnreachable("down"), "00")
    await code(acquirer, request())
    await env.clock.run_ms(2_999)
    assert (len(host.seen), acquirer.open_reversals) == (4, 1)
    await env.clock.run_ms(1)
    assert (len(host.seen), acquirer.open_reversals) == (5, 0)
    assert len({message.text(90) for message in host.seen[1:]}) == 1


async def test_reversal_that_the_bank_refuses_is_not_repeated() -> None:
    acquirer, host, env = made(LOST, "25")
    await code(acquirer, request())
    await env.clock.run_ms(5_000)
    assert (len(host.seen), acquirer.open_reversals) == (2, 0)


async def test_stuck_reversal_does_not_hold_up_others() -> None:
    async def stuck(message: Message) -> Message:
        assert message.text(11) == "000001"
        raise LOST

    acquirer, host, env = made(LOST, LOST, stuck, "00", stuck, "00")
    await asyncio.gather(code(acquirer, request(1)), code(acquirer, request(2)))
    await env.clock.run_ms(1_000)
    assert [message.text(11) for message in host.seen[2:]] == ["000001", "000002", "000001"]
    assert acquirer.open_reversals == 1


async def test_repeat_gets_the_stored_answer_without_a_second_request() -> None:
    acquirer, host, _ = made("00", "51")
    first = await acquirer.handle(request())
    for mti in ("0100", "0101"):
        assert await acquirer.handle(request(mti=mti)) == first
    assert len(host.seen) == 1


async def test_repeat_while_the_first_is_under_way_waits_for_it() -> None:
    future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def later(message: Message) -> Message:
        return await future

    acquirer, host, _ = made(later)
    tasks = [asyncio.create_task(acquirer.handle(request())) for _ in range(3)]
    while not host.seen:
        await asyncio.sleep(0)
    future.set_result(reply(host.seen[0], {39: "00"}))
    answers = await asyncio.gather(*tasks)
    assert len(host.seen) == 1
    assert [answer.text(39) for answer in answers] == ["00"] * 3


async def test_repeat_that_is_cut_off_leaves_the_first_alone() -> None:
    future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def later(message: Message) -> Message:
        return await future

    acquirer, host, env = made(later)
    first, repeat = (asyncio.create_task(acquirer.handle(request())) for _ in range(2))
    await env.clock.run_ms(0)
    repeat.cancel()
    await env.clock.run_ms(0)
    future.set_result(reply(host.seen[0], {39: "00"}))
    assert (await first).text(39) == "00"
    assert await code(acquirer, request()) == "00"
    assert len(host.seen) == 1


async def test_repeat_of_a_reversed_request_stays_declined() -> None:
    acquirer, host, env = made(LOST)
    assert await code(acquirer, request()) == "91"
    await env.clock.run_ms(0)
    assert await code(acquirer, request()) == "91"
    assert [message.mti for message in host.seen] == ["0100", "0420"]


async def test_other_request_under_a_trace_is_refused() -> None:
    acquirer, host, _ = made()
    assert await code(acquirer, request()) == "00"
    assert await code(acquirer, request(amount_minor=501)) == "94"
    assert len(host.seen) == 1


async def test_request_that_is_cut_off_is_reversed() -> None:
    async def never(message: Message) -> Message:
        return await asyncio.Future[Message]()

    acquirer, host, env = made(never)
    task = asyncio.create_task(acquirer.handle(request()))
    while not host.seen:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await env.clock.run_ms(0)
    assert [message.mti for message in host.seen] == ["0100", "0420"]


async def test_terminals_may_use_the_same_number_at_the_same_time() -> None:
    acquirer, host, _ = made()
    for terminal in ("WRIST001", "WRIST002"):
        await acquirer.handle(request(terminal=terminal))
    assert len({message.text(37) for message in host.seen}) == 2


@given(st.text("0123456789", min_size=10, max_size=10), st.text(max_size=8))
def test_reference_is_twelve_characters_of_the_table(sent: str, terminal: str) -> None:
    reference = retrieval_reference((sent, "000001", terminal, "M"))
    assert len(reference) == 12
    assert reference.isascii()
    assert reference.isalnum()
    assert reference == reference.upper()


async def test_terminals_reversal_is_accepted_and_delivered() -> None:
    acquirer, host, env = made()
    await acquirer.handle(request(3))
    named = "0100" + "000003" + "0101120000" + "0" * 22
    own = request(4, "0400").with_fields({90: named})
    answer = await acquirer.handle(own)
    assert (answer.mti, answer.text(39), answer.text(11)) == ("0410", "00", "000004")
    await env.clock.run_ms(0)
    assert host.seen[1] == reversal_of(host.seen[0])
    assert await code(acquirer, request(3)) == "05"
    assert len(host.seen) == 2


@pytest.mark.parametrize("missing", [2, 4, 7, 11, 41, 42, 49])
async def test_request_that_cannot_be_told_apart_is_refused(missing: int) -> None:
    acquirer, host, _ = made()
    assert await code(acquirer, request().without(missing)) == "30"
    assert not host.seen


async def test_reversal_that_names_nothing_is_refused() -> None:
    acquirer, _, _ = made()
    assert await code(acquirer, request(mti="0400")) == "30"
    assert acquirer.open_reversals == 0


async def test_partial_reversal_is_refused_and_reverses_nothing() -> None:
    acquirer, host, env = made()
    await acquirer.handle(request(3))
    named = "0100" + "000003" + "0101120000" + "0" * 22
    partial = request(4, "0420").with_fields({90: named, 95: "000000000100".ljust(42, "0")})
    assert await code(acquirer, partial) == "12"
    await env.clock.run_ms(0)
    assert (acquirer.open_reversals, len(host.seen)) == (0, 1)


async def test_other_messages_are_not_supported() -> None:
    acquirer, _, _ = made()
    assert await code(acquirer, request(mti="0200")) == "12"


async def test_answers_are_kept_within_bounds() -> None:
    acquirer, host, _ = made()
    for stan in range(ANSWERS_KEPT + 10):
        await acquirer.handle(request(stan))
    assert len(acquirer._answers) == ANSWERS_KEPT
    await acquirer.handle(request(ANSWERS_KEPT))
    assert len(host.seen) == ANSWERS_KEPT + 10


async def test_close_tells_what_stays_open(caplog: pytest.LogCaptureFixture) -> None:
    acquirer, _, env = made(LOST, LOST)
    await code(acquirer, request())
    await env.clock.run_ms(0)
    await acquirer.close()
    assert "1 reversals were not acknowledged" in caplog.text
    assert NUMBER not in caplog.text


async def test_whole_exchange_survives_the_wire() -> None:
    acquirer, host, env = made("00", LOST)
    terminal = LoopbackClient(acquirer.handle, bytes(16))
    assert (await terminal.request(request(1))).text(39) == "00"
    assert (await terminal.request(request(2))).text(39) == "91"
    await env.clock.run_ms(0)
    network = LoopbackClient(ScriptedHost().request, bytes(16))
    assert (await network.request(host.seen[2])).mti == "0430"


@pytest.mark.parametrize("seed", range(5))
async def test_no_money_stays_held_that_the_terminal_does_not_know_of(seed: int) -> None:
    chance = random.Random(seed)
    env, bank = SimEnv(seed), LossyBank()
    bank.lose = [chance.random() < 0.4 for _ in range(400)]
    acquirer = Acquirer(env, AcquirerConfig(), bank)
    approved: dict[str, int] = {}
    for _ in range(200):
        asked = request(chance.randrange(1, 60), amount_minor=700)
        answer = await acquirer.handle(asked)
        if answer.text(39) == "00":
            approved[retrieval_reference(terminal_trace(asked))] = 700
    bank.lose = []
    await env.clock.run_ms(300_000)
    assert acquirer.open_reversals == 0
    assert bank.held == approved
