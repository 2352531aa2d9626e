"""What the wearer types: refused on the phone with the field's name and what to do."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.companion.errors import InputError
from wristlet.companion.inputs import digits, read_card, read_code, read_pin
from wristlet.model.pan import Pan

GOOD = Pan.complete("999901000000001").reveal()
TODAY = "2611"


def test_a_good_card_is_taken_and_masked() -> None:
    card = read_card(GOOD, "12/30", "123", TODAY)
    assert card.expiry_yymm == "3012"
    assert card.pan.reveal() == GOOD
    assert GOOD not in repr(card)
    assert "123" not in repr(card.security_code)


@pytest.mark.parametrize(
    ("number", "expiry", "code", "field"),
    [
        (GOOD[:-1] + str((int(GOOD[-1]) + 1) % 10), "12/30", "123", "card number"),
        ("hello", "12/30", "123", "card number"),
        ("", "12/30", "123", "card number"),
        (GOOD, "13/30", "123", "expiry date"),
        (GOOD, "00/30", "123", "expiry date"),
        (GOOD, "10/26", "123", "expiry date"),
        (GOOD, "1230123", "123", "expiry date"),
        (GOOD, "12/30", "12", "security code"),
        (GOOD, "12/30", "12x", "security code"),
    ],
)
def test_a_wrong_field_is_named(number: str, expiry: str, code: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        read_card(number, expiry, code, TODAY)
    assert caught.value.field == field
    assert number not in str(caught.value) or not number


def test_a_card_is_good_to_the_end_of_its_month() -> None:
    assert read_card(GOOD, "11/26", "123", TODAY).expiry_yymm == "2611"


def test_full_width_digits_spaces_and_dashes_are_digits() -> None:
    assert digits("card number", "９９９９ 0100-0000") == "999901000000"


@pytest.mark.parametrize("typed", ["123", "1234567", "12a4", ""])
def test_a_pin_of_the_wrong_form_is_refused(typed: str) -> None:
    with pytest.raises(InputError) as caught:
        read_pin(typed)
    assert caught.value.field == "PIN"


def test_a_code_of_the_wrong_form_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        read_code("12")
    assert caught.value.field == "code"


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_nothing_typed_breaks_the_form(number: str, expiry: str, code: str) -> None:
    with contextlib.suppress(InputError):
        read_card(number, expiry, code, TODAY)
