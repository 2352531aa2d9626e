"""The end of every run: scan what it left behind, prove that the scan sees, and that it sees only
what is there.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from wristlet.lab.bench import Artefacts
from wristlet.lab.canary import (
    CanarySecret,
    Hit,
    Kind,
    Needle,
    ScanReport,
    count_seen,
    needles,
    scan_memory,
    scan_tree,
    seed_leaks,
)
from wristlet.model.pan import Pan

CONTROLS = 3
# A scan is one long search through memory: as many workers as there are cores to count on.
WORKERS = 2


async def run(artefacts: Artefacts) -> ScanReport:
    """Scan folders and the wallet's memory for the run's secrets, and for unused values."""
    known = await artefacts.secrets()
    wanted, unused = needles(known), needles(_controls())
    pid = artefacts.wallet_pid()
    shares = [wanted[part::WORKERS] for part in range(WORKERS)]
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(WORKERS, get_context("forkserver")) as workers:
        work = [
            loop.run_in_executor(workers, look_through, artefacts.folders, pid, (*share, *unused))
            for share in shares
        ]
        looks = await asyncio.gather(*work)
    controls = {needle.secret for needle in unused}
    hits = [hit for look in looks for hit in look.hits]
    with tempfile.TemporaryDirectory(prefix="wristlet-seeds-") as directory:
        seeds = seed_leaks(Path(directory), known)
        seen = count_seen(seeds, wanted)
    return ScanReport(
        artefacts=looks[0].artefacts,
        bytes=looks[0].bytes,
        hits=tuple(hit for hit in hits if hit.secret not in controls),
        seeded=len(seeds),
        seeded_found=seen,
        control_hits=sum(hit.secret in controls for hit in hits),
    )


@dataclass(frozen=True, slots=True)
class Look:
    """What one worker looked at and found."""

    artefacts: int
    bytes: int
    hits: list[Hit]


def look_through(folders: Sequence[Path], pid: int | None, wanted: Sequence[Needle]) -> Look:
    """Scan every folder and, when given, a process's memory for some needles."""
    count, size = 0, 0
    hits: list[Hit] = []
    for folder in folders:
        files, read, found = scan_tree(folder, wanted)
        count, size, hits = count + files, size + read, hits + found
    if pid is not None:
        read, found = scan_memory(pid, wanted)
        count, size, hits = count + 1, size + read, hits + found
    return Look(count, size, hits)


def _controls() -> tuple[CanarySecret, ...]:
    """Values drawn now, after the run: a hit on one would be a false alarm."""
    numbers = [Pan.complete(f"999999{secrets.randbelow(10**9):09d}") for _ in range(CONTROLS)]
    return (
        *(CanarySecret("control number", Kind.NUMBER, one.reveal().encode()) for one in numbers),
        *(CanarySecret("control key", Kind.KEY, secrets.token_bytes(16)) for _ in range(CONTROLS)),
    )
