"""What the strap's buttons do to what is shown; each press is one draft with its event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from wristlet.env.records import Draft, kind_of
from wristlet.strap.messages.moments import end_alarm, end_timer, snooze
from wristlet.strap.messages.store import (
    AlarmSet,
    Entry,
    Origin,
    Ringing,
    TimerSet,
    add_event,
)
from wristlet.wire.strap.message_choices import CallAct, RingEnd
from wristlet.wire.strap.messages import Acted, CallActed, Dismissed

Button = Callable[[Draft, str, int, int], bool]
"""Takes draft, key of what is shown, number of the action, time; says whether it did something."""

ACTS: Final = (CallAct.ACCEPT, CallAct.DECLINE, CallAct.MUTE)


def record(draft: Draft, key: str) -> Entry | Ringing | AlarmSet | TimerSet | None:
    """Return what stands behind something that is shown, None when it is gone."""
    match kind_of(key):
        case "entry":
            return draft.get(key, Entry)
        case "call":
            return draft.get(key, Ringing)
        case "alarm":
            return draft.get(key, AlarmSet)
        case "timer":
            return draft.get(key, TimerSet)
        case _:
            return None


def dismiss(draft: Draft, key: str, action: int, now_ms: int) -> bool:
    """Put away; the first press only silences a call, the second declines it."""
    del action
    match record(draft, key):
        case Entry() as entry:
            draft.put(key, None)
            if entry.origin in (Origin.MESSAGE, Origin.CALL):
                told = Dismissed(entry.source, 0, entry.id, now_ms, entry.revision)
                add_event(draft, told)
            return True
        case Ringing() as ringing:
            act = CallAct.DECLINE if ringing.muted else CallAct.MUTE
            return _answer(draft, key, ringing, act, now_ms)
        case AlarmSet() as alarm:
            end_alarm(draft, key, alarm, now_ms, RingEnd.STOPPED)
            return True
        case TimerSet() as timer:
            end_timer(draft, key, timer, now_ms, RingEnd.STOPPED)
            return True
        case _:
            return False


def act(draft: Draft, key: str, action: int, now_ms: int) -> bool:
    """Choose an action by its place; an alarm has snooze, a timer stop."""
    match record(draft, key):
        case Entry() as entry if 0 <= action < len(entry.notice.actions):
            draft.put(key, None)
            told = Acted(entry.source, 0, entry.id, now_ms, action, entry.revision)
            add_event(draft, told)
            return True
        case Ringing() as ringing:
            there = [act for act in ACTS if act & ringing.call.acts]
            return 0 <= action < len(there) and _answer(draft, key, ringing, there[action], now_ms)
        case AlarmSet() as alarm if action == 0 and alarm.alarm.snooze_minutes:
            snooze(draft, key, alarm, now_ms)
            return True
        case TimerSet() if action == 0:
            return dismiss(draft, key, action, now_ms)
        case _:
            return False


def _answer(draft: Draft, key: str, ringing: Ringing, act: CallAct, now_ms: int) -> bool:
    """Do something about a call; the strap can always fall silent, the rest is the phone's."""
    call = ringing.call
    can = bool(act & call.acts)
    if act is CallAct.MUTE:
        draft.put(key, replace(ringing, muted=True))
    elif can:
        draft.put(key, None)
    if can:
        add_event(draft, CallActed(call.source, 0, call.id, now_ms, act))
    return can or act is CallAct.MUTE
