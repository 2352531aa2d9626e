"""The digits of a pairing depend on everything that somebody in between could swap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.crypto import pairing

POINT, OTHER = b"\x04" + b"p" * 64, b"\x04" + b"q" * 64
PHONE, STRAP = b"a" * 16, b"b" * 16


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_there_are_always_six_digits(phone: bytes, strap: bytes) -> None:
    shown = pairing.digits(b"s" * 16, POINT, phone, strap)
    assert len(shown) == 6
    assert shown.isdecimal()


@pytest.mark.parametrize(
    "swapped",
    [
        (b"t" * 16, POINT, PHONE, STRAP),
        (b"s" * 16, OTHER, PHONE, STRAP),
        (b"s" * 16, POINT, STRAP, STRAP),
        (b"s" * 16, POINT, PHONE, PHONE),
    ],
)
def test_the_digits_depend_on_all_four(swapped: tuple[bytes, bytes, bytes, bytes]) -> None:
    assert pairing.digits(*swapped) != pairing.digits(b"s" * 16, POINT, PHONE, STRAP)


def test_the_strap_is_bound_to_its_number_and_the_phones_key() -> None:
    committed = pairing.commitment(POINT, STRAP)
    assert pairing.fits(committed, POINT, STRAP)
    assert not pairing.fits(committed, POINT, PHONE)
    assert not pairing.fits(committed, OTHER, STRAP)
    assert not pairing.fits(pairing.commitment(POINT, STRAP[:-1]), POINT, STRAP[:-1])
