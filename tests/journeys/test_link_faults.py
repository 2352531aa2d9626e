"""A card loaded over a link that fails at every frame in turn, on virtual time.

Each frame is dropped, doubled, overtaken, held back, damaged, or the last before the connection
breaks. Every time the script runs to its end without being begun again, and each of its commands
reaches the secure element once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import pytest

from support import paid_cards
from support.link_attacker import Strap, new_strap, phone_channel
from support.payment_cards import K3, PIN
from support.se_cards import DIRECTORY, PHONE_KEY, SEAL_KEY, Rig
from wristlet.crypto import ec
from wristlet.env.sim import MemoryDisk, SimEnv
from wristlet.links.script_runner import RunResult, run_script
from wristlet.links.strap_loop import FrameFault
from wristlet.se import catalog
from wristlet.se.card import Card
from wristlet.wire.masked import SecretDigits

pytestmark = pytest.mark.slow

T = TypeVar("T")
STEP_MS, LIMIT_MS = 20, 60_000


@dataclass(frozen=True)
class Ready:
    """A strap that is paired and has its PIN, as its disk; and a script that was made for it."""

    rig: Rig
    disk: MemoryDisk
    aid: bytes
    apdus: tuple[bytes, ...]

    def strap(self) -> Strap:
        """The strap, switched on with a clock of its own."""
        env = SimEnv(99, disk=self.disk.copy())
        card = Card.open(env, DIRECTORY, SEAL_KEY, sandbox=True, catalog=catalog.installed())
        return Strap(Rig(env, self.rig.owner, self.rig.identity, card), env)


async def ready() -> Ready:
    strap = new_strap(1)
    link = strap.client()
    await link.pair_offer(ec.point_of(PHONE_KEY))
    await link.pair_reveal(bytes(range(16)))
    await strap.relay.press_confirm()
    channel = await phone_channel(strap, link, 0x101)
    await channel.create_pin(SecretDigits(PIN))
    await link.close()
    aid, apdus = paid_cards.card_script(strap.rig, 1, K3)
    return Ready(strap.rig, strap.rig.disk, aid, apdus)


async def on_time(env: SimEnv, work: Awaitable[T]) -> T:
    """Move virtual time on until something is done."""
    task = asyncio.ensure_future(work)
    for _ in range(LIMIT_MS // STEP_MS):
        await env.clock.run_ms(0)
        if task.done():
            return await task
        await env.clock.run_ms(STEP_MS)
    task.cancel()
    raise AssertionError("it took too long")


async def loaded(start: Ready, index: int, fault: FrameFault) -> tuple[RunResult, Strap]:
    """Load the card while frame `index` fails."""
    strap = start.strap()
    strap.plan.faults = {index: fault}
    link = strap.client()
    assert isinstance(strap.env, SimEnv)
    result = await on_time(strap.env, run_script(link, start.apdus))
    await link.close()
    await strap.server.close()
    return result, strap


@pytest.mark.parametrize("fault", list(FrameFault))
async def test_a_card_is_loaded_whatever_happens_to_any_frame(fault: FrameFault) -> None:
    start = await ready()
    undisturbed, strap = await loaded(start, 1_000_000, fault)
    assert undisturbed.completed
    frames, wanted = strap.plan.seen, strap.kept()
    assert frames > 2 * len(start.apdus)
    for index in range(frames):
        result, strap = await loaded(start, index, fault)
        assert result.completed, (fault, index, result)
        assert [one for one in strap.apdus if one in start.apdus] == list(start.apdus), index
        assert strap.kept().keys() == wanted.keys(), (fault, index)
        assert paid_cards.pay(strap.rig).ok, (fault, index)
