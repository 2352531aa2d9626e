"""The compact notation of APDUs: what it means, and where it points when it is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.lab.apdu_console import ApduSyntaxError, Line, parse
from wristlet.wire.apdu import Command

LONG = "AB" * 300

# Typed text, bytes sent, expected status word.
GOOD = [
    ("A4", "00A40000", None),
    ("80CA", "80CA0000", None),
    ("A40400", "00A40400", None),
    ("80ca9f36", "80CA9F36", None),
    ("A40400:A0000001=", "00A4040004A0000001", 0x9000),
    ("80CA9F36/00=6a88", "80CA9F3600", 0x6A88),
    ("80E28001:01/10=", "80E28001010110", 0x9000),
    ("CA9F36/0000", "00CA9F36000000", None),
    (f"80E28000:{LONG}/00", f"80E2800000012C{LONG}0100", None),
]
BAD = [
    ("", 1, "the header has 1 to 4 bytes"),
    ("80CA9F3600", 11, "the header has 1 to 4 bytes"),
    ("80C", 4, "the header lacks a digit"),
    ("80GA", 3, "the header is not hex here"),
    ("A4:", 4, "data are missing"),
    ("A4:0", 5, "DATA lacks a digit"),
    ("A4:0x", 5, "DATA is not hex here"),
    ("A4/1", 5, "LE lacks a digit"),
    ("A4/", 4, "LE has two digits"),
    ("A4/00:11", 6, "LE is not hex here"),
    ("A4=90", 4, "a status word has four digits"),
    ("A4=90000", 9, "SW lacks a digit"),
    ("A4=9000=", 8, "SW is not hex here"),
]


@pytest.mark.parametrize(("text", "raw", "expected"), GOOD)
def test_what_a_text_means(text: str, raw: str, expected: int | None) -> None:
    line = parse(text)
    assert line.command.encode().hex().upper() == raw
    assert line.expected == expected


@pytest.mark.parametrize(("text", "at", "why"), BAD)
def test_where_a_text_is_wrong(text: str, at: int, why: str) -> None:
    with pytest.raises(ApduSyntaxError) as caught:
        parse(text)
    assert f"character {at}: {why}" in str(caught.value)
    assert "[CLA]INS[P1P2][:DATA][/LE][=SW]" in str(caught.value)


@given(st.text(alphabet="0123456789ABCDEFabcdef:/=xé ٣", max_size=24))
def test_no_text_fails_otherwise(text: str) -> None:
    try:
        line = parse(text)
    except ApduSyntaxError:
        return
    assert Command.parse(line.command.encode()) == line.command
    assert isinstance(line, Line)
