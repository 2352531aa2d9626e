"""Questions to the token service that must end exactly once, whatever replies are lost.

A task is stored with its id and its whole request before the call, and deleted in the transaction
that records the answer. Per strap at most one is open, and an open one is finished first, with the
same id: so nothing is done twice, and scripts enter the log in the order of their numbers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import Any

from wristlet.links.problems import ApiError
from wristlet.wallet.context import Actor, Context, load_queries
from wristlet.wallet.errors import refuse
from wristlet.wallet.remote import TokenServiceAnswerError, TokenServiceRefused, ask_tsp

# Longer than one call can take: afterwards whoever claimed the task is known to be dead.
_CLAIM_MS = 60_000


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One open question: `subject` tells equal questions, `request` is the body as JSON.

    `card_id` is the card that it is about, or the order to a strap.
    """

    tenant_id: str
    device_id: str
    task_id: str
    kind: str
    subject: str
    card_id: str
    request: str
    claimed_until_ms: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a finished task tells its asker; `result` and `tries_left` are a verification's."""

    card_id: str
    result: str = ""
    tries_left: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to be stored and put: kind, subject, the card and the request's JSON."""

    kind: str
    subject: str
    card_id: str
    task_id: str
    request: str


@dataclass(frozen=True, slots=True)
class TaskKind:
    """How a kind of task is put to the token service and how its answer is recorded."""

    call: Callable[[TaskRow], Awaitable[Any]]
    record: Callable[[Connection, TaskRow, Any], TaskResult]


Prepare = Callable[[Connection], Asked | TaskResult]

_SQL = load_queries(__file__, "tasks", TaskRow=TaskRow)


class TaskRunner:
    """Puts questions about one strap after another; different straps do not wait for each other."""

    def __init__(self, context: Context, kinds: Mapping[str, TaskKind]) -> None:
        self._context = context
        self._kinds = kinds
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._waiting: Counter[tuple[str, str]] = Counter()

    async def run(
        self, actor: Actor, device_id: str, kind: str, subject: str, prepare: Prepare
    ) -> TaskResult:
        """Finish what is open for the strap, then put this question unless it was the open one.

        `prepare` runs in a transaction after that: it checks the preconditions and returns the
        question, or the result if there is nothing left to do.
        """
        key = (actor.tenant_id, device_id)
        async with self._alone(key):
            waiting = await self._claim_open(key)
            if waiting is not None:
                same = (waiting.kind, waiting.subject) == (kind, subject)
                try:
                    result = await self._perform(waiting)
                except TokenServiceRefused:
                    if same:
                        raise
                else:
                    if same:
                        return result
            asked = await self._context.database.write(
                lambda connection: self._store(connection, key, prepare(connection))
            )
            return asked if isinstance(asked, TaskResult) else await self._perform(asked)

    @asynccontextmanager
    async def _alone(self, key: tuple[str, str]) -> AsyncIterator[None]:
        self._waiting[key] += 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._locks[key]

    async def _claim_open(self, key: tuple[str, str]) -> TaskRow | None:
        """Return the strap's open task, now ours; refuses while another process has it."""
        name = _name(key)
        read, write = self._context.database.read, self._context.database.write
        row: TaskRow | None = await read(lambda connection: _SQL.open_task(connection, **name))
        if row is None:
            return None
        now_ms = self._context.now_ms()
        claimed = await write(
            lambda connection: _SQL.claim(
                connection,
                **name,
                task_id=row.task_id,
                claimed_until_ms=now_ms + _CLAIM_MS,
                now_ms=now_ms,
            )
        )
        if not claimed:
            raise refuse("device_busy")
        return row

    def _store(
        self, connection: Connection, key: tuple[str, str], asked: Asked | TaskResult
    ) -> TaskRow | TaskResult:
        if isinstance(asked, TaskResult):
            return asked
        now_ms = self._context.now_ms()
        row = TaskRow(
            *key,
            asked.task_id,
            asked.kind,
            asked.subject,
            asked.card_id,
            asked.request,
            claimed_until_ms=now_ms + _CLAIM_MS,
            created_ms=now_ms,
        )
        if not _SQL.insert_task(connection, **asdict(row)):
            raise refuse("device_busy")
        return row

    async def _perform(self, row: TaskRow) -> TaskResult:
        """Call and record; a refusal closes the task, anything unknown leaves it open."""
        kind = self._kinds[row.kind]
        write = self._context.database.write
        name = _name((row.tenant_id, row.device_id))

        def record(connection: Connection, answer: Any) -> TaskResult:
            result = kind.record(connection, row, answer)
            _SQL.close(connection, **name, task_id=row.task_id)
            return result

        try:
            answer = await ask_tsp(kind.call(row))
            return await write(lambda connection: record(connection, answer))
        except TokenServiceRefused:
            await write(lambda connection: _SQL.close(connection, **name, task_id=row.task_id))
            raise
        except (ApiError, TokenServiceAnswerError) as error:
            await write(lambda connection: _SQL.release(connection, **name, task_id=row.task_id))
            raise _failed(error) from None


def _failed(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    message = f"The token service's answer cannot be right ({error}); nothing was changed here."
    return refuse("token_service_failed", message=message)


def _name(key: tuple[str, str]) -> dict[str, str]:
    return {"tenant_id": key[0], "device_id": key[1]}
