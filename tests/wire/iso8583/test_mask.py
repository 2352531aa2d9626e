from __future__ import annotations

import pytest
from hypothesis import given

from support.iso8583_messages import messages
from wristlet.wire.iso8583 import mask
from wristlet.wire.iso8583.message import Message
from wristlet.wire.iso8583.table import HIDDEN

SECRETS = Message(
    "0100",
    {
        2: "9998010000000012",
        14: "3012",
        35: "9998010000000012D3012201",
        52: bytes.fromhex("0123456789abcdef"),
        55: bytes.fromhex("5a089998010000000012"),
        11: "000123",
    },
)


def test_one_line() -> None:
    assert repr(SECRETS) == (
        "<0100 2=****0012 11='000123' 14=<4 characters> 35=<24 characters>"
        " 52=<8 bytes> 55=<10 bytes>>"
    )
    assert str(Message("0800")) == "<0800>"


def test_lines_name_each_field() -> None:
    assert mask.lines("0800", {11: "000001", 64: b"\1" * 8, 65: b"x"}) == [
        "type 0800",
        " 11 systems trace audit number: '000001'",
        " 64 message authentication code: 0101010101010101",
        " 65 unknown: <1 bytes>",
    ]


@pytest.mark.parametrize("number", ["12345678901", "1", ""])
def test_a_short_number_is_hidden_whole(number: str) -> None:
    assert mask.show(2, number) == "****"


@given(messages())
def test_any_message_is_one_line_or_a_line_per_field(message: Message) -> None:
    assert repr(message).startswith(f"<{message.mti}")
    assert len(mask.lines(message.mti, message.fields)) == len(message.fields) + 1
    assert "\n" not in repr(message)


def test_no_hidden_field_shows_its_value() -> None:
    for number in HIDDEN - {2}:
        for value in ("8888777766665555", b"8888777766665555"):
            assert mask.show(number, value).startswith("<16 ")
