"""The issuer's SQL by name; the text is in `sql/issuer.sql`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import aiosql
from aiosql.queries import Queries

SQL = Path(__file__).parent / "sql" / "issuer.sql"


@cache
def queries() -> Queries:
    """Return the named statements, loaded once."""
    return aiosql.from_path(SQL, "sqlite3")
