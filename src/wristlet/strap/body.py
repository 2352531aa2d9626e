"""The strap's heart: what it is, what happens to it, what it does then. Pure.

A state and an event give a new state and effects; whoever owns the strap carries the effects out
(`firmware.py`) and tells what came of them as further events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, unique
from typing import Any, Final, TypeAlias

from wristlet.strap import signs
from wristlet.strap.button import Press
from wristlet.strap.signals import Colour, Signal
from wristlet.strap.signs import CardPlace
from wristlet.strap.words import WORDS, Words
from wristlet.wire.strap import state as wire
from wristlet.wire.strap.settings import Settings
from wristlet.wire.strap.state import ASKABLE, Mode, Tap
from wristlet.wire.tap_report import TapOutcome, TapReport

DIGITS_HOLD_MS: Final = 120_000
PAY_WINDOW_MS: Final = 60_000
"""So long a long press counts when no tap follows."""
OFF: Final = frozenset((Mode.RESERVE, Mode.EMPTY))


@dataclass(frozen=True, slots=True)
class Body:
    """The strap as the wearer and the phone know it.

    `cursor` is the card that a short press showed last, `digits` are those of a pairing that
    waits for the button; `pays_until_ms` is when a long press is forgotten that no tap followed,
    `find_until_ms` when a search for the strap ends (0: none).
    """

    mode: Mode = Mode.NORMAL
    mode_before: Mode = Mode.NORMAL
    percent: int = 100
    is_charging: bool = False
    is_worn: bool = False
    is_near: bool = False
    digits: str = ""
    cursor: bytes = b""
    cursor_until_ms: int = 0
    pays_until_ms: int = 0
    find_until_ms: int = 0
    is_ringing: bool = False
    reserve_used: int = 0
    tap_number: int = 0
    card_tap_number: int = 0
    taps: tuple[Tap, ...] = ()

    @property
    def is_off(self) -> bool:
        """Shut down: nothing but payments, or not even these."""
        return self.mode in OFF


@dataclass(frozen=True, slots=True)
class View:
    """What a step may look at besides: the settings, the moment, and how many taps are promised.

    `now_ms` is monotonic, `wall_ms` Unix time by the strap's clock.
    """

    settings: Settings
    now_ms: int
    wall_ms: int
    reserve_taps: int

    @property
    def words(self) -> Words:
        """The texts in the wearer's language."""
        return WORDS[self.settings.language]


# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class Pressed:
    """The button was pressed and let go."""

    press: Press


@dataclass(frozen=True, slots=True)
class Worn:
    """The wear sensor came to a verdict."""

    is_worn: bool


@dataclass(frozen=True, slots=True)
class CardShown:
    """A press moved on to a card, or one is to pay now."""

    place: CardPlace
    pays_now: bool = False


@dataclass(frozen=True, slots=True)
class PayOver:
    """No tap followed a long press."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What a press asked for could not be done; `text` says it in the wearer's words."""

    text: str


@dataclass(frozen=True, slots=True)
class Tapped:
    """The secure element told of a tap; `place` is its card if it is still there."""

    report: TapReport
    place: CardPlace | None = None


@dataclass(frozen=True, slots=True)
class PairingShown:
    """Digits of a pairing are to be compared; empty when it is over."""

    digits: str


@dataclass(frozen=True, slots=True)
class Charge:
    """The battery was read."""

    percent: int
    is_charging: bool
    must_shut_down: bool = False
    warning: int | None = None
    taps_possible: int = 0


