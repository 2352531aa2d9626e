"""What stands on the strap now and what comes next: rings before messages, urgent before quiet.

Pure functions over the strap's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wristlet.env.records import Draft
from wristlet.strap.messages.clocks import Offset, quiet_until
from wristlet.strap.messages.orders import unwanted
from wristlet.strap.messages.signs import level_of
from wristlet.strap.messages.store import (
    AlarmSet,
    Common,
    Entry,
    Origin,
    Ringing,
    State,
    TimerSet,
    common,
)
from wristlet.strap.signals import Signal
from wristlet.wire.strap.message_choices import Exempt, Level
from wristlet.wire.strap.messages import Call

MORE_KEY: Final = "more"
REPEAT_MS: Final = 15 * 60_000
"""A second call within this time gets through quiet hours, if the wearer wants so."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is presented: its key and until when (monotonic milliseconds)."""

    key: str
    until_ms: int
    is_ring: bool
    level: Level
    look: object
    """All that its sight depends on: a change is seen by that."""
    signal: Signal


@dataclass(frozen=True, slots=True)
class Next:
    """What is to be presented; `silent`: it rings without vibration."""

    key: str
    is_ring: bool
    level: Level
    silent: bool = False


def choose(draft: Draft, now_ms: int, offset: Offset) -> Next | None:
    """Return what belongs on the strap now."""
    shared = common(draft)
    quiet = quiet_until(shared.rules.quiet, now_ms, offset) is not None
    for found in _rings(draft, shared, quiet=quiet):
        return found
    entries = [
        (key, entry, level_of(entry.notice, shared.rules))
        for key, entry in draft.all("entry", Entry).items()
        if entry.state is not State.SEEN and unwanted(entry, now_ms, shared.rules) is None
    ]
    awake = [
        (key, entry, level)
        for key, entry, level in entries
        if not quiet or _passes(entry, level, shared)
    ]
    if awake:
        # What was on the strap when something pressed in comes back before the next one.
        key, _, level = min(
            awake, key=lambda item: (-item[2], item[1].state is State.WAITING, item[1].order)
        )
        return Next(key, is_ring=False, level=level)
    if shared.more and not quiet:
        return Next(MORE_KEY, is_ring=False, level=Level.QUIET)
    return None


def _rings(draft: Draft, shared: Common, *, quiet: bool) -> Iterator[Next]:
    exempt = shared.rules.exempt
    calls = draft.all("call", Ringing)
    for key, ringing in sorted(calls.items(), key=lambda item: item[1].call.time_ms):
        if not quiet or may_ring(ringing.call, shared):
            yield Next(key, is_ring=True, level=Level.URGENT, silent=ringing.muted)
    silent = quiet and not exempt & Exempt.ALARMS
    ringers: list[tuple[int, str]] = []
    ringers += [(a.since_ms, k) for k, a in draft.all("alarm", AlarmSet).items() if a.since_ms]
    ringers += [(t.since_ms, k) for k, t in draft.all("timer", TimerSet).items() if t.since_ms]
    for _, key in sorted(ringers):
        yield Next(key, is_ring=True, level=Level.URGENT, silent=silent)


def may_ring(call: Call, shared: Common) -> bool:
    """Tell whether a call gets through quiet hours."""
    exempt = shared.rules.exempt
    if exempt & Exempt.CALLS or (exempt & Exempt.FAVOURITES and call.favourite):
        return True
    return bool(exempt & Exempt.REPEAT_CALLERS) and any(
        caller.key == call.caller_key and 0 < call.time_ms - caller.at_ms <= REPEAT_MS
        for caller in shared.callers
    )


def _passes(entry: Entry, level: Level, shared: Common) -> bool:
    """Tell whether a message is shown in quiet hours."""
    exempt = shared.rules.exempt
    if entry.notice.favourite and exempt & Exempt.FAVOURITES:
        return True
    if entry.origin in (Origin.ALARM, Origin.TIMER) and exempt & Exempt.ALARMS:
        return True
    return level is Level.URGENT and bool(exempt & Exempt.URGENT)


def is_held_by_quiet(draft: Draft) -> bool:
    """Tell whether something waits that quiet hours may hold back."""
    waiting = (entry.state is not State.SEEN for entry in draft.all("entry", Entry).values())
    return any(waiting) or bool(common(draft).more)


def pushes_aside(new: Next, shown: Shown) -> bool:
    """Tell whether something may take the place of what is shown before its time is over."""
    if new.key == shown.key:
        return False
    if new.is_ring != shown.is_ring:
        return new.is_ring
    if new.is_ring:  # a call before an alarm, never the other way round
        return new.key.startswith("call/") and not shown.key.startswith("call/")
    return new.level > shown.level and new.level is Level.URGENT
