"""The end of every run: scan what it left behind, prove that the scan sees, and that it sees only
what is there.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from wristlet.lab.bench import Artefacts
from wristlet.lab.canary import (
    CanarySecret,
    Hit,
    Kind,
    ScanReport,
    count_seen,
    needles,
    scan_memory,
    scan_tree,
    seed_leaks,
)
from wristlet.model.pan import Pan

CONTROLS = 3


async def run(artefacts: Artefacts) -> ScanReport:
    """Scan folders and the wallet's memory for the run's secrets, for seeded leaks and for unused
    values.
    """
    known = await artefacts.secrets()
    wanted, unused = needles(known), needles(_controls())
    count, size, control_hits = 0, 0, 0
    hits: list[Hit] = []
    for folder in artefacts.folders:
        files, read, found = scan_tree(folder, wanted)
        count, size, hits = count + files, size + read, hits + found
        control_hits += len(scan_tree(folder, unused)[2])
    pid = artefacts.wallet_pid()
    if pid is not None:
        read, found = scan_memory(pid, wanted)
        count, size, hits = count + 1, size + read, hits + found
        control_hits += len(scan_memory(pid, unused)[1])
    with tempfile.TemporaryDirectory(prefix="wristlet-seeds-") as directory:
        seeds = seed_leaks(Path(directory), known)
        seen = count_seen(seeds, wanted)
    return ScanReport(count, size, tuple(hits), len(seeds), seen, control_hits)


def _controls() -> tuple[CanarySecret, ...]:
    """Values drawn now, after the run: a hit on one would be a false alarm."""
    numbers = [Pan.complete(f"999999{secrets.randbelow(10**9):09d}") for _ in range(CONTROLS)]
    return (
        *(CanarySecret("control number", Kind.NUMBER, one.reveal().encode()) for one in numbers),
        *(CanarySecret("control key", Kind.KEY, secrets.token_bytes(16)) for _ in range(CONTROLS)),
    )
