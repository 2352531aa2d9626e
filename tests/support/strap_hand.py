"""A hand at the strap of a running sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from wristlet.lab.second_screen import touch

PAUSE_S = 0.1


async def press_until(done: asyncio.Task[Any], control: Path) -> None:
    """Press the button whenever the strap shows digits, until the phone has what it waits for."""
    while not done.done():
        try:
            await touch(control, "confirm")
        except RuntimeError:
            await asyncio.sleep(PAUSE_S)
