"""The database whose writes run on the loop: the same promises, only the sync is elsewhere."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from wristlet.env.database import (
    Database,
    DatabaseBrokenError,
    DatabaseClosedError,
    DatabaseOverloadedError,
    GroupLostError,
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "test.db", durability="none", on_loop=True)
    await database.open()
    await database.write(
        lambda c: c.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE)").rowcount
    )
    yield database
    await database.close()


@pytest.fixture
def slow_sync(database: Database, monkeypatch: pytest.MonkeyPatch) -> SlowSync:
    return SlowSync(database, monkeypatch)


class SlowSync:
    """Holds every commit until it may go on."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._go = threading.Event(), threading.Event()
        self._commit = database._commit
        monkeypatch.setattr(database, "_commit", self._wait)

    def _wait(self, connection: sqlite3.Connection) -> None:
        self.reached.set()
        self._go.wait(10)
        self._commit(connection)

    def end(self) -> None:
        self._go.set()


def insert(name: str) -> Callable[[sqlite3.Connection], int | None]:
    return lambda connection: (
        connection.execute("INSERT INTO item (name) VALUES (?)", (name,)).lastrowid
    )


def names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM item ORDER BY id")]


async def during_a_sync(
    database: Database, slow_sync: SlowSync, *functions: Callable[[sqlite3.Connection], object]
) -> list[object]:
    """Have functions queue while a first write is synced; return their results or exceptions."""
    first = asyncio.ensure_future(database.write(insert("first")))
    await asyncio.to_thread(slow_sync.reached.wait, 10)
    rest = [asyncio.ensure_future(database.write(function)) for function in functions]
    await asyncio.sleep(0)
    assert not first.done()
    slow_sync.end()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_no_reply_before_the_commit(database: Database, slow_sync: SlowSync) -> None:
    reply = asyncio.ensure_future(database.write(insert("a")))
    await asyncio.to_thread(slow_sync.reached.wait, 10)
    await asyncio.sleep(0)
    assert not reply.done()
    assert await database.read(names) == []
    slow_sync.end()
    assert await reply == 1
    assert await database.read(names) == ["a"]


async def test_writes_run_on_the_loop_and_syncs_do_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    commit = database._commit

    def noted(connection: sqlite3.Connection) -> None:
        threads.append(threading.get_ident())
        commit(connection)

    monkeypatch.setattr(database, "_commit", noted)
    threads.append(await database.write(lambda _: threading.get_ident()))
    assert threads[1] == threading.get_ident() != threads[0]


async def test_what_queues_during_a_sync_is_the_next_group(
    database: Database, slow_sync: SlowSync
) -> None:
    groups = database.stats.groups
    results = await during_a_sync(database, slow_sync, *(insert(f"n{i}") for i in range(20)))
    assert results == list(range(2, 22))
    assert database.stats.groups == groups + 2
    assert database.stats.largest_group == 20


async def test_a_failing_write_takes_nothing_with_it(
    database: Database, slow_sync: SlowSync
) -> None:
    def half_then_fail(connection: sqlite3.Connection) -> None:
        insert("half")(connection)
        raise KeyError("refused")

    results = await during_a_sync(database, slow_sync, insert("a"), half_then_fail, insert("a"))
    assert results[0] == 2
    assert [type(result) for result in results[1:]] == [KeyError, sqlite3.IntegrityError]
    assert await database.read(names) == ["first", "a"]


async def test_a_write_that_loses_the_transaction_fails_those_before_it(
    database: Database, slow_sync: SlowSync
) -> None:
    def undo_everything(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR ROLLBACK INTO item (name) VALUES ('first')")

    results = await during_a_sync(database, slow_sync, insert("a"), undo_everything, insert("c"))
    assert [type(result) for result in results] == [GroupLostError, sqlite3.IntegrityError, int]
    assert await database.read(names) == ["first", "c"]


async def test_after_an_io_error_only_reopening_helps(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing_sync(_: sqlite3.Connection) -> None:
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


async def test_close_finishes_what_is_queued(database: Database) -> None:
    replies = [asyncio.ensure_future(database.write(insert(f"n{i}"))) for i in range(50)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*replies) == list(range(1, 51))
    with pytest.raises(DatabaseClosedError):
        await database.write(insert("late"))


async def test_a_group_has_a_greatest_size(
    database: Database, slow_sync: SlowSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wristlet.env.database.GROUP_LIMIT", 2)
    results = await during_a_sync(database, slow_sync, *(insert(f"n{i}") for i in range(5)))
    assert results == list(range(2, 7))
    assert database.stats.largest_group == 2


async def test_too_many_waiting_writes_are_refused(
    database: Database, slow_sync: SlowSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wristlet.env.database.QUEUE_LIMIT", 3)
    results = await during_a_sync(database, slow_sync, *(insert(f"n{i}") for i in range(5)))
    assert [type(result) for result in results] == [int] * 3 + [DatabaseOverloadedError] * 2


async def test_a_cancelled_caller_leaves_the_write(database: Database, slow_sync: SlowSync) -> None:
    reply = asyncio.ensure_future(database.write(insert("a")))
    await asyncio.to_thread(slow_sync.reached.wait, 10)
    reply.cancel()
    slow_sync.end()
    await database.write(insert("b"))
    assert reply.cancelled()
    assert await database.read(names) == ["a", "b"]
