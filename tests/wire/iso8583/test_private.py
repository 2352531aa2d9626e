from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.wire import ber
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.iso8583 import private
from wristlet.wire.iso8583.private import TokenData

texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=127)
values = st.builds(TokenData, texts, texts, texts, texts, texts, texts)


def test_known_form() -> None:
    data = TokenData(token_reference="tok1", dpan_last4="0012")
    assert private.encode(data).hex() == "df0104746f6b31df040430303132"


@given(values)
def test_what_was_written_reads_the_same(data: TokenData) -> None:
    assert private.decode(private.encode(data)) == data


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(DecodeError):
        private.decode(raw)


def test_other_tags_are_passed_over() -> None:
    raw = ber.encode(0x9F1F, b"x") + ber.encode(private.PAR_DF03, b"P1")
    assert private.decode(raw) == TokenData(par="P1")


@pytest.mark.parametrize(
    "raw",
    [
        ber.encode(0xDF05, b"valid") * 2,
        ber.encode(0xDF05, b""),
        ber.encode(0xDF05, b"\x80"),
        ber.encode(0xDF05, b"a\n"),
        ber.encode(0xDF05, b"a" * 128),
    ],
)
def test_what_is_not_one_short_text_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="result_class"):
        private.decode(raw)


@pytest.mark.parametrize("text", ["a" * 128, "é", "\n"])
def test_what_has_no_encoding_is_refused(text: str) -> None:
    with pytest.raises(EncodeError, match="par"):
        private.encode(TokenData(par=text))
