"""Queries about the log of scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import cast

from wristlet.model.wallet_messages import Commit
from wristlet.wallet.context import load_queries
from wristlet.wallet.devices.repository import DeviceRow
from wristlet.wallet.errors import refuse

PENDING, REPORTED, ACKNOWLEDGED = "pending", "reported", "acknowledged"


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One script of a strap's log; `apdus` are hex, one per line, dropped when acknowledged."""

    tenant_id: str
    device_id: str
    sequence: int
    kind: str
    card_id: str | None
    domain_aid: str
    script_number: int
    apdu_count: int
    apdus: str
    state: str
    report: str | None
    created_ms: int


_SQL = load_queries(__file__, "commits", CommitRow=CommitRow)


def insert(connection: Connection, row: CommitRow) -> None:
    """Store a commit."""
    _SQL.insert_commit(connection, **asdict(row))


def last_number(connection: Connection, device: DeviceRow, domain_aid: str) -> int:
    """Return the highest script number in the log for a domain, 0 if there is none."""
    number = _SQL.last_number(
        connection,
        tenant_id=device.tenant_id,
        device_id=device.device_id,
        domain_aid=domain_aid,
    )
    return cast(int | None, number) or 0


def require(connection: Connection, device: DeviceRow, sequence: int) -> CommitRow:
    """Return a commit of a strap's log."""
    row = _SQL.find_commit(
        connection, tenant_id=device.tenant_id, device_id=device.device_id, sequence=sequence
    )
    if row is None:
        raise refuse("object_not_found", "sequence")
    return cast(CommitRow, row)


def after(connection: Connection, device: DeviceRow, sequence: int, limit: int) -> list[CommitRow]:
    """Return commits after a sequence number, oldest first."""
    rows = _SQL.commits_after(
        connection,
        tenant_id=device.tenant_id,
        device_id=device.device_id,
        after=sequence,
        limit=limit,
    )
    return list(rows)


def finish(connection: Connection, row: CommitRow) -> None:
    """Mark a commit acknowledged and drop its script, which nobody needs again."""
    _SQL.finish(connection, tenant_id=row.tenant_id, device_id=row.device_id, sequence=row.sequence)


def report(connection: Connection, row: CommitRow, text: str) -> None:
    """Keep what went wrong with a commit."""
    _SQL.report(
        connection,
        tenant_id=row.tenant_id,
        device_id=row.device_id,
        sequence=row.sequence,
        report=text,
    )


def view(row: CommitRow) -> Commit:
    """Return a commit as the API shows it."""
    return Commit(
        sequence=row.sequence,
        kind=row.kind,
        card_id=row.card_id,
        domain_aid=row.domain_aid,
        script_number=row.script_number,
        apdu_count=row.apdu_count,
        apdus=row.apdus.split(),
        created_ms=row.created_ms,
        state=row.state,
    )