@dataclass(frozen=True, slots=True)
class ModeAsked:
    """The phone wants another mode."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class FindAsked:
    """The phone looks for the strap so long; 0 ends it."""

    for_ms: int


@dataclass(frozen=True, slots=True)
class PhoneNear:
    """A bonded phone came or went."""

    is_near: bool


Event: TypeAlias = (
    Pressed | Worn | CardShown | PayOver | Failed | Tapped | PairingShown | Charge | ModeAsked
    | FindAsked | PhoneNear
)  # fmt: skip


# ------------------------------------------------------------------ effects


@unique
class Do(Enum):
    """What the firmware does outside this heart."""

    NEXT_CARD = "next card"
    PAY_NOW = "pay now"
    END_PAY = "end pay"
    CONFIRM = "confirm"
    INVITE = "invite"
    RING = "ring"
    FORGET_PAIRING = "forget pairing"
    TELL_WORN = "tell worn"
    BUZZ = "buzz"
    STOP_BUZZ = "stop buzz"
    SAVE = "save"
    TELL_STATE = "tell state"


@dataclass(frozen=True, slots=True)
class Show:
    """Present a signal."""

    signal: Signal


@dataclass(frozen=True, slots=True)
class Tell:
    """Send the phone news of the state concern."""

    news: wire.News


Effect: TypeAlias = Do | Show | Tell
Step: TypeAlias = tuple[Body, tuple[Effect, ...]]


def step(body: Body, event: Event, view: View) -> Step:
    """Return what the strap is and does after an event."""
    return _HANDLERS[type(event)](body, event, view)


def _pressed(body: Body, event: Pressed, view: View) -> Step:
    if body.is_off:
        return body, ()
    if body.find_until_ms:
        return replace(body, find_until_ms=0), (Do.STOP_BUZZ,)
    if body.digits:
        is_yes = event.press is not Press.VERY_LONG
        return body, (Do.CONFIRM if is_yes else Do.FORGET_PAIRING,)
    if event.press is Press.SHORT:
        return body, (Do.NEXT_CARD,)
    if event.press is Press.LONG:
        return body, (Do.PAY_NOW,)
    if body.mode is not Mode.NORMAL:
        return _entered(body, Mode.NORMAL, view)
    return _rings(body)


def _rings(body: Body) -> Step:
    """Look for the phone, or stop looking; with no phone near, be found by one that pairs."""
    if not body.is_near:
        return body, (Do.INVITE,)
    return replace(body, is_ringing=not body.is_ringing), (Do.RING,)


def _worn(body: Body, event: Worn, _view: View) -> Step:
    if body.is_off or event.is_worn == body.is_worn:
        return body, ()
    return replace(body, is_worn=event.is_worn), (Do.TELL_WORN,)


def _card_shown(body: Body, event: CardShown, view: View) -> Step:
    hold_ms = view.settings.display_ms
    is_hidden = view.settings.hides_cards and not body.is_worn
    make = signs.pay_now if event.pays_now else signs.card_shown
    signal = make(event.place, view.words, is_hidden=is_hidden, hold_ms=hold_ms)
    after = replace(
        body,
        cursor=event.place.aid,
        cursor_until_ms=view.now_ms + hold_ms,
        pays_until_ms=view.now_ms + PAY_WINDOW_MS if event.pays_now else body.pays_until_ms,
    )
    return after, (Show(signal),)


def _pay_over(body: Body, _event: PayOver, _view: View) -> Step:
    return replace(body, pays_until_ms=0), (Do.END_PAY,)


def _failed(body: Body, event: Failed, view: View) -> Step:
    return body, (Show(signs.said(event.text, view.settings.display_ms, Colour.RED)),)


def _tapped(body: Body, event: Tapped, view: View) -> Step:
    """Count a tap, keep it for the phone, and say at once what it came to."""
    report = event.report
    tap = Tap(
        number=body.tap_number + 1,
        outcome=report.outcome,
        at_ms=view.wall_ms,
        aid=report.aid,
        lease_taps_left=report.taps_left if report.lease_valid else 0,
        free_taps_left=report.free_taps_left,
    )
    after = replace(
        body,
        tap_number=tap.number,
        card_tap_number=report.number,
        taps=(*body.taps, tap)[-wire.TAPS_MAX :],
        cursor=b"",
        pays_until_ms=0,
    )
    if body.is_off:
        used = body.reserve_used + (report.outcome is not TapOutcome.NO_CARD)
        mode = Mode.EMPTY if used >= view.reserve_taps else body.mode
        return replace(after, reserve_used=used, mode=mode), (Do.SAVE,)
    signal = signs.tap_result(report, event.place, view.words, view.settings.display_ms)
    return after, (Do.SAVE, Show(signal), Tell(tap))


def _pairing_shown(body: Body, event: PairingShown, view: View) -> Step:
    digits = "" if body.is_off else event.digits
    after = replace(body, digits=digits)
    if not digits:
        return after, ()
    return after, (Show(signs.digits_to_compare(event.digits, view.words, DIGITS_HOLD_MS)),)


def _charge(body: Body, event: Charge, view: View) -> Step:
    """Warn, shut down before the reserve is touched, come back when the charger has helped."""
    moved = event.percent != body.percent or event.is_charging != body.is_charging
    after = replace(body, percent=event.percent, is_charging=event.is_charging)
    if body.is_off:
        if event.is_charging and event.percent:
            return _woken(after)
        if body.mode is Mode.RESERVE and not event.taps_possible:
            return replace(after, mode=Mode.EMPTY), (Do.SAVE,)
        return after, (Do.SAVE,) if moved else ()
    if event.must_shut_down:
        return _shut_down(after, view)
    effects: tuple[Effect, ...] = (Do.SAVE,) if moved else ()
    if event.is_charging and not body.is_charging:
        text = view.words.battery.format(event.percent)
        shown = Show(signs.said(text, view.settings.display_ms, Colour.GREEN))
        effects = (*effects, shown, Do.TELL_STATE)
    if event.warning is not None:
        signal = signs.low_battery(event.percent, view.words, view.settings.display_ms)
        effects = (*effects, Show(signal), Do.TELL_STATE)
    return after, effects


def _shut_down(body: Body, view: View) -> Step:
    """Nobody watches the wrist any more, so the secure element is told that it was left."""
    after = replace(
        body,
        mode=Mode.RESERVE,
        mode_before=body.mode,
        is_worn=False,
        is_near=False,
        digits="",
        find_until_ms=0,
        is_ringing=False,
        reserve_used=0,
    )
    shown = Show(signs.going_down(view.reserve_taps, view.words, view.settings.display_ms))
    return after, (shown, Do.FORGET_PAIRING, Do.TELL_WORN, Do.SAVE, Do.TELL_STATE)


def _woken(body: Body) -> Step:
    after = replace(body, mode=body.mode_before, reserve_used=0)
    return after, (Do.SAVE, Do.TELL_STATE)


def _mode_asked(body: Body, event: ModeAsked, view: View) -> Step:
    if body.is_off or event.mode not in ASKABLE:
        return body, ()
    return _entered(body, event.mode, view)


def _entered(body: Body, mode: Mode, view: View) -> Step:
    shown = Show(signs.mode_shown(mode, view.words, view.settings.display_ms))
    if mode is body.mode:
        return body, (shown,)
    is_deaf = mode is not Mode.NORMAL
    after = replace(
        body,
        mode=mode,
        is_ringing=body.is_ringing and not is_deaf,
        find_until_ms=0 if is_deaf else body.find_until_ms,
    )
    return after, (Do.STOP_BUZZ, Do.SAVE, shown, Do.TELL_STATE)


def _find_asked(body: Body, event: FindAsked, view: View) -> Step:
    if body.is_off:
        return body, ()
    until_ms = view.now_ms + event.for_ms if event.for_ms else 0
    after = replace(body, find_until_ms=until_ms)
    return after, (Do.BUZZ if until_ms else Do.STOP_BUZZ,)


def _phone_near(body: Body, event: PhoneNear, _view: View) -> Step:
    is_near = event.is_near and body.mode is Mode.NORMAL
    after = replace(body, is_near=is_near, is_ringing=body.is_ringing and is_near)
    return after, ()


_HANDLERS: Final[dict[type[Any], Callable[[Body, Any, View], Step]]] = {
    Pressed: _pressed,
    Worn: _worn,
    CardShown: _card_shown,
    PayOver: _pay_over,
    Failed: _failed,
    Tapped: _tapped,
    PairingShown: _pairing_shown,
    Charge: _charge,
    ModeAsked: _mode_asked,
    FindAsked: _find_asked,
    PhoneNear: _phone_near,
}
