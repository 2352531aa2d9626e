"""Masked values show nothing by any of the ways that text is made."""

from __future__ import annotations

from collections.abc import Callable
from operator import mod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.wire.masked import Secret, SecretDigits

NUMBER = "4761739001010119"


@pytest.mark.parametrize("show", [repr, str, format, "{}".format, "{!r}".format])
def test_no_way_of_printing_shows_the_value(show: Callable[[object], str]) -> None:
    assert show(Secret(b"\x41" * 16)) == "<secret 16 bytes>"
    assert show(SecretDigits(NUMBER)) == "<digits ****0119>"


def test_interpolation_and_containers_are_masked_too() -> None:
    number, key = SecretDigits(NUMBER), Secret(b"k" * 16)
    shown = f"{number:>20}|{key}" + mod("%s", number) + repr([number, {"key": key}])
    assert NUMBER not in shown
    assert "kkkk" not in shown


@given(st.text("0123456789", max_size=11))
def test_short_digits_show_nothing(digits: str) -> None:
    assert repr(SecretDigits(digits)) == "<digits ****>"


@given(st.text("0123456789", max_size=30))
def test_reveal_returns_a_plain_string(digits: str) -> None:
    plain = SecretDigits(digits).reveal()
    assert type(plain) is str
    assert plain == digits


def test_values_still_work_as_bytes_and_text() -> None:
    assert Secret(b"\x01\x02") + b"\x03" == b"\x01\x02\x03"
    assert bytes.fromhex(SecretDigits("1234")) == b"\x124"
    assert hash(SecretDigits("1234")) == hash("1234")
