"""P22, P23, P30: references that say nothing, numbers that nobody can guess, one token per card."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from promises.harness import Measured, Promise, share
from support.fake_se import FakeSe
from support.tsp_city import REQUESTOR, City, tsp_city
from wristlet.env.sim import SimEnv
from wristlet.model.pan import luhn_digit
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.tsp.errors import TspError
from wristlet.tsp.minting import draw_dpan

CARD = find_card(AOBA, Outcome.GREEN)
# The 99.9 % point of chi-square with 9 degrees of freedom.
CHI_SQUARE_LIMIT = 27.88


def numbers(seed: int, scale: int) -> Measured:
    """Draw token numbers: token range, check digit, no pattern in any digit."""
    wanted = share(100_000, scale)
    chance = SimEnv(seed).random
    drawn = [draw_dpan(AOBA.token_bin, chance).reveal() for _ in range(wanted)]
    failures = sum(
        not number.startswith("9998") or number[-1] != luhn_digit(number[:-1]) for number in drawn
    )
    failures += sum(chi_square(drawn, place) > CHI_SQUARE_LIMIT for place in range(6, 15))
    counted = [f"999801{serial:09d}0" for serial in range(wanted)]
    return Measured(wanted, failures, control=chi_square(counted, 6) > CHI_SQUARE_LIMIT)


def chi_square(drawn: list[str], place: int) -> float:
    """Compare the digits at one place with an even spread."""
    counts, even = Counter(number[place] for number in drawn), len(drawn) / 10
    return sum((counts[digit] - even) ** 2 / even for digit in "0123456789")


async def races(scale: int) -> Measured:
    """Digitise one card on one element many times at once; repeats get the same answer."""
    failures = trials = 0
    differed = False
    with tempfile.TemporaryDirectory() as folder:
        async with tsp_city(Path(folder), inline=False) as city:
            for _ in range(share(100, scale)):
                element = await city.element()
                offer = await city.offer(element, CARD)
                request = city.acceptance(element, offer)
                answers = await asyncio.gather(
                    *(city.service.digitize(REQUESTOR, request) for _ in range(10)),
                    return_exceptions=True,
                )
                trials += len(answers)
                minted = {
                    answer.token.token_reference
                    for answer in answers
                    if not isinstance(answer, BaseException) and answer.token is not None
                }
                others = [one for one in answers if isinstance(one, BaseException)]
                failures += len(minted) != 1 or not all(isinstance(o, TspError) for o in others)
                differed = differed or await another_task_differs(city, element)
    return Measured(trials, failures, control=differed)


async def another_task_differs(city: City, element: FakeSe) -> bool:
    """The control: two offers for one card mint two tokens, so sameness above means something."""
    first = await city.digitize(element, CARD)
    second = await city.digitize(element, CARD)
    assert first.token is not None
    assert second.token is not None
    return first.token.token_reference != second.token.token_reference


PROMISES = (
    Promise(
        "P23",
        "Token numbers are in the token range and cannot be predicted",
        "numbers drawn: range, check digit, chi-square of each random digit",
        numbers,
    ),
    Promise(
        "P30",
        "The same digitisation asked for at once mints one token",
        "ten simultaneous identical requests per secure element",
        lambda seed, scale: asyncio.run(races(scale)),
    ),
)
