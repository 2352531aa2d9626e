from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.model.pan import Dpan, Pan, PanError, luhn_digit

# Widely published test numbers.
KNOWN = ["49927398716", "4111111111111111", "5555555555554444", "378282246310005"]

digits = st.text("0123456789", min_size=11, max_size=18)


@pytest.mark.parametrize("number", KNOWN)
def test_known_check_digits(number: str) -> None:
    assert luhn_digit(number[:-1]) == number[-1]


@given(digits)
def test_complete_makes_a_valid_number(body: str) -> None:
    pan = Pan.complete(body)
    assert pan.reveal() == body + luhn_digit(body)
    assert (pan.bin6, pan.last4) == (pan.reveal()[:6], pan.reveal()[-4:])


@given(digits, st.integers(0, 18), st.integers(1, 9))
def test_one_wrong_digit_is_refused(body: str, position: int, shift: int) -> None:
    number = Pan.complete(body).reveal()
    position %= len(number)
    wrong = str((int(number[position]) + shift) % 10)
    with pytest.raises(PanError) as error:
        Pan(number[:position] + wrong + number[position + 1 :])
    assert number[:6] not in str(error.value)


@pytest.mark.parametrize("text", ["", "0", "4111 1111 1111 1111", "４111111111111111", "x" * 16])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(PanError, match="card number"):
        Pan(text)


@pytest.mark.parametrize("length", [1, 11, 20])
def test_length_is_checked(length: int) -> None:
    body = "9" * (length - 1)
    with pytest.raises(PanError, match=f"{length} digits"):
        Pan(body + luhn_digit(body))


def test_never_shows_itself() -> None:
    pan = Pan("4111111111111111")
    for shown in (repr(pan), str(pan), f"{pan}", f"{pan!r}", "%s" % pan, repr([pan])):  # noqa: UP031 - the old form is one more way to leak
        assert "4111" not in shown
        assert "1111>" in shown


def test_copies_keep_the_type() -> None:
    pan = Pan("4111111111111111")
    for other in (copy.deepcopy(pan), pickle.loads(pickle.dumps(pan)), Pan(pan)):
        assert type(other) is Pan
        assert other == pan


def test_a_token_number_is_in_the_token_range() -> None:
    assert Dpan.complete("999801000000001").bin6 == "999801"
    with pytest.raises(PanError, match="token number: must start with 9998"):
        Dpan("4111111111111111")
