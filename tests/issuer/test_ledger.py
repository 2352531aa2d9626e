"""Entries balance, balances follow their postings, and the audit sees when they do not."""

from __future__ import annotations

import sqlite3

import pytest

from wristlet.issuer import ledger, repository
from wristlet.issuer.ledger import LedgerError, Posting


@pytest.fixture
def connection() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    for migration in sorted(repository.MIGRATIONS.glob("*.sql")):
        made.executescript(migration.read_text("utf-8"))
    return made


def audit(connection: sqlite3.Connection) -> tuple[int, int]:
    return (
        repository.number(connection, "imbalance"),
        repository.number(connection, "drift"),
    )


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting("a", 1, "JPY"),),
        (Posting("a", 1, "JPY"), Posting("b", -2, "JPY")),
        (Posting("a", 1, "JPY"), Posting("b", -1, "EUR")),
    ],
)
def test_unbalanced_entry_is_refused(
    connection: sqlite3.Connection, postings: tuple[Posting, ...]
) -> None:
    with pytest.raises(LedgerError):
        ledger.post(connection, "test", "ref", 0, postings)
    assert repository.number(connection, "balance", ledger_account="a", currency="JPY") == 0


def test_balances_follow_postings(connection: sqlite3.Connection) -> None:
    ledger.post(connection, "opening", "ref", 0, ledger.move("bank", "anna", 700, "JPY"))
    ledger.post(connection, "hold", "ref", 0, ledger.move("anna", "shop", 300, "JPY"))
    held = [ledger.balance(connection, name, "JPY") for name in ("bank", "anna", "shop")]
    assert held == [-700, 400, 300]
    assert ledger.balance(connection, "anna", "EUR") == 0
    assert audit(connection) == (0, 0)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE postings SET amount_minor = amount_minor + 1 WHERE line = 0", (1, 1)),
        ("UPDATE balances SET amount_minor = 0 WHERE ledger_account = 'anna'", (0, 1)),
        ("DELETE FROM balances", (0, 2)),
        ("DELETE FROM postings", (0, 2)),
    ],
)
def test_audit_sees_damage(
    connection: sqlite3.Connection, damage: str, found: tuple[int, int]
) -> None:
    ledger.post(connection, "opening", "ref", 0, ledger.move("bank", "anna", 700, "JPY"))
    connection.execute(damage)
    assert audit(connection) == found


def test_promised_money_is_summed_over_acquirers(connection: sqlite3.Connection) -> None:
    for acquirer, amount in (("1", 100), ("2", 20)):
        target = ledger.authorised(acquirer)
        ledger.post(connection, "hold", "ref", 0, ledger.move("anna", target, amount, "JPY"))
    assert repository.number(connection, "promised_total", currency="JPY") == 120
