"""Memory of idle secure elements in one process, each with two cards."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, TypeAlias

from bench.measure import Result
from bench.workshop import Workshop

KIB_MAX: Final = 16.0
COUNT: Final = 10_000
COUNT_QUICK: Final = 100
WARM: Final = 20
"""Made before the first reading, so that code and shared values are not counted."""
_KIB: Final = 1024


Measure: TypeAlias = Callable[[Path, int, Connection], None]


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Count what a fleet adds to the resident memory of a fresh process."""
    count = COUNT_QUICK if quick else COUNT
    return [of_each(f"an idle secure element, of {count:,}", folder, count, KIB_MAX, _measure)]


def of_each(what: str, folder: Path, count: int, kib_max: float, measure: Measure) -> Result:
    """Let a fresh process say by how much `count` things grow it; compare each with `kib_max`."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(folder, count, theirs), daemon=True)
    process.start()
    theirs.close()
    used: int = ours.recv()
    process.join()
    each = used / count / _KIB
    return Result(
        name=f"memory of {what}",
        unit="KiB, against what it may have",
        ours=each,
        limit=kib_max,
        ratio=each / kib_max,
        sense="at_most",
        target=1.0,
        rounds=1,
        quiet_rounds=1,
    )


def _measure(folder: Path, count: int, answer: Connection) -> None:
    workshop = Workshop(folder)
    kept = list(workshop.fleet(WARM))
    gc.collect()
    before = resident_bytes()
    kept.extend(workshop.fleet(count))
    gc.collect()
    answer.send(resident_bytes() - before)


def resident_bytes() -> int:
    """Return the process's resident bytes."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) * _KIB
    raise RuntimeError("/proc/self/status names no resident memory")
