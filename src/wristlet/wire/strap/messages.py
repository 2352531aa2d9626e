"""What phone and strap say about messages, calls, alarms, timers and finding the phone.

The phone orders; an order has the phone's `source` and a `number` that ascends by order. The strap
makes it durable, then answers `Taken` with that number; an order whose number it has already taken
is answered the same and does nothing, so the phone repeats an order until it is taken. What
happens on the strap becomes events with numbers of their own, kept until the phone has fetched
them: `Fetch` names the last one it holds. An event is sent as news at once too, which may get lost.

A message is known by `source` and `id`, each new content of it by a higher `revision`: a dismissal
counts for its revision and all below, so both ends agree whatever crosses on the way.

Times are Unix milliseconds, days are days since 1970-01-01 in local time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap.fields import (
    TIME_MS,
    U8,
    U16,
    U32,
    Choice,
    Family,
    Flag,
    Flags,
    Many,
    Part,
    Raw,
    Signs,
    Text,
    Uint,
    Wire,
)
from wristlet.wire.strap.message_choices import (
    NO_ACT,
    NO_DAY,
    ActionKind,
    Buzz,
    CallAct,
    CallState,
    Category,
    Exempt,
    Gone,
    Hide,
    Hue,
    Level,
    Override,
    Reason,
    RingEnd,
    Ringer,
    Verdict,
    Weekdays,
)

SOURCE_BYTES: Final = 4
APP_BYTES, NAME_BYTES = 64, 40
TITLE_BYTES, BODY_BYTES = 128, 1024
LABEL_BYTES, CALLER_BYTES, MERCHANT_BYTES = 40, 64, 64
ACTIONS_MAX, APPS_MAX, WINDOWS_MAX, EVENTS_MAX = 4, 64, 8, 32
EVENT_BYTES = 64
AMOUNT_MAX_MINOR: Final = 10**12 - 1
MINUTES_A_DAY: Final = 24 * 60
TIMER_MAX_MS: Final = 24 * 3_600_000
SNOOZE_MINUTES: Final = 9


Source = Annotated[bytes, Wire(0x01, Raw(SOURCE_BYTES, SOURCE_BYTES), "the phone's message box")]
Number = Annotated[int, Wire(0x02, U32, "ascends with every order of this source")]
MessageId = Annotated[int, Wire(0x03, U32, "the phone's name for the message")]
Revision = Annotated[int, Wire(0x04, U16, "ascends with every new content of the message")]
Slot = Annotated[int, Wire(0x03, U8, "the phone's name for it")]
AtMs = Annotated[int, Wire(0x05, TIME_MS, "when")]


@dataclass(frozen=True, slots=True)
class Action:
    """Something the wearer can answer with."""

    label: Annotated[str, Wire(0x01, Text(LABEL_BYTES, 1), "shown, or sent as the answer")]
    kind: Annotated[ActionKind, Wire(0x02, Choice(ActionKind), "")] = ActionKind.OPEN


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as the wearer sees it; never more of the card than its last four digits."""

    merchant: Annotated[str, Wire(0x01, Text(MERCHANT_BYTES), "")]
    amount_minor: Annotated[int, Wire(0x02, Uint(AMOUNT_MAX_MINOR), "in the currency's minor unit")]
    currency: Annotated[str, Wire(0x03, Signs(3, is_digits=False), "ISO 4217")]
    card_name: Annotated[str, Wire(0x04, Text(NAME_BYTES), "")]
    last_four: Annotated[str, Wire(0x05, Signs(4, is_digits=True), "of the wearer's own card")]
    verdict: Annotated[Verdict, Wire(0x06, Choice(Verdict), "")] = Verdict.APPROVED
    reason: Annotated[Reason, Wire(0x07, Choice(Reason), "only of a decline")] = Reason.NONE

    def __post_init__(self) -> None:
        if (self.reason is Reason.NONE) != (self.verdict is Verdict.APPROVED):
            raise EncodeError("a decline has a reason, an approval none", path=("reason",))


@dataclass(frozen=True, slots=True)
class Notice:
    """The content of a message."""

    app: Annotated[str, Wire(0x01, Text(APP_BYTES, 1), "the app's id; rules go by it")]
    name: Annotated[str, Wire(0x02, Text(NAME_BYTES), "the app's name, shown")]
    time_ms: Annotated[int, Wire(0x03, TIME_MS, "when it came to the phone")]
    title: Annotated[str, Wire(0x04, Text(TITLE_BYTES), "")] = ""
    body: Annotated[str, Wire(0x05, Text(BODY_BYTES), "")] = ""
    category: Annotated[Category, Wire(0x06, Choice(Category), "")] = Category.OTHER
    level: Annotated[Level, Wire(0x07, Choice(Level), "")] = Level.NORMAL
    expires_ms: Annotated[int, Wire(0x08, TIME_MS, "not shown from then on; 0: never")] = 0
    favourite: Annotated[bool, Wire(0x09, Flag(), "from somebody the wearer marked")] = False
    actions: Annotated[tuple[Action, ...], Wire(0x0A, Many(Part(Action), ACTIONS_MAX), "")] = ()
    payment: Annotated[Payment | None, Wire(0x0B, Part(Payment), "instead of title, body")] = None


