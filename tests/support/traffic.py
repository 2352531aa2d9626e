"""Requests and reversals for a bank, and a model of its books too simple to be wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from support.bank import new_store, payment, reversal
from wristlet.env.database import Database
from wristlet.env.sim import SimEnv
from wristlet.issuer import ledger, repository, setup
from wristlet.issuer.host import IssuerHost
from wristlet.model.testcards import AOBA, KITA, Outcome, TestCard, find_card
from wristlet.wire.iso8583.message import Message

T = TypeVar("T")

CARDS = (
    find_card(AOBA, Outcome.GREEN),
    find_card(KITA, Outcome.GREEN),
    find_card(AOBA, Outcome.FUNDS),
    find_card(AOBA, Outcome.LOST),
)


class MemoryDatabase:
    """The transactions of `Database` on a connection in memory."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for migration in sorted(repository.MIGRATIONS.glob("*.sql")):
            self.connection.executescript(migration.read_text("utf-8"))

    async def write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a write in a transaction of its own."""
        self.connection.execute("BEGIN")
        result = function(self.connection)
        self.connection.execute("COMMIT")
        return result


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nobody."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    raise AssertionError("it waits for something")


@dataclass(frozen=True, slots=True)
class Purchase:
    """What somebody asks for under a trace."""

    trace: int
    card: TestCard
    amount_minor: int

    def request(self, mti: str = "0100") -> Message:
        """Return the 0100, or its repeat 0101."""
        return Message(mti, payment(self.card, self.amount_minor, stan=self.trace).fields)

    def reversal(self, mti: str = "0420") -> Message:
        """Return the reversal."""
        return reversal(self.request(), mti)


@dataclass
class Bank:
    """A bank's host and the model beside it: each message is sent to both and compared."""

    held: dict[TestCard, int] = field(default_factory=dict)
    asked: dict[int, tuple[Purchase, str]] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        env = SimEnv()
        store = new_store(env)
        setup.create_keys(env, store)
        self.database = MemoryDatabase()
        setup.seed_accounts(self.database.connection, env, store)
        self._host = IssuerHost(env, cast(Database, self.database), store)
        self.held = {card: self._opening(card) for card in CARDS}
        self._accounts = {
            (account.bank, account.idv_outcome): ledger.cardholder(account.account_id)
            for account in repository.accounts(self.database.connection)
        }

    @staticmethod
    def _opening(card: TestCard) -> int:
        return 0 if card.outcome is Outcome.FUNDS else setup.OPENING_BALANCE_MINOR

    def request(self, purchase: Purchase, mti: str = "0100") -> str:
        """Send a request; return the answer's code after comparing it with the model's."""
        expected = self._expected(purchase)
        answer = finish(self._host.handle(purchase.request(mti)))
        assert answer.text(39) == expected
        assert (38 in answer.fields) == (expected == "00")
        return expected

    def reverse(self, purchase: Purchase, mti: str = "0420") -> str:
        """Send a reversal; return the answer's code after comparing it with the model's."""
        expected = self._expected_of_reversal(purchase)
        assert finish(self._host.handle(purchase.reversal(mti))).text(39) == expected
        return expected

    def _expected(self, purchase: Purchase) -> str:
        if purchase.trace in self.undone:
            return "05"
        if purchase.trace in self.asked:
            earlier, code = self.asked[purchase.trace]
            return code if earlier == purchase else "94"
        code = self._decide(purchase)
        if code == "00":
            self.held[purchase.card] -= purchase.amount_minor
        self.asked[purchase.trace] = purchase, code
        return code

    def _decide(self, purchase: Purchase) -> str:
        if purchase.card.outcome is Outcome.LOST:
            return "41"
        if purchase.amount_minor == 0:
            return "13"
        if purchase.amount_minor > setup.LIMIT_MINOR:
            return "61"
        return "51" if purchase.amount_minor > self.held[purchase.card] else "00"

    def _expected_of_reversal(self, purchase: Purchase) -> str:
        if purchase.trace in self.undone or purchase.trace not in self.asked:
            self.undone.add(purchase.trace)
            return "00"
        earlier, code = self.asked[purchase.trace]
        if earlier.card != purchase.card:
            return "25"
        if earlier.amount_minor != purchase.amount_minor:
            return "64"
        if code == "00":
            self.held[purchase.card] += purchase.amount_minor
        self.undone.add(purchase.trace)
        return "00"

    def check(self) -> None:
        """Compare the bank's balances with the model's; none is below zero."""
        connection = self.database.connection
        for card, amount in self.held.items():
            account = self._accounts[card.bank.name, card.outcome.value]
            assert ledger.balance(connection, account, setup.CURRENCY) == amount >= 0
        still_open = sum(
            purchase.amount_minor
            for trace, (purchase, code) in self.asked.items()
            if code == "00" and trace not in self.undone
        )
        promised = repository.number(connection, "promised_total", currency=setup.CURRENCY)
        assert promised == still_open

    def audit(self) -> None:
        """Sum every posting: entries balance, balances have not drifted."""
        for name in ("imbalance", "drift"):
            assert repository.number(self.database.connection, name) == 0
