"""The simulated environment: time moved by hand, seeded randomness, a disk in memory."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
import heapq

from wristlet.env.base import Env
from wristlet.env.memory_disk import MemoryDisk, SimulatedCrash, Step

__all__ = ["MemoryDisk", "SimClock", "SimEnv", "SimRandom", "SimulatedCrash", "Step"]

# 2026-01-01T00:00:00Z, so that sandbox cards and certificates are in date.
DEFAULT_START_MS = 1_767_225_600_000

# Turns of the event loop given to woken tasks before time moves on.
_TURNS = 20


class SimClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start_ms: int = DEFAULT_START_MS) -> None:
        self._wall_offset_us = start_ms * 1000
        self._elapsed_us = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._sequence = 0

    def now_ms(self) -> int:
        """Return the simulated wall time, Unix milliseconds."""
        return (self._wall_offset_us + self._elapsed_us) // 1000

    def monotonic_us(self) -> int:
        """Return microseconds since the start of the simulation."""
        return self._elapsed_us

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait until time has been moved far enough."""
        if duration_ms <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._sequence += 1
        wake_us = self._elapsed_us + duration_ms * 1000
        heapq.heappush(self._sleepers, (wake_us, self._sequence, future))
        await future

    def advance_ms(self, duration_ms: int) -> None:
        """Move time at once and wake everybody due; they run at the new time."""
        self.advance_us(duration_ms * 1000)

    def advance_us(self, duration_us: int) -> None:
        """Move time at once, in microseconds; negative is refused."""
        if duration_us < 0:
            raise ValueError("time only moves forward; use jump_wall_ms for a wrong wall clock")
        self._elapsed_us += duration_us
        self._wake()

    async def run_ms(self, duration_ms: int) -> None:
        """Move time from sleeper to sleeper, each running at its own moment."""
        end_us = self._elapsed_us + duration_ms * 1000
        await self._settle()
        while (wake_us := self.next_wake_us()) is not None and wake_us <= end_us:
            self._elapsed_us = wake_us
            self._wake()
            await self._settle()
        self._elapsed_us = end_us

    def next_wake_us(self) -> int | None:
        """Return when the next sleeper is due (monotonic), None if nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)  # cancelled meanwhile
        return self._sleepers[0][0] if self._sleepers else None

    def jump_wall_ms(self, difference_ms: int) -> None:
        """Set the wall clock wrong by so much, forward or back; monotonic time stays."""
        self._wall_offset_us += difference_ms * 1000

    def _wake(self) -> None:
        while (wake_us := self.next_wake_us()) is not None and wake_us <= self._elapsed_us:
            heapq.heappop(self._sleepers)[2].set_result(None)

    @staticmethod
    async def _settle() -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)


class SimRandom:
    """A random source fixed by its seed, the same on every machine."""

    def __init__(self, seed: int | str) -> None:
        self._seed = f"wristlet:{seed}".encode()
        self._drawn = 0

    def bytes(self, size: int) -> builtins.bytes:
        """Return the next `size` bytes of this seed."""
        self._drawn += 1
        return hashlib.shake_256(self._seed + b":%d" % self._drawn).digest(size)

    def fork(self, label: str) -> SimRandom:
        """Return an independent source, so that one part's draws do not move another's."""
        return SimRandom(f"{self._seed.decode()}/{label}")


class SimEnv(Env):
    """An `Env` whose time, randomness and disk a test holds in its hand."""

    __slots__ = ()

    clock: SimClock
    random: SimRandom
    disk: MemoryDisk

    def __init__(
        self,
        seed: int | str = 0,
        *,
        start_ms: int = DEFAULT_START_MS,
        disk: MemoryDisk | None = None,
    ) -> None:
        super().__init__(
            clock=SimClock(start_ms), random=SimRandom(seed), disk=disk or MemoryDisk()
        )
