"""P14, P20: a card is on the strap once or not at all; the wallet never holds a secret."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from unittest.mock import patch

from promises.harness import Promise, Weakness, stride
from wristlet.companion import commits
from wristlet.companion.core import Companion
from wristlet.lab.city import City, running_city
from wristlet.lab.runner import run_steps
from wristlet.links.channel import ApduChannel
from wristlet.links.faults import Fault, FaultPlan
from wristlet.links.script_runner import RunResult, run_script
from wristlet.model.testcards import AOBA, MINAMI, Outcome, find_card
from wristlet.model.wallet_messages import Device

PIN = "482615"
CARD = find_card(MINAMI, Outcome.GREEN)
FORGED = (
    *(0x9000, 0x6110, 0x6283, 0x6300, 0x63C2, 0x6400, 0x6581, 0x6700, 0x6882, 0x6982),
    *(0x6983, 0x6985, 0x6A80, 0x6A82, 0x6A84, 0x6A86, 0x6A88, 0x6D00, 0x6E00, 0x6F00),
)
FAULTS = (
    *((fault, 0) for fault in (Fault.DROP_COMMAND, Fault.DROP_REPLY, Fault.CUT, Fault.DUPLICATE)),
    *((Fault.FORGE_SW, sw) for sw in FORGED),
)
NO_FAULT = FaultPlan(1 << 20, Fault.CUT)


@asynccontextmanager
async def city() -> AsyncIterator[City]:
    """Run all parts in this process."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_city(Path(folder) / "city") as running:
            yield running


# ------------------------------------------------------------------ once or not at all


async def exactly_once(scale: int) -> tuple[int, int]:
    """Disturb each exchange of a personalisation in each way: afterwards one token, never two."""
    trials = failures = 0
    async with city() as running:
        await running.phone.pair("strap", confirm=running.press)
        await running.phone.create_pin(PIN)
        failures += not await converges(running, NO_FAULT)
        exchanges = running.bench.strap._count
        cases = [(index, *fault) for index in range(exchanges) for fault in FAULTS]
        # A step that shares no factor with the faults, so that a sample has all of them.
        for index, fault, sw in cases[:: stride(scale) | 1]:
            trials += 1
            failures += not await converges(running, FaultPlan(index, fault, sw))
    return trials, failures


async def converges(running: City, plan: FaultPlan) -> bool:
    """Add a card under a fault, mend and sync: one token, active; then delete it: none."""
    phone, strap = running.phone, running.bench.strap
    eligible = await phone.check_card(CARD.number.reveal(), "12/30", CARD.security_code.reveal())
    added = await phone.accept_terms(eligible)
    strap.plan(plan)
    await phone.sync()
    if plan is not NO_FAULT:
        await strap.mend()
    last = await phone.sync()
    card = next(one for one in await phone.cards() if one.id == added.id)
    right = last.open == 0 and card.state == "active" and instances(running) == 1
    if plan is NO_FAULT:
        count = strap._count
        await strap.mend()
        strap._count = count
    await phone.delete(added.id)
    gone = (await phone.sync()).open == 0 and instances(running) == 0
    return right and gone


def instances(running: City) -> int:
    """Count the payment instances on the secure element."""
    return len(running.card.registry.payment())


def never_again() -> AbstractContextManager[object]:
    """A loader that runs no script a second time, as if a lost answer were a refusal."""
    whole, tried = run_script, set[bytes]()

    async def once(channel: ApduChannel, apdus: Sequence[bytes]) -> RunResult:
        if apdus[-1] in tried:
            return RunResult(completed=False, index=0)
        tried.add(apdus[-1])
        return await whole(channel, apdus)

    return patch.object(commits, "run_script", once)


# ------------------------------------------------------------------ the scan


async def nothing_held(_scale: int) -> tuple[int, int]:
    """Run the whole demo in one process and scan all that it left: (looks, hits).

    One look is one pattern searched for in one file. The scan counts only if it found each leak
    that it had seeded, and none of the values that were never used.
    """
    async with city() as running:
        results = await run_steps(running.bench, [])
        report = running.bench.scan
    if report is None:
        return len(results), 1
    blind = report.seeded - report.seeded_found + report.control_hits
    return report.seeded * report.artefacts, len(report.hits) + blind


def number_for_a_name() -> AbstractContextManager[object]:
    """A phone that gives the wallet a card's number for the strap's name."""
    whole = Companion.pair

    def talkative(
        self: Companion, name: str, confirm: Callable[[str], Awaitable[None]]
    ) -> Awaitable[Device]:
        return whole(self, find_card(AOBA, Outcome.GREEN).number.reveal(), confirm)

    return patch.object(Companion, "pair", talkative)


PROMISES = (
    Promise(
        "P14",
        "A card is provisioned once or not at all, whatever is lost, doubled or forged",
        f"each exchange of a personalisation dropped, cut, doubled, or answered by {len(FORGED)}"
        " forged status words; then mended",
        lambda seed, scale: asyncio.run(exactly_once(scale)),
        (Weakness("the loader takes a lost answer for a refusal", never_again),),
        exhaustive=True,
    ),
    Promise(
        "P20",
        "The wallet never holds a card number, token number, PIN or key",
        "all secrets of a demo run in all encodings, in every file that it left",
        lambda seed, scale: asyncio.run(nothing_held(scale)),
        (Weakness("a card number given to the wallet as a name", number_for_a_name),),
        exhaustive=True,
    ),
)
