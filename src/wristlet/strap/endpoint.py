"""How the parts of the firmware hang together: a concern answers, sends news, and signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wristlet.strap.signals import Signal
from wristlet.wire.strap.concerns import Concern

News = Callable[[Concern, bytes], None]
"""Sends a message to the phone unasked; without a connected phone nothing happens."""

Present = Callable[[Signal], None]
"""Hands a signal to vibration motor, LED and display."""


class Endpoint(Protocol):
    """The strap's end of one concern."""

    async def handle(self, message: bytes) -> bytes:
        """Answer one request of the phone; raises StrapRefused with a plain reason."""
        ...

    def connected(self) -> None:
        """A bonded phone is there: send what waited for it."""
        ...

    def disconnected(self) -> None:
        """The phone is gone: forget what was half done."""
        ...
