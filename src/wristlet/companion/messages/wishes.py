"""What happens on the phone becomes wishes for the strap: one per subject, the newest counts."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from wristlet.companion.messages.box import (
    BOX,
    CALLS_MAX,
    DROPPED,
    FOUND,
    QUEUE_MAX,
    RULES,
    CallItem,
    Item,
    Wish,
    box,
    call_subject,
    count,
    is_content,
    item_subject,
    new_id,
    rules_of,
    unwish,
    wish,
    wished,
)
from wristlet.companion.messages.content import Notification, notice_of, rule_for
from wristlet.env.records import Draft
from wristlet.model.graphemes import cut_bytes
from wristlet.wire.strap.message_choices import CallAct, CallState, Level
from wristlet.wire.strap.messages import (
    CALLER_BYTES,
    REQUESTS,
    Call,
    Dismiss,
    Dropped,
    Found,
    Post,
    Rules,
)

CALLER_KEY_BYTES = 8


def find_item(draft: Draft, app: str, key: str) -> Item | None:
    """Return the message of an app's key."""
    items = draft.all("item", Item).values()
    return next((item for item in items if (item.app, item.key) == (app, key)), None)


def find_call(draft: Draft, key: str) -> CallItem | None:
    """Return the latest call of a key."""
    calls = [call for call in draft.all("call", CallItem).values() if call.key == key]
    return max(calls, key=lambda call: call.id, default=None)


def notify(draft: Draft, found: Notification, *, silent: bool) -> bool:
    """Wish a notification onto the strap, or its new content; says whether the rules let it."""
    notice = notice_of(found)
    item = find_item(draft, found.app, found.key)
    if rule_for(found.app, rules_of(draft)).muted:
        count(draft, "filtered")
        return False
    if item is None:
        item = Item(new_id(draft), found.app, found.key)
    else:
        item = replace(item, revision=item.revision + 1)
    draft.put(f"item/{item.id:08x}", item)
    order = Post(box(draft).source, 0, item.id, notice, item.revision)
    wish(draft, item_subject(item.id), order, silent=silent)
    _bound(draft)
    return True


def withdraw(draft: Draft, item: Item) -> None:
    """Wish a message away: one never sent just stays here, else the strap takes it off."""
    if item.sent:
        order = Dismiss(box(draft).source, 0, item.id, item.revision)
        wish(draft, item_subject(item.id), order)
        return
    let_go(draft, item)
    count(draft, "withdrawn")


def let_go(draft: Draft, item: Item) -> None:
    """Forget a message with all that waits about it."""
    unwish(draft, item_subject(item.id))
    draft.put(f"item/{item.id:08x}", None)


def _bound(draft: Draft) -> None:
    """Drop the least pressing, oldest message that was never sent when too many wait; count it."""
    waiting: list[tuple[Level, int, Item]] = []
    for item in draft.all("item", Item).values():
        known = None if item.sent else draft.get(f"wish/{item_subject(item.id)}", Wish)
        order = None if known is None else REQUESTS.decode(known.raw)
        if known is not None and isinstance(order, Post):
            waiting.append((order.notice.level, known.at, item))
    if len(waiting) <= QUEUE_MAX:
        return
    _, _, victim = min(waiting, key=lambda known: known[:2])
    let_go(draft, victim)
    count(draft, "dropped")
    head = box(draft)
    draft.put(BOX, replace(head, untold=head.untold + 1))
    wish(draft, DROPPED, Dropped(head.source, 0, head.untold + 1))


def ring(
    draft: Draft,
    key: str,
    caller: str,
    number: str,
    time_ms: int,
    *,
    favourite: bool,
    acts: CallAct,
) -> None:
    """Wish an incoming call onto the strap."""
    source, call_id = box(draft).source, new_id(draft)
    caller_key = b""
    if number:
        hashed = hashlib.blake2b(number.encode("utf-8", "replace"), key=source)
        caller_key = hashed.digest()[:CALLER_KEY_BYTES]
    order = Call(
        *(source, 0, call_id, time_ms, CallState.INCOMING, cut_bytes(caller, CALLER_BYTES)),
        *(caller_key, favourite, acts),
    )
    draft.put(f"call/{call_id:08x}", CallItem(call_id, key, order))
    wish(draft, call_subject(call_id), order)
    calls = sorted(draft.all("call", CallItem).items())
    for old_key, old in calls[: max(0, len(calls) - CALLS_MAX)]:
        if wished(draft, call_subject(old.id)) is None:
            draft.put(old_key, None)


def change_call(draft: Draft, call: CallItem, state: CallState) -> None:
    """Wish a call's new state onto the strap; what was never sent rings no more."""
    if call.state is not CallState.INCOMING:
        return
    subject, key = call_subject(call.id), f"call/{call.id:08x}"
    if not call.sent and state is CallState.ANSWERED:
        unwish(draft, subject)
        draft.put(key, None)
        return
    told = state if call.sent else CallState.MISSED
    wish(draft, subject, replace(call.call, state=told))
    draft.put(key, replace(call, state=state))


def see_call(draft: Draft, call: CallItem) -> None:
    """Wish away the strap's notice of a missed call that the wearer saw on the phone."""
    if call.sent:
        wish(draft, call_subject(call.id), Dismiss(box(draft).source, 0, call.id))
    else:
        unwish(draft, call_subject(call.id))
        draft.put(f"call/{call.id:08x}", None)


def set_rules(draft: Draft, rules: Rules) -> None:
    """Wish rules onto the strap; what they forbid and was not sent does not go."""
    raw = REQUESTS.encode(rules)
    draft.put(f"kept/{RULES}", raw)
    wish(draft, RULES, rules)
    for item in draft.all("item", Item).values():
        waits = is_content(wished(draft, item_subject(item.id)))
        if waits and not item.sent and rule_for(item.app, rules).muted:
            let_go(draft, item)
            count(draft, "filtered")


def found(draft: Draft) -> None:
    """Wish that the strap stops looking for the phone."""
    wish(draft, FOUND, Found(box(draft).source, 0))
