"""Migrations of an SQLite file: all of them or none, whatever crashes in between.

The work is done on a copy that takes the file's name when it is finished. An
up-to-date file is recognised without loading the migration library.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import glob
import logging
import os
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wristlet.env.base import REPLACEMENT_SUFFIX, replace_file
from wristlet.env.real import FILE_MODE, RealDisk

LOCK_SUFFIX = ".lock"
LOCK_WAIT_S = 10.0
_LOCK_POLL_S = 0.05

# The library swaps sqlite3's converter tables while it runs.
_one_at_a_time = threading.Lock()


class MigrationError(Exception):
    """The database cannot be brought to the schema of this program."""


def migrate(path: Path, migrations: Path) -> None:
    """Apply what is missing of `migrations/*.sql`, making the file if there is none.

    Raises `MigrationError` when a migration fails, when somebody uses the file
    meanwhile or when the file comes from a newer program.
    """
    wanted = _wanted(migrations)
    if _is_current(path, wanted):
        return
    with _exclusive(path, wanted) as needed:
        if not needed:
            return
        if path.exists():
            _upgrade(path, migrations, wanted)
        else:
            replace_file(RealDisk(), path, _empty_database(migrations, wanted))


def lock_shared(path: Path) -> int:
    """Return a descriptor that marks the database as in use until it is closed."""
    descriptor = _open_lock(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _open_lock(path: Path) -> int:
    return os.open(f"{path}{LOCK_SUFFIX}", os.O_RDWR | os.O_CREAT, FILE_MODE)


def _wanted(migrations: Path) -> tuple[str, ...]:
    names = (file.stem for file in migrations.glob("*.sql"))
    wanted = tuple(sorted(name for name in names if not name.endswith(".rollback")))
    if not wanted:
        raise MigrationError(f"no .sql files in {migrations}")
    return wanted


def _is_current(path: Path, wanted: tuple[str, ...]) -> bool:
    """Say whether nothing is left to do; MigrationError for a file of a newer program."""
    if not path.exists():
        return False
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "_yoyo_migration" not in tables:
            return False
        rows = connection.execute("SELECT migration_id FROM _yoyo_migration")
        applied = {row[0] for row in rows}
    unknown = sorted(applied - set(wanted))
    if unknown:
        raise MigrationError(
            f"{path} has migration {unknown[0]}, which this program does not know: "
            "run the newer program or restore a backup"
        )
    return applied == set(wanted)


@contextlib.contextmanager
def _exclusive(path: Path, wanted: tuple[str, ...]) -> Iterator[bool]:
    """Hold the lock and say whether there is work; another process may do it meanwhile."""
    descriptor = _open_lock(path)
    deadline = time.monotonic() + LOCK_WAIT_S
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if _is_current(path, wanted):
                    yield False
                    return
                if time.monotonic() > deadline:
                    raise MigrationError(
                        f"{path} is in use: stop the processes that use it, then start again"
                    ) from None
                time.sleep(_LOCK_POLL_S)
            else:
                yield not _is_current(path, wanted)
                return
    finally:
        os.close(descriptor)


@functools.lru_cache(maxsize=16)
def _empty_database(migrations: Path, wanted: tuple[str, ...]) -> bytes:
    """Return the bytes of a migrated database without rows, made once per process."""
    with tempfile.TemporaryDirectory(prefix="wristlet-") as directory:
        file = Path(directory, "empty.db")
        _apply(file, migrations, wanted)
        return file.read_bytes()


def _upgrade(path: Path, migrations: Path, wanted: tuple[str, ...]) -> None:
    """Migrate a copy, then let it take the place of the old file."""
    fresh = Path(f"{path}{REPLACEMENT_SUFFIX}")
    disk = RealDisk()
    if disk.exists(fresh):  # left behind by a crash
        disk.unlink(fresh)
    disk.create(fresh)
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(fresh)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    _apply(fresh, migrations, wanted)
    disk.sync(fresh)
    disk.rename(fresh, path)
    disk.sync_dir(path.parent)


def _apply(file: Path, migrations: Path, wanted: tuple[str, ...]) -> None:
    """Run the migration library on a file that nobody else knows."""
    from yoyo import read_migrations
    from yoyo.connections import parse_uri
    from yoyo.exceptions import BadMigration

    # Statements and their errors are reported by the exception below.
    logging.getLogger("yoyo.migrations").setLevel(logging.CRITICAL + 1)
    with _one_at_a_time:
        try:
            backend = _backend_class()(parse_uri(f"sqlite:///{file}"), "_yoyo_migration")
            backend.init_database()
            with backend:
                backend.apply_migrations(
                    backend.to_apply(read_migrations(glob.escape(str(migrations))))
                )
        except (sqlite3.Error, BadMigration) as error:
            raise MigrationError(f"a migration in {migrations} failed: {error}") from error
    # The library passes over files that it cannot read.
    if not _is_current(file, wanted):
        raise MigrationError(f"not all migrations in {migrations} could be applied")


@functools.cache
def _backend_class() -> Any:
    from yoyo.backends.core.sqlite3 import SQLiteBackend

    class Backend(SQLiteBackend):  # type: ignore[misc] # the library has no types
        """The library's SQLite without what we do not want: user name, host name, shared cache."""

        def connect(self, dburi: Any) -> sqlite3.Connection:
            return sqlite3.connect(
                dburi.database, isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES
            )

        def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
            return {
                "id": str(uuid.uuid4()),
                "migration_id": migration.id if migration else None,
                "migration_hash": migration.hash if migration else None,
                "username": "",
                "hostname": "",
                "created_at_utc": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
                "operation": operation,
            }

    return Backend
