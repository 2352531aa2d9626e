"""P31: card, terminal and issuer agree on every approved tap, whatever is changed between."""

from __future__ import annotations

import random
from unittest.mock import patch

from promises.harness import Promise, Weakness, share
from support.three_views import CASES, agrees, all_edits
from wristlet.tsp import checks

PAIRS_PER_CASE = 300


def three_views(seed: int, scale: int) -> tuple[int, int]:
    """Turn every bit of every command and answer of twelve taps, then random pairs of bits."""
    chance = random.Random(seed)
    trials = failures = approved = 0
    for case in CASES:
        edits = all_edits(case)
        singles = edits if scale >= 100 else chance.sample(edits, share(len(edits), scale))
        pairs = [chance.sample(edits, 2) for _ in range(share(PAIRS_PER_CASE, scale))]
        for chosen in (*((edit,) for edit in singles), *pairs):
            trials += 1
            try:
                agrees(case, *chosen)
            except AssertionError:
                failures += 1
        approved += agrees(case)
    # Were undisturbed taps refused, refusals would mean nothing.
    return trials, failures + int(approved == 0)


PROMISES = (
    Promise(
        "P31",
        "For every approval card, terminal and issuer hold the same amount, number, verification",
        f"every bit of every command and answer of {len(CASES)} taps turned, and random pairs of"
        " bits",
        three_views,
        (
            Weakness(
                "cryptogram not compared",
                lambda: patch.object(checks, "_is_own", lambda chip, domain, key: True),
            ),
        ),
        exhaustive=True,
    ),
)
