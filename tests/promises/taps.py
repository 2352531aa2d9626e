"""P24, P28, P32: what a token's number, a suspension and a cryptogram are worth at the host."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from promises.harness import Promise, Weakness, share, stride
from support.fake_se import FakeSe, TapPlan, tap
from support.tsp_city import ISSUER, REQUESTOR, City, tsp_city
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.tsp import checks
from wristlet.wire.emv.iad import AcType
from wristlet.wire.iso8583.message import Message

CARDS = (find_card(AOBA, Outcome.GREEN), find_card(KITA, Outcome.GREEN))
APPROVED = "00"


@asynccontextmanager
async def service() -> AsyncIterator[City]:
    """Run a token service on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with tsp_city(Path(folder)) as city:
            yield city


async def approves(city: City, message: Message) -> bool:
    """Tell whether the host approves one request."""
    answer = await city.authorizer.handle(message)
    return answer.fields.get(39) == APPROVED


async def paying(city: City, card_number: int = 0) -> tuple[FakeSe, bytes, str]:
    """Return an element with one active token."""
    element = await city.element()
    reference = await city.active_token(element, CARDS[card_number])
    return element, element.only(), reference


# ------------------------------------------------------------------ replays

# What a thief of one recorded request can change: where, when, by whom, for how much, how.
REPLAY_CHANGES: dict[str, dict[int, Any]] = {
    "trace number": {11: "000777"},
    "time": {7: "1124090000"},
    "acquirer": {32: "99990002"},
    "reference": {37: "999999999999"},
    "terminal": {41: "OTHERPOS"},
    "merchant": {42: "OTHERMERCHANT01"},
    "amount": {4: "000000009999"},
    "day": {13: "1124"},
    "currency": {49: "978"},
    "entry mode": {22: "011"},
    "without chip data": {55: None},
}
TRACE_FIELDS = {7, 11, 32, 37}
"""A request with all of these as they were is a repeat of the first: it gets the same answer."""


async def replays(scale: int) -> tuple[int, int]:
    """Resubmit taps with every combination of up to three changes: after, before and together."""
    trials = failures = 0
    async with service() as city:
        for card_number in range(len(CARDS)):
            element, aid, _ = await paying(city, card_number)
            for number, changes in enumerate(combinations(scale)):
                for order in range(4):
                    genuine = tap(element, aid, stan=f"{number:06d}")
                    changed = altered(genuine, changes)
                    trials += 1
                    failures += not await one_approval(city, order, genuine, changed)
    return trials, failures


async def one_approval(city: City, order: int, genuine: Message, changed: Message) -> bool:
    """Send a request and its double in one of four orders: the issuer may be asked once.

    It must be asked where the genuine request comes first.
    """
    before = len(city.switch.seen)
    if order == 0:
        await asyncio.gather(approves(city, genuine), approves(city, changed))
    else:
        first, second = ((genuine, changed), (changed, genuine), (genuine, genuine))[order - 1]
        await approves(city, first)
        await approves(city, second)
    asked = len(city.switch.seen) - before
    return asked == 1 or (asked == 0 and order in {0, 2})


def combinations(scale: int) -> list[dict[int, Any]]:
    """Return every combination of one to three changes that makes it another request."""
    made = [
        {number: value for name in names for number, value in REPLAY_CHANGES[name].items()}
        for count in (1, 2, 3)
        for names in itertools.combinations(REPLAY_CHANGES, count)
    ]
    return [changes for changes in made if set(changes) & TRACE_FIELDS][:: stride(scale)]


def altered(recorded: Message, changes: dict[int, Any]) -> Message:
    """Return a request with fields replaced, or left out where None stands."""
    kept = {number: value for number, value in changes.items() if value is not None}
    gone = (number for number, value in changes.items() if value is None)
    return recorded.with_fields(kept).without(*gone)


# ------------------------------------------------------------------ domains

# The domain of a token: contactless chip entry by its own element, its own date, number and name.
DOMAIN_CHANGES: dict[str, dict[str, Any]] = {
    "keyed entry": {"fields": {22: "011"}},
    "magnetic stripe entry": {"fields": {22: "901"}},
    "contact chip entry": {"fields": {22: "051"}},
    "e-commerce": {"fields": {22: "811"}},
    "no chip data": {"fields": {55: None}},
    "another expiry": {"fields": {14: "3101"}},
    "another sequence number": {"fields": {23: "002"}},
    "refund": {"fields": {3: "200000"}},
    "cash": {"fields": {3: "010000"}},
    "another amount": {"fields": {4: "000000009999"}},
    "another currency": {"fields": {49: "978"}},
    "another day": {"fields": {13: "1124"}},
    "another kernel's name": {"chip": {0x84: bytes.fromhex("A00000000410100000000A")}},
    "no application name": {"chip": {0x84: None}},
    "no application data": {"chip": {0x9F10: None}},
    "another counter": {"chip": {0x9F36: b"\x10\x00"}},
    "another unpredictable number": {"chip": {0x9F37: bytes(4)}},
    "another terminal country": {"chip": {0x9F1A: bytes.fromhex("0840")}},
    "guessed cryptogram": {"chip": {0x9F26: bytes(8)}},
    "decline as request": {"ac_type": AcType.AAC},
    "approval as request": {"ac_type": AcType.TC},
}


