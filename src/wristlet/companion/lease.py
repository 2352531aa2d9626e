"""How long the strap stays unlocked, and when to ask for the PIN again, before a tap is refused.

Pure. The secure element counts taps and amount and trusts no clock; the token service judges age.
The phone shows both, because either one ends what the other still allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from wristlet.companion.errors import CompanionError
from wristlet.companion.se_client import PublicState
from wristlet.companion.store import Unlock
from wristlet.companion.texts import Language, say
from wristlet.model.money import CurrencyError, Money, alpha_code
from wristlet.wire.free_taps import FreeTaps

HOUR_MS: Final = 3_600_000
LEASE_HOURS_MIN, LEASE_HOURS_MAX = 1, 72


@unique
class Lock(StrEnum):
    """Where the lock stands."""

    NO_PIN = "no_pin"
    BLOCKED = "blocked"
    LOCKED = "locked"
    TOO_OLD = "too_old"
    OPEN = "open"
    SOON = "soon"
    """Open, but close to its end by taps, amount or age."""


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """A brand's rules: how old an unlock may grow, and how early to warn.

    `prompt_pause_ms` keeps the phone from asking again and again.
    """

    hours: int = 24
    warn_taps: int = 3
    warn_percent: int = 20
    warn_age_percent: int = 90
    prompt_pause_ms: int = 4 * HOUR_MS

    def __post_init__(self) -> None:
        if not LEASE_HOURS_MIN <= self.hours <= LEASE_HOURS_MAX:
            raise ValueError(
                f"lease hours: {LEASE_HOURS_MIN} to {LEASE_HOURS_MAX} are possible,"
                f" got {self.hours}; correct the brand's build"
            )

    @property
    def age_max_ms(self) -> int:
        """How old an unlock may grow."""
        return self.hours * HOUR_MS


@dataclass(frozen=True, slots=True)
class LeaseStatus:
    """What is left of the unlock; age is None where another phone opened it.

    Maxima are None for the same reason. Amounts in minor units.
    """

    lock: Lock
    tries_left: int
    taps_left: int = 0
    amount_left_minor: int = 0
    taps_max: int | None = None
    amount_max_minor: int | None = None
    age_ms: int | None = None
    until_ms: int | None = None

    @property
    def wants_pin(self) -> bool:
        """Tell whether entering the PIN would give the wearer something."""
        return self.lock in (Lock.LOCKED, Lock.TOO_OLD, Lock.SOON)

    def sentence(self, currency: str, until: str = "", language: Language = "en") -> str:
        """Say it plainly; `until` is the end of its age as the wearer reads time."""
        return say(
            f"lease.{self.lock}",
            language,
            taps=self.taps_left,
            amount=Money(self.amount_left_minor, currency),
            until=until or say("lease.until_unknown", language),
        )


def lease_status(
    state: PublicState, opened: Unlock | None, policy: LeasePolicy, now_ms: int
) -> LeaseStatus:
    """Put the secure element's counters and this phone's memory of the last unlock together."""
    if not state.pin_set:
        return LeaseStatus(Lock.NO_PIN, state.tries_left)
    if state.blocked:
        return LeaseStatus(Lock.BLOCKED, 0)
    if not state.lease_valid:
        return LeaseStatus(Lock.LOCKED, state.tries_left)
    mine = opened if opened and opened.unlock_counter == state.unlock_counter else None
    age_ms = None if mine is None else max(0, now_ms - mine.opened_ms)
    return LeaseStatus(
        lock=_lock(state, mine, age_ms, policy),
        tries_left=state.tries_left,
        taps_left=state.taps_left,
        amount_left_minor=state.amount_left_minor,
        taps_max=mine.taps_max if mine else None,
        amount_max_minor=mine.amount_max_minor if mine else None,
        age_ms=age_ms,
        until_ms=None if mine is None else mine.opened_ms + policy.age_max_ms,
    )


def _lock(state: PublicState, mine: Unlock | None, age_ms: int | None, policy: LeasePolicy) -> Lock:
    if age_ms is not None and age_ms > policy.age_max_ms:
        return Lock.TOO_OLD
    is_old = age_ms is not None and age_ms * 100 >= policy.age_max_ms * policy.warn_age_percent
    is_spent = mine is not None and (
        state.amount_left_minor * 100 <= mine.amount_max_minor * policy.warn_percent
    )
    return Lock.SOON if is_old or is_spent or state.taps_left <= policy.warn_taps else Lock.OPEN


def should_prompt(
    status: LeaseStatus, opened: Unlock | None, policy: LeasePolicy, now_ms: int
) -> bool:
    """Decide whether to ask for the PIN now: when it would help, and not again and again.

    A clock that went back does not silence the prompt for ever.
    """
    if not status.wants_pin:
        return False
    since_ms = now_ms - (opened.prompted_ms if opened else 0)
    return since_ms < 0 or since_ms >= policy.prompt_pause_ms


@unique
class Free(StrEnum):
    """How a card stands without PIN."""

    LEFT = "left"
    SOON = "soon"
    OUT = "out"
    ALWAYS_PIN = "always_pin"


@dataclass(frozen=True, slots=True)
class FreeStatus:
    """What one card allows without PIN; `free` is the warning that goes with it."""

    free: Free
    taps_left: int
    amount_left_minor: int
    currency: str

    def sentence(self, language: Language = "en") -> str:
        """Say it plainly."""
        amount = Money(self.amount_left_minor, self.currency)
        return say(f"free.{self.free}", language, taps=self.taps_left, amount=amount)


def free_status(counters: FreeTaps, policy: LeasePolicy) -> FreeStatus:
    """Judge a card's counters of taps without PIN before they refuse one."""
    left, most = counters.amount_left_minor, counters.amount_max_minor
    if counters.always_pin:
        free = Free.ALWAYS_PIN
    elif counters.taps_left == 0 or left == 0:
        free = Free.OUT
    elif counters.taps_left == 1 or left * 100 <= most * policy.warn_percent:
        free = Free.SOON
    else:
        free = Free.LEFT
    return FreeStatus(free, counters.taps_left, left, _currency(counters.currency))


def _currency(numeric: str) -> str:
    """Name a card's currency; one that this build does not know is not guessed."""
    try:
        return alpha_code(numeric[-3:])
    except CurrencyError as error:
        raise CompanionError("card: its currency is not known to this app; update the app") from (
            error
        )
