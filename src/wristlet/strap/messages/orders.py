"""What the phone's orders do to the strap's memory; each is taken whole or refused whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wristlet.env.records import Draft
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.messages.signs import OWN_APPS, rule_for
from wristlet.strap.messages.store import (
    CALLERS_MAX,
    COMMON,
    EVENTS_KEPT_MAX,
    AlarmSet,
    Caller,
    Entry,
    Origin,
    Peer,
    Profile,
    Ringing,
    State,
    TimerSet,
    add_entry,
    add_event,
    call_key,
    common,
    entry_key,
    forget_peer,
    peer,
    peer_key,
    ringer_key,
    waiting_events,
)
from wristlet.wire.strap.message_choices import CallState, Gone, Level, Ringer
from wristlet.wire.strap.messages import (
    Alarm,
    Call,
    Dismiss,
    Dropped,
    Forget,
    Found,
    Left,
    Notice,
    Order,
    Post,
    Remove,
    Rules,
    Timer,
    Update,
)

RING_MAX_MS: Final = 45_000
"""A call older than this no longer rings: it was missed."""


def take(draft: Draft, order: Order, now_ms: int, profile: Profile) -> None:
    """Do what an order says, once; raises StrapRefused with what the phone can do about it."""
    known = peer(draft, order.source)
    if order.number <= known.taken:
        return
    if len(waiting_events(draft, order.source)) >= EVENTS_KEPT_MAX:
        raise StrapRefused("messages: too many events wait; fetch them, then order again")
    draft.put(peer_key(order.source), replace(known, taken=order.number))
    _do(order, draft, now_ms, profile)


def _do(order: Order, draft: Draft, now_ms: int, profile: Profile) -> None:
    match order:
        case Post():
            entry = Entry(order.source, order.id, order.revision, 0, order.notice)
            _arrive(draft, entry, now_ms, profile)
        case Update():
            _update(order, draft, now_ms, profile)
        case Dismiss():
            _dismiss(order, draft)
        case Call():
            _call(order, draft, now_ms, profile)
        case Alarm():
            _alarm(order, draft, now_ms, profile)
        case Timer():
            _timer(order, draft, now_ms, profile)
        case Remove():
            _remove(order, draft)
        case Rules():
            draft.put(COMMON, replace(common(draft), rules=order))
        case Dropped():
            shared = common(draft)
            draft.put(COMMON, replace(shared, more=shared.more + order.count))
        case Forget():
            _forget(order, draft)
        case Found():  # looking for the phone is not remembered over a power cut
            return


def _update(order: Update, draft: Draft, now_ms: int, profile: Profile) -> None:
    key = entry_key(order.source, order.id)
    held = draft.get(key, Entry)
    _check_size(order.notice, profile)
    if held is not None and (order.silent or held.state is State.WAITING):
        draft.put(key, replace(held, revision=order.revision, notice=order.notice))
        return
    entry = Entry(
        *(order.source, order.id, order.revision, 0, order.notice), buzzes=not order.silent
    )
    _arrive(draft, entry, now_ms, profile)


def _arrive(draft: Draft, entry: Entry, now_ms: int, profile: Profile) -> None:
    _check_size(entry.notice, profile)
    why = unwanted(entry, now_ms, common(draft).rules)
    if why is None:
        add_entry(draft, entry, now_ms, profile)
        return
    draft.put(entry_key(entry.source, entry.id), None)
    add_event(draft, Left(entry.source, 0, entry.id, now_ms, entry.revision, why))


def _check_size(notice: Notice, profile: Profile) -> None:
    if len(notice.title.encode()) > profile.title_bytes:
        raise StrapRefused(f"messages: titles have at most {profile.title_bytes} bytes; cut it")
    if len(notice.body.encode()) > profile.body_bytes:
        raise StrapRefused(f"messages: bodies have at most {profile.body_bytes} bytes; cut it")


def unwanted(entry: Entry, now_ms: int, rules: Rules) -> Gone | None:
    """Return why a message is not to be shown now, None if it is."""
    if 0 < entry.notice.expires_ms <= now_ms:
        return Gone.STALE
    own = entry.origin is not Origin.MESSAGE
    return Gone.FILTERED if not own and rule_for(entry.notice.app, rules).muted else None


def _dismiss(order: Dismiss, draft: Draft) -> None:
    key = entry_key(order.source, order.id)
    held = draft.get(key, Entry)
    if held is not None and held.revision <= order.revision:
        draft.put(key, None)


def _call(order: Call, draft: Draft, now_ms: int, profile: Profile) -> None:
    key = call_key(order.source, order.id)
    ringing = draft.get(key, Ringing)
    if order.state is CallState.INCOMING and now_ms - order.time_ms < RING_MAX_MS:
        if ringing is None and order.caller_key:
            shared = common(draft)
            callers = (*shared.callers, Caller(order.caller_key, order.time_ms))[-CALLERS_MAX:]
            draft.put(COMMON, replace(shared, callers=callers))
        draft.put(key, Ringing(order, ringing is not None and ringing.muted))
        return
    draft.put(key, None)
    is_late = order.state is CallState.INCOMING
    # What the wearer declined or took on the strap rings no more: its end is no missed call.
    ended_unheard = order.state is CallState.ENDED and ringing is not None
    if is_late or ended_unheard or order.state is CallState.MISSED:
        known = order if ringing is None else ringing.call  # who it was need be said only once
        miss_call(draft, known, now_ms, profile)


def miss_call(draft: Draft, call: Call, now_ms: int, profile: Profile) -> None:
    """Turn a call into the message that it was missed; once, however often it is said."""
    draft.put(call_key(call.source, call.id), None)
    if draft.get(entry_key(call.source, call.id), Entry) is None:
        notice = own_notice(Origin.CALL, call.caller, call.time_ms, favourite=call.favourite)
        entry = Entry(call.source, call.id, 0, 0, notice, origin=Origin.CALL)
        add_entry(draft, entry, now_ms, profile)


def own_notice(origin: Origin, label: str, time_ms: int, *, favourite: bool = False) -> Notice:
    """Return the content of a notice that the strap makes itself."""
    return Notice(
        OWN_APPS[origin], "", time_ms, title=label, level=Level.NORMAL, favourite=favourite
    )


def _alarm(order: Alarm, draft: Draft, now_ms: int, profile: Profile) -> None:
    _check_slot(order.slot, profile.alarms_max, "alarms")
    key = ringer_key(Ringer.ALARM, order.source, order.slot)
    held = draft.get(key, AlarmSet)
    if held is not None and _times(held.alarm) == _times(order):  # only its label has changed
        draft.put(key, replace(held, alarm=order))
        return
    # A single ring that is already over when the order comes late must be told as missed.
    draft.put(key, AlarmSet(order, 0 if order.day else now_ms))


def _times(alarm: Alarm) -> tuple[int, int, int]:
    return alarm.minute, int(alarm.weekdays), alarm.day


def _timer(order: Timer, draft: Draft, now_ms: int, profile: Profile) -> None:
    _check_slot(order.slot, profile.timers_max, "timers")
    # The two clocks may differ a little: a timer never runs longer than it was set for.
    ends_ms = min(order.started_ms, now_ms) + order.duration_ms
    draft.put(ringer_key(Ringer.TIMER, order.source, order.slot), TimerSet(order, ends_ms))


def _check_slot(slot: int, slots_max: int, name: str) -> None:
    if slot >= slots_max:
        raise StrapRefused(f"messages: this strap keeps {slots_max} {name}; remove one first")


def _remove(order: Remove, draft: Draft) -> None:
    draft.put(ringer_key(order.ringer, order.source, order.slot), None)
    origin = Origin.ALARM if order.ringer is Ringer.ALARM else Origin.TIMER
    draft.put(entry_key(order.source, order.slot, origin), None)


def _forget(order: Forget, draft: Draft) -> None:
    for key, entry in draft.all("entry", Entry).items():
        if entry.source != order.source:
            draft.put(key, None)
    for key in draft.all("peer", Peer):
        if key != peer_key(order.source):
            forget_peer(draft, key.removeprefix("peer/"))
