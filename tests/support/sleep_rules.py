"""The rules that look back, done over a whole row of verdicts at once."""

from __future__ import annotations

from collections.abc import Sequence


def settled(asleep: Sequence[bool]) -> list[bool]:
    """After 4, 10 or 15 minutes awake, the next 1, 3 or 4 minutes asleep count as awake."""
    result = list(asleep)
    for at in range(1, len(asleep)):
        if not asleep[at] or asleep[at - 1]:
            continue
        run = next((n for n in range(at) if asleep[at - 1 - n]), at)
        settle = 4 if run >= 15 else 3 if run >= 10 else 1 if run >= 4 else 0
        end = next((n for n in range(at, len(asleep)) if not asleep[n]), len(asleep))
        for minute in range(at, min(at + settle, end)):
            result[minute] = False
    return result
