"""What the strap remembers of messages, calls, alarms and timers; survives a power cut anywhere.

Everything changes in drafts: what one order or one moment brings about is durable whole or not at
all. A message goes from WAITING (to be shown) over ALERTED (being shown; said before the light goes
on, so that no cut makes it buzz twice) to SEEN (kept to be read again).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import Final

from wristlet.env.base import Env, ensure_dir
from wristlet.env.durable_map import DurableMap
from wristlet.env.records import Draft, Records
from wristlet.wire.strap.message_choices import Gone, Level, RingEnd, Ringer
from wristlet.wire.strap.messages import (
    BODY_BYTES,
    NEWS,
    TITLE_BYTES,
    Alarm,
    Call,
    Event,
    Left,
    Notice,
    Rang,
    Rules,
    Timer,
)

FILE: Final = "messages"
STORE_BYTES: Final = 4
SOURCES_MAX: Final = 4
EVENTS_KEPT_MAX: Final = 256
CALLERS_MAX: Final = 8
NO_RULES: Final = Rules(bytes(4), 0)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one kind of strap can hold."""

    messages_max: int = 24
    title_bytes: int = TITLE_BYTES
    body_bytes: int = 512
    alarms_max: int = 8
    timers_max: int = 4

    def __post_init__(self) -> None:
        if self.messages_max < 1 or not 0 <= self.title_bytes <= TITLE_BYTES:
            raise ValueError("messages profile: at least one message, titles up to 128 bytes")
        if not 0 <= self.body_bytes <= BODY_BYTES:
            raise ValueError("messages profile: bodies up to 1,024 bytes")


@unique
class State(IntEnum):
    """How far a message has come on the strap."""

    WAITING = 0
    ALERTED = 1
    SEEN = 2


@unique
class Origin(IntEnum):
    """Where an entry comes from: the phone, or the strap's own notice of something missed."""

    MESSAGE = 0
    CALL = 1
    ALARM = 2
    TIMER = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that the strap holds; `order` says which came later."""

    source: bytes
    id: int
    revision: int
    order: int
    notice: Notice
    state: State = State.WAITING
    origin: Origin = Origin.MESSAGE
    buzzes: bool = True


@dataclass(frozen=True, slots=True)
class Peer:
    """How far things have come with one phone's message box."""

    taken: int = 0
    event: int = 0
    fetched: int = 0
    order: int = 0


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call that rings."""

    call: Call
    muted: bool = False


@dataclass(frozen=True, slots=True)
class AlarmSet:
    """An alarm: rings next after `after_ms`; rings now since `since_ms`, or again at `again_ms`."""

    alarm: Alarm
    after_ms: int
    since_ms: int = 0
    again_ms: int = 0


@dataclass(frozen=True, slots=True)
class TimerSet:
    """A timer with its end by the strap's clock; rings now since `since_ms`."""

    timer: Timer
    ends_ms: int
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called when, to know a second call."""

    key: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class Common:
    """What belongs to no message: `more` were left out and not yet told."""

    store: bytes
    order: int = 0
    more: int = 0
    rules: Rules = NO_RULES
    callers: tuple[Caller, ...] = ()


TYPES: Final = {
    "common": Common,
    "peer": Peer,
    "entry": Entry,
    "event": bytes,
    "call": Ringing,
    "alarm": AlarmSet,
    "timer": TimerSet,
}
COMMON: Final = "common/"


def peer_key(source: bytes) -> str:
    """Return the key of a phone's message box."""
    return f"peer/{source.hex()}"


def entry_key(source: bytes, id: int, origin: Origin = Origin.MESSAGE) -> str:
    """Return the key of a message; calls have ids of the same kind, ringers their slots."""
    kind = "m" if origin in (Origin.MESSAGE, Origin.CALL) else origin.name[0].lower()
    return f"entry/{kind}/{source.hex()}/{id:08x}"


def call_key(source: bytes, id: int) -> str:
    """Return the key of a ringing call."""
    return f"call/{source.hex()}/{id:08x}"


def ringer_key(ringer: Ringer, source: bytes, slot: int) -> str:
    """Return the key of an alarm or timer."""
    return f"{'alarm' if ringer is Ringer.ALARM else 'timer'}/{source.hex()}/{slot:02x}"


def event_key(source: bytes, number: int) -> str:
    """Return the key of an event."""
    return f"event/{source.hex()}/{number:08x}"


