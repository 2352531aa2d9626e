"""Queries about straps and the phones certified for them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import cast

from wristlet.wallet.context import Actor, load_queries
from wristlet.wallet.errors import refuse

PAIRED, LOST = "paired", "lost"
CERTIFIED, REVOKED = "certified", "revoked"


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A strap; the two commit numbers are the end and the pointer of its log."""

    tenant_id: str
    device_id: str
    wearer_id: str
    name: str
    se_id: str
    model: str
    state: str
    commits_last: int
    commits_acknowledged: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A phone that the brand certified for a strap, by the SHA-256 of its point."""

    device_id: str
    point_hash: str
    certificate: str
    name: str
    state: str
    created_ms: int


_SQL = load_queries(__file__, "devices", DeviceRow=DeviceRow, PhoneRow=PhoneRow)


def insert(connection: Connection, row: DeviceRow) -> None:
    """Store a strap."""
    _SQL.insert_device(connection, **asdict(row))


def require(connection: Connection, actor: Actor, device_id: str) -> DeviceRow:
    """Return a strap that the actor may see; another's is refused like one that does not exist."""
    row = _SQL.find_device(
        connection, tenant_id=actor.tenant_id, wearer_id=actor.wearer_id, device_id=device_id
    )
    if row is None:
        raise refuse("object_not_found", "device_id")
    return cast(DeviceRow, row)


def of_se(connection: Connection, tenant_id: str, se_id: str) -> DeviceRow | None:
    """Return the tenant's strap with this secure element."""
    row = _SQL.device_of_se(connection, tenant_id=tenant_id, se_id=se_id)
    return cast(DeviceRow | None, row)


def page(connection: Connection, actor: Actor, after: str, limit: int) -> list[DeviceRow]:
    """Return straps that the actor may see, by id."""
    rows = _SQL.list_devices(
        connection,
        tenant_id=actor.tenant_id,
        wearer_id=actor.wearer_id,
        after=after,
        limit=limit,
    )
    return list(rows)


def set_state(connection: Connection, row: DeviceRow, state: str) -> None:
    """Mark a strap paired or lost."""
    _SQL.set_state(connection, tenant_id=row.tenant_id, device_id=row.device_id, state=state)


def set_name(connection: Connection, row: DeviceRow, name: str) -> None:
    """Give a strap another name."""
    _SQL.set_name(connection, tenant_id=row.tenant_id, device_id=row.device_id, name=name)


def next_commit(connection: Connection, row: DeviceRow) -> int:
    """Count the log's end up and return it."""
    sequence = _SQL.next_commit(connection, tenant_id=row.tenant_id, device_id=row.device_id)
    return cast(int, sequence)


def acknowledge(connection: Connection, row: DeviceRow, sequence: int) -> bool:
    """Move the log's pointer from where the row has it; False if it stands elsewhere by now."""
    moved = _SQL.acknowledge(
        connection,
        tenant_id=row.tenant_id,
        device_id=row.device_id,
        pointer=row.commits_acknowledged,
        sequence=sequence,
    )
    return cast(int, moved) == 1


def phone(connection: Connection, row: DeviceRow, point_hash: str) -> PhoneRow | None:
    """Return a phone that was certified for this strap."""
    found = _SQL.find_phone(
        connection, tenant_id=row.tenant_id, device_id=row.device_id, point_hash=point_hash
    )
    return cast(PhoneRow | None, found)


def phones(connection: Connection, row: DeviceRow) -> list[PhoneRow]:
    """Return the phones that were certified for this strap, oldest first."""
    found = _SQL.list_phones(connection, tenant_id=row.tenant_id, device_id=row.device_id)
    return list(found)


def insert_phone(connection: Connection, row: DeviceRow, phone: PhoneRow) -> None:
    """Store a phone that was certified for this strap."""
    _SQL.insert_phone(connection, tenant_id=row.tenant_id, **asdict(phone))


def set_phone_state(connection: Connection, row: DeviceRow, point_hash: str, state: str) -> None:
    """Mark a phone certified or revoked."""
    _SQL.set_phone_state(
        connection,
        tenant_id=row.tenant_id,
        device_id=row.device_id,
        point_hash=point_hash,
        state=state,
    )


def refresh_due(connection: Connection, row: DeviceRow) -> int:
    """Return the newest notification after which the token service was not asked yet, or 0."""
    due = _SQL.refresh_due(connection, tenant_id=row.tenant_id, device_id=row.device_id)
    return cast(int | None, due) or 0


def refreshed(connection: Connection, row: DeviceRow, seen: int) -> None:
    """Note that the token service was asked after a notification."""
    _SQL.refreshed(connection, tenant_id=row.tenant_id, device_id=row.device_id, seen=seen)
