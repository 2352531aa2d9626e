"""Runs the demo's steps in order and tells whoever watches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wristlet.lab.bench import Bench
from wristlet.lab.steps import STEPS, NamedStep


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended: time in milliseconds, and one line of what happened or went wrong."""

    id: str
    ok: bool
    ms: int
    text: str
    wire: str


class Watcher(Protocol):
    """Is told of each step as it begins and ends."""

    def began(self, step: NamedStep) -> None:
        """A step begins."""
        ...

    def ended(self, result: StepResult) -> None:
        """A step has ended."""
        ...


async def run_steps(bench: Bench, watchers: Sequence[Watcher]) -> list[StepResult]:
    """Run all steps; after one that fails the others are listed as not run."""
    results: list[StepResult] = []
    for step in STEPS:
        if results and not results[-1].ok:
            results.append(StepResult(step.id, False, 0, "not run", step.wire))
            continue
        for watcher in watchers:
            watcher.began(step)
        start = time.perf_counter()
        try:
            text, ok = await step.run(bench), True
        except Exception as error:  # noqa: BLE001 - the demo reports whatever went wrong
            text, ok = f"{type(error).__name__}: {error}", False
        result = StepResult(
            step.id, ok, round((time.perf_counter() - start) * 1000), text, step.wire
        )
        results.append(result)
        for watcher in watchers:
            watcher.ended(result)
    return results
