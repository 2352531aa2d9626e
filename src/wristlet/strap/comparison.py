"""The digits of a Bluetooth pairing: shown on the strap, confirmed by its button, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from wristlet.env.base import Clock
from wristlet.links.alarm import Alarm

PATIENCE_MS: Final = 30_000
"""How long the wearer may take to compare."""


class Comparison:
    """One question to the wearer at a time; `show` gets the digits, and "" when it is over."""

    def __init__(self, clock: Clock, show: Callable[[str], None]) -> None:
        self._show = show
        self._clock = clock
        self._asked: asyncio.Future[bool] | None = None
        self._alarm = Alarm(clock, self._late)

    @property
    def is_pending(self) -> bool:
        """Whether digits are shown that nobody has confirmed."""
        return self._asked is not None

    async def ask(self, digits: str) -> bool:
        """Show digits and wait for the button; a second phone meanwhile is told no."""
        if self._asked is not None:
            return False
        self._asked = asyncio.get_running_loop().create_future()
        self._alarm.set(self._clock.monotonic_us() // 1000 + PATIENCE_MS)
        self._show(digits)
        try:
            return await self._asked
        finally:
            self._asked = None
            self._alarm.cancel()
            self._show("")

    def confirm(self) -> bool:
        """The button was pressed; tells whether it was meant for digits."""
        return self._settle(confirmed=True)

    def _late(self) -> None:
        self._settle(confirmed=False)

    def _settle(self, *, confirmed: bool) -> bool:
        if self._asked is None or self._asked.done():
            return False
        self._asked.set_result(confirmed)
        return True
