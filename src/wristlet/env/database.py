"""SQLite with one writer and group commit: no answer before its row is on disk.

While one group is being synced, further writes queue; they are the next group.
No timer: a lone write waits for nobody. Each write runs in its own savepoint,
so that one that fails takes nothing with it.

A host under load runs its writes on the loop and only the sync on the writer's
thread: two threads that take turns at every statement wait for each other more
than they work, and a loop that is busy would keep the group from being synced.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from wristlet.env.base import StrPath
from wristlet.env.migrate import lock_shared, migrate

T = TypeVar("T")
Durability: TypeAlias = Literal["power", "crash", "none"]

# SQLite, PRAGMA synchronous, in WAL mode: FULL syncs the log at every commit,
# NORMAL only at checkpoints (a power cut loses the last commits, a killed
# process nothing), OFF never.
SYNCHRONOUS: Final[dict[Durability, str]] = {"power": "FULL", "crash": "NORMAL", "none": "OFF"}

GROUP_LIMIT: Final = 512
QUEUE_LIMIT: Final = 20_000
BUSY_TIMEOUT_S: Final = 5.0
_SQLITE_IOERR: Final = 10


class DatabaseError(Exception):
    """Base of what goes wrong around, not inside, a query."""


class DatabaseClosedError(DatabaseError):
    """The database is not open."""


class DatabaseOverloadedError(DatabaseError):
    """Too many writes are waiting; the caller should shed load."""


class DatabaseBrokenError(DatabaseError):
    """A sync failed: what is on disk is unknown until the database is opened again."""


class GroupLostError(DatabaseError):
    """Another write of the same group ended the transaction: this one did not happen."""


@dataclass(slots=True)
class Stats:
    """What the writer did since opening."""

    writes: int = 0
    groups: int = 0
    largest_group: int = 0


@dataclass(slots=True, eq=False)
class _Job:
    function: Callable[[sqlite3.Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Database:
    """One SQLite file in WAL mode.

    `write` functions run on one thread, `read` functions on the calling thread
    with its own connection. With `inline` everything runs on the calling thread,
    for simulations whose order must not depend on threads. With `on_loop` the
    write functions run on the loop that opened the database and only the sync on
    the thread: for short writes, from that loop, where no other process writes.
    """

    def __init__(
        self,
        path: StrPath,
        migrations: Path | None = None,
        durability: Durability = "power",
        *,
        inline: bool = False,
        on_loop: bool = False,
    ) -> None:
        self.path = Path(os.fspath(path))
        self.durability: Durability = durability
        self.stats = Stats()
        self._migrations = migrations
        self._inline = inline
        self._on_loop = on_loop
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._filled: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._waiting: list[_Job] = []
        self._is_syncing = False
        self._idle: asyncio.Future[None] | None = None
        self._writer: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._lock_descriptor: int | None = None
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._in_callback = False
        self._broken: sqlite3.Error | None = None

    async def open(self) -> None:
        """Migrate, connect and start the writer; errors leave everything closed."""
        if self._writer is not None:
            raise DatabaseError(f"{self.path} is already open")
        if self._inline:
            self._connect()
            return
        await asyncio.get_running_loop().run_in_executor(None, self._connect)
        self._thread = threading.Thread(
            target=self._run_syncs if self._on_loop else self._run_writer,
            name=f"writer {self.path.name}",
            daemon=True,
        )
        self._thread.start()

    async def close(self) -> None:
        """Finish the writes already queued, then close every connection."""
        thread, self._thread = self._thread, None
        if thread is not None:
            while self._waiting or self._is_syncing:
                self._idle = asyncio.get_running_loop().create_future()
                await self._idle
            self._queue.put(None)
            self._filled.put(None)
            await asyncio.get_running_loop().run_in_executor(None, thread.join)
        with self._readers_lock:
            readers, self._readers = self._readers, []
            self._local = threading.local()
        for reader in readers:
            reader.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    async def write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run `function` in the writer's transaction; return its result once durable.

        Its exception undoes its own statements only and is raised here. It must
        not begin, commit or roll back by itself. If the caller is cancelled, the
        write still happens.
        """
        if self._inline:
            return self._write_inline(function)
        if self._thread is None:
            raise DatabaseClosedError(f"{self.path} is not open: await open() first")
        if max(self._queue.qsize(), len(self._waiting)) >= QUEUE_LIMIT:
            raise DatabaseOverloadedError(f"{QUEUE_LIMIT} writes are waiting: try again later")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = _Job(function, loop, future)
        if self._on_loop:
            if not self._waiting and not self._is_syncing:
                loop.call_soon(self._next_group)
            self._waiting.append(job)
        else:
            self._queue.put(job)
        return await future

    async def read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run `function` on a snapshot of what is committed, on the calling thread.

        It returns values, not cursors. For queries answered by an index: handing
        them to a thread costs more than they do. For longer ones use `scan`.
        """
        return self._read(function)

    def scan(self, function: Callable[[sqlite3.Connection], T]) -> Awaitable[T]:
        """Run `function` like `read`, but on a pool thread, so that the loop goes on."""
        if self._inline:
            return self.read(function)
        return asyncio.get_running_loop().run_in_executor(None, self._read, function)

    # Connections

    def _connect(self) -> None:
        if self._migrations is not None:
            migrate(self.path, self._migrations)
        lock = lock_shared(self.path)
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            writer = self._connection()
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute(f"PRAGMA synchronous = {SYNCHRONOUS[self.durability]}")
            writer.set_authorizer(self._authorize)
        except BaseException:
            os.close(lock)
            raise
        self._lock_descriptor = lock
        self._broken = None
        self._writer = writer

    def _connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,  # opened and closed on other threads than used
            cached_statements=256,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16384")
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection = cast(sqlite3.Connection | None, getattr(self._local, "connection", None))
        if connection is None:
            if self._writer is None:
                raise DatabaseClosedError(f"{self.path} is not open: await open() first")
            connection = self._connection()
            connection.execute("PRAGMA query_only = ON")
            with self._readers_lock:
                self._readers.append(connection)
                self._local.connection = connection
        return connection

    def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._reader()
        connection.execute("BEGIN")
        try:
            return function(connection)
        finally:
            connection.execute("ROLLBACK")  # nothing was written: it only ends the snapshot

    def _authorize(self, action: int, *_: object) -> int:
        """Refuse BEGIN, COMMIT and ROLLBACK inside a write function."""
        refused = self._in_callback and action == sqlite3.SQLITE_TRANSACTION
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    # Writing

    def _run_writer(self) -> None:
        """Take whatever queued during the last commit as the next group, until told to stop."""
        running = True
        while running:
            job = self._queue.get()
            group: list[_Job] = []
            while job is not None:
                group.append(job)
                if len(group) == GROUP_LIMIT or self._queue.empty():
                    break
                job = self._queue.get()
            running = job is not None
            if group:
                self._run_group(group)
                _answer(group)
        late = []
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._queue.get_nowait()
                if job is not None:
                    _fail([job], DatabaseClosedError(f"{self.path} was closed"))
                    late.append(job)
        _answer(late)

    def _next_group(self) -> None:
        """On the loop: run what queued during the last sync, then have it synced."""
        group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
        if group:
            self._is_syncing = True
            self._fill_group(group)
            self._filled.put(group)
        elif self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _run_syncs(self) -> None:
        """On the thread: sync one group after the other, until told to stop."""
        while (group := self._filled.get()) is not None:
            self._sync_group(group)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                group[0].loop.call_soon_threadsafe(self._synced, group)

    def _synced(self, group: list[_Job]) -> None:
        self._is_syncing = False
        _settle(group)
        self._next_group()

    def _run_group(self, group: list[_Job]) -> None:
        self._fill_group(group)
        self._sync_group(group)

    def _fill_group(self, group: list[_Job]) -> None:
        """Begin a transaction and run the group's functions in it."""
        connection = cast(sqlite3.Connection, self._writer)
        if self._broken is not None:
            _fail(group, self._closed_after(self._broken))
            return
        try:
            connection.execute("BEGIN IMMEDIATE --group")
            for index, job in enumerate(group):
                self._run_job(connection, job)
                if not connection.in_transaction:
                    # SQLite gave the whole transaction up, for instance on a full disk.
                    _fail(group[:index], GroupLostError("the transaction was undone; try again"))
                    connection.execute("BEGIN IMMEDIATE --group")
        except sqlite3.Error as error:
            self._give_up(connection, error)
            _fail(group, error)

    def _sync_group(self, group: list[_Job]) -> None:
        """Commit what is begun; there is nothing to commit when filling failed."""
        connection = cast(sqlite3.Connection, self._writer)
        if not connection.in_transaction:
            return
        try:
            self._commit(connection)
        except sqlite3.Error as error:
            self._give_up(connection, error)
            _fail(group, error)
            return
        self.stats.groups += 1
        self.stats.writes += len(group)
        self.stats.largest_group = max(self.stats.largest_group, len(group))

    def _run_job(self, connection: sqlite3.Connection, job: _Job) -> None:
        connection.execute("SAVEPOINT one_write")
        self._in_callback = True
        try:
            job.result = job.function(connection)
        except BaseException as error:  # noqa: BLE001 - it is raised where the write was asked for
            job.error = error
        finally:
            self._in_callback = False
        if not connection.in_transaction:
            return
        if job.error is not None:
            connection.execute("ROLLBACK TO one_write")
        connection.execute("RELEASE one_write")

    def _commit(self, connection: sqlite3.Connection) -> None:
        # The comment keeps the cached statement apart from a write function's own COMMIT.
        connection.execute("COMMIT --group")

    def _give_up(self, connection: sqlite3.Connection, error: sqlite3.Error) -> None:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK --group")
        # After a failed sync the kernel may call lost pages clean: a later commit
        # would seem durable and not be. Only recovery from the file tells the truth.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == _SQLITE_IOERR:
            self._broken = error

    def _closed_after(self, error: sqlite3.Error) -> DatabaseBrokenError:
        return DatabaseBrokenError(
            f"{self.path} had an I/O error ({error}): close and open it again"
        )

    def _write_inline(self, function: Callable[[sqlite3.Connection], T]) -> T:
        if self._writer is None:
            raise DatabaseClosedError(f"{self.path} is not open: await open() first")
        if self._in_callback:
            raise DatabaseError("a write function cannot write through the database again")
        job = _Job(function, cast(Any, None), cast(Any, None))
        self._run_group([job])
        if job.error is not None:
            raise job.error
        return cast(T, job.result)


def _fail(group: list[_Job], error: BaseException) -> None:
    for job in group:
        if job.error is None:
            job.error = error


def _answer(group: list[_Job]) -> None:
    """Hand results to the event loops that wait for them, one call per loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in group:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, jobs)


def _settle(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # cancelled meanwhile
            continue
        if job.error is None:
            job.future.set_result(job.result)
        elif isinstance(job.error, StopIteration):  # a future cannot carry it
            job.future.set_exception(RuntimeError("a write function raised StopIteration"))
        else:
            job.future.set_exception(job.error)
