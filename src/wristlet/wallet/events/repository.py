"""The event log: written in the same transaction as the change it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from sqlite3 import Connection

import msgspec

from wristlet.env.base import Env
from wristlet.model.wallet_messages import Event
from wristlet.wallet.context import load_queries, make_id

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that changed: `type` is noun.verb_past, `wearer_id` is who may read it."""

    type: str
    wearer_id: str | None
    device_id: str | None = None
    card_id: str | None = None
    data: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventRow:
    """One stored event."""

    sequence: int
    event_id: str
    type: str
    device_id: str | None
    card_id: str | None
    data: str
    created_ms: int


_SQL = load_queries(__file__, "events", EventRow=EventRow)


def append(connection: Connection, env: Env, tenant_id: str, event: NewEvent) -> int:
    """Write an event and return its number; the tenant's counter keeps the log without gaps and in
    commit order.
    """
    sequence: int = _SQL.next_sequence(connection, tenant_id=tenant_id)
    _SQL.insert_event(
        connection,
        tenant_id=tenant_id,
        sequence=sequence,
        event_id=make_id(env, "evt"),
        type=event.type,
        wearer_id=event.wearer_id,
        device_id=event.device_id,
        card_id=event.card_id,
        data=msgspec.json.encode(dict(event.data)).decode(),
        created_ms=env.clock.now_ms(),
    )
    return sequence


def after(
    connection: Connection, tenant_id: str, wearer_id: str | None, sequence: int, limit: int
) -> list[Event]:
    """Return events after a sequence number, oldest first, of one wearer or of all."""
    if wearer_id is None:
        rows = _SQL.tenant_events(connection, tenant_id=tenant_id, after=sequence, limit=limit)
    else:
        rows = _SQL.wearer_events(
            connection, tenant_id=tenant_id, wearer_id=wearer_id, after=sequence, limit=limit
        )
    return [_event(row) for row in rows]


def _event(row: EventRow) -> Event:
    return Event(
        id=row.event_id,
        sequence=row.sequence,
        type=row.type,
        created_ms=row.created_ms,
        device_id=row.device_id,
        card_id=row.card_id,
        data=msgspec.json.decode(row.data, type=dict[str, Value]),
    )