def open_store(env: Env, folder: str) -> Records:
    """Open the strap's memory of messages; the first time a new one with a random name."""
    ensure_dir(env.disk, folder)
    records = Records(DurableMap(env.disk, f"{folder}/{FILE}"), TYPES)
    if records.get(COMMON, Common) is None:
        records.commit({COMMON: Common(env.random.bytes(STORE_BYTES))})
    return records


def common(draft: Draft) -> Common:
    """Return what belongs to no message."""
    found = draft.get(COMMON, Common)
    if found is None:
        raise LookupError("the strap's memory of messages has no head; erase it")
    return found


def peer(draft: Draft, source: bytes) -> Peer:
    """Return how far things have come with a phone; a new one begins."""
    return draft.get(peer_key(source), Peer) or Peer()


def waiting_events(draft: Draft, source: bytes) -> list[bytes]:
    """Return the events that a phone has not fetched, oldest first."""
    prefix = f"event/{source.hex()}/"
    return [raw for key, raw in sorted(draft.all("event", bytes).items()) if key.startswith(prefix)]


def add_event(draft: Draft, event: Event) -> None:
    """Append an event for its source under the next number; `event.number` is not looked at."""
    known = draft.get(peer_key(event.source), Peer)
    if known is None:  # a phone that was forgotten has nobody to tell
        return
    numbered = replace(event, number=known.event + 1)
    draft.put(peer_key(event.source), replace(known, event=numbered.number))
    draft.put(event_key(event.source, numbered.number), NEWS.encode(numbered))


def add_entry(draft: Draft, entry: Entry, now_ms: int, profile: Profile) -> None:
    """Store a message as the latest; makes room by the policy of `_victim` and says so."""
    shared = common(draft)
    draft.put(COMMON, replace(shared, order=shared.order + 1))
    key = entry_key(entry.source, entry.id, entry.origin)
    draft.put(key, replace(entry, order=shared.order + 1))
    entries = draft.all("entry", Entry)
    while len(entries) > profile.messages_max:
        victim_key = _victim(entries)
        victim = entries.pop(victim_key)
        was_shown = victim.state is not State.WAITING
        leave(draft, victim_key, victim, now_ms, Gone.EVICTED if was_shown else Gone.OVERFLOW)


def leave(draft: Draft, key: str, entry: Entry, now_ms: int, why: Gone) -> None:
    """Let go of a message without the wearer's doing; one never shown for want of room counts."""
    draft.put(key, None)
    if why is Gone.OVERFLOW:
        shared = common(draft)
        draft.put(COMMON, replace(shared, more=shared.more + 1))
    if entry.origin in (Origin.MESSAGE, Origin.CALL):
        add_event(draft, Left(entry.source, 0, entry.id, now_ms, entry.revision, why))


def _victim(entries: dict[str, Entry]) -> str:
    """Return who makes room: what was read, then what presses least; the oldest of these."""

    def worth(key: str) -> tuple[bool, Level, int]:
        entry = entries[key]
        if entry.state is State.SEEN:
            return False, Level.QUIET, entry.order
        is_held_up = entry.state is State.ALERTED
        return True, Level.URGENT if is_held_up else entry.notice.level, entry.order

    return min(entries, key=worth)


def tell_rang(
    draft: Draft, ringer: Ringer, source: bytes, slot: int, now_ms: int, end: RingEnd
) -> None:
    """Tell the phone how an alarm or timer ended."""
    add_event(draft, Rang(source, 0, slot, now_ms, ringer, end))


def forget_oldest_peers(draft: Draft, keep: bytes) -> None:
    """Forget whom has been silent longest when more phones than `SOURCES_MAX` have been here.

    Its alarms and timers go with it, since nobody could remove them; messages stay to be read.
    """
    peers = draft.all("peer", Peer)
    spare = sorted((known.order, key) for key, known in peers.items() if key != peer_key(keep))
    for _, key in spare[: max(0, len(peers) - SOURCES_MAX)]:
        forget_peer(draft, key.removeprefix("peer/"))


def forget_peer(draft: Draft, source_hex: str) -> None:
    """Forget a phone's message box with its events, alarms, timers and calls."""
    draft.put(f"peer/{source_hex}", None)
    held = (*draft.all("event", bytes), *draft.all("alarm", AlarmSet))
    held = (*held, *draft.all("timer", TimerSet), *draft.all("call", Ringing))
    for key in held:
        if key.split("/")[1] == source_hex:
            draft.put(key, None)
