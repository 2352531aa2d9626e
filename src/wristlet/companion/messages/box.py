"""What the phone remembers about one strap's messages; survives an end of the app anywhere.

For each thing that the strap should know there is at most one order that waits (a newer wish takes
its place) and one order in all that was sent and not yet acknowledged. That one is never changed:
it may have arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import Final

from wristlet.crypto.seal import NONCE_BYTES, SealKey, open_sealed, seal
from wristlet.env.base import Env, ensure_dir
from wristlet.env.durable_map import PLAIN, DurableMap, Guard
from wristlet.env.records import Draft, Records
from wristlet.wire.strap.message_choices import CallState, Gone
from wristlet.wire.strap.messages import (
    REQUESTS,
    SOURCE_BYTES,
    Action,
    Call,
    Greeting,
    Order,
    Post,
    Request,
    Rules,
    Update,
)

CONTEXT: Final = b"wristlet:messages:1"
QUEUE_MAX: Final = 64
"""Messages that wait for the strap; of more, the least pressing oldest is dropped and counted."""
CALLS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of messages that were not shown; nothing goes uncounted."""

    dropped: int = 0
    """Never sent: too many waited. The strap shows this number."""
    stale: int = 0
    """Their time was over before they could be sent or shown."""
    withdrawn: int = 0
    """Gone on the phone before they were sent."""
    filtered: int = 0
    """Forbidden by the rules."""
    overflow: int = 0
    """Sent, but the strap had no room to show them. It shows this number."""
    refused: int = 0
    """The strap would not take them; `Effect` REFUSED says why."""
    lost: int = 0
    """Sent to a strap that has lost its memory; whether they were shown is not known."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the strap said it can hold; before the first greeting, what every strap can."""

    title_bytes: int = 64
    body_bytes: int = 128
    alarms_max: int = 4
    timers_max: int = 1


@dataclass(frozen=True, slots=True)
class Box:
    """The head: names, last numbers, counts."""

    source: bytes
    number: int = 0
    last_id: int = 0
    wish: int = 0
    event: int = 0
    store: bytes = b""
    untold: int = 0
    """Dropped, and the strap has not been told."""
    counts: Counts = Counts()
    capacity: Capacity = Capacity()
    effect: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that waits, without its number; `at` says which wish is older."""

    raw: bytes
    at: int
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The order that was sent and not acknowledged, byte for byte."""

    subject: str
    number: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """A message of the phone; `sent`: some content of it is or may be on the strap."""

    id: int
    app: str
    key: str
    revision: int = 0
    sent: bool = False
    sent_revision: int = 0
    actions: tuple[Action, ...] = ()
    """Those of the content that was sent."""


@dataclass(frozen=True, slots=True)
class CallItem:
    """A call of the phone."""

    id: int
    key: str
    call: Call
    state: CallState = CallState.INCOMING
    sent: bool = False


@unique
class EffectKind(IntEnum):
    """What the phone has to do."""

    DISMISS = 0
    """Take a notification away."""
    ACTION = 1
    """Do what an app offered under `label`."""
    REPLY = 2
    """Send `label` as the answer."""
    CALL = 3
    """`label` is accept, decline or mute."""
    CALL_SEEN = 4
    """The wearer has seen that a call was missed."""
    RANG = 5
    """An alarm or timer (`key`) ended as `label` says."""
    REFUSED = 6
    """Tell the wearer: the strap did not take `key`; `label` says why."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to be done on the phone, kept until `done`; `id` makes a repetition harmless.

    `late`: the wearer chose it long ago while the phone was out of reach; ask before doing it.
    """

    id: int
    kind: EffectKind
    app: str
    key: str
    label: str
    at_ms: int
    late: bool = False


TYPES: Final = {
    "box": Box,
    "wish": Wish,
    "sent": Sent,
    "item": Item,
    "call": CallItem,
    "effect": Effect,
    "kept": bytes,
}
BOX, SENT = "box/", "sent/"
RULES, DROPPED, FOUND, FORGET = "rules", "dropped", "found", "forget"


