"""Queries about the log of scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import cast

from wristlet.wallet.context import load_queries
from wristlet.wallet.devices.repository import DeviceRow
from wristlet.wallet.errors import refuse

PENDING, REPORTED, ACKNOWLEDGED = "pending", "reported", "acknowledged"
STUCK, SUPERSEDED = "stuck", "superseded"


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One script of a strap's log; `apdus` are hex, one per line, dropped when nobody needs them.

    `report` is the last report of a run that went wrong; `failures` counts runs that the secure
    element itself ended.
    """

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
    failures: int
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


def of_number(
    connection: Connection, device: DeviceRow, domain_aid: str, number: int
) -> CommitRow | None:
    """Return the commit of a script number."""
    row = _SQL.find_number(
        connection,
        tenant_id=device.tenant_id,
        device_id=device.device_id,
        domain_aid=domain_aid,
        script_number=number,
    )
    return cast(CommitRow | None, row)


def before(connection: Connection, device: DeviceRow, sequence: int) -> list[CommitRow]:
    """Return what is still open before a commit, oldest first."""
    pointer = device.commits_acknowledged
    count = sequence - pointer - 1
    return after(connection, device, pointer, count) if count > 0 else []


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


def supersede(connection: Connection, row: CommitRow) -> None:
    """Mark a commit as one that can never run any more."""
    _SQL.supersede(
        connection, tenant_id=row.tenant_id, device_id=row.device_id, sequence=row.sequence
    )


def report(connection: Connection, row: CommitRow) -> None:
    """Keep what went wrong with a commit: its state, report and count of failures."""
    _SQL.report(
        connection,
        tenant_id=row.tenant_id,
        device_id=row.device_id,
        sequence=row.sequence,
        state=row.state,
        report=row.report,
        failures=row.failures,
    )
