"""Clocks for journeys in which much time passes."""

from __future__ import annotations

from dataclasses import dataclass, field

from wristlet.env.real import RealClock


@dataclass
class LaterClock:
    """The machine's clock, set forward."""

    ahead_ms: int = 0
    real: RealClock = field(default_factory=RealClock)

    def now_ms(self) -> int:
        return self.real.now_ms() + self.ahead_ms

    def monotonic_us(self) -> int:
        return self.real.monotonic_us() + self.ahead_ms * 1000

    async def sleep_ms(self, duration_ms: int) -> None:
        await self.real.sleep_ms(duration_ms)
