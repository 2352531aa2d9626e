"""What the wearer is told, in both languages, on two lines."""

from __future__ import annotations

from dataclasses import fields

import pytest

from wristlet.strap import signs
from wristlet.strap.button import BOUNCE_MS, Press, press_of
from wristlet.strap.display import cutting
from wristlet.strap.display.faces import OledFace, frame_of
from wristlet.strap.signals import Colour, Urgency, Vibration
from wristlet.strap.signs import CardPlace
from wristlet.strap.words import ENGLISH, JAPANESE, WORDS, Words
from wristlet.wire.strap.settings import CardEntry, Strength
from wristlet.wire.strap.state import Mode
from wristlet.wire.tap_report import TapOutcome, TapReport

AID = bytes(7)
ENTRY = CardEntry(AID, "Aoba Gold", "4242", 0xD4AF37)
NAMED = CardPlace(AID, 2, 3, ENTRY)


@pytest.mark.parametrize("words", WORDS.values(), ids=("en", "ja"))
def test_every_text_fits_a_row(words: Words) -> None:
    for field in fields(words):
        text = getattr(words, field.name).format(100, 16)
        assert 0 < cutting.cells(text) <= 16, field.name


@pytest.mark.parametrize(
    ("rgb", "colour"),
    [
        (0xD4AF37, Colour.YELLOW),
        (0x1E60C8, Colour.BLUE),
        (0xC01020, Colour.RED),
        (0x0A0A0A, Colour.WHITE),
        (0xF0F0F0, Colour.WHITE),
        (0x107018, Colour.GREEN),
    ],
)
def test_the_light_takes_the_cards_colour(rgb: int, colour: Colour) -> None:
    assert signs.colour_of(rgb) is colour


def test_a_card_shows_name_and_last_four_and_blinks_its_place() -> None:
    signal = signs.card_shown(NAMED, ENGLISH, is_hidden=False, hold_ms=4_000)
    assert signal.lines == ("Aoba Gold", "•••• 4242")
    assert signal.light is not None
    assert (signal.light.blinks, signal.light.colour) == (2, Colour.YELLOW)
    hidden = signs.card_shown(NAMED, ENGLISH, is_hidden=True, hold_ms=4_000)
    assert hidden.lines == ("Card 2", "2 of 3")
    unnamed = CardPlace(AID, 1, 1)
    assert signs.card_lines(unnamed, JAPANESE, is_hidden=False) == ("カード1", "1 / 1")


REPORTS = [
    (TapReport(1, TapOutcome.SENT), ("Card read", "Aoba Gold")),
    (TapReport(1, TapOutcome.SENT, lease_valid=True, taps_left=4), ("Card read", "Aoba Gold")),
    (TapReport(1, TapOutcome.SENT, lease_valid=True, taps_left=3), ("Card read", "Taps to PIN: 3")),
    (
        TapReport(1, TapOutcome.SENT, free_taps_left=2, free_amount_left_minor=50),
        ("Card read", "Aoba Gold"),
    ),
    (
        TapReport(1, TapOutcome.SENT, free_taps_left=1, free_amount_left_minor=50),
        ("Card read", "Taps to PIN: 1"),
    ),
    (
        TapReport(1, TapOutcome.SENT, free_taps_left=0, free_amount_left_minor=50),
        ("Card read", "PIN needed next"),
    ),
    (
        TapReport(1, TapOutcome.SENT, free_taps_left=9, free_amount_left_minor=0),
        ("Card read", "PIN needed next"),
    ),
    (TapReport(1, TapOutcome.SEE_PHONE), ("See phone", "Enter your PIN")),
    (TapReport(1, TapOutcome.DECLINED), ("Declined", "Try another card")),
    (TapReport(1, TapOutcome.REFUSED), ("Not accepted", "Try another card")),
    (TapReport(1, TapOutcome.NO_CARD), ("No card active", "Use the phone")),
    (TapReport(1, TapOutcome.UNFINISHED), ("Hold again", "Hold to reader")),
]


@pytest.mark.parametrize(("report", "lines"), REPORTS)
def test_tap_results(report: TapReport, lines: tuple[str, str]) -> None:
    signal = signs.tap_result(report, NAMED, ENGLISH, 4_000)
    assert signal.lines == lines
    assert signal.urgency is Urgency.PAYMENT
    assert signal.vibration is not None
    assert frame_of(signal, OledFace()).rows == lines


def test_outcomes_feel_and_look_apart() -> None:
    told = [signs.tap_result(TapReport(1, o), None, ENGLISH, 1) for o in list(TapOutcome)[1:]]
    felt = {(signal.vibration, signal.light) for signal in told}
    assert len(felt) == len(told) - 1  # declined and not accepted mean the same for the wearer


def test_other_signals() -> None:
    assert signs.low_battery(10, ENGLISH, 1).lines == ("Battery 10%", "Charge soon")
    assert signs.going_down(10, JAPANESE, 1).lines == ("電源を切ります", "支払いあと10回")
    assert signs.mode_shown(Mode.SLEEP, ENGLISH, 1).lines == ("Payments only",)
    assert signs.digits_to_compare("123456", ENGLISH, 1).lines == ("Same digits?", "123456")


@pytest.mark.parametrize(
    ("strength", "felt"),
    [
        (Strength.OFF, None),
        (Strength.LIGHT, (60, 100, 20)),
        (Strength.NORMAL, (100, 100, 20)),
        (Strength.STRONG, (150, 100, 30)),
    ],
)
def test_vibration_is_as_strong_as_chosen(strength: Strength, felt: tuple[int, ...]) -> None:
    made = signs.felt(Vibration((100, 100, 20)), strength)
    assert (made.pulses_ms if made else None) == felt


def test_the_motor_moves_three_seconds_at_most() -> None:
    made = signs.felt(Vibration((1_000, 50) * 9), Strength.STRONG)
    assert made is not None
    assert sum(made.pulses_ms[::2]) == 3_000
    assert signs.felt(None, Strength.STRONG) is None


@pytest.mark.parametrize(
    ("held_ms", "press"),
    [
        (0, None),
        (BOUNCE_MS - 1, None),
        (BOUNCE_MS, Press.SHORT),
        (599, Press.SHORT),
        (600, Press.LONG),
        (2_999, Press.LONG),
        (3_000, Press.VERY_LONG),
    ],
)
def test_how_long_a_press_is(held_ms: int, press: Press | None) -> None:
    assert press_of(held_ms) is press


def test_no_press_lasts_less_than_no_time() -> None:
    with pytest.raises(ValueError, match="held_ms"):
        press_of(-1)
