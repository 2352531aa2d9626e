"""Connections that tests hold in their hand."""

from __future__ import annotations

import asyncio


class FakeTransport(asyncio.Transport):
    """Counts what a link does with its connection."""

    def __init__(self) -> None:
        super().__init__({"socket": None})
        self.writes: list[bytes] = []
        self.reading = True
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what is written."""
        self.writes.append(bytes(data))

    def pause_reading(self) -> None:
        """Stop reading."""
        self.reading = False

    def resume_reading(self) -> None:
        """Read again."""
        self.reading = True

    def is_closing(self) -> bool:
        """Say whether the connection was ended."""
        return self.aborted

    def abort(self) -> None:
        """End the connection."""
        self.aborted = True
