"""Each planned fault does what it says, once, at its command."""

from __future__ import annotations

import asyncio

import pytest

from support.cards import ScriptedPort
from wristlet.env.sim import SimEnv
from wristlet.links.channel import LinkLost
from wristlet.links.faults import Fault, FaultChannel, FaultPlan
from wristlet.links.loopback import LoopbackChannel

COMMANDS = [bytes((0, number, 0, 0)) for number in range(3)]
DONE = [bytes((number, 0x90, 0x00)) for number in range(3)]
LOST = None


async def run(plan: FaultPlan | None) -> tuple[list[bytes | None], list[int]]:
    """Send three commands; return the answers and which commands the card did."""
    port = ScriptedPort()
    channel = FaultChannel(LoopbackChannel(port), plan)
    answers: list[bytes | None] = []
    for command in COMMANDS:
        try:
            answers.append(await channel.transmit(command))
        except LinkLost:
            answers.append(LOST)
    assert channel.count == 3
    return answers, [event[1] for event in port.events if isinstance(event, bytes)]


@pytest.mark.parametrize(
    ("plan", "answers", "done"),
    [
        (None, DONE, [0, 1, 2]),
        (FaultPlan(7, Fault.CUT), DONE, [0, 1, 2]),
        (FaultPlan(1, Fault.DROP_COMMAND), [DONE[0], LOST, DONE[2]], [0, 2]),
        (FaultPlan(1, Fault.DROP_REPLY), [DONE[0], LOST, DONE[2]], [0, 1, 2]),
        (FaultPlan(1, Fault.CUT), [DONE[0], LOST, LOST], [0]),
        (FaultPlan(1, Fault.DUPLICATE), DONE, [0, 1, 1, 2]),
        (FaultPlan(1, Fault.FORGE_SW, 0x6985), [DONE[0], b"\x69\x85", DONE[2]], [0, 1, 2]),
    ],
)
async def test_fault_does_what_it_says(
    plan: FaultPlan | None, answers: list[bytes | None], done: list[int]
) -> None:
    assert await run(plan) == (answers, done)


async def test_delay_holds_the_command_back() -> None:
    env, port = SimEnv(), ScriptedPort()
    plan = FaultPlan(0, Fault.DELAY, delay_ms=500)
    channel = FaultChannel(LoopbackChannel(port), plan, env.clock)
    task = asyncio.create_task(channel.transmit(COMMANDS[0]))
    await env.clock.run_ms(499)
    assert not port.events
    await env.clock.run_ms(1)
    assert await task == DONE[0]


def test_delay_needs_a_clock() -> None:
    with pytest.raises(ValueError, match="clock"):
        FaultChannel(LoopbackChannel(ScriptedPort()), FaultPlan(0, Fault.DELAY))


async def test_loopback_resets_its_port() -> None:
    port = ScriptedPort()
    await LoopbackChannel(port).reset()
    assert port.events == ["reset"]
