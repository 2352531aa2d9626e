"""The names that messages of the strap's wire choose from; each number is the byte on the wire."""

from __future__ import annotations

from enum import IntEnum, IntFlag, unique
from typing import Final


@unique
class Category(IntEnum):
    """What a message is about."""

    OTHER = 0
    CHAT = 1
    MAIL = 2
    SOCIAL = 3
    CALENDAR = 4
    REMINDER = 5
    NEWS = 6
    TRAVEL = 7
    SYSTEM = 8
    PAYMENT = 9


@unique
class Level(IntEnum):
    """How pressing a message is."""

    QUIET = 0
    NORMAL = 1
    URGENT = 2


@unique
class ActionKind(IntEnum):
    """What the phone does when the wearer chooses an action."""

    OPEN = 0
    """Does what the app offered under this label."""
    REPLY = 1
    """Sends the label as the answer."""


@unique
class Verdict(IntEnum):
    """How a payment ended."""

    APPROVED = 0
    DECLINED = 1


@unique
class Reason(IntEnum):
    """Class of a decline, in the wearer's terms."""

    NONE = 0
    FUNDS = 1
    LIMIT = 2
    CARD_PAUSED = 3
    PIN_NEEDED = 4
    SECURITY = 5
    BANK_AWAY = 6
    OTHER = 7


@unique
class CallState(IntEnum):
    """Where a call stands."""

    INCOMING = 0
    ANSWERED = 1
    ENDED = 2
    MISSED = 3


class CallAct(IntFlag):
    """What the wearer can do about a call."""

    ACCEPT = 1
    DECLINE = 2
    MUTE = 4


NO_ACT: Final = CallAct(0)


class Weekdays(IntFlag):
    """Days on which an alarm repeats or quiet hours begin."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 4
    THURSDAY = 8
    FRIDAY = 16
    SATURDAY = 32
    SUNDAY = 64


NO_DAY: Final = Weekdays(0)
EVERY_DAY: Final = Weekdays(0x7F)


@unique
class Hue(IntEnum):
    """Colour of an app's light."""

    WHITE = 0
    RED = 1
    GREEN = 2
    BLUE = 3
    YELLOW = 4
    CYAN = 5
    MAGENTA = 6


@unique
class Buzz(IntEnum):
    """An app's vibration."""

    SHORT = 0
    NONE = 1
    LONG = 2
    DOUBLE = 3
    TRIPLE = 4
    HEARTBEAT = 5


@unique
class Override(IntEnum):
    """The urgency an app's messages get, whatever the app says."""

    KEEP = 0
    QUIET = 1
    NORMAL = 2
    URGENT = 3


@unique
class Hide(IntEnum):
    """When the content of messages is hidden and only the app is named."""

    NOT_WORN = 0
    ALWAYS = 1
    NEVER = 2


class Exempt(IntFlag):
    """Who gets through quiet hours."""

    CALLS = 1
    ALARMS = 2
    URGENT = 4
    FAVOURITES = 8
    REPEAT_CALLERS = 16


@unique
class Gone(IntEnum):
    """Why the strap holds a message no more, or never showed it."""

    EVICTED = 0
    """Shown before; made room for a newer one."""
    OVERFLOW = 1
    """Never shown: too many waited; the strap shows how many."""
    STALE = 2
    """Never shown: its time was over."""
    FILTERED = 3
    """Never shown: the rules forbid its app."""


@unique
class Ringer(IntEnum):
    """What rings by the strap's own clock."""

    ALARM = 0
    TIMER = 1


@unique
class RingEnd(IntEnum):
    """How a ring ended."""

    STOPPED = 0
    SNOOZED = 1
    UNHEARD = 2
    """It rang its time and nobody came."""
    MISSED = 3
    """The strap was off or its clock wrong at that moment."""
