"""Requests with a task id: same id and body, same answer; same id and another body, 409."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from wristlet.tsp.config import Caller
from wristlet.tsp.errors import invalid, task_conflict
from wristlet.tsp.repository import Repository
from wristlet.tsp.unit import canonical, dump, load

if TYPE_CHECKING:
    from wristlet.env.database import Database

A = TypeVar("A")

_ID_MAX = 255


@dataclass(frozen=True, slots=True)
class Task:
    """One request as its repetition is recognised: caller, id, operation and hash of the body."""

    requestor_id: str
    task_id: str
    operation: str
    body_hash: bytes

    @classmethod
    def of(cls, caller: Caller, operation: str, task_id: str, body: object) -> Task:
        """Name a request; raises TspError for an empty or overlong id.

        The body holds no number in plain (card data and codes are JWEs): a plain hash is safe.
        """
        if not 0 < len(task_id) <= _ID_MAX:
            raise invalid(
                "task_id_invalid",
                f"task_id must have 1 to {_ID_MAX} characters.",
                "task_id",
                "Send an id of your own, a new one for every new request.",
            )
        return cls(caller.id, task_id, operation, hashlib.sha256(canonical(body)).digest())


def stored(rows: Repository, task: Task, kind: type[A]) -> A | None:
    """Return the answer to an earlier request like this; raises TspError if that one differed."""
    found = rows.task(task.requestor_id, task.task_id)
    if found is None:
        return None
    operation, body_hash, answer = found
    if operation != task.operation or not hmac.compare_digest(body_hash, task.body_hash):
        raise task_conflict()
    return load(answer, kind)


async def repeated(database: Database, task: Task, kind: type[A]) -> A | None:
    """Look for an answer before any work is done."""
    return await database.read(lambda connection: stored(Repository(connection), task, kind))


def keep(rows: Repository, task: Task, answer: object, now_ms: int) -> None:
    """Keep the answer in the transaction of the changes it tells of."""
    rows.run(
        "task_add",
        requestor_id=task.requestor_id,
        task_id=task.task_id,
        operation=task.operation,
        body_hash=task.body_hash,
        answer=dump(answer),
        created_ms=now_ms,
    )