@dataclass(frozen=True, slots=True)
class Greet:
    """The phone asks what the strap can hold and how far it has come."""

    source: Source


@dataclass(frozen=True, slots=True)
class Post:
    """A new message, or new content of one."""

    source: Source
    number: Number
    id: MessageId
    notice: Annotated[Notice, Wire(0x06, Part(Notice), "")]
    revision: Revision = 0


@dataclass(frozen=True, slots=True)
class Update:
    """New content of a message; when the strap holds it no more, it is shown as a new one."""

    source: Source
    number: Number
    id: MessageId
    revision: Revision
    notice: Annotated[Notice, Wire(0x06, Part(Notice), "")]
    silent: Annotated[bool, Wire(0x07, Flag(), "replaces what is read; no light, no vibration")] = (
        False
    )


@dataclass(frozen=True, slots=True)
class Dismiss:
    """The message is gone on the phone."""

    source: Source
    number: Number
    id: MessageId
    revision: Revision = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call, each time its state changes."""

    source: Source
    number: Number
    id: MessageId
    time_ms: AtMs
    state: Annotated[CallState, Wire(0x06, Choice(CallState), "")] = CallState.INCOMING
    caller: Annotated[str, Wire(0x07, Text(CALLER_BYTES), "name or number; empty: withheld")] = ""
    caller_key: Annotated[bytes, Wire(0x08, Raw(0, 8), "the same for the same caller")] = b""
    favourite: Annotated[bool, Wire(0x09, Flag(), "")] = False
    acts: Annotated[CallAct, Wire(0x0A, Flags(CallAct), "what the phone can do")] = NO_ACT


@dataclass(frozen=True, slots=True)
class Alarm:
    """Rings by local time on the strap's own clock, with no phone."""

    source: Source
    number: Number
    slot: Slot
    minute: Annotated[int, Wire(0x05, Uint(MINUTES_A_DAY - 1), "of the local day")]
    weekdays: Annotated[Weekdays, Wire(0x06, Flags(Weekdays), "none: once, on `day`")] = NO_DAY
    day: Annotated[int, Wire(0x07, U16, "the local day of an alarm that rings once")] = 0
    label: Annotated[str, Wire(0x08, Text(LABEL_BYTES), "")] = ""
    snooze_minutes: Annotated[int, Wire(0x09, Uint(60), "0: no snooze")] = SNOOZE_MINUTES

    def __post_init__(self) -> None:
        if bool(self.weekdays) == bool(self.day):
            raise EncodeError("either weekdays, or the day of a single ring", path=("day",))


@dataclass(frozen=True, slots=True)
class Timer:
    """Rings when its time has run out, with no phone."""

    source: Source
    number: Number
    slot: Slot
    started_ms: AtMs
    duration_ms: Annotated[int, Wire(0x06, Uint(TIMER_MAX_MS, 1), "")]
    label: Annotated[str, Wire(0x07, Text(LABEL_BYTES), "")] = ""


@dataclass(frozen=True, slots=True)
class Remove:
    """An alarm or timer is there no more; one that rings stops."""

    source: Source
    number: Number
    slot: Slot
    ringer: Annotated[Ringer, Wire(0x05, Choice(Ringer), "")] = Ringer.ALARM


@dataclass(frozen=True, slots=True)
class AppRule:
    """How messages of one app come through; without an app: all that have no rule."""

    app: Annotated[str, Wire(0x01, Text(APP_BYTES), "empty: every other app")] = ""
    muted: Annotated[bool, Wire(0x02, Flag(), "not shown at all")] = False
    hue: Annotated[Hue, Wire(0x03, Choice(Hue), "")] = Hue.WHITE
    buzz: Annotated[Buzz, Wire(0x04, Choice(Buzz), "")] = Buzz.SHORT
    level: Annotated[Override, Wire(0x05, Choice(Override), "")] = Override.KEEP
    hidden: Annotated[bool, Wire(0x06, Flag(), "its content never leaves the phone")] = False


