"""The strap's one button: how long it was held makes the press."""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

LONG_FROM_MS: Final = 600
VERY_LONG_FROM_MS: Final = 3_000
BOUNCE_MS: Final = 30
"""A shorter contact is the metal's, not the wearer's."""


@unique
class Press(IntEnum):
    """What the wearer did."""

    SHORT = 1
    LONG = 2
    VERY_LONG = 3


def press_of(held_ms: int) -> Press | None:
    """Return the press for a time held; None for a bounce. Raises ValueError below 0."""
    if held_ms < 0:
        raise ValueError("held_ms: a button is not held for less than no time")
    if held_ms < BOUNCE_MS:
        return None
    if held_ms < LONG_FROM_MS:
        return Press.SHORT
    return Press.LONG if held_ms < VERY_LONG_FROM_MS else Press.VERY_LONG
