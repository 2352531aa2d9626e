"""Money is conserved whatever is repeated, reordered or late: the books against a model."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from support.traffic import CARDS, Bank, Purchase
from wristlet.model.testcards import TestCard

MESSAGES = 20_000
AUDIT_EVERY = 1_000

AMOUNTS = st.integers(0, 3_000) | st.integers(900_000, 1_100_000)
TRACES = st.integers(1, 6)


class Traffic(RuleBasedStateMachine):
    """Requests, repeats and reversals in any order; few traces, so that they meet."""

    purchases: Bundle[Purchase] = Bundle("purchases")

    def __init__(self) -> None:
        super().__init__()
        self.bank = Bank()

    @rule(
        target=purchases,
        trace=TRACES,
        card=st.sampled_from(CARDS),
        amount_minor=AMOUNTS,
    )
    def somebody_buys(self, trace: int, card: TestCard, amount_minor: int) -> Purchase:
        return Purchase(trace, card, amount_minor)

    @rule(purchase=purchases, mti=st.sampled_from(["0100", "0101"]))
    def request(self, purchase: Purchase, mti: str) -> None:
        self.bank.request(purchase, mti)

    @rule(purchase=purchases, mti=st.sampled_from(["0400", "0420", "0421"]))
    def reverse(self, purchase: Purchase, mti: str) -> None:
        self.bank.reverse(purchase, mti)

    @invariant()
    def books_are_right(self) -> None:
        self.bank.check()
        self.bank.audit()


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=30, stateful_step_count=30)


@pytest.mark.promise
def test_twenty_thousand_messages_conserve_money() -> None:
    chance = random.Random(37)
    bank, sent = Bank(), [Purchase(1, CARDS[0], 1)]
    codes: set[str] = set()
    for count in range(MESSAGES):
        old = chance.choice(sent[-20:])
        if chance.random() < 0.4:
            amount_minor = chance.choice([0, chance.randrange(5_000), chance.randrange(1_200_000)])
            old = Purchase(count, chance.choice(CARDS), amount_minor)
            sent.append(old)
        elif chance.random() < 0.1:
            old = Purchase(old.trace, chance.choice(CARDS), chance.randrange(5_000))
        send = bank.reverse if chance.random() < 0.4 else bank.request
        codes.add(send(old))
        if count % AUDIT_EVERY == 0:
            bank.check()
            bank.audit()
    bank.check()
    bank.audit()
    assert codes == {"00", "05", "13", "25", "41", "51", "61", "64", "94"}
