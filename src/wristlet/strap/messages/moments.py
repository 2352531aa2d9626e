"""What the clock alone does: alarms and timers ring, rings and messages run out.

Each function changes a draft; what was due while the strap was off or its clock was wrong rings
late if it is not long ago, else it is told as missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from wristlet.env.records import Draft
from wristlet.strap.messages.clocks import MINUTE_MS, Offset, next_ring
from wristlet.strap.messages.orders import RING_MAX_MS, miss_call, own_notice, unwanted
from wristlet.strap.messages.store import (
    AlarmSet,
    Entry,
    Origin,
    Profile,
    Ringing,
    State,
    TimerSet,
    add_entry,
    common,
    leave,
    tell_rang,
)
from wristlet.wire.strap.message_choices import RingEnd, Ringer

ALARM_RINGS_MS: Final = 5 * MINUTE_MS
LATE_MAX_MS: Final = 10 * MINUTE_MS
GUARD_MS: Final = 10 * MINUTE_MS
"""A clock set back by less than this makes no alarm ring twice."""


def pass_time(draft: Draft, now_ms: int, offset: Offset, profile: Profile) -> None:
    """Do what is due."""
    for ringing in draft.all("call", Ringing).values():
        if now_ms - ringing.call.time_ms >= RING_MAX_MS:
            miss_call(draft, ringing.call, now_ms, profile)
    for key, alarm in draft.all("alarm", AlarmSet).items():
        _pass_alarm(draft, key, alarm, now_ms, offset, profile)
    for key, timer in draft.all("timer", TimerSet).items():
        _pass_timer(draft, key, timer, now_ms, profile)
    rules = common(draft).rules
    for key, entry in draft.all("entry", Entry).items():
        why = unwanted(entry, now_ms, rules)
        if why is not None and entry.state is State.WAITING:
            leave(draft, key, entry, now_ms, why)
        elif why is not None and entry.state is State.ALERTED:  # pushed aside, then over
            draft.put(key, replace(entry, state=State.SEEN))


def _pass_alarm(
    draft: Draft, key: str, held: AlarmSet, now_ms: int, offset: Offset, profile: Profile
) -> None:
    if held.since_ms:
        if now_ms - held.since_ms >= ALARM_RINGS_MS:
            _miss_alarm(draft, key, held, now_ms, profile, RingEnd.UNHEARD)
        return
    due_ms = held.again_ms or next_ring(held.alarm, held.after_ms, offset)
    if due_ms is None or due_ms > now_ms:
        return
    after_ms = held.after_ms if held.again_ms else due_ms + GUARD_MS
    held = replace(held, after_ms=max(after_ms, held.after_ms), again_ms=0)
    if now_ms - due_ms <= LATE_MAX_MS:
        draft.put(key, replace(held, since_ms=now_ms))
        return
    # A strap that slept for weeks tells of the last ring, not of each.
    while (later := next_ring(held.alarm, held.after_ms, offset)) and later <= now_ms - LATE_MAX_MS:
        due_ms, held = later, replace(held, after_ms=later + GUARD_MS)
    _miss_alarm(draft, key, held, now_ms, profile, RingEnd.MISSED, due_ms)


def _miss_alarm(
    draft: Draft,
    key: str,
    held: AlarmSet,
    now_ms: int,
    profile: Profile,
    end: RingEnd,
    due_ms: int = 0,
) -> None:
    alarm = held.alarm
    end_alarm(draft, key, held, now_ms, end)
    notice = own_notice(Origin.ALARM, alarm.label, due_ms or held.since_ms)
    entry = Entry(alarm.source, alarm.slot, 0, 0, notice, origin=Origin.ALARM)
    add_entry(draft, entry, now_ms, profile)


def end_alarm(draft: Draft, key: str, held: AlarmSet, now_ms: int, end: RingEnd) -> None:
    """Stop an alarm that rings, or rang: a single one is over, another waits for its next time."""
    draft.put(key, None if held.alarm.day else replace(held, since_ms=0, again_ms=0))
    tell_rang(draft, Ringer.ALARM, held.alarm.source, held.alarm.slot, now_ms, end)


def snooze(draft: Draft, key: str, held: AlarmSet, now_ms: int) -> None:
    """Let an alarm ring again after its snooze time."""
    again_ms = now_ms + held.alarm.snooze_minutes * MINUTE_MS
    draft.put(key, replace(held, since_ms=0, again_ms=again_ms))
    alarm = held.alarm
    tell_rang(draft, Ringer.ALARM, alarm.source, alarm.slot, now_ms, RingEnd.SNOOZED)


def _pass_timer(draft: Draft, key: str, held: TimerSet, now_ms: int, profile: Profile) -> None:
    if held.since_ms:
        if now_ms - held.since_ms >= ALARM_RINGS_MS:
            _miss_timer(draft, key, held, now_ms, profile, RingEnd.UNHEARD)
        return
    if held.ends_ms > now_ms:
        return
    if now_ms - held.ends_ms <= LATE_MAX_MS:
        draft.put(key, replace(held, since_ms=now_ms))
        return
    _miss_timer(draft, key, held, now_ms, profile, RingEnd.MISSED)


def _miss_timer(
    draft: Draft, key: str, held: TimerSet, now_ms: int, profile: Profile, end: RingEnd
) -> None:
    timer = held.timer
    end_timer(draft, key, held, now_ms, end)
    notice = own_notice(Origin.TIMER, timer.label, held.ends_ms)
    entry = Entry(timer.source, timer.slot, 0, 0, notice, origin=Origin.TIMER)
    add_entry(draft, entry, now_ms, profile)


def end_timer(draft: Draft, key: str, held: TimerSet, now_ms: int, end: RingEnd) -> None:
    """Let go of a timer."""
    draft.put(key, None)
    tell_rang(draft, Ringer.TIMER, held.timer.source, held.timer.slot, now_ms, end)


def shift_clock(draft: Draft, jump_ms: int) -> None:
    """Move what was noted by a clock that has now been set: lengths of time stay what they were."""
    for key, alarm in draft.all("alarm", AlarmSet).items():
        moved = replace(
            alarm,
            after_ms=max(0, alarm.after_ms + jump_ms) if alarm.after_ms else 0,
            since_ms=alarm.since_ms and max(1, alarm.since_ms + jump_ms),
            again_ms=alarm.again_ms and max(1, alarm.again_ms + jump_ms),
        )
        draft.put(key, moved)
    for key, timer in draft.all("timer", TimerSet).items():
        since_ms = timer.since_ms and max(1, timer.since_ms + jump_ms)
        ends_ms = max(0, timer.ends_ms + jump_ms)
        draft.put(key, replace(timer, ends_ms=ends_ms, since_ms=since_ms))


def next_moment(draft: Draft, offset: Offset) -> int | None:
    """Return when something is due next, None when nothing is."""
    return min((due for due in _moments(draft, offset) if due is not None), default=None)


def _moments(draft: Draft, offset: Offset) -> Iterator[int | None]:
    for ringing in draft.all("call", Ringing).values():
        yield ringing.call.time_ms + RING_MAX_MS
    for alarm in draft.all("alarm", AlarmSet).values():
        if alarm.since_ms:
            yield alarm.since_ms + ALARM_RINGS_MS
        else:
            yield alarm.again_ms or next_ring(alarm.alarm, alarm.after_ms, offset)
    for timer in draft.all("timer", TimerSet).values():
        yield timer.since_ms + ALARM_RINGS_MS if timer.since_ms else timer.ends_ms
    for entry in draft.all("entry", Entry).values():
        if entry.state is State.WAITING and entry.notice.expires_ms:
            yield entry.notice.expires_ms