def item_subject(id: int) -> str:
    """Return the subject of a message."""
    return f"m/{id:08x}"


def call_subject(id: int) -> str:
    """Return the subject of a call."""
    return f"c/{id:08x}"


def open_box(env: Env, folder: str, key: SealKey | None) -> Records:
    """Open the phone's memory for one strap, sealed under `key`; the first time a new one."""
    ensure_dir(env.disk, folder)
    guard = PLAIN if key is None else _guard(env, key)
    records = Records(DurableMap(env.disk, f"{folder}/messages", guard), TYPES)
    if records.get(BOX, Box) is None:
        records.commit({BOX: Box(env.random.bytes(SOURCE_BYTES))})
    return records


def _guard(env: Env, key: SealKey) -> Guard:
    def close(content: bytes) -> bytes:
        return seal(key, content, CONTEXT, env.random.bytes(NONCE_BYTES))

    return Guard(close, lambda blob: bytes(open_sealed(key, blob, CONTEXT)))


def box(draft: Draft) -> Box:
    """Return the head."""
    found = draft.get(BOX, Box)
    if found is None:
        raise LookupError("the phone's memory of messages has no head; remove it")
    return found


def count(draft: Draft, name: str, by: int = 1) -> None:
    """Add to one of the counts."""
    head = box(draft)
    counts = replace(head.counts, **{name: getattr(head.counts, name) + by})
    draft.put(BOX, replace(head, counts=counts))


def count_gone(draft: Draft, why: Gone) -> None:
    """Count what the strap did not show; what was shown and made room is no loss."""
    names = {Gone.OVERFLOW: "overflow", Gone.STALE: "stale", Gone.FILTERED: "filtered"}
    if why in names:
        count(draft, names[why])


def wish(draft: Draft, subject: str, order: Order, *, silent: bool = False) -> None:
    """Let an order wait; it takes the place, and the turn, of one about the same not yet sent."""
    head, waiting = box(draft), draft.get(f"wish/{subject}", Wish)
    at = head.wish + 1 if waiting is None else waiting.at
    silent = silent and (waiting is None or waiting.silent)
    draft.put(BOX, replace(head, wish=max(at, head.wish)))
    draft.put(f"wish/{subject}", Wish(REQUESTS.encode(order), at, silent))


def wished(draft: Draft, subject: str) -> Request | None:
    """Return the order that waits about something."""
    found = draft.get(f"wish/{subject}", Wish)
    return None if found is None else REQUESTS.decode(found.raw)


def unwish(draft: Draft, subject: str) -> None:
    """Let no order wait about something."""
    draft.put(f"wish/{subject}", None)


def rules_of(draft: Draft) -> Rules:
    """Return the wearer's rules; the house's before the first ones."""
    raw = draft.get(f"kept/{RULES}", bytes)
    found = REQUESTS.decode(raw) if raw else None
    return found if isinstance(found, Rules) else Rules(box(draft).source, 0)


def new_id(draft: Draft) -> int:
    """Return the next name for a message or call."""
    head = box(draft)
    draft.put(BOX, replace(head, last_id=head.last_id + 1))
    return head.last_id + 1


def add_effect(draft: Draft, effect: Effect) -> None:
    """Keep something to be done under the next id."""
    head = box(draft)
    draft.put(BOX, replace(head, effect=head.effect + 1))
    draft.put(f"effect/{head.effect + 1:08x}", replace(effect, id=head.effect + 1))


def capacity_of(greeting: Greeting) -> Capacity:
    """Return what a strap can hold."""
    return Capacity(
        greeting.title_bytes, greeting.body_bytes, greeting.alarms_max, greeting.timers_max
    )


def is_content(order: Request | None) -> bool:
    """Tell whether an order brings a message's content."""
    return isinstance(order, Post | Update)
