"""P22, P23, P30: references that say nothing, numbers that nobody can guess, one token per card."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import sqlite3
import tempfile
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from unittest.mock import patch

from promises.harness import Promise, Weakness, share
from support.fake_se import FakeSe
from support.traffic import Bank
from support.tsp_city import REQUESTOR, City, tsp_city
from wristlet.env.base import Random
from wristlet.env.sim import SimEnv
from wristlet.model.pan import Dpan, Pan, luhn_digit
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.tsp import digitization, minting
from wristlet.tsp.repository import Repository
from wristlet.tsp.vault import Vault

CARD = find_card(AOBA, Outcome.GREEN)
# A chi-square with 9 degrees of freedom lies above this about once in a million.
CHI_SQUARE_LIMIT = 46.0
SERIALS = 10**9


@asynccontextmanager
async def service(*, inline: bool = True) -> AsyncIterator[tuple[City, Path]]:
    """Run a token service; the path is that of its database."""
    with tempfile.TemporaryDirectory() as folder:
        async with tsp_city(Path(folder), inline=inline) as city:
            yield city, Path(folder) / "tsp.db"


# ------------------------------------------------------------------ references

FUNCTIONS: tuple[Callable[[bytes], bytes], ...] = (
    lambda number: number,
    lambda number: hashlib.md5(number).digest(),
    lambda number: hashlib.sha1(number).digest(),
    lambda number: hashlib.sha256(number).digest(),
    lambda number: hashlib.sha512(number).digest(),
    lambda number: hashlib.blake2s(number).digest(),
    lambda number: hmac.digest(b"", number, "sha256"),
    lambda number: zlib.crc32(number).to_bytes(4, "big"),
)
"""What somebody without keys tries on each number that a card of the range may have."""


async def references(seed: int, scale: int) -> tuple[int, int]:
    """Try a million (number, function) pairs on all that token service and bank have stored."""
    chance = random.Random(seed)
    async with service() as (city, path):
        for card in (CARD, find_card(KITA, Outcome.GREEN)):
            await city.active_token(await city.element(), card)
        with sqlite3.connect(path) as connection:
            held = set(stored_values(connection))
        connection.close()
    held.update(stored_values(Bank().database.connection))
    true = [find_card(bank, Outcome.GREEN).number.reveal() for bank in (AOBA, KITA)]
    wanted = share(1_000_000 // len(FUNCTIONS), scale)
    guessed = (Pan.complete(f"{AOBA.card_bin}{chance.randrange(SERIALS):09d}").reveal()
               for _ in range(wanted - len(true)))  # fmt: skip
    trials = failures = 0
    for number in (*true, *guessed):
        for function in FUNCTIONS:
            trials += 1
            failures += any(form in held for form in forms(function(number.encode())))
    return trials, failures


def forms(value: bytes) -> tuple[bytes, ...]:
    """Return how a value may be written."""
    return value, value.hex().encode(), value.hex().upper().encode(), base64.b64encode(value)


def stored_values(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield every value of every table."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            for value in row:
                yield value if isinstance(value, bytes) else str(value).encode()


def index_without_key() -> AbstractContextManager[object]:
    """A vault that finds its rows by a plain hash of the number."""
    return patch.object(
        Vault, "index", lambda self, kind, digits: hashlib.sha256(digits.encode()).digest()
    )


# ------------------------------------------------------------------ numbers


def numbers(seed: int, scale: int) -> tuple[int, int]:
    """Draw token numbers: token range, check digit, no pattern in any digit or repetition."""
    wanted = share(100_000, scale)
    chance = SimEnv(seed).random
    drawn = [minting.draw_dpan(AOBA.token_bin, chance).reveal() for _ in range(wanted)]
    failures = sum(
        not number.startswith(AOBA.token_bin) or number[-1] != luhn_digit(number[:-1])
        for number in drawn
    )
    failures += sum(chi_square(drawn, place) > CHI_SQUARE_LIMIT for place in range(6, 15))
    # Repetitions among what was drawn are a Poisson variable; six sigma above its mean is none.
    expected = wanted * wanted / 2 / SERIALS
    failures += len(drawn) - len(set(drawn)) > expected + 6 * (expected + 1) ** 0.5
    made, wrong = asyncio.run(minted(seed, share(120, scale)))
    return wanted + made, failures + wrong


def chi_square(drawn: list[str], place: int) -> float:
    """Compare the digits at one place with an even spread."""
    counts, even = Counter(number[place] for number in drawn), len(drawn) / 10
    return sum((counts[digit] - even) ** 2 / even for digit in "0123456789")


async def minted(seed: int, wanted: int) -> tuple[int, int]:
    """Mint tokens out of a range that is nearly too small: none is given out twice."""
    chance = random.Random(seed)

    def few(token_bin: str, _: Random) -> Dpan:
        return Dpan.complete(f"{token_bin}{chance.randrange(3 * wanted):09d}")

    async with service() as (city, _):
        given: list[str] = []
        with patch.object(minting, "draw_dpan", few):
            for _ in range(wanted):
                element = await city.element()
                await city.active_token(element, CARD)
                given.append(element.instances[element.only()].dpan)
    return wanted, wanted - len(set(given))


def counted_numbers() -> AbstractContextManager[object]:
    """A token service that counts its numbers up."""
    serials = iter(range(10**9))
    return patch.object(
        minting,
        "draw_dpan",
        lambda token_bin, chance: Dpan.complete(f"{token_bin}{next(serials):09d}"),
    )


# ------------------------------------------------------------------ races

TOGETHER = 10


async def races(scale: int) -> tuple[int, int]:
    """Ask for one digitisation, and for one card under several offers, many times at once."""
    trials = failures = 0
    async with service(inline=False) as (city, _):
        for _ in range(share(100, scale)):
            element = await city.element()
            failures += await same_task(city, element)
            failures += await same_card(city, await city.element())
            trials += TOGETHER
    return trials, failures


async def same_task(city: City, element: FakeSe) -> bool:
    """Repeat one request ten times at once; tell whether more or less than one token came."""
    request = city.acceptance(element, await city.offer(element, CARD))
    answers = await asyncio.gather(
        *(city.service.digitize(REQUESTOR, request) for _ in range(TOGETHER))
    )
    tokens = {answer.token.token_reference for answer in answers if answer.token is not None}
    scripts = {answer.script.number for answer in answers if answer.script is not None}
    return len(tokens) != 1 or len(scripts) != 1


async def same_card(city: City, element: FakeSe) -> bool:
    """Take two offers for one card at once and load both; tell whether both tokens are active."""
    offers = [await city.offer(element, CARD) for _ in range(2)]
    requests = [city.acceptance(element, offer) for offer in offers]
    answers = await asyncio.gather(*(city.service.digitize(REQUESTOR, one) for one in requests))
    for answer in sorted(answers, key=lambda one: one.script.number if one.script else 0):
        if answer.script is not None:
            await city.receipt(element, answer.script.apdus)
    states = [
        (await city.service.token(REQUESTOR, answer.token.token_reference)).state
        for answer in answers
        if answer.token is not None
    ]
    return states.count("active") != 1


@contextmanager
def offers_taken_twice() -> Iterator[None]:
    """A token service that remembers neither its tasks nor which offers were taken."""
    whole = Repository.run

    def generous(self: Repository, query: str, /, **values: object) -> int:
        return whole(self, query, **values) or int(query == "eligibility_use")

    with ExitStack() as stack:
        stack.enter_context(patch.object(Repository, "run", generous))
        stack.enter_context(patch.object(digitization, "stored", lambda *_: None))
        stack.enter_context(patch.object(digitization, "keep", lambda *_: None))
        yield


PROMISES = (
    Promise(
        "P22",
        "Stored references cannot be turned back into card numbers",
        "numbers of the range, the true ones among them, under keyless functions against every"
        " stored value",
        lambda seed, scale: asyncio.run(references(seed, scale)),
        (Weakness("blind index without its key", index_without_key),),
    ),
    Promise(
        "P23",
        "Token numbers are unique, in the token range, and cannot be predicted",
        "numbers drawn: range, check digit, chi-square of each random digit, repetitions; minted"
        " from a range nearly used up",
        numbers,
        (Weakness("numbers are counted up", counted_numbers),),
    ),
    Promise(
        "P30",
        "At most one active token per card and strap; the same request has the same answer",
        "ten identical requests at once; two offers for one card taken at once and both loaded",
        lambda seed, scale: asyncio.run(races(scale)),
        (Weakness("tasks and taken offers forgotten", offers_taken_twice),),
    ),
)
