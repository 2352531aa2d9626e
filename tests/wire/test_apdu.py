"""APDUs: the seven length forms, class byte, chaining."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.wire_codecs import COMMAND
from wristlet.wire.apdu import Command, Response, chain
from wristlet.wire.errors import DecodeError, EncodeError

FORMS = [
    ("00a40400", Command(0, 0xA4, 4, 0)),
    ("00a4040000", Command(0, 0xA4, 4, 0, le=256)),
    ("00a404000102", Command(0, 0xA4, 4, 0, b"\x02")),
    ("00a40400010210", Command(0, 0xA4, 4, 0, b"\x02", 16)),
    ("00a40400000000", Command(0, 0xA4, 4, 0, le=65536, extended=True)),
    ("00a4040000000102", Command(0, 0xA4, 4, 0, b"\x02", extended=True)),
    ("00a40400000001020100", Command(0, 0xA4, 4, 0, b"\x02", 256, extended=True)),
]


@pytest.mark.parametrize(("raw", "command"), FORMS)
def test_the_seven_forms(raw: str, command: Command) -> None:
    assert Command.parse(bytes.fromhex(raw)) == command
    assert command.encode().hex() == raw


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "00a404",
        "00a404000502",
        "00a4040001020304",
        "00a404000000",
        "00a40400000002ff",
        "00a4040000000000",
        "00a404000000000000",
        "00a40400000001ff00",
        "00a40400000001ff000000",
    ],
)
def test_broken_commands_are_refused(raw: str) -> None:
    with pytest.raises(DecodeError):
        Command.parse(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "command",
    [
        Command(0, 0, 0, 0, bytes(256)),
        Command(0, 0, 0, 0, le=257),
        Command(0, 0, 0, 0, bytes(65536), extended=True),
    ],
)
def test_what_its_form_cannot_hold_is_not_written(command: Command) -> None:
    with pytest.raises(EncodeError):
        command.encode()


@pytest.mark.parametrize("fields", [(256, 0, 0, 0), (0, -1, 0, 0), (0, 0, 0, 0, b"", 0)])
def test_impossible_fields_are_refused(fields: tuple[int, int, int, int]) -> None:
    with pytest.raises(EncodeError):
        Command(*fields)


@pytest.mark.parametrize(
    ("cla", "channel", "secured", "chained"),
    [
        (0x80, 0, False, False),
        (0x84, 0, True, False),
        (0x97, 3, True, True),
        (0xC0, 4, False, False),
        (0xFF, 19, True, True),
    ],
)
def test_class_byte(cla: int, channel: int, secured: bool, chained: bool) -> None:
    command = Command(cla, 0xCA, 0, 0)
    assert (command.channel, command.is_secured, command.is_chained) == (channel, secured, chained)


@given(COMMAND, st.integers(0, 19), st.booleans())
def test_channel_and_security_change_nothing_else(
    command: Command, channel: int, secured: bool
) -> None:
    moved = command.with_secured(secured).with_channel(channel)
    assert (moved.channel, moved.is_secured) == (channel, secured)
    assert moved.is_chained == command.is_chained
    assert moved.replace(cla=command.cla) == command


@given(COMMAND, st.integers(1, 255))
def test_a_chain_carries_the_data_and_ends_once(command: Command, limit: int) -> None:
    plain = command.replace(cla=command.cla & ~0x10)
    parts = chain(plain, limit)
    assert b"".join(part.data for part in parts) == plain.data
    assert [part.is_chained for part in parts] == [True] * (len(parts) - 1) + [False]
    assert all(len(part.data) <= limit and not part.extended for part in parts)
    assert [part.le for part in parts] == [None] * (len(parts) - 1) + [plain.le]


def test_response() -> None:
    response = Response.parse(bytes.fromhex("01029000"))
    assert response == Response(b"\x01\x02", 0x9000)
    assert response.ok
    assert not Response(b"", 0x6A82).ok
    with pytest.raises(DecodeError):
        Response.parse(b"\x90")
    with pytest.raises(EncodeError):
        Response(b"", 0x10000)


def test_reprs_show_no_data() -> None:
    assert repr(FORMS[3][1]) == "Command(00A40400, 1 bytes, le=16)"
    assert repr(Response(b"\x47\x61", 0x9000)) == "Response(2 bytes, 9000)"