@dataclass(frozen=True, slots=True)
class Window:
    """Quiet from one minute of the local day to another; across midnight when `to` is not above."""

    days: Annotated[Weekdays, Wire(0x01, Flags(Weekdays), "on which it begins")]
    start: Annotated[int, Wire(0x02, Uint(MINUTES_A_DAY - 1), "minute of the day, belongs to it")]
    end: Annotated[int, Wire(0x03, Uint(MINUTES_A_DAY - 1), "minute of the day, first one after")]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the wearer chose; the whole of it, replaces what was there."""

    source: Source
    number: Number
    apps: Annotated[tuple[AppRule, ...], Wire(0x03, Many(Part(AppRule), APPS_MAX), "")] = ()
    quiet: Annotated[tuple[Window, ...], Wire(0x04, Many(Part(Window), WINDOWS_MAX), "")] = ()
    exempt: Annotated[Exempt, Wire(0x05, Flags(Exempt), "")] = Exempt.ALARMS | Exempt.URGENT
    hide: Annotated[Hide, Wire(0x06, Choice(Hide), "")] = Hide.NOT_WORN


@dataclass(frozen=True, slots=True)
class Dropped:
    """The phone could not keep so many messages for the strap; it shows how many."""

    source: Source
    number: Number
    count: Annotated[int, Wire(0x03, U32, "since the last time it was said")]


@dataclass(frozen=True, slots=True)
class Found:
    """The phone was found: the strap stops looking."""

    source: Source
    number: Number


@dataclass(frozen=True, slots=True)
class Forget:
    """This phone takes over: what every other source has set or sent goes."""

    source: Source
    number: Number


@dataclass(frozen=True, slots=True)
class Fetch:
    """Asks for events after the one named; the strap forgets those up to it."""

    source: Source
    after: Annotated[int, Wire(0x02, U32, "the last event that the phone holds")]


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the strap can hold and how far it has come with this source."""

    store: Annotated[bytes, Wire(0x01, Raw(4, 4), "another one: the strap has lost its memory")]
    taken: Annotated[int, Wire(0x02, U32, "the last order it has taken; 0: none")]
    messages_max: Annotated[int, Wire(0x03, U16, "how many messages it keeps")]
    title_bytes: Annotated[int, Wire(0x04, U16, "what it keeps of a title")]
    body_bytes: Annotated[int, Wire(0x05, U16, "what it keeps of a body")]
    alarms_max: Annotated[int, Wire(0x06, U8, "of one source")]
    timers_max: Annotated[int, Wire(0x07, U8, "of one source")]
    event: Annotated[int, Wire(0x08, U32, "the last event it has made for this source")] = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """The acknowledgement: the order is durable."""

    number: Number


@dataclass(frozen=True, slots=True)
class Events:
    """Events after the one asked for, oldest first."""

    events: Annotated[
        tuple[bytes, ...], Wire(0x01, Many(Raw(2, EVENT_BYTES), EVENTS_MAX), "event messages")
    ] = ()
    more: Annotated[bool, Wire(0x02, Flag(), "fetch again")] = False


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The wearer put a message away."""

    source: Source
    number: Number
    id: MessageId
    at_ms: AtMs
    revision: Revision = 0


@dataclass(frozen=True, slots=True)
class Acted:
    """The wearer chose an action of a message, which goes away with it."""

    source: Source
    number: Number
    id: MessageId
    at_ms: AtMs
    action: Annotated[int, Wire(0x06, Uint(ACTIONS_MAX - 1), "counted from 0")] = 0
    revision: Revision = 0


@dataclass(frozen=True, slots=True)
class CallActed:
    """The wearer did something about a call."""

    source: Source
    number: Number
    id: MessageId
    at_ms: AtMs
    act: Annotated[CallAct, Wire(0x06, Flags(CallAct), "one of them")]


@dataclass(frozen=True, slots=True)
class Left:
    """The strap holds a message no more without the wearer's doing."""

    source: Source
    number: Number
    id: MessageId
    at_ms: AtMs
    revision: Revision = 0
    why: Annotated[Gone, Wire(0x06, Choice(Gone), "")] = Gone.EVICTED


@dataclass(frozen=True, slots=True)
class Rang:
    """An alarm or timer rang, or should have."""

    source: Source
    number: Number
    slot: Slot
    at_ms: AtMs
    ringer: Annotated[Ringer, Wire(0x06, Choice(Ringer), "")] = Ringer.ALARM
    end: Annotated[RingEnd, Wire(0x07, Choice(RingEnd), "")] = RingEnd.STOPPED


@dataclass(frozen=True, slots=True)
class FindPhone:
    """The wearer looks for the phone, or no more; not numbered, sent again on connection."""

    ring: Annotated[bool, Wire(0x01, Flag(), "false: stop")] = False


Order = (
    Post | Update | Dismiss | Call | Alarm | Timer | Remove | Rules | Dropped | Found | Forget
)  # numbered, answered by Taken
Request = Order | Greet | Fetch
Answer = Greeting | Taken | Events
Event = Dismissed | Acted | CallActed | Left | Rang
News = Event | FindPhone

REQUESTS: Final[Family[Request]] = Family(
    "message request",
    {
        0x01: Greet,
        0x02: Fetch,
        0x10: Post,
        0x11: Update,
        0x12: Dismiss,
        0x13: Call,
        0x14: Alarm,
        0x15: Timer,
        0x16: Remove,
        0x17: Rules,
        0x18: Dropped,
        0x19: Found,
        0x1A: Forget,
    },
)
ANSWERS: Final[Family[Answer]] = Family(
    "message answer", {0x41: Greeting, 0x42: Events, 0x50: Taken}
)
NEWS: Final[Family[News]] = Family(
    "message news",
    {0x80: FindPhone, 0x81: Dismissed, 0x82: Acted, 0x83: CallActed, 0x84: Left, 0x85: Rang},
)


def decode_event(raw: bytes) -> Event:
    """Read an event out of `Events`; raises DecodeError."""
    found = NEWS.decode(raw)
    if isinstance(found, FindPhone):
        raise DecodeError("finding the phone is no event", path=("event",))
    return found
