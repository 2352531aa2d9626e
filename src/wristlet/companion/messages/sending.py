"""Which order goes to the strap next, and what its acknowledgement means."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from wristlet.companion.messages.box import (
    BOX,
    DROPPED,
    FORGET,
    FOUND,
    RULES,
    SENT,
    CallItem,
    Effect,
    EffectKind,
    Item,
    Sent,
    Wish,
    add_effect,
    box,
    call_subject,
    capacity_of,
    count,
    item_subject,
    rules_of,
    unwish,
    wish,
    wished,
)
from wristlet.companion.messages.content import fitted
from wristlet.companion.messages.wishes import let_go
from wristlet.env.records import Draft
from wristlet.wire.strap.message_choices import CallState, Level
from wristlet.wire.strap.messages import (
    REQUESTS,
    Alarm,
    Call,
    Dismiss,
    Dropped,
    Fetch,
    Greet,
    Greeting,
    Order,
    Post,
    Request,
    Rules,
    Timer,
    Update,
)

RING_MAX_MS: Final = 45_000
"""A call that waited longer than this is sent as missed."""
_RANKS: Final = {FORGET: 0, RULES: 1, FOUND: 2, DROPPED: 6}


def next_order(draft: Draft, now_ms: int) -> Sent | None:
    """Return the order to send now: the one not acknowledged, else the most pressing wish.

    A new one is numbered and noted as sent in the draft; commit that before it leaves.
    """
    unknown = draft.get(SENT, Sent)
    if unknown is not None:
        return unknown
    while (chosen := _most_pressing(draft)) is not None:
        subject, waiting, order = chosen
        unwish(draft, subject)
        fit = _prepared(draft, waiting, order, now_ms)
        if fit is None:
            continue
        head = box(draft)
        number = head.number + 1
        raw = REQUESTS.encode(replace(fit, source=head.source, number=number))
        sent = Sent(subject, number, raw)
        draft.put(BOX, replace(head, number=number))
        draft.put(SENT, sent)
        return sent
    return None


def _most_pressing(draft: Draft) -> tuple[str, Wish, Order] | None:
    waiting: list[tuple[str, Wish, Order]] = []
    for key, known in draft.all("wish", Wish).items():
        order = REQUESTS.decode(known.raw)
        if not isinstance(order, Greet | Fetch):
            waiting.append((key.removeprefix("wish/"), known, order))
    return min(waiting, key=lambda item: (_rank(item[0], item[2]), item[1].at), default=None)


def _rank(subject: str, order: Request) -> int:
    """Return what goes first: rules, so that they hold for the rest, then what rings."""
    if isinstance(order, Call):
        return 3
    if isinstance(order, Post) and order.notice.level is not Level.URGENT:
        return 5
    return _RANKS.get(subject, 4)


def _prepared(draft: Draft, waiting: Wish, order: Order, now_ms: int) -> Order | None:
    """Return an order as it is to leave now, None when there is no more point in it."""
    match order:
        case Post():
            return _prepared_post(draft, waiting, order, now_ms)
        case Call():
            key = f"call/{order.id:08x}"
            call = draft.get(key, CallItem)
            if order.state is CallState.INCOMING and now_ms - order.time_ms >= RING_MAX_MS:
                order = replace(order, state=CallState.MISSED)
            if call is not None:
                draft.put(key, replace(call, sent=True))
            return order
        case Dropped():
            head = box(draft)
            draft.put(BOX, replace(head, untold=0))
            return replace(order, count=head.untold)
        case _:
            return order


def _prepared_post(draft: Draft, waiting: Wish, order: Post, now_ms: int) -> Order | None:
    key = f"item/{order.id:08x}"
    item = draft.get(key, Item)
    if item is None:
        return None
    if 0 < order.notice.expires_ms <= now_ms:
        count(draft, "stale")
        if item.sent:  # its older content is over too
            return Dismiss(order.source, 0, order.id, order.revision)
        let_go(draft, item)
        return None
    capacity = box(draft).capacity
    notice = fitted(
        *(order.notice, rules_of(draft)),
        title_bytes=capacity.title_bytes,
        body_bytes=capacity.body_bytes,
    )
    draft.put(
        key,
        replace(item, sent=True, sent_revision=order.revision, actions=notice.actions),
    )
    if not item.sent:
        return replace(order, notice=notice)
    return Update(*(order.source, 0, order.id, order.revision, notice), silent=waiting.silent)


def taken(draft: Draft, number: int) -> bool:
    """Note that the strap has an order for good; says whether it was the one that was sent."""
    sent = draft.get(SENT, Sent)
    if sent is None or sent.number != number:
        return False
    draft.put(SENT, None)
    order = REQUESTS.decode(sent.raw)
    if isinstance(order, Dismiss) and wished(draft, sent.subject) is None:
        draft.put(f"item/{order.id:08x}", None)
        draft.put(f"call/{order.id:08x}", None)
    if isinstance(order, Call) and order.state is CallState.ANSWERED:
        draft.put(f"call/{order.id:08x}", None)
    return True


def refused(draft: Draft, number: int, reason: str, now_ms: int) -> None:
    """Give up an order that the strap will not take; the wearer is told why."""
    sent = draft.get(SENT, Sent)
    if sent is None or sent.number != number:
        return
    draft.put(SENT, None)
    count(draft, "refused")
    order = REQUESTS.decode(sent.raw)
    name = sent.subject
    if isinstance(order, Post | Update):
        item = draft.get(f"item/{order.id:08x}", Item)
        if item is not None:
            name = item.app
            let_go(draft, item)
    if isinstance(order, Alarm | Timer):
        draft.put(f"kept/{sent.subject}", None)
    add_effect(draft, Effect(0, EffectKind.REFUSED, "", name, reason, now_ms))


def greeted(draft: Draft, greeting: Greeting, fresh_source: bytes) -> bool:
    """Take in what the strap says of itself; says whether it must be greeted anew.

    A strap that has lost its memory, or is another one, is told rules, alarms and timers again;
    messages that were on it are not: they were shown, or are counted as lost. A phone whose own
    memory is older than the strap's (restored from a copy) begins anew under another name, so that
    nothing of it is taken for a repetition.
    """
    head = box(draft)
    draft.put(BOX, replace(head, capacity=capacity_of(greeting), store=greeting.store))
    if greeting.taken > head.number and greeting.store == head.store:
        _begin_anew(draft, fresh_source)
        return True
    if head.store not in (b"", greeting.store):
        _begin_anew(draft, head.source)
        return False
    sent = draft.get(SENT, Sent)
    if sent is not None and greeting.taken >= sent.number:
        taken(draft, sent.number)
    return False


def _begin_anew(draft: Draft, source: bytes) -> None:
    head = box(draft)
    number = 0 if source != head.source else head.number
    draft.put(BOX, replace(head, source=source, number=number, event=0))
    sent = draft.get(SENT, Sent)
    for item in draft.all("item", Item).values():
        if not item.sent:
            continue
        # An order that is not acknowledged may have been shown: to show it again could be twice.
        count(draft, "lost", int(sent is not None and sent.subject == item_subject(item.id)))
        _forget_sent(draft, item)
    for key, call in draft.all("call", CallItem).items():
        if call.sent:
            unwish(draft, call_subject(call.id))
            draft.put(key, None)
    draft.put(SENT, None)
    for key, raw in draft.all("kept", bytes).items():
        order = REQUESTS.decode(raw)
        if isinstance(order, Rules | Alarm | Timer):
            wish(draft, key.removeprefix("kept/"), order)


def _forget_sent(draft: Draft, item: Item) -> None:
    """Forget what was on a strap that has no memory of it; new content of it goes as a new one."""
    waiting = wished(draft, item_subject(item.id))
    if isinstance(waiting, Post):
        draft.put(f"item/{item.id:08x}", replace(item, sent=False))
    else:
        let_go(draft, item)
