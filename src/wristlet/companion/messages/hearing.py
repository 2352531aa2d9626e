"""What happened on the strap becomes what the phone has to do; each event counts once."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from wristlet.companion.messages.box import (
    BOX,
    CallItem,
    Effect,
    EffectKind,
    Item,
    add_effect,
    box,
    count_gone,
    unwish,
)
from wristlet.companion.messages.wishes import let_go
from wristlet.env.records import Draft
from wristlet.wire.strap.message_choices import ActionKind, CallAct, CallState, RingEnd, Ringer
from wristlet.wire.strap.messages import (
    REQUESTS,
    Acted,
    Alarm,
    CallActed,
    Dismissed,
    Event,
    Left,
    Rang,
)

LATE_MS: Final = 10 * 60_000
"""What was chosen longer ago is not done unasked."""
CALL_LATE_MS: Final = 60_000
ACT_NAMES: Final = MappingProxyType(
    {CallAct.ACCEPT: "accept", CallAct.DECLINE: "decline", CallAct.MUTE: "mute"}
)


def hear(draft: Draft, event: Event, now_ms: int) -> bool:
    """Take in the event that is next; says False for a repeated one and one that comes too early.

    What came too early is fetched in order.
    """
    head = box(draft)
    if event.source != head.source or event.number != head.event + 1:
        return False
    draft.put(BOX, replace(head, event=event.number))
    match event:
        case Dismissed():
            _dismissed(draft, event)
        case Acted():
            _acted(draft, event, now_ms)
        case CallActed():
            _call_acted(draft, event, now_ms)
        case Left():
            _left(draft, event)
        case Rang():
            _rang(draft, event)
    return True


def _gone(draft: Draft, item: Item, revision: int) -> bool:
    """Forget a message whose shown content was put away; newer content lives on."""
    if item.revision > revision:
        return False
    let_go(draft, item)
    return True


def _dismissed(draft: Draft, event: Dismissed) -> None:
    item = draft.get(f"item/{event.id:08x}", Item)
    if item is not None and _gone(draft, item, event.revision):
        effect = Effect(0, EffectKind.DISMISS, item.app, item.key, "", event.at_ms)
        add_effect(draft, effect)
    call = draft.get(f"call/{event.id:08x}", CallItem)
    if call is not None:
        draft.put(f"call/{event.id:08x}", None)
        unwish(draft, f"c/{event.id:08x}")
        add_effect(draft, Effect(0, EffectKind.CALL_SEEN, "", call.key, "", event.at_ms))


def _acted(draft: Draft, event: Acted, now_ms: int) -> None:
    item = draft.get(f"item/{event.id:08x}", Item)
    if item is None:
        return
    if event.revision == item.sent_revision and event.action < len(item.actions):
        action = item.actions[event.action]
        kind = EffectKind.REPLY if action.kind is ActionKind.REPLY else EffectKind.ACTION
        late = now_ms - event.at_ms > LATE_MS
        add_effect(draft, Effect(0, kind, item.app, item.key, action.label, event.at_ms, late))
    else:  # the content it belongs to was replaced before this was heard
        reason = "the message had changed on the phone; answer it there"
        add_effect(draft, Effect(0, EffectKind.REFUSED, item.app, item.key, reason, event.at_ms))
    _gone(draft, item, event.revision)


def _call_acted(draft: Draft, event: CallActed, now_ms: int) -> None:
    key = f"call/{event.id:08x}"
    call = draft.get(key, CallItem)
    rings = call is not None and call.state is CallState.INCOMING
    if call is None or not rings or now_ms - event.at_ms > CALL_LATE_MS:
        return
    add_effect(
        draft,
        Effect(0, EffectKind.CALL, "", call.key, ACT_NAMES[event.act], event.at_ms),
    )
    if event.act is not CallAct.MUTE:
        draft.put(key, replace(call, state=CallState.ANSWERED))


def _left(draft: Draft, event: Left) -> None:
    count_gone(draft, event.why)
    item = draft.get(f"item/{event.id:08x}", Item)
    if item is not None:
        _gone(draft, item, event.revision)
    draft.put(f"call/{event.id:08x}", None)


def _rang(draft: Draft, event: Rang) -> None:
    subject = f"{'a' if event.ringer is Ringer.ALARM else 't'}/{event.slot:02x}"
    raw = draft.get(f"kept/{subject}", bytes)
    order = None if raw is None else REQUESTS.decode(raw)
    is_once = not isinstance(order, Alarm) or bool(order.day)
    if event.end is not RingEnd.SNOOZED and is_once:
        draft.put(f"kept/{subject}", None)
    kind = EffectKind.RANG
    add_effect(draft, Effect(0, kind, "", subject, event.end.name.lower(), event.at_ms))
