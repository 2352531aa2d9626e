"""What a promise is, how it is measured, and how the measurement is proved to see."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

Count = Callable[[int, int], tuple[int, int]]
"""Carries the trials of a seed and a scale (percent) out: (trials, failures)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: trials, failures, and whether every positive control fired."""

    n: int
    failures: int
    control: bool

    @property
    def passed(self) -> bool:
        """Tell whether the promise held and the measurement could have seen it break."""
        return self.n > 0 and self.failures == 0 and self.control


@dataclass(frozen=True, slots=True)
class Weakness:
    """A positive control: one defence taken away, in this process only, while the block runs."""

    name: str
    applied: Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise with its trials and its weaknesses; `exhaustive`: scale 100 tries every case.

    Each weakness must let the very same trials find failures: an attack that has never
    succeeded proves nothing.
    """

    id: str
    promise: str
    method: str
    count: Count
    weaknesses: tuple[Weakness, ...]
    exhaustive: bool = False
    control_scale: int = 5

    def measure(self, seed: int, scale: int) -> Measured:
        """Measure with the defences as they are, then with each of them taken away."""
        trials, failures = self.count(seed, scale)
        return Measured(trials, failures, all(self.fires(one, seed) for one in self.weaknesses))

    def fires(self, weakness: Weakness, seed: int) -> bool:
        """Tell whether the trials find failures once a defence is gone."""
        with weakness.applied():
            return self.count(seed, self.control_scale)[1] > 0

    @property
    def control(self) -> str:
        """Name the defences that were taken away."""
        return "; ".join(one.name for one in self.weaknesses)

    def bound(self, measured: Measured) -> str:
        """Say how much the figure proves: all cases, or a 95 % upper bound for random trials."""
        if self.exhaustive:
            return "all"
        return f"p < {3 / measured.n:.1e}" if measured.n else "none"


def share(full: int, scale: int) -> int:
    """Return how many of `full` trials a scale in percent asks for, at least one."""
    return max(1, full * scale // 100)


def stride(scale: int) -> int:
    """Return which step through all cases leaves about `scale` percent of them."""
    return max(1, 100 // scale)
