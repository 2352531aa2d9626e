"""Calls to the wallet server as the companion makes them: repeated with the same key while it is
away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from wristlet.companion.errors import ServerRefused, ServerUnreachable
from wristlet.env.base import Env
from wristlet.links.http import RemoteProblem, RemoteUnavailable

T = TypeVar("T")

ATTEMPTS, PAUSE_MS = 3, 200
_BUSY, _SERVER_ERROR = 429, 500


async def call(env: Env, operation: Callable[[str], Awaitable[T]]) -> T:
    """Run one operation with an idempotency key of its own, again with the same key after a lost
    answer.

    Raises ServerUnreachable, ServerRefused.
    """
    key = env.random.bytes(16).hex()
    for attempt in range(ATTEMPTS):
        try:
            return await operation(key)
        except RemoteUnavailable as error:
            if attempt == ATTEMPTS - 1:
                raise ServerUnreachable from error
            await env.clock.sleep_ms(PAUSE_MS)
        except RemoteProblem as error:
            raise ServerRefused(error.problem.code, error.problem.message) from error
    raise ServerUnreachable


async def deliver(operation: Awaitable[object]) -> bool:
    """Hand something over that may wait; returns whether it is settled: taken, or refused for
    good.
    """
    try:
        await operation
    except RemoteUnavailable:
        return False
    except RemoteProblem as error:
        return not (error.status >= _SERVER_ERROR or error.status == _BUSY)
    return True


async def attempt(operation: Awaitable[T]) -> bool:
    """Tell the server something it may also learn later; returns whether it heard."""
    try:
        await operation
    except (RemoteUnavailable, RemoteProblem):
        return False
    return True
