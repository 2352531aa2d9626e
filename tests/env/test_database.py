from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from wristlet.env.database import (
    SYNCHRONOUS,
    Database,
    DatabaseBrokenError,
    DatabaseClosedError,
    DatabaseError,
    DatabaseOverloadedError,
    Durability,
    GroupLostError,
)


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations"
    directory.mkdir()
    (directory / "0001-items.sql").write_text(
        "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;\n"
    )
    return directory


@pytest.fixture
async def database(tmp_path: Path, migrations: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "test.db", migrations, "none")
    await database.open()
    yield database
    await database.close()


def insert(name: str) -> Callable[[sqlite3.Connection], int | None]:
    return lambda connection: (
        connection.execute("INSERT INTO item (name) VALUES (?)", (name,)).lastrowid
    )


def names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM item ORDER BY id")]


def files_of(database: Database) -> list[str]:
    directory = database.path.parent
    return sorted(file.name for file in directory.glob(f"{database.path.name}*"))


class Gate:
    """A write that keeps the writer busy, so that what follows queues behind it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._go = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.entered.set()
        self._go.wait(10)

    def open(self) -> None:
        self._go.set()


async def queue_behind_a_gate(
    database: Database, *functions: Callable[[sqlite3.Connection], object]
) -> list[object]:
    """Run the functions as one group and return their results or exceptions."""
    gate = Gate()
    first = asyncio.ensure_future(database.write(gate))
    await asyncio.to_thread(gate.entered.wait, 10)
    rest = [asyncio.ensure_future(database.write(function)) for function in functions]
    await asyncio.sleep(0)  # let each task queue its write
    gate.open()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_a_write_is_read_back(database: Database) -> None:
    assert await database.write(insert("a")) == 1
    assert await database.read(names) == ["a"]
    assert await database.scan(names) == ["a"]


async def test_what_queues_during_a_group_is_the_next_group(database: Database) -> None:
    results = await queue_behind_a_gate(database, *(insert(f"n{i}") for i in range(20)))
    assert results == list(range(1, 21))
    assert database.stats.groups == 2
    assert database.stats.writes == 21
    assert database.stats.largest_group == 20


async def test_a_failing_write_takes_nothing_with_it(database: Database) -> None:
    def half_then_fail(connection: sqlite3.Connection) -> None:
        insert("half")(connection)
        raise KeyError("refused")

    results = await queue_behind_a_gate(
        database, insert("a"), half_then_fail, insert("a"), insert("b")
    )
    assert results[0] == 1
    assert isinstance(results[1], KeyError)
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert await database.read(names) == ["a", "b"]
    assert database.stats.groups == 2


async def test_no_reply_before_the_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go = threading.Event(), threading.Event()
    commit = database._commit

    def slow_commit(connection: sqlite3.Connection) -> None:
        reached.set()
        go.wait(10)
        commit(connection)

    monkeypatch.setattr(database, "_commit", slow_commit)
    reply = asyncio.ensure_future(database.write(insert("a")))
    await asyncio.to_thread(reached.wait, 10)
    await asyncio.sleep(0)
    assert not reply.done()
    assert await database.read(names) == []
    go.set()
    await reply
    assert await database.read(names) == ["a"]


async def test_a_failing_commit_fails_the_whole_group(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = database._commit
    failures = iter([False, True])

    def fail_once(connection: sqlite3.Connection) -> None:
        if next(failures, False):
            raise sqlite3.OperationalError("database or disk is full")
        commit(connection)

    monkeypatch.setattr(database, "_commit", fail_once)
    results = await queue_behind_a_gate(database, insert("a"), insert("b"))
    assert [type(result) for result in results] == [sqlite3.OperationalError] * 2
    assert await database.read(names) == []
    await database.write(insert("c"))
    assert await database.read(names) == ["c"]


async def test_after_an_io_error_only_reopening_helps(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing_sync(connection: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(database, "_commit", failing_sync)
        with pytest.raises(sqlite3.OperationalError):
            await database.write(insert("a"))
    with pytest.raises(DatabaseBrokenError):
        await database.write(insert("b"))
    await database.close()
    await database.open()
    await database.write(insert("c"))
    assert await database.read(names) == ["c"]


async def test_a_write_that_loses_the_transaction_fails_those_before_it(
    database: Database,
) -> None:
    def undo_everything(connection: sqlite3.Connection) -> None:
        insert("b")(connection)
        connection.execute("INSERT OR ROLLBACK INTO item (name) VALUES ('b')")

    results = await queue_behind_a_gate(database, insert("a"), undo_everything, insert("c"))
    assert isinstance(results[0], GroupLostError)
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert results[2] == 1
    assert await database.read(names) == ["c"]


@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK", "BEGIN"])
async def test_a_write_function_cannot_end_the_group(database: Database, statement: str) -> None:
    with pytest.raises(sqlite3.DatabaseError):
        await database.write(lambda connection: connection.execute(statement))
    with pytest.raises(sqlite3.DatabaseError):
        await database.write(lambda connection: connection.executescript("SELECT 1"))
    await database.write(insert("a"))
    assert await database.read(names) == ["a"]


async def test_any_exception_reaches_the_caller(database: Database) -> None:
    class Stop(BaseException):
        pass

    def stop(connection: sqlite3.Connection) -> None:
        raise Stop

    def end(connection: sqlite3.Connection) -> None:
        raise StopIteration

    with pytest.raises(Stop):
        await database.write(stop)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(end)
    await database.write(insert("a"))


async def test_a_read_sees_one_snapshot_and_cannot_write(database: Database) -> None:
    await database.write(insert("a"))

    def read_twice(connection: sqlite3.Connection) -> tuple[list[str], list[str]]:
        before = names(connection)
        with closing(sqlite3.connect(database.path)) as other:
            other.execute("INSERT INTO item (name) VALUES ('b')")
            other.commit()
        return before, names(connection)

    assert await database.scan(read_twice) == (["a"], ["a"])
    assert await database.read(names) == ["a", "b"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(insert("c"))


async def test_close_finishes_what_is_queued(tmp_path: Path, migrations: Path) -> None:
    database = Database(tmp_path / "test.db", migrations, "none")
    await database.open()
    replies = [asyncio.ensure_future(database.write(insert(f"n{i}"))) for i in range(50)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*replies) == list(range(1, 51))
    assert files_of(database) == ["test.db", "test.db.lock"]
    with pytest.raises(DatabaseClosedError):
        await database.write(insert("late"))
    with pytest.raises(DatabaseClosedError):
        await database.read(names)
    await database.close()


async def test_opening_twice_is_refused(database: Database) -> None:
    with pytest.raises(DatabaseError, match="already open"):
        await database.open()


async def test_too_many_waiting_writes_are_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wristlet.env.database.QUEUE_LIMIT", 3)
    results = await queue_behind_a_gate(database, *(insert(f"n{i}") for i in range(5)))
    assert [type(result) for result in results] == [int] * 3 + [DatabaseOverloadedError] * 2


async def test_a_cancelled_caller_leaves_the_write(database: Database) -> None:
    gate = Gate()
    first = asyncio.ensure_future(database.write(gate))
    second = asyncio.ensure_future(database.write(insert("a")))
    await asyncio.sleep(0)
    second.cancel()
    gate.open()
    await first
    await database.write(insert("b"))
    assert second.cancelled()
    assert await database.read(names) == ["a", "b"]


def test_each_event_loop_gets_its_own_replies(tmp_path: Path, migrations: Path) -> None:
    database = Database(tmp_path / "test.db", migrations, "none")
    asyncio.run(database.open())

    async def write_some(label: str) -> list[int | None]:
        return [await database.write(insert(f"{label}{i}")) for i in range(20)]

    ids: list[int | None] = []
    threads = [
        threading.Thread(target=lambda label=label: ids.extend(asyncio.run(write_some(label))))
        for label in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(database.close())
    assert sorted(ids, key=str) == sorted(range(1, 41), key=str)


@pytest.mark.parametrize(("durability", "level"), [("power", 2), ("crash", 1), ("none", 0)])
async def test_durability_is_sqlites_synchronous(
    tmp_path: Path, migrations: Path, durability: Durability, level: int
) -> None:
    database = Database(tmp_path / "test.db", migrations, durability)
    await database.open()
    answer = await database.write(lambda c: c.execute("PRAGMA synchronous").fetchone()[0])
    mode = await database.read(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0])
    await database.close()
    assert (answer, mode) == (level, "wal")
    assert set(SYNCHRONOUS) == {"power", "crash", "none"}


async def test_inline_needs_no_thread_and_keeps_the_rules(tmp_path: Path, migrations: Path) -> None:
    before = threading.active_count()
    database = Database(tmp_path / "test.db", migrations, "none", inline=True)
    await database.open()
    assert await database.write(insert("a")) == 1
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(insert("a"))
    assert await database.read(names) == ["a"]
    assert await database.scan(names) == ["a"]
    assert threading.active_count() == before
    await database.close()
    with pytest.raises(DatabaseClosedError):
        await database.write(insert("b"))


async def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    database = Database(tmp_path / "test.db", durability="none")
    await database.open()
    await database.write(lambda c: c.execute("CREATE TABLE item (id INTEGER)"))
    modes = {
        file.name: file.stat().st_mode & 0o777 for file in database.path.parent.glob("test.db*")
    }
    await database.close()
    assert set(modes.values()) == {0o600}
    assert "test.db-wal" in modes


def test_importing_loads_no_migration_library() -> None:
    code = (
        "import sys, wristlet.env.database\n"
        "sys.exit(any(name.split('.')[0] in ('yoyo', 'sqlparse') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CHILD = """
