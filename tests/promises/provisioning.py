"""P14, P20: a card is on the strap once or not at all; the wallet never holds a secret."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from promises.harness import Measured, Promise
from wristlet.lab.city import City, running_city
from wristlet.lab.runner import run_steps
from wristlet.links.faults import Fault, FaultPlan
from wristlet.model.testcards import MINAMI, Outcome, find_card

PIN = "482615"
CARD = find_card(MINAMI, Outcome.GREEN)
FAULTS = (
    *((fault, 0) for fault in (Fault.DROP_COMMAND, Fault.DROP_REPLY, Fault.CUT, Fault.DUPLICATE)),
    *((Fault.FORGE_SW, sw) for sw in (0x9000, 0x6982, 0x6985, 0x6A84, 0x6F00)),
)
EXCHANGES = 24


async def exactly_once(scale: int) -> Measured:
    """Disturb each exchange of a personalisation in each way: afterwards one token, never two."""
    trials = failures = 0
    torn = False
    step = max(1, 100 // scale)
    with tempfile.TemporaryDirectory() as folder:
        async with running_city(Path(folder) / "city") as city:
            await city.phone.pair("strap", confirm=city.press)
            await city.phone.create_pin(PIN)
            for index in range(0, EXCHANGES, step):
                for fault, sw in FAULTS[::step]:
                    outcome = await disturbed(city, FaultPlan(index, fault, sw))
                    torn = torn or outcome[0]
                    trials += 1
                    failures += not outcome[1]
    return Measured(trials, failures, control=torn)


async def disturbed(city: City, plan: FaultPlan) -> tuple[bool, bool]:
    """Add a card under a fault, then mend: (the first run stopped, the end is right)."""
    eligible = await city.phone.check_card(
        CARD.number.reveal(), "12/30", CARD.security_code.reveal()
    )
    added = await city.phone.accept_terms(eligible)
    city.bench.strap.plan(plan)
    first = await city.phone.sync()
    await city.bench.strap.mend()
    last = await city.phone.sync()
    card = next(one for one in await city.phone.cards() if one.id == added.id)
    right = last.open == 0 and card.state == "active" and instances(city) == 1
    await city.phone.delete(added.id)
    gone = (await city.phone.sync()).open == 0 and instances(city) == 0
    return first.open > 0, right and gone


def instances(city: City) -> int:
    """Count the payment instances on the secure element."""
    return len(city.card.registry.payment())


async def nothing_held(seed: int) -> Measured:
    """Run the whole demo in one process and scan all that it left; seeds and controls as there."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_city(Path(folder) / "city") as city:
            results = await run_steps(city.bench, [])
            report = city.bench.scan
    if report is None:
        return Measured(len(results), 1, control=False)
    control = report.seeded == report.seeded_found and report.control_hits == 0
    return Measured(report.seeded * report.artefacts, len(report.hits), control)


PROMISES = (
    Promise(
        "P14",
        "A card is provisioned once or not at all, whatever is lost, doubled or forged",
        "each exchange of a personalisation dropped, cut, doubled or answered by a forged status",
        lambda seed, scale: asyncio.run(exactly_once(scale)),
        exhaustive=True,
    ),
    Promise(
        "P20",
        "The wallet never holds a card number, token number, PIN or key",
        "all secrets of a run in all encodings, in every file that it left",
        lambda seed, scale: asyncio.run(nothing_held(seed)),
        exhaustive=True,
    ),
)
