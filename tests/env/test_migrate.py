from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from wristlet.env import migrate as migrate_module
from wristlet.env.migrate import MigrationError, lock_shared, migrate


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations [a]"  # a name that is no glob pattern
    directory.mkdir()
    add(directory, "0001-first", "CREATE TABLE first (id INTEGER PRIMARY KEY);")
    return directory


def add(directory: Path, name: str, sql: str) -> None:
    (directory / f"{name}.sql").write_text(sql)


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {row[0] for row in rows if "yoyo" not in row[0]}


def test_makes_a_database_for_the_owner_only(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "a ?#%20.db"
    migrate(path, migrations)
    assert tables(path) == {"first"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_adds_what_is_missing_and_keeps_rows(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    migrate(path, migrations)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO first VALUES (7)")
        connection.commit()
    add(migrations, "0002-second", "CREATE TABLE second (id INTEGER);\nCREATE TABLE third (x);")
    (migrations / "0002-second.rollback.sql").write_text("DROP TABLE second;")
    migrate(path, migrations)
    assert tables(path) == {"first", "second", "third"}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM first").fetchall() == [(7,)]
    assert sorted(file.name for file in tmp_path.glob("test.db*")) == ["test.db", "test.db.lock"]


def test_a_failing_migration_changes_nothing(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    migrate(path, migrations)
    before = path.read_bytes()
    add(migrations, "0002-good", "CREATE TABLE second (id INTEGER);")
    add(migrations, "0003-bad", "CREATE TABLE third (id INTEGER);\nCREATE NONSENSE;")
    with pytest.raises(MigrationError, match="failed"):
        migrate(path, migrations)
    assert path.read_bytes() == before
    add(migrations, "0003-bad", "CREATE TABLE third (id INTEGER);")
    migrate(path, migrations)
    assert tables(path) == {"first", "second", "third"}


def test_a_migration_that_cannot_be_read_is_an_error(tmp_path: Path, migrations: Path) -> None:
    add(migrations, "0002-lost", "-- depends: 0000-nowhere\nCREATE TABLE second (id INTEGER);")
    with pytest.raises(MigrationError):
        migrate(tmp_path / "test.db", migrations)
    assert not (tmp_path / "test.db").exists()


def test_a_newer_database_is_refused(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    add(migrations, "0002-second", "CREATE TABLE second (id INTEGER);")
    migrate(path, migrations)
    (migrations / "0002-second.sql").unlink()
    with pytest.raises(MigrationError, match="0002-second"):
        migrate(path, migrations)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"no \.sql files"):
        migrate(tmp_path / "test.db", tmp_path)


def test_an_upgrade_under_a_running_process_is_refused(
    tmp_path: Path, migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "LOCK_WAIT_S", 0)
    path = tmp_path / "test.db"
    migrate(path, migrations)
    in_use = lock_shared(path)
    migrate(path, migrations)  # nothing to do: no lock needed
    add(migrations, "0002-second", "CREATE TABLE second (id INTEGER);")
    with pytest.raises(MigrationError, match="in use"):
        migrate(path, migrations)
    os.close(in_use)
    migrate(path, migrations)
    assert tables(path) == {"first", "second"}


def test_two_at_once_both_succeed(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    errors: list[BaseException] = []

    def run() -> None:
        try:
            migrate(path, migrations)
            os.close(lock_shared(path))
        except MigrationError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert tables(path) == {"first"}


def test_a_leftover_of_a_killed_upgrade_is_replaced(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "test.db"
    migrate(path, migrations)
    (tmp_path / "test.db.new").write_bytes(b"half a copy")
    add(migrations, "0002-second", "CREATE TABLE second (id INTEGER);")
    migrate(path, migrations)
    assert tables(path) == {"first", "second"}


def test_migrating_warns_and_logs_nothing(tmp_path: Path, migrations: Path) -> None:
    code = (
        "import sys, logging\nfrom pathlib import Path\n"
        "logging.basicConfig(level=0)\n"
        "from wristlet.env.migrate import migrate\n"
        "migrate(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "t.db"), str(migrations)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
