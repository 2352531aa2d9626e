"""Double entry: every entry's postings sum to zero, balances move in the same transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from wristlet.issuer.repository import queries


class LedgerError(ValueError):
    """An entry does not balance."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry: an amount in minor units onto a ledger account (negative takes away)."""

    ledger_account: str
    amount_minor: int
    currency: str


def cardholder(account_id: str) -> str:
    """Return the ledger account of a cardholder's money."""
    return f"cardholder:{account_id}"


def authorised(acquirer: str) -> str:
    """Return the ledger account of money promised to an acquirer and not yet settled."""
    return f"authorised:{acquirer}"


FUNDING = "funding"


def check_balanced(postings: Sequence[Posting]) -> None:
    """Refuse an entry whose postings do not sum to zero per currency; raises LedgerError."""
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount_minor
    if not postings or any(sums.values()):
        raise LedgerError("ledger: the postings of an entry must sum to zero in each currency")


def post(
    connection: sqlite3.Connection,
    entry_id: str,
    kind: str,
    reference: str,
    now_ms: int,
    postings: Sequence[Posting],
) -> None:
    """Write one entry and move the balances, inside the caller's transaction; raises LedgerError."""
    check_balanced(postings)
    queries().add_entry(
        connection, entry_id=entry_id, kind=kind, reference=reference, created_ms=now_ms
    )
    for line, posting in enumerate(postings):
        row = {
            "ledger_account": posting.ledger_account,
            "amount_minor": posting.amount_minor,
            "currency": posting.currency,
        }
        queries().add_posting(connection, entry_id=entry_id, line=line, **row)
        queries().move_balance(connection, **row)


def balance(connection: sqlite3.Connection, ledger_account: str, currency: str) -> int:
    """Return a balance in minor units."""
    found = queries().balance(connection, ledger_account=ledger_account, currency=currency)
    return int(found or 0)
