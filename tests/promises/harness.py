"""What a promise is, and how a measurement of one is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: trials, failures, and whether the positive control fired.

    The control is the same measurement against a weakened defence: it must find failures there,
    or the measurement proves nothing.
    """

    n: int
    failures: int
    control: bool

    @property
    def passed(self) -> bool:
        """Tell whether the promise held and the measurement could have seen it break."""
        return self.n > 0 and self.failures == 0 and self.control


Measure = Callable[[int, int], Measured]


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise with its measurement; `scale` 100 is the CI figure, smaller is a quick look."""

    id: str
    promise: str
    method: str
    measure: Measure
    exhaustive: bool = False

    def bound(self, measured: Measured) -> str:
        """Say how much the figure proves: all cases, or a 95 % upper bound for random trials."""
        if self.exhaustive:
            return "all"
        return f"p < {3 / measured.n:.1e}" if measured.n else "none"


def share(full: int, scale: int) -> int:
    """Return how many of `full` trials a scale in percent asks for, at least one."""
    return max(1, full * scale // 100)
