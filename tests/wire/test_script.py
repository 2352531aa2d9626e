"""Script groupings and the hash of a script's plain commands."""

from __future__ import annotations

import hashlib

import pytest

from wristlet.wire import script
from wristlet.wire.apdu import Command
from wristlet.wire.dgi import Dgi
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids, commands
from wristlet.wire.script import Script, ScriptHeader

SE_ID = bytes(range(16))
INSTANCE = aids.instance_aid(aids.KERNEL_3, 1)
HEADER = ScriptHeader(SE_ID, aids.TSP_DOMAIN, 0x01020304)


def test_header_bytes() -> None:
    assert HEADER.encode().hex() == SE_ID.hex() + "0af0575249534c54545001" + "01020304"
    assert HEADER.dgi() == Dgi(0xDF01, HEADER.encode())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        SE_ID,
        SE_ID + b"\x04" + bytes(8),
        SE_ID + b"\x11" + bytes(21),
        HEADER.encode()[:-1],
        HEADER.encode() + b"\x00",
    ],
)
def test_broken_headers_are_refused(value: bytes) -> None:
    with pytest.raises(DecodeError):
        ScriptHeader.parse(value)


@pytest.mark.parametrize(
    "header",
    [
        ScriptHeader(SE_ID[1:], aids.TSP_DOMAIN, 1),
        ScriptHeader(SE_ID, b"abcd", 1),
        ScriptHeader(SE_ID, aids.TSP_DOMAIN, 1 << 32),
    ],
)
def test_impossible_headers_are_not_written(header: ScriptHeader) -> None:
    with pytest.raises(EncodeError):
        header.encode()


@pytest.mark.parametrize(
    ("order", "raw"),
    [
        (script.COMMIT, "df0200"),
        (script.PIN_RESET, "df1100"),
        (
            script.hand_over(INSTANCE, INSTANCE),
            "df2417" + "0b" + INSTANCE.hex() + INSTANCE.hex(),
        ),
        (script.further_phone(bytes(32)), "df1220" + "00" * 32),
        (script.make_activatable(INSTANCE), "df210b" + INSTANCE.hex()),
        (script.make_non_activatable(INSTANCE), "df220b" + INSTANCE.hex()),
        (script.activate(INSTANCE), "df230b" + INSTANCE.hex()),
        (HEADER.dgi(), "df011f" + HEADER.encode().hex()),
    ],
)
def test_orders(order: Dgi, raw: str) -> None:
    assert order.encode().hex() == raw
    assert script.check_order(order) is order


@pytest.mark.parametrize(
    "order",
    [
        Dgi(0xDF02, b"\x00"),
        Dgi(0xDF11, b"\x00"),
        Dgi(0xDF12, bytes(31)),
        Dgi(0xDF21, b"abcd"),
        Dgi(0xDF23, bytes(17)),
        Dgi(0xDF01, SE_ID),
        Dgi(0xDF24, b""),
        Dgi(0xDF24, b"\x0b" + INSTANCE),
        Dgi(0xDF24, b"\x04abcd" + INSTANCE),
        Dgi(0x8000, b""),
    ],
)
def test_malformed_orders_are_refused(order: Dgi) -> None:
    with pytest.raises(DecodeError):
        script.check_order(order)


def test_orders_refuse_what_is_no_aid_or_hash() -> None:
    with pytest.raises(EncodeError):
        script.activate(b"abcd")
    with pytest.raises(EncodeError):
        script.further_phone(b"short")


def test_hash_takes_length_and_plain_command_without_le() -> None:
    first = commands.store_dgi(0xDF01, HEADER.encode(), 0)
    second = Command(0x80, 0xE2, 0x88, 1, bytes(300), 256, extended=True)
    expected = hashlib.sha256(
        len(first.encode()).to_bytes(2, "big")
        + first.encode()
        + (7 + 300).to_bytes(2, "big")
        + bytes.fromhex("80e2880100012c")
        + bytes(300)
    ).digest()
    assert script.plain_hash([first.encode(), second.encode()]) == expected


def test_hash_is_the_same_with_secure_messaging_bit_and_le() -> None:
    command = commands.store_dgi(0xDF02, b"", 0, last=True)
    wrapped = command.with_secured().replace(le=256)
    assert script.plain_hash([command.encode()]) == script.plain_hash([wrapped.encode()])
    assert script.plain_hash([command.encode()]) != script.plain_hash([command.encode()] * 2)


def test_repr_of_a_script_shows_no_command() -> None:
    shown = repr(Script(SE_ID, aids.TSP_DOMAIN, 1, (b"\x84\xe2secret",)))
    assert "secret" not in shown
