"""P37: money is conserved, to the smallest unit, whatever repeats or reorders."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from dataclasses import replace
from unittest.mock import patch

from promises.harness import Promise, Weakness, share
from support.traffic import CARDS, Bank, Purchase
from wristlet.issuer import repository
from wristlet.issuer.repository import Authorisation

AUDIT_EVERY = 500


def conserved(seed: int, scale: int) -> tuple[int, int]:
    """Send random requests, repeats and reversals; compare each answer and the books."""
    chance = random.Random(seed)
    bank, sent = Bank(), [Purchase(1, CARDS[0], 1)]
    wanted, failures = share(20_000, scale), 0
    for number in range(2, wanted + 2):
        purchase = chance.choice(sent[-20:])
        if chance.random() < 0.4:
            amount_minor = chance.choice([0, chance.randrange(5_000), chance.randrange(1_200_000)])
            purchase = Purchase(number, chance.choice(CARDS), amount_minor)
            sent.append(purchase)
        failures += not answered_right(chance, bank, purchase)
        if number % AUDIT_EVERY == 0 or number == wanted + 1:
            failures += not balanced(bank)
    return wanted, failures


def answered_right(chance: random.Random, bank: Bank, purchase: Purchase) -> bool:
    """Send one message; tell whether the answer is the one that the model gives."""
    send = bank.reverse if chance.random() < 0.4 else bank.request
    try:
        send(purchase)
    except AssertionError:
        return False
    return True


def balanced(bank: Bank) -> bool:
    """Tell whether the books agree with the model and with themselves."""
    try:
        bank.check()
        bank.audit()
    except AssertionError:
        return False
    return True


def reversals_forgotten() -> contextlib.AbstractContextManager[object]:
    """A bank that does not know which requests were undone."""
    whole = repository.authorisation

    def forgetful(connection: sqlite3.Connection, trace: str) -> Authorisation | None:
        known = whole(connection, trace)
        return known and replace(known, reversed=False)

    return patch.object(repository, "authorisation", forgetful)


PROMISES = (
    Promise(
        "P37",
        "Money is conserved: authorised is settled, reversed or open, to the smallest unit",
        "random requests, repeats and reversals against a model of the books",
        conserved,
        (Weakness("the bank forgets what was reversed", reversals_forgotten),),
    ),
)
