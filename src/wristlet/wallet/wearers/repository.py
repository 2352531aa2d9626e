"""Queries about wearers and their sessions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import cast

from wristlet.wallet.context import Actor, load_queries


@dataclass(frozen=True, slots=True)
class WearerRow:
    """A person who wears straps of the tenant's brand."""

    tenant_id: str
    wearer_id: str
    name: str
    email: str | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Whose session it is and until when."""

    tenant_id: str
    wearer_id: str
    expires_ms: int


_SQL = load_queries(__file__, "wearers", WearerRow=WearerRow, SessionRow=SessionRow)


def insert(connection: Connection, row: WearerRow) -> None:
    """Store a wearer."""
    _SQL.insert_wearer(connection, **asdict(row))


def find(connection: Connection, tenant_id: str, wearer_id: str) -> WearerRow | None:
    """Return one of the tenant's wearers."""
    row = _SQL.find_wearer(connection, tenant_id=tenant_id, wearer_id=wearer_id)
    return cast(WearerRow | None, row)


def insert_session(
    connection: Connection, row: SessionRow, token_hash: str, created_ms: int
) -> None:
    """Store a session by its token's hash."""
    _SQL.insert_session(connection, **asdict(row), token_hash=token_hash, created_ms=created_ms)


def end_others(connection: Connection, actor: Actor) -> int:
    """Delete a wearer's sessions but the actor's own; return how many."""
    ended = _SQL.end_other_sessions(
        connection,
        tenant_id=actor.tenant_id,
        wearer_id=actor.wearer_id,
        token_hash=actor.session,
    )
    return cast(int, ended)


def session(connection: Connection, token_hash: str, now_ms: int) -> SessionRow | None:
    """Return the session that has this token and has not expired."""
    row = _SQL.find_session(connection, token_hash=token_hash, now_ms=now_ms)
    return cast(SessionRow | None, row)
