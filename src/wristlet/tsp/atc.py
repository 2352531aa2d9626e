"""Which transaction counters of a token were used: a high-water mark and a window below it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

WINDOW: Final = 256
WINDOW_BYTES: Final = WINDOW // 8
JUMP_MAX: Final = 4_096
"""A secure element moves its counter with every tap, also one that nobody sent online."""

_ALL: Final = (1 << WINDOW) - 1


class Use(Enum):
    """What a counter is to the window."""

    FRESH = "fresh"
    FAR_AHEAD = "far_ahead"
    USED = "used"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class AtcWindow:
    """Bit i of `bits` tells that counter `high - i` was used."""

    high: int = 0
    bits: int = 0

    def is_fresh(self, atc: int) -> bool:
        """Say whether the counter was certainly never used."""
        behind = self.high - atc
        return behind < 0 or (behind < WINDOW and not self.bits >> behind & 1)

    def burn(self, atc: int) -> tuple[Use, AtcWindow]:
        """Return what the counter was, and the window after its use."""
        ahead = atc - self.high
        if ahead > 0:
            bits = (self.bits << ahead | 1) & _ALL if ahead < WINDOW else 1
            return (Use.FAR_AHEAD if ahead > JUMP_MAX else Use.FRESH), AtcWindow(atc, bits)
        if -ahead >= WINDOW:
            return Use.BEHIND, self
        bit = 1 << -ahead
        if self.bits & bit:
            return Use.USED, self
        return Use.FRESH, AtcWindow(self.high, self.bits | bit)

    def encode(self) -> bytes:
        """Return the window's bits, 32 bytes."""
        return self.bits.to_bytes(WINDOW_BYTES, "big")

    @classmethod
    def decode(cls, high: int, raw: bytes) -> AtcWindow:
        """Read what `encode` wrote."""
        return cls(high, int.from_bytes(raw, "big"))
