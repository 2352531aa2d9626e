"""What the face shows now and what waits for it.

A more urgent signal comes at once, and what it took the place of is shown again afterwards; one as
urgent takes the place for good, because it is newer; a less urgent one waits. Pure: time comes in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wristlet.strap.signals import Signal

WAITING_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """The signal on the face from `since_ms` until `until_ms`, and those that wait."""

    signal: Signal | None = None
    since_ms: int = 0
    until_ms: int = 0
    waiting: tuple[Signal, ...] = ()


def offered(shown: Shown, signal: Signal, now_ms: int) -> Shown:
    """Return what is shown after a signal came."""
    shown = advanced(shown, now_ms)
    current = shown.signal
    if current is None:
        return _started(shown, signal, now_ms)
    if signal.urgency < current.urgency:
        return replace(shown, waiting=_queued(shown.waiting, signal))
    if signal.urgency > current.urgency:
        shown = replace(shown, waiting=_queued(shown.waiting, current, is_first=True))
    return _started(shown, signal, now_ms)


def advanced(shown: Shown, now_ms: int) -> Shown:
    """Return what is shown at a time: what is over goes, the most urgent that waits comes."""
    while shown.signal is not None and shown.until_ms <= now_ms:
        if not shown.waiting:
            return Shown(None, shown.until_ms, shown.until_ms)
        place = max(
            range(len(shown.waiting)), key=lambda index: (shown.waiting[index].urgency, -index)
        )
        rest = shown.waiting[:place] + shown.waiting[place + 1 :]
        signal = shown.waiting[place]
        shown = _started(Shown(waiting=rest), signal, shown.until_ms)
    return shown


def dismissed(shown: Shown, signal: Signal | None, now_ms: int) -> Shown:
    """Return what is shown without one signal, whether it is on the face or waits."""
    kept = tuple(other for other in shown.waiting if other is not signal)
    if signal is None or shown.signal is not signal:
        return advanced(replace(shown, waiting=kept), now_ms)
    return advanced(replace(shown, until_ms=now_ms, waiting=kept), now_ms)


def holds(shown: Shown, signal: Signal) -> bool:
    """Tell whether a signal is shown or waits."""
    return any(other is signal for other in (shown.signal, *shown.waiting))


def _started(shown: Shown, signal: Signal, now_ms: int) -> Shown:
    return Shown(signal, now_ms, now_ms + max(signal.hold_ms, 1), shown.waiting)


def _queued(
    waiting: tuple[Signal, ...], signal: Signal, *, is_first: bool = False
) -> tuple[Signal, ...]:
    """Add one; the least urgent, and of those the newest, goes when there are too many."""
    together = (signal, *waiting) if is_first else (*waiting, signal)
    if len(together) <= WAITING_MAX:
        return together
    least = min(range(len(together)), key=lambda index: (together[index].urgency, -index))
    return together[:least] + together[least + 1 :]
