"""The least that a day of accelerometer samples costs: read them and work out the magnitude."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt


def magnitudes(samples: Sequence[int]) -> float:
    """Return the largest magnitude of x, y, z, x, y, z, ..., so that each is worked out."""
    rows = zip(samples[0::3], samples[1::3], samples[2::3], strict=True)
    return max([sqrt(x * x + y * y + z * z) for x, y, z in rows])
