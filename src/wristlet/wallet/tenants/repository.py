"""Queries about tenants and their API keys."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection
from typing import cast

from wristlet.wallet.context import load_queries


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A brand; the private half of its phone root is in the key store."""

    tenant_id: str
    name: str
    phone_root_id: str
    phone_root_point: str
    created_ms: int


_SQL = load_queries(__file__, "tenants", TenantRow=TenantRow)


def insert(connection: Connection, row: TenantRow, key_hash: str) -> None:
    """Store a tenant with its first API key."""
    _SQL.insert_tenant(
        connection,
        tenant_id=row.tenant_id,
        name=row.name,
        phone_root_id=row.phone_root_id,
        phone_root_point=row.phone_root_point,
        created_ms=row.created_ms,
    )
    _SQL.insert_api_key(
        connection, key_hash=key_hash, tenant_id=row.tenant_id, created_ms=row.created_ms
    )


def tenant_of_key(connection: Connection, key_hash: str) -> str | None:
    """Return whose API key it is."""
    return cast(str | None, _SQL.tenant_of_key(connection, key_hash=key_hash))


def find(connection: Connection, tenant_id: str) -> TenantRow | None:
    """Return a tenant."""
    return cast(TenantRow | None, _SQL.find_tenant(connection, tenant_id=tenant_id))
