"""P24, P28, P32: what a token's number, a suspension and a cryptogram are worth at the host."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
from pathlib import Path
from typing import Any

from promises.harness import Measured, Promise, share
from support.fake_se import FakeSe, TapPlan, tap
from support.tsp_city import City, tsp_city
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.wire.iso8583.message import Message

CARDS = (find_card(AOBA, Outcome.GREEN), find_card(KITA, Outcome.GREEN))
APPROVED = "00"


async def approves(city: City, message: Message) -> bool:
    """Tell whether the host approves one request."""
    answer = await city.authorizer.handle(message)
    return answer.fields.get(39) == APPROVED


async def paying(city: City, card_number: int = 0) -> tuple[FakeSe, bytes, str]:
    """Return an element with one active token."""
    element = await city.element()
    reference = await city.active_token(element, CARDS[card_number])
    return element, element.only(), reference


# What a thief of one recorded request can change: where, when, by whom, for how much, how.
REPLAY_CHANGES: dict[str, dict[int, Any]] = {
    "trace number": {11: "000777"},
    "time": {7: "1124090000"},
    "acquirer": {32: "99990002"},
    "reference": {37: "999999999999"},
    "terminal": {41: "OTHERPOS"},
    "merchant": {42: "OTHERMERCHANT01"},
    "amount": {4: "000000009999"},
    "entry mode": {22: "011"},
    "without chip data": {55: None},
}


async def replays(scale: int) -> Measured:
    """Resubmit recorded taps with every combination of up to three changes."""
    trials = failures = 0
    control = False
    with tempfile.TemporaryDirectory() as folder:
        async with tsp_city(Path(folder)) as city:
            for card_number in range(len(CARDS)):
                element, aid, _ = await paying(city, card_number)
                recorded = tap(element, aid)
                control = await approves(city, recorded)
                for message in altered(recorded, share(3, scale)):
                    trials += 1
                    failures += await approves(city, message)
    return Measured(trials, failures, control)


def altered(recorded: Message, most: int) -> list[Message]:
    """Return the recorded request with every combination of 1 to `most` changes."""
    found = []
    for count in range(1, most + 1):
        for names in itertools.combinations(REPLAY_CHANGES, count):
            changes = {n: v for name in names for n, v in REPLAY_CHANGES[name].items()}
            gone = tuple(number for number, value in changes.items() if value is None)
            kept = {number: value for number, value in changes.items() if value is not None}
            altered_message = recorded.with_fields(kept).without(*gone)
            if set(changes) & {7, 11, 32, 37} or gone:
                found.append(altered_message)
    return found


# The domains of a token: its device's cryptogram, contactless chip entry, its own dates and AID.
DOMAIN_CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("keyed entry", {"fields": {22: "011"}}),
    ("magnetic stripe entry", {"fields": {22: "901"}}),
    ("e-commerce", {"fields": {22: "811", 55: None}}),
    ("no chip data", {"fields": {55: None}}),
    ("wrong expiry", {"fields": {14: "3101"}}),
    ("another kernel's name", {"chip": {0x84: bytes.fromhex("A00000000410100000000A")}}),
    ("no application name", {"chip": {0x84: None}}),
    ("refund", {"fields": {3: "200000"}}),
    ("cash", {"fields": {3: "010000"}}),
)


async def domains(scale: int) -> Measured:
    """Use a token outside its domain: singly and in pairs."""
    trials = failures = 0
    control = False
    with tempfile.TemporaryDirectory() as folder:
        async with tsp_city(Path(folder)) as city:
            element, aid, _ = await paying(city)
            control = await approves(city, tap(element, aid))
            for count in (1, 2)[: share(2, scale)]:
                for chosen in itertools.combinations(DOMAIN_CHANGES, count):
                    plan = TapPlan()
                    for _, change in chosen:
                        plan.fields.update(change.get("fields", {}))
                        plan.chip.update(change.get("chip", {}))
                    trials += 1
                    failures += await approves(city, tap(element, aid, plan))
    return Measured(trials, failures, control)


async def suspension(seed: int, scale: int) -> Measured:
    """Random suspend, resume, delete and tap: never an approval while anybody suspends."""
    chance = random.Random(seed)
    trials = failures = honest = 0
    wanted = share(5_000, scale)
    with tempfile.TemporaryDirectory() as folder:
        async with tsp_city(Path(folder)) as city:
            while trials < wanted:
                element, aid, reference = await paying(city)
                owners: set[str] = set()
                for number in range(40):
                    trials += 1
                    match chance.choice(("suspend", "resume", "tap", "tap", "tap")):
                        case "suspend":
                            owner = chance.choice(("cardholder", "token_requestor"))
                            await city.change(reference, "suspend", owner)
                            owners.add(owner)
                        case "resume":
                            owner = chance.choice(("cardholder", "token_requestor"))
                            await city.change(reference, "resume", owner)
                            owners.discard(owner)
                        case _:
                            paid = await approves(city, tap(element, aid, stan=f"{number:06d}"))
                            failures += paid and bool(owners)
                            honest += paid and not owners
                await city.change(reference, "delete")
                trials += 1
                failures += await approves(city, tap(element, aid, stan="000999"))
    return Measured(trials, failures, control=honest > 0)


PROMISES = (
    Promise(
        "P24",
        "A token works only in its domain",
        "each way out of the domain, singly and in pairs",
        lambda seed, scale: asyncio.run(domains(scale)),
        exhaustive=True,
    ),
    Promise(
        "P28",
        "No approval after a suspension or deletion was acknowledged",
        "random histories of suspend, resume, delete and tap by two owners",
        lambda seed, scale: asyncio.run(suspension(seed, scale)),
    ),
    Promise(
        "P32",
        "One cryptogram, one approval",
        "recorded taps resubmitted with every combination of up to three changes",
        lambda seed, scale: asyncio.run(replays(scale)),
        exhaustive=True,
    ),
)
