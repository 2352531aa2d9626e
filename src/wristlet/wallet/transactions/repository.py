"""Queries about payments, and about whom a notification concerns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import cast

from wristlet.wallet.context import Actor, load_queries

SOURCE = "token_service"


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A payment; `change_sequence` is the number of the event that told of its last change."""

    tenant_id: str
    transaction_id: str
    change_sequence: int
    wearer_id: str
    device_id: str
    card_id: str
    card_last4: str
    token_last4: str
    state: str
    amount_minor: int
    currency: str
    merchant: str
    reason: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class OwnerRow:
    """Whose card a token is."""

    tenant_id: str
    wearer_id: str
    device_id: str
    card_id: str


@dataclass(frozen=True, slots=True)
class DueRow:
    """A strap about which the token service has to be asked."""

    tenant_id: str
    wearer_id: str
    device_id: str


_SQL = load_queries(
    __file__,
    "transactions",
    TransactionRow=TransactionRow,
    OwnerRow=OwnerRow,
    DueRow=DueRow,
)


def find(connection: Connection, tenant_id: str, transaction_id: str) -> TransactionRow | None:
    """Return a payment."""
    row = _SQL.find_transaction(connection, tenant_id=tenant_id, transaction_id=transaction_id)
    return cast(TransactionRow | None, row)


def put(connection: Connection, row: TransactionRow) -> None:
    """Store a payment, or what changed of it."""
    _SQL.put_transaction(connection, **asdict(row))


def page(
    connection: Connection,
    actor: Actor,
    device_id: str | None,
    card_id: str | None,
    after: int,
    limit: int,
) -> list[TransactionRow]:
    """Return payments that the actor may see, in the order of their last change."""
    rows = _SQL.list_transactions(
        connection,
        tenant_id=actor.tenant_id,
        wearer_id=actor.wearer_id,
        device_id=device_id,
        card_id=card_id,
        after=after,
        limit=limit,
    )
    return list(rows)


def owner(connection: Connection, token_reference: str) -> OwnerRow | None:
    """Return whose card a token is, of whatever tenant."""
    row = _SQL.card_of_token(connection, token_reference=token_reference)
    return cast(OwnerRow | None, row)


def mark_due(connection: Connection, se_id: str, sequence: int) -> list[DueRow]:
    """Note that the token service has to be asked about a strap; return its entries here."""
    rows: list[DueRow] = list(_SQL.devices_of_element(connection, se_id=se_id))
    for row in rows:
        _SQL.mark_due(
            connection, tenant_id=row.tenant_id, device_id=row.device_id, sequence=sequence
        )
    return rows


def taken(connection: Connection) -> int:
    """Return up to which notification everything is recorded."""
    return cast(int | None, _SQL.taken(connection, source=SOURCE)) or 0


def put_taken(connection: Connection, cursor: int) -> None:
    """Store up to which notification everything is recorded."""
    _SQL.put_taken(connection, source=SOURCE, taken=cursor)