import asyncio, sys
from pathlib import Path
from wristlet.env.database import Database

async def worker(database, label):
    number = 0
    while True:
        name = f"{label}-{number}"
        await database.write(
            lambda c: c.execute("INSERT INTO item (name) VALUES (?)", (name,)))
        sys.stdout.write(name + "\\n")
        sys.stdout.flush()
        number += 1

async def main():
    database = Database(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    await database.open()
    await asyncio.gather(*(worker(database, label) for label in "abcdefgh"))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["power", "crash"])
@pytest.mark.parametrize("acknowledged", [1, 37, 500])
def test_kill_loses_no_acknowledged_write(
    tmp_path: Path, migrations: Path, durability: Durability, acknowledged: int
) -> None:
    path = tmp_path / "test.db"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(migrations), durability],
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        seen = [child.stdout.readline().strip() for _ in range(acknowledged)]
        os.kill(child.pid, signal.SIGKILL)
        seen += [line.strip() for line in child.stdout if line.endswith("\n")]

    async def look() -> tuple[set[str], str]:
        database = Database(path, migrations, durability)
        await database.open()
        stored = set(await database.read(names))
        check = await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0])
        await database.close()
        return stored, check

    stored, check = asyncio.run(look())
    assert len(seen) >= acknowledged
    assert set(seen) <= stored
    assert check == "ok"
