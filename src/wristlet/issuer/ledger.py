"""Double entry: an entry's postings sum to zero, balances move in the same transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wristlet.issuer import repository


class LedgerError(ValueError):
    """An entry does not balance."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry: an amount in minor units onto a ledger account, negative to take."""

    ledger_account: str
    amount_minor: int
    currency: str


FUNDING: Final = "funding"


def cardholder(account_id: str) -> str:
    """Return the ledger account of a cardholder's money."""
    return f"cardholder:{account_id}"


def authorised(acquirer: str) -> str:
    """Return the ledger account of money promised to an acquirer and not yet settled."""
    return f"authorised:{acquirer}"


def move(source: str, target: str, amount_minor: int, currency: str) -> tuple[Posting, Posting]:
    """Return the two postings that take an amount from one ledger account to another."""
    return Posting(source, -amount_minor, currency), Posting(target, amount_minor, currency)


def check_balanced(postings: Sequence[Posting]) -> None:
    """Refuse an entry whose postings do not sum to zero per currency; raises LedgerError."""
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount_minor
    if not postings or any(sums.values()):
        raise LedgerError("ledger: the postings of an entry must sum to zero in each currency")


def post(
    connection: sqlite3.Connection,
    kind: str,
    reference: str,
    now_ms: int,
    postings: Sequence[Posting],
) -> None:
    """Write one entry and move the balances, in the caller's transaction; raises LedgerError."""
    check_balanced(postings)
    entry_id = repository.run(
        connection, "entry_add", kind=kind, reference=reference, created_ms=now_ms
    )
    rows = [
        {
            "entry_id": entry_id,
            "line": line,
            "ledger_account": posting.ledger_account,
            "amount_minor": posting.amount_minor,
            "currency": posting.currency,
        }
        for line, posting in enumerate(postings)
    ]
    repository.run_many(connection, "posting_add", rows)
    repository.run_many(connection, "balance_move", rows)


def balance(connection: sqlite3.Connection, ledger_account: str, currency: str) -> int:
    """Return a balance in minor units."""
    return repository.number(
        connection, "balance", ledger_account=ledger_account, currency=currency
    )
