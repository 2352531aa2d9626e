"""What the wearer is told about cards, taps, battery and pairing: pure functions to signals."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wristlet.strap.signals import Colour, Light, Signal, Urgency, Vibration
from wristlet.strap.words import Words
from wristlet.wire.strap.settings import CardEntry, Strength
from wristlet.wire.strap.state import Mode
from wristlet.wire.tap_report import AMOUNT_UNKNOWN, TAPS_UNKNOWN, TapOutcome, TapReport

MASK: Final = "••••"
FIND_MS: Final = 1_000
CODE_HOLD_MS: Final = 30_000
LEASE_TAPS_LOW: Final = 3
FREE_TAPS_LOW: Final = 1
PULSE_MIN_MS: Final = 20
MOTOR_MAX_MS: Final = 3_000
TICK: Final = Vibration((40,))

_RGB: Final = MappingProxyType(
    {
        Colour.WHITE: (255, 255, 255),
        Colour.RED: (255, 0, 0),
        Colour.GREEN: (0, 255, 0),
        Colour.BLUE: (0, 0, 255),
        Colour.YELLOW: (255, 255, 0),
        Colour.CYAN: (0, 255, 255),
        Colour.MAGENTA: (255, 0, 255),
    }
)
_DARK: Final = 40
"""Art darker than this has no colour that a light could show: white."""
_PERCENT: Final = MappingProxyType(
    {Strength.OFF: 0, Strength.LIGHT: 60, Strength.NORMAL: 100, Strength.STRONG: 150}
)


@dataclass(frozen=True, slots=True)
class CardPlace:
    """A card among those that can pay: `position` counts from 1; `entry` is how phones name it."""

    aid: bytes
    position: int
    count: int
    entry: CardEntry | None = None


def colour_of(rgb: int) -> Colour:
    """Return the light's colour nearest to a card's art."""
    parts = (rgb >> 16 & 0xFF, rgb >> 8 & 0xFF, rgb & 0xFF)
    brightest = max(parts)
    if brightest < _DARK:
        return Colour.WHITE
    scaled = [part * 255 // brightest for part in parts]
    return min(
        _RGB,
        key=lambda colour: sum((a - b) ** 2 for a, b in zip(_RGB[colour], scaled, strict=True)),
    )


def card_lines(place: CardPlace, words: Words, *, is_hidden: bool) -> tuple[str, str]:
    """Return name and last four, or the place alone when it is hidden or nobody named it."""
    if is_hidden or place.entry is None:
        return words.card.format(place.position), words.card_of.format(place.position, place.count)
    return place.entry.name, f"{MASK} {place.entry.last_four}"


def card_shown(place: CardPlace, words: Words, *, is_hidden: bool, hold_ms: int) -> Signal:
    """Show a card at once, for the wearer asked; the light counts its place."""
    colour = colour_of(place.entry.colour_rgb) if place.entry else Colour.WHITE
    light = Light(colour, place.position)
    lines = card_lines(place, words, is_hidden=is_hidden)
    return Signal(lines, light, TICK, Urgency.PAYMENT, hold_ms)


def pay_now(place: CardPlace, words: Words, *, is_hidden: bool, hold_ms: int) -> Signal:
    """Ask to hold the strap to the reader with this card."""
    name = card_lines(place, words, is_hidden=is_hidden)[0]
    colour = colour_of(place.entry.colour_rgb) if place.entry else Colour.WHITE
    light = Light(colour, place.position, 500, 100)
    return Signal((name, words.hold_near), light, Vibration((150,)), Urgency.PAYMENT, hold_ms)


_TAPS: Final = MappingProxyType(
    {
        TapOutcome.SENT: ("sent", "wait", Light(Colour.GREEN, 1, 600), Vibration((250,))),
        TapOutcome.SEE_PHONE: (
            "see_phone", "enter_pin", Light(Colour.YELLOW, 3), Vibration((120, 100) * 2 + (120,)),
        ),
        TapOutcome.DECLINED: (
            "declined", "other_card", Light(Colour.RED, 2, 400), Vibration((500,)),
        ),
        TapOutcome.REFUSED: ("refused", "other_card", Light(Colour.RED, 2, 400), Vibration((500,))),
        TapOutcome.NO_CARD: ("no_card", "add_card", Light(Colour.RED), Vibration((80, 80, 80))),
        TapOutcome.UNFINISHED: (
            "hold_again", "hold_near", Light(Colour.YELLOW), Vibration((60, 60) * 2 + (60,)),
        ),
    }
)  # fmt: skip
"""First and second text, light and vibration of every outcome but NONE."""


def tap_result(report: TapReport, place: CardPlace | None, words: Words, hold_ms: int) -> Signal:
    """Tell what a tap came to, and when the PIN will be asked soon."""
    first, second, light, vibration = _TAPS[report.outcome]
    lower = getattr(words, second)
    if report.outcome is TapOutcome.SENT:
        hint = pin_hint(report, words)
        lower = hint or (place.entry.name if place and place.entry else lower)
    return Signal((getattr(words, first), lower), light, vibration, Urgency.PAYMENT, hold_ms)


def pin_hint(report: TapReport, words: Words) -> str:
    """Return a warning that few taps are left before the PIN is asked, or nothing."""
    if report.lease_valid:
        if report.taps_left > LEASE_TAPS_LOW:
            return ""
        return words.taps_to_pin.format(report.taps_left)
    if report.free_taps_left == TAPS_UNKNOWN or report.free_amount_left_minor == AMOUNT_UNKNOWN:
        return ""
    if not report.free_taps_left or not report.free_amount_left_minor:
        return words.pin_next
    if report.free_taps_left > FREE_TAPS_LOW:
        return ""
    return words.taps_to_pin.format(report.free_taps_left)


def digits_to_compare(digits: str, words: Words, hold_ms: int) -> Signal:
    """Show the digits of a pairing until the button is pressed."""
    return Signal((words.compare, digits), Light(Colour.BLUE, 1), TICK, Urgency.URGENT, hold_ms)


def invitation(code: str, words: Words) -> Signal:
    """Show the code by which a phone finds the strap that wants to be paired."""
    return Signal(
        (words.code, code), Light(Colour.BLUE, 3, 500), TICK, Urgency.PAYMENT, CODE_HOLD_MS
    )


def low_battery(percent: int, words: Words, hold_ms: int) -> Signal:
    """Warn that the battery runs down."""
    lines = (words.battery.format(percent), words.charge_soon)
    return Signal(lines, Light(Colour.RED, 3), Vibration((200, 200, 200)), Urgency.URGENT, hold_ms)


def going_down(taps: int, words: Words, hold_ms: int) -> Signal:
    """Say goodbye, and how many payments are left."""
    lines = (words.shutting_down, words.reserve_taps.format(taps))
    return Signal(lines, Light(Colour.RED, 5), Vibration((600,)), Urgency.PAYMENT, hold_ms)


def found(words: Words) -> Signal:
    """Buzz and blink to be found; repeated every `FIND_MS`."""
    light, vibration = Light(Colour.WHITE, 2, 250, 250), Vibration((400,))
    return Signal((words.finding,), light, vibration, Urgency.URGENT, FIND_MS)


_MODES: Final = MappingProxyType(
    {Mode.NORMAL: "normal", Mode.STANDALONE: "standalone", Mode.SLEEP: "sleep"}
)


def mode_shown(mode: Mode, words: Words, hold_ms: int) -> Signal:
    """Name a mode that was just entered."""
    return said(getattr(words, _MODES[mode]), hold_ms)


def said(text: str, hold_ms: int, colour: Colour = Colour.BLUE) -> Signal:
    """Say one short thing after a press."""
    return Signal((text,), Light(colour), TICK, Urgency.PAYMENT, hold_ms)


def felt(vibration: Vibration | None, strength: Strength) -> Vibration | None:
    """Return a vibration as strong as the wearer wants it, None for not at all.

    The motor moves for `MOTOR_MAX_MS` at most: the battery's reserve counts on that.
    """
    share = _PERCENT[strength]
    if vibration is None or not share:
        return None
    felt_ms: list[int] = []
    moved_ms = 0
    for number, pulse_ms in enumerate(vibration.pulses_ms):
        is_pause = number % 2
        ms = pulse_ms if is_pause else max(pulse_ms * share // 100, PULSE_MIN_MS)
        moved_ms += 0 if is_pause else ms
        if moved_ms > MOTOR_MAX_MS:
            break
        felt_ms.append(ms)
    return Vibration(tuple(felt_ms))
