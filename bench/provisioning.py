"""Adding a card, from the accepted terms to the active token, one after the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import uvloop

from bench.limits.provisioning import Provisioning
from bench.measure import Result, compare, nothing, timed
from bench.town import Strap, Town, running_town
from wristlet.env.real import real_env
from wristlet.lab import setup
from wristlet.model.testcards import AOBA, KITA, MINAMI, Outcome, find_card
from wristlet.model.tsp_messages import DigitizeRequest

RATE_MIN: Final = 0.25
CARDS: Final = tuple(find_card(bank, Outcome.GREEN) for bank in (AOBA, KITA, MINAMI))
STRAPS: Final = 2


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Compare, one provisioning at a time."""
    return [uvloop.run(_run(folder, quick=quick))]


async def _run(folder: Path, *, quick: bool) -> Result:
    sandbox = await setup.make_sandbox(real_env(), folder / "sandbox")
    limit = Provisioning(folder)
    straps = 1 if quick else STRAPS
    async with running_town(sandbox) as town:

        async def ours() -> float:
            accepted = await _accepted(town, straps)
            start = time.perf_counter()
            for strap, request in accepted:
                await town.provision(strap, request)
            return (time.perf_counter() - start) / len(accepted)

        theirs = timed(nothing, limit.one, straps * len(CARDS))
        found = await compare(ours, theirs, rounds=3 if quick else 31)
    limit.close()
    return found.as_rate("provisioning, one at a time", RATE_MIN)


async def _accepted(town: Town, straps: int) -> list[tuple[Strap, DigitizeRequest]]:
    """New secure elements, and what their wearers accepted."""
    elements = [await town.strap() for _ in range(straps)]
    return [(element, await town.offer(element, card)) for card in CARDS for element in elements]
