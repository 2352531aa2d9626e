"""What every part of the wallet is given: effects, database, token service, keys; who asks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosql

from wristlet.crypto.seal import KeyStore
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.links.tsp_client import TspClient
from wristlet.model.ids import RANDOM_SIZE, new_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a tenant by its API key, or one of its wearers by a session (its token's hash)."""

    tenant_id: str
    wearer_id: str | None = None
    session: str = ""

    @property
    def name(self) -> str:
        """The actor within the tenant, as stored requests are kept apart."""
        return self.wearer_id or "tenant"


@dataclass(frozen=True, slots=True)
class Context:
    """The wallet's effects and neighbours."""

    env: Env
    database: Database
    tsp: TspClient
    keys: KeyStore

    def now_ms(self) -> int:
        """Return the wall time, Unix milliseconds."""
        return self.env.clock.now_ms()

    def new_id(self, prefix: str) -> str:
        """Return a fresh, time-ordered id."""
        return make_id(self.env, prefix)


def make_id(env: Env, prefix: str) -> str:
    """Return a fresh, time-ordered id."""
    return new_id(prefix, env.clock.now_ms(), env.random.bytes(RANDOM_SIZE))


def load_queries(module_file: str, name: str, **records: type) -> Any:
    """Load `sql/<name>.sql` beside a module; `records` are the row classes it names."""
    path = Path(module_file).parent / "sql" / f"{name}.sql"
    return aiosql.from_path(path, "sqlite3", record_classes=records, mandatory_parameters=False)
