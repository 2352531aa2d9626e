"""The heart as a table: state and event in, state and effects out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.strap import body as heart
from wristlet.strap.body import OFF, Body, Charge, Do, Effect, Show, Tell, View
from wristlet.strap.button import Press
from wristlet.strap.signs import CardPlace
from wristlet.wire.strap.settings import CardEntry, Settings
from wristlet.wire.strap.state import TAPS_MAX, Mode, Tap
from wristlet.wire.tap_report import TapOutcome, TapReport

VIEW = View(Settings(), now_ms=10_000, wall_ms=99_000, reserve_taps=3)
PLACE = CardPlace(bytes(7), 1, 2)
AWAKE = Body()
DOWN = Body(mode=Mode.RESERVE, mode_before=Mode.SLEEP, percent=0)
SHORT, LONG, VERY_LONG = (heart.Pressed(press) for press in Press)


def run(body: Body, event: heart.Event) -> tuple[Body, list[str]]:
    """Effects as words: `show: text`, `tell: type`, or the name of what is to be done."""
    after, effects = heart.step(body, event, VIEW)
    return after, [_word(effect) for effect in effects]


def _word(effect: Effect) -> str:
    if isinstance(effect, Show):
        return f"show: {effect.signal.lines[0]}"
    return f"tell: {type(effect.news).__name__}" if isinstance(effect, Tell) else effect.value


@pytest.mark.parametrize(
    ("body", "event", "effects"),
    [
        (AWAKE, SHORT, ["next card"]),
        (AWAKE, LONG, ["pay now"]),
        (AWAKE, VERY_LONG, ["invite"]),
        (Body(is_near=True), VERY_LONG, ["ring"]),
        (Body(is_near=True, is_ringing=True), VERY_LONG, ["ring"]),
        (Body(digits="123456"), SHORT, ["confirm"]),
        (Body(digits="123456"), LONG, ["confirm"]),
        (Body(digits="123456"), VERY_LONG, ["forget pairing"]),
        (Body(find_until_ms=1), SHORT, ["stop buzz"]),
        (Body(mode=Mode.SLEEP), SHORT, ["next card"]),
        (
            Body(mode=Mode.SLEEP),
            VERY_LONG,
            ["stop buzz", "save", "show: Normal mode", "tell state"],
        ),
        (DOWN, SHORT, []),
        (DOWN, LONG, []),
        (DOWN, VERY_LONG, []),
        (AWAKE, heart.Worn(True), ["tell worn"]),
        (AWAKE, heart.Worn(False), []),
        (DOWN, heart.Worn(True), []),
        (AWAKE, heart.CardShown(PLACE), ["show: Card 1"]),
        (AWAKE, heart.PayOver(), ["end pay"]),
        (AWAKE, heart.Failed("Not possible now"), ["show: Not possible now"]),
        (AWAKE, heart.PairingShown("123456"), ["show: Same digits?"]),
        (Body(digits="1"), heart.PairingShown(""), []),
        (AWAKE, heart.FindAsked(5_000), ["buzz"]),
        (AWAKE, heart.FindAsked(0), ["stop buzz"]),
        (DOWN, heart.FindAsked(5_000), []),
        (
            AWAKE,
            heart.ModeAsked(Mode.STANDALONE),
            ["stop buzz", "save", "show: Bluetooth off", "tell state"],
        ),
        (AWAKE, heart.ModeAsked(Mode.NORMAL), ["show: Normal mode"]),
        (AWAKE, heart.ModeAsked(Mode.EMPTY), []),
        (DOWN, heart.ModeAsked(Mode.NORMAL), []),
        (AWAKE, Charge(99, False), ["save"]),
        (AWAKE, Charge(100, False), []),
        (AWAKE, Charge(100, True), ["save", "show: Battery 100%", "tell state"]),
        (AWAKE, Charge(20, False, warning=20), ["save", "show: Battery 20%", "tell state"]),
        (
            AWAKE,
            Charge(0, False, must_shut_down=True),
            ["show: Shutting down", "forget pairing", "tell worn", "save", "tell state"],
        ),
        (DOWN, Charge(0, False, must_shut_down=True, taps_possible=2), []),
        (DOWN, Charge(0, True, taps_possible=2), ["save"]),
        (DOWN, Charge(1, True, taps_possible=2), ["save", "tell state"]),
        (DOWN, Charge(0, False, must_shut_down=True, taps_possible=0), ["save"]),
    ],
)
def test_what_follows(body: Body, event: heart.Event, effects: list[str]) -> None:
    assert run(body, event)[1] == effects


def test_a_tap_is_counted_kept_and_shown_before_it_is_told() -> None:
    report = TapReport(9, TapOutcome.SENT, bytes(7), lease_valid=True, taps_left=5)
    cursor = replace(AWAKE, cursor=bytes(7), pays_until_ms=50)
    after, effects = run(cursor, heart.Tapped(report))
    assert effects == ["save", "show: Card read", "tell: Tap"]
    assert after.taps == (Tap(1, TapOutcome.SENT, 99_000, bytes(7), 5),)
    assert (after.tap_number, after.card_tap_number) == (1, 9)
    assert (after.cursor, after.pays_until_ms) == (b"", 0)


def test_old_taps_make_room() -> None:
    body = AWAKE
    for number in range(1, TAPS_MAX + 6):
        body, _ = run(body, heart.Tapped(TapReport(number, TapOutcome.SENT)))
    assert [tap.number for tap in body.taps] == list(range(6, TAPS_MAX + 6))


def test_the_reserve_is_counted_down_and_then_the_strap_is_empty() -> None:
    body, _ = run(Body(mode=Mode.SLEEP, is_worn=True), Charge(0, False, must_shut_down=True))
    assert (body.mode, body.mode_before, body.is_worn) == (Mode.RESERVE, Mode.SLEEP, False)
    modes = []
    outcomes = (TapOutcome.SENT, TapOutcome.NO_CARD, TapOutcome.SEE_PHONE, TapOutcome.SENT)
    for number, outcome in enumerate(outcomes, 1):
        body, effects = run(body, heart.Tapped(TapReport(number, outcome)))
        assert effects == ["save"]
        modes.append(body.mode)
    assert modes == [Mode.RESERVE] * 3 + [Mode.EMPTY]
    body, _ = run(body, Charge(3, True))
    assert (body.mode, body.reserve_used) == (Mode.SLEEP, 0)


def test_who_has_gone_is_not_looked_for() -> None:
    body = Body(is_near=True, is_ringing=True)
    assert not run(body, heart.PhoneNear(False))[0].is_ringing
    assert not run(Body(mode=Mode.SLEEP), heart.PhoneNear(True))[0].is_near
    assert run(Body(is_near=True), VERY_LONG)[0].is_ringing
    assert not run(body, VERY_LONG)[0].is_ringing


def test_hidden_cards_show_when_worn() -> None:
    view = replace(VIEW, settings=Settings(hides_cards=True))
    named = replace(PLACE, entry=CardEntry(bytes(7), "Aoba Gold", "4242"))
    for is_worn, first in ((False, "Card 1"), (True, "Aoba Gold")):
        _, effects = heart.step(Body(is_worn=is_worn), heart.CardShown(named), view)
        assert isinstance(effects[0], Show)
        assert effects[0].signal.lines[0] == first


EVENTS = st.one_of(
    st.builds(heart.Pressed, st.sampled_from(Press)),
    st.builds(heart.Worn, st.booleans()),
    st.builds(heart.CardShown, st.just(PLACE), st.booleans()),
    st.builds(heart.PayOver),
    st.builds(heart.PairingShown, st.sampled_from(("", "123456"))),
    st.builds(
        Charge,
        st.integers(0, 100),
        st.booleans(),
        st.booleans(),
        st.none() | st.integers(0, 100),
        st.integers(0, 5),
    ),
    st.builds(heart.ModeAsked, st.sampled_from(Mode)),
    st.builds(heart.FindAsked, st.integers(0, 60_000)),
    st.builds(heart.PhoneNear, st.booleans()),
    st.builds(
        lambda number, outcome: heart.Tapped(TapReport(number, outcome)),
        st.integers(1, 9),
        st.sampled_from(list(TapOutcome)[1:]),
    ),
)


@given(st.lists(EVENTS, max_size=60))
def test_whatever_happens(events: list[heart.Event]) -> None:
    body, taps = AWAKE, 0
    for event in events:
        before = body
        body, effects = heart.step(body, event, VIEW)
        taps += isinstance(event, heart.Tapped)
        assert body.tap_number == taps
        assert len(body.taps) == min(taps, TAPS_MAX)
        assert body.reserve_used <= VIEW.reserve_taps + taps
        if body.is_off:
            assert (body.is_worn, body.is_near, body.is_ringing) == (False,) * 3
            assert (body.find_until_ms, body.digits) == (0, "")
        if body.mode is not before.mode:
            assert Do.SAVE in effects
        if before.mode in OFF and not body.is_off:
            assert isinstance(event, Charge)
            assert event.is_charging
        if body.is_worn != before.is_worn:
            assert Do.TELL_WORN in effects
