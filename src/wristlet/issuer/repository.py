"""The bank's queries: SQL text from `sql/issuer.sql`, rows as values.

Every function works inside the transaction of the connection it is given; none commits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiosql

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOADED: Final = aiosql.from_path(
    Path(__file__).parent / "sql", "sqlite3", mandatory_parameters=False
)
SQL: Final[dict[str, str]] = {
    name: getattr(_LOADED, name).sql
    for name in _LOADED.available_queries
    if not name.endswith("_cursor")
}
"""Statement text by name: SQLite keeps statements prepared by their text."""


@dataclass(frozen=True, slots=True)
class Account:
    """A card account with its balance; amounts in minor units of its currency."""

    account_id: str
    card_last4: str
    bank: str
    expiry_yymm: str
    security_code_mac: str
    status: str
    idv_outcome: str
    currency: str
    limit_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Authorisation:
    """What was asked under a trace, and what was answered."""

    acquirer: str
    pan_index: str
    account_id: str
    amount_minor: int
    currency: str
    response_code: str
    authorisation_id: str
    reversed: int


@dataclass(frozen=True, slots=True)
class ListedAuthorisation:
    """One request as it may be shown: without anything of the card's number."""

    account_id: str
    amount_minor: int
    currency: str
    response_code: str
    reason: str
    authorisation_id: str
    token_reference: str
    merchant: str
    reversed: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class Reissue:
    """A card that was replaced; the new number is sealed."""

    old_index: str
    new_index: str
    number_sealed: bytes
    expiry_yymm: str


@dataclass(frozen=True, slots=True)
class IdvCase:
    """One identity check; `methods` are the ids offered, joined by commas.

    `used_for` is the task that the right code counted for.
    """

    idv_id: str
    account_id: str
    decision: str
    methods: str
    code_mac: str
    expires_ms: int
    codes_sent: int
    tries_left: int
    used: int
    used_for: str


def run(connection: sqlite3.Connection, name: str, **values: Any) -> int:
    """Execute a statement that changes rows; return the id of a row it inserted."""
    return connection.execute(SQL[name], values).lastrowid or 0


def run_many(connection: sqlite3.Connection, name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Execute a statement once per row."""
    connection.executemany(SQL[name], rows)


def number(connection: sqlite3.Connection, name: str, **values: Any) -> int:
    """Return the one number a query asks for, 0 when there is no row."""
    row = connection.execute(SQL[name], values).fetchone()
    return 0 if row is None else int(row[0])


def text(connection: sqlite3.Connection, name: str, **values: Any) -> str | None:
    """Return the one text a query asks for, None when there is no row."""
    row = connection.execute(SQL[name], values).fetchone()
    return None if row is None else str(row[0])


def account_by_index(connection: sqlite3.Connection, pan_index: str) -> Account | None:
    """Find the account of a card number by its keyed index, also of one that was replaced."""
    row = connection.execute(SQL["account_by_index"], {"pan_index": pan_index}).fetchone()
    if row is not None:
        return Account(*row)
    newer = text(connection, "reissue_follow", pan_index=pan_index)
    return None if newer is None else account_by_index(connection, newer)


def accounts(connection: sqlite3.Connection) -> list[Account]:
    """List all accounts in the order they were opened."""
    return [Account(*row) for row in connection.execute(SQL["account_list"])]


def authorisation(connection: sqlite3.Connection, trace_key: str) -> Authorisation | None:
    """Find what a trace was answered."""
    row = connection.execute(SQL["authorisation_get"], {"trace_key": trace_key}).fetchone()
    return None if row is None else Authorisation(*row)


def authorisations(connection: sqlite3.Connection, account_id: str) -> list[ListedAuthorisation]:
    """List the last hundred requests of an account, newest first."""
    rows = connection.execute(SQL["authorisation_list"], {"account_id": account_id})
    return [ListedAuthorisation(*row) for row in rows]


def open_reissue(connection: sqlite3.Connection, account_id: str) -> Reissue | None:
    """Find an account's oldest reissue of which the token service does not know yet."""
    row = connection.execute(SQL["reissue_open"], {"account_id": account_id}).fetchone()
    return None if row is None else Reissue(*row)


def sealed_number(connection: sqlite3.Connection, pan_index: str) -> bytes | None:
    """Return the sealed number of a card that was a reissue."""
    row = connection.execute(SQL["reissue_number"], {"pan_index": pan_index}).fetchone()
    return None if row is None else bytes(row[0])


def idv_case(connection: sqlite3.Connection, idv_id: str) -> IdvCase | None:
    """Find an identity check."""
    row = connection.execute(SQL["idv_case_get"], {"idv_id": idv_id}).fetchone()
    return None if row is None else IdvCase(*row)
