"""What happens in the lab, as numbered events that any number of viewers follow from where they
left off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

HISTORY = 5_000


@dataclass(frozen=True, slots=True)
class LabEvent:
    """One event: `kind` is step, trace or payment; `data` is plain JSON."""

    number: int
    kind: str
    data: Mapping[str, Any]


class Hub:
    """Keeps the newest events and wakes whoever waits for more."""

    def __init__(self) -> None:
        self._events: deque[LabEvent] = deque(maxlen=HISTORY)
        self._count = 0
        self._changed = asyncio.Event()

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add one event."""
        self._count += 1
        self._events.append(LabEvent(self._count, kind, data))
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, after: int = 0) -> AsyncIterator[LabEvent]:
        """Yield every kept event after number `after`, then new ones as they come."""
        while True:
            changed = self._changed
            for event in [one for one in self._events if one.number > after]:
                yield event
                after = event.number
            if changed is self._changed:
                await changed.wait()
