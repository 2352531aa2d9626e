"""One alarm clock for a state machine that says when it has something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wristlet.env.base import Clock


class Alarm:
    """Calls `ring` when the clock reaches what was set last; later settings cost no task."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due_ms: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._wakes_ms = 0

    def set(self, due_ms: int | None) -> None:
        """Ring at this moment of the monotonic clock, in milliseconds; None: not at all."""
        self._due_ms = due_ms
        if due_ms is None:
            return
        if self._task is not None and not self._task.done():
            if self._wakes_ms <= due_ms:
                return
            self._task.cancel()
        self._wakes_ms = due_ms
        self._task = asyncio.create_task(self._wait())

    def cancel(self) -> None:
        """Ring no more."""
        self._due_ms = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _wait(self) -> None:
        while True:
            await self._clock.sleep_ms(self._wakes_ms - self._clock.monotonic_us() // 1000)
            if self._due_ms is None:
                return
            if self._due_ms <= self._clock.monotonic_us() // 1000:
                break
            self._wakes_ms = self._due_ms
        self._due_ms, self._task = None, None
        self._ring()
