"""Data groupings: both length forms and what is refused."""

from __future__ import annotations

import pytest

from wristlet.wire import dgi
from wristlet.wire.dgi import Dgi
from wristlet.wire.errors import DecodeError, EncodeError


@pytest.mark.parametrize(
    ("size", "header"), [(0, "800000"), (254, "8000fe"), (255, "8000ff00ff"), (300, "8000ff012c")]
)
def test_length_forms(size: int, header: str) -> None:
    raw = dgi.encode(0x8000, bytes(size))
    assert raw == bytes.fromhex(header) + bytes(size)
    assert dgi.parse(raw + raw) == (Dgi(0x8000, bytes(size)),) * 2


def test_long_form_is_read_for_short_values_too() -> None:
    assert dgi.parse(bytes.fromhex("9102ff0002abcd")) == (Dgi(0x9102, b"\xab\xcd"),)


@pytest.mark.parametrize("raw", ["91", "9102", "9102ff", "9102ff00", "910202ab", "910200aa"])
def test_cut_groupings_are_refused(raw: str) -> None:
    with pytest.raises(DecodeError):
        dgi.parse(bytes.fromhex(raw))


@pytest.mark.parametrize(("number", "size"), [(-1, 0), (0x10000, 0), (0x8000, 0x10000)])
def test_what_does_not_fit_is_not_written(number: int, size: int) -> None:
    with pytest.raises(EncodeError):
        dgi.encode(number, bytes(size))


def test_repr_shows_no_value() -> None:
    assert repr(Dgi(0x8000, b"key")) == "Dgi(8000, 3 bytes)"