async def domains(scale: int) -> tuple[int, int]:
    """Use a token outside its domain, singly and in pairs; then each element's data elsewhere."""
    trials = failures = 0
    async with service() as city:
        element, aid, _ = await paying(city)
        failures += not await approves(city, tap(element, aid))
        for plan in list(outside())[:: stride(scale)]:
            trials += 1
            failures += await approves(city, tap(element, aid, plan))
        failures += not await approves(city, tap(element, aid))
        other, other_aid, _ = await paying(city, 1)
        for message in crossed(element, aid, other, other_aid):
            trials += 1
            failures += await approves(city, message)
    return trials, failures


def outside() -> Iterator[TapPlan]:
    """Yield every single change and every pair that is about two different things."""
    singles = [(name,) for name in DOMAIN_CHANGES]
    for names in (*singles, *itertools.combinations(DOMAIN_CHANGES, 2)):
        plan = TapPlan()
        wanted = 0
        for name in names:
            change = DOMAIN_CHANGES[name]
            plan.ac_type = change.get("ac_type", plan.ac_type)
            plan.fields.update(change.get("fields", {}))
            plan.chip.update(change.get("chip", {}))
            wanted += len(change.get("fields", change.get("chip", {0: 0})))
        made = len(plan.fields) + len(plan.chip) + (plan.ac_type is not AcType.ARQC)
        if made == wanted:
            yield plan


CROSSED = ((2,), (55,), (2, 35), (2, 14, 35), (14, 55), (2, 23, 35))
"""Fields that are taken from the request of another element with another card."""


def crossed(element: FakeSe, aid: bytes, other: FakeSe, other_aid: bytes) -> Iterator[Message]:
    """Yield the request of each element with parts of the other's."""
    pair = ((element, aid), (other, other_aid))
    for mine, theirs in (pair, pair[::-1]):
        for numbers in CROSSED:
            source = tap(*theirs)
            yield tap(*mine).with_fields({number: source.fields[number] for number in numbers})


# ------------------------------------------------------------------ suspension

OWNERS = {"cardholder": REQUESTOR, "token_requestor": REQUESTOR, "issuer": ISSUER}
HISTORY = 40


async def suspension(seed: int, scale: int) -> tuple[int, int]:
    """Random suspend, resume, delete and tap: never an approval while anybody suspends."""
    chance = random.Random(seed)
    trials = failures = 0
    async with service() as city:
        while trials < share(20_000, scale):
            made, wrong = await history(city, chance)
            trials, failures = trials + made, failures + wrong
    return trials, failures


async def history(city: City, chance: random.Random) -> tuple[int, int]:
    """Live one token's life to its deletion; it must pay exactly while nobody suspends it."""
    element, aid, reference = await paying(city)
    owners: set[str] = set()
    failures = 0
    for number in range(HISTORY):
        verb, owner = chance.choice(("suspend", "resume", "tap", "tap")), chance.choice([*OWNERS])
        if verb == "tap":
            paid = await approves(city, tap(element, aid, stan=f"{number:06d}"))
            failures += paid is bool(owners)
            continue
        await city.change(reference, verb, owner, OWNERS[owner])
        (owners.add if verb == "suspend" else owners.discard)(owner)
    await city.change(reference, "delete")
    for number in range(2):
        failures += await approves(city, tap(element, aid, stan=f"0009{number:02d}"))
    return HISTORY + 3, failures


PROMISES = (
    Promise(
        "P24",
        "A token works only in its domain",
        "each way out of the domain, singly and in pairs; parts of another element's request",
        lambda seed, scale: asyncio.run(domains(scale)),
        (
            Weakness(
                "domain not checked",
                lambda: patch.object(checks, "_in_domain", lambda tap, domain: True),
            ),
            Weakness(
                "cryptogram not compared",
                lambda: patch.object(checks, "_is_own", lambda chip, domain, key: True),
            ),
        ),
        exhaustive=True,
        control_scale=100,
    ),
    Promise(
        "P28",
        "No approval after a suspension or deletion was acknowledged",
        "random histories of suspend, resume, delete and tap by three owners",
        lambda seed, scale: asyncio.run(suspension(seed, scale)),
        (
            Weakness(
                "token's state not looked at",
                lambda: patch.dict(checks.STATE_CLASSES, clear=True),
            ),
        ),
    ),
    Promise(
        "P32",
        "One cryptogram, one approval",
        "taps resubmitted with every combination of up to three changes: after, before, together",
        lambda seed, scale: asyncio.run(replays(scale)),
        (
            Weakness(
                "used counters not looked at",
                lambda: patch.object(checks, "_atc_class", lambda use, own, earlier: None),
            ),
        ),
        exhaustive=True,
        control_scale=20,
    ),
)
