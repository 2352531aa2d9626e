"""P37: money is conserved, to the smallest unit, whatever repeats or reorders."""

from __future__ import annotations

import random

from promises.harness import Measured, Promise, share
from support.traffic import CARDS, Bank, Purchase
from wristlet.issuer import ledger

AUDIT_EVERY = 500


def conserved(seed: int, scale: int) -> Measured:
    """Send random requests, repeats and reversals; compare the books with a model."""
    chance = random.Random(seed)
    bank, sent = Bank(), [Purchase(1, CARDS[0], 1)]
    wanted, failures = share(20_000, scale), 0
    for number in range(wanted):
        purchase = chance.choice(sent[-20:])
        if chance.random() < 0.4:
            amount_minor = chance.choice([0, chance.randrange(5_000), chance.randrange(1_200_000)])
            purchase = Purchase(number, chance.choice(CARDS), amount_minor)
            sent.append(purchase)
        send = bank.reverse if chance.random() < 0.4 else bank.request
        send(purchase)
        if number % AUDIT_EVERY == 0 or number == wanted - 1:
            failures += not balanced(bank)
    return Measured(wanted, failures, control=unbalanced_is_refused())


def balanced(bank: Bank) -> bool:
    """Tell whether the books agree with the model and with themselves."""
    try:
        bank.check()
        bank.audit()
    except AssertionError:
        return False
    return True


def unbalanced_is_refused() -> bool:
    """The control: an entry that makes money is noticed."""
    try:
        ledger.check_balanced([ledger.Posting("somebody", 1, "JPY")])
    except ledger.LedgerError:
        return True
    return False


PROMISES = (
    Promise(
        "P37",
        "Money is conserved: authorised is settled, reversed or open, to the smallest unit",
        "random requests, repeats and reversals against a model of the books",
        conserved,
    ),
)
