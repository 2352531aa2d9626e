from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import iso8583_oracle as oracle
from support import vectors
from support.iso8583_messages import messages
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.field import Value
from wristlet.wire.iso8583.message import Iso8583Error, Message
from wristlet.wire.iso8583.table import FIELDS
from wristlet.wire.masked import Secret, SecretDigits

VECTORS = vectors.load("iso8583")["messages"]


def of_vector(row: dict[str, Any]) -> Message:
    return Message(
        row["type"],
        {
            int(number): bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
            for number, value in row["fields"].items()
        },
    )


def mac(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


PURCHASE = of_vector(VECTORS[0])


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: str(row["name"]))
def test_known_answers(row: dict[str, Any]) -> None:
    message, raw = of_vector(row), bytes.fromhex(row["raw"])
    assert iso.encode(message).hex() == raw.hex()
    assert iso.decode(raw) == message


@given(messages())
def test_what_was_written_reads_the_same(message: Message) -> None:
    raw = iso.encode(message)
    decoded = iso.decode(raw)
    assert decoded == message
    assert list(decoded.fields) == sorted(message.fields)
    assert iso.encode(decoded) == raw


@given(messages())
def test_an_independent_codec_agrees(message: Message) -> None:
    raw = oracle.encode(message)
    assert iso.encode(message) == raw
    assert iso.decode(raw) == oracle.decode(raw) == message


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(Iso8583Error):
        assert iso.encode(iso.decode(raw)) == raw


def _outcome(function: Any, raw: bytes) -> Any:
    try:
        return function(raw)
    except Iso8583Error as error:
        return str(error), error.field, error.offset, error.partial


@given(messages(), st.data())
def test_fast_and_careful_path_agree_on_damage(message: Message, data: st.DataObject) -> None:
    raw = bytearray(iso.encode(message))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    damaged = bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))])
    damaged += data.draw(st.binary(max_size=2))
    assert _outcome(iso.decode, damaged) == _outcome(iso._decode_carefully, damaged)


ANY_VALUE = st.text(max_size=45) | st.text("0123456789D=", max_size=40) | st.binary(max_size=20)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), ANY_VALUE, max_size=4))
def test_fast_and_careful_path_agree_on_values(fields: dict[int, Value]) -> None:
    message = Message("0100", fields)
    try:
        careful = iso._encode_carefully(message, with_mac=False)
    except EncodeError as error:
        with pytest.raises(EncodeError, match=re.escape(str(error))):
            iso.encode(message)
    else:
        assert iso.encode(message) == careful
        assert iso.encode(iso.decode(careful)) == careful


@pytest.mark.parametrize(
    ("number", "value", "text"),
    [
        (2, "1" * 20, "field 2 (primary account number): has length 20, must be 1 to 19"),
        (2, "12x4", "field 2 (primary account number): holds what is not a digit"),
        (2, "", "has length 0"),
        (3, "00000", "has length 5, must be 6"),
        (3, "００００００", "not a digit"),
        (3, "00a000", "not a digit"),
        (3, "00 000", "not a digit"),
        (3, 0, "is int, must be str"),
        (3, None, "is NoneType, must be str"),
        (4, b"\0" * 6, "is bytes, must be str"),
        (35, "D1", "separator"),
        (35, "1D2D3", "separator"),
        (38, "A1B2C", "has length 5, must be 6"),
        (41, "TERMINAL9", "has length 9, must be 8"),
        (41, "TÄRM", "not printable ASCII"),
        (41, "A\nB", "not printable ASCII"),
        (55, "00", "is str, must be bytes"),
        (55, b"", "has length 0"),
        (64, bytes(7), "has length 7, must be 8"),
        (65, "0", "field 65: is not in the table"),
        (0, "0", "field 0: is not in the table"),
        (129, "0", "field 129: is not in the table"),
    ],
)
def test_what_does_not_fit_is_named(number: int, value: Any, text: str) -> None:
    with pytest.raises(EncodeError) as error:
        iso.encode(Message("0100", {3: "000000", number: value}))
    assert text in str(error.value)


@pytest.mark.parametrize("mti", ["", "100", "01000", "01a0", "０１００"])
def test_a_bad_type_is_refused(mti: str) -> None:
    with pytest.raises(EncodeError, match="type"):
        iso.encode(Message(mti, {3: "000000"}))


@pytest.mark.parametrize(
    ("change", "field", "offset", "known", "text"),
    [
        (lambda raw: raw[:9], 0, 9, set(), "too short"),
        (lambda raw: raw[:2] + b"\xf2" + raw[3:10], 0, 10, set(), "secondary bitmap"),
        (lambda raw: b"\x0a" + raw[1:], 0, 0, set(), "type"),
        (lambda raw: raw[:10] + b"\x1a" + raw[11:], 2, 10, set(), "length that is not digits"),
        (lambda raw: raw[:10] + b"\x20" + raw[11:], 2, 10, set(), "has length 20"),
        (lambda raw: raw[:10] + b"\x00" + raw[11:], 2, 10, set(), "has length 0"),
        (lambda raw: raw[:19] + b"\xa0" + raw[20:], 3, 19, {2}, "nibble that is not a digit"),
        (lambda raw: raw[:30], 7, 28, {2, 3, 4}, "needs 5 bytes, 2 are left"),
        (lambda raw: raw[:-3], 64, None, set(PURCHASE.fields) - {64}, "needs 8 bytes"),
        (lambda raw: raw + b"\0", 0, None, set(PURCHASE.fields), "1 bytes behind"),
    ],
)
def test_a_damaged_message_says_where_and_what_was_read(
    change: Any, field: int, offset: int | None, known: set[int], text: str
) -> None:
    raw = change(iso.encode(PURCHASE))
    with pytest.raises(Iso8583Error, match=text) as error:
        iso.decode(raw)
    assert error.value.field == field
    assert offset is None or error.value.offset == offset
    assert set(error.value.partial.fields) == known
    for number in known:
        assert error.value.partial.fields[number] == PURCHASE.fields[number]


@pytest.mark.parametrize(
    ("fields", "good", "bad"),
    [
        ({22: "071"}, "0071", "1071"),
        ({22: "071", 23: "001"}, "00710001", "0071f001"),
        ({2: "123"}, "030123", "031123"),
        ({2: "12"}, "0212", "021b"),
        ({2: "12"}, "0212", "0c12"),
        ({35: "123"}, "03123f", "031230"),
        ({35: "1D23"}, "041d23", "041dd3"),
        ({35: "1D23"}, "041d23", "04d123"),
        ({35: "12"}, "0212", "021a"),
        ({39: "00"}, "3030", "3080"),
        ({39: "00", 41: "A"}, "3030" + "41" + "20" * 7, "3030" + "41" + "20" * 6 + "0a"),
        ({44: "A"}, "0141", "01c1"),
        ({44: "A"}, "0141", "0109"),
        ({55: b"A"}, "000141", "000a41"),
        ({55: b"A"}, "000141", "100141"),
        ({55: b"A"}, "000141", "0f0141"),
    ],
)
def test_only_the_right_packing_is_read(fields: dict[int, Value], good: str, bad: str) -> None:
    message = Message("0100", fields)
    raw = iso.encode(message)
    head = raw.removesuffix(bytes.fromhex(good))
    assert head != raw
    assert iso.decode(raw) == message
    for read in (iso.decode, iso._decode_carefully, lambda raw: iso.scan(raw, *fields)):
        with pytest.raises(Iso8583Error):
            read(head + bytes.fromhex(bad))


def test_an_unknown_field_is_refused_with_what_came_before() -> None:
    raw = bytes.fromhex("0100a0000000000000008000000000000000000000" + "00" * 8)
    with pytest.raises(Iso8583Error, match="field 65") as error:
        iso.decode(raw)
    assert (error.value.field, error.value.offset) == (65, 21)
    assert error.value.partial == Message("0100", {3: "000000"})


def test_a_partly_read_message_can_be_answered() -> None:
    raw = iso.encode(PURCHASE)
    with pytest.raises(Iso8583Error) as error:
        iso.decode(raw[:-20])
    answer = iso.reply(error.value.partial, {39: "30"})
    assert answer.mti == "0110"
    assert iso.trace_key(answer) == iso.trace_key(PURCHASE)


def test_errors_hold_no_values() -> None:
    with pytest.raises(EncodeError) as error:
        iso.encode(Message("0100", {2: "9998010000000012x"}))
    assert "9998" not in str(error.value)
    raw = iso.encode(PURCHASE)
    with pytest.raises(Iso8583Error) as wrong:
        iso.decode(raw[:60])
    assert "9998" not in repr(wrong.value)
    assert "9998" not in repr(wrong.value.partial)


def test_numbers_tracks_and_chip_data_come_out_masked() -> None:
    message = iso.decode(iso.encode(PURCHASE))
    assert isinstance(message.fields[2], SecretDigits)
    assert isinstance(message.fields[35], SecretDigits)
    assert isinstance(message.fields[55], Secret)
    assert iso.encode(message) == iso.encode(PURCHASE)


def test_an_equals_sign_may_part_the_track() -> None:
    message = iso.decode(iso.encode(Message("0100", {35: "9998010000000012=3012201"})))
    assert message.text(35) == "9998010000000012D3012201"


@given(messages(), st.lists(st.integers(2, 128), max_size=6))
def test_scan_finds_what_decode_finds(message: Message, numbers: list[int]) -> None:
    found = iso.scan(iso.encode(message), *numbers)
    assert found == {n: message.fields[n] for n in numbers if n in message.fields}


def test_scan_looks_no_further_than_it_must() -> None:
    raw = iso.encode(PURCHASE)
    assert iso.scan(raw[:40], 2, 11) == {2: "9998010000000012", 11: "000123"}
    with pytest.raises(Iso8583Error):
        iso.scan(raw[:40], 2, 37)
    inside = raw.index(b"632707000123") + 5
    with pytest.raises(Iso8583Error, match="field 37"):
        iso.scan(raw[:inside], 37)
    with pytest.raises(Iso8583Error):
        iso.scan(b"", 2)
    assert iso.scan(raw, 128) == {}


@given(messages(mac=False))
def test_a_mac_covers_everything_before_it(message: Message) -> None:
    raw = iso.encode(message, mac=mac)
    number = 128 if max(message.fields, default=0) > 64 else 64
    assert iso.decode(raw) == message.with_fields({number: mac(raw[:-8])[:8]})
    assert iso.mac_input(raw) == raw[:-8]
    assert iso.has_valid_mac(raw, mac)
    assert iso.encode(iso.decode(raw), mac=mac) == raw


@given(messages(mac=False), st.data())
def test_any_change_breaks_the_mac(message: Message, data: st.DataObject) -> None:
    raw = bytearray(iso.encode(message, mac=mac))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert not iso.has_valid_mac(bytes(raw), mac)


@pytest.mark.parametrize("raw", [b"", bytes(9), iso.encode(PURCHASE.without(64))])
def test_a_message_without_mac_has_no_mac_input(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="MAC"):
        iso.mac_input(raw)
    assert not iso.has_valid_mac(raw, mac)


def test_a_short_mac_is_refused() -> None:
    with pytest.raises(EncodeError, match="MAC"):
        iso.encode(PURCHASE, mac=lambda _: bytes(7))


@pytest.mark.parametrize(
    ("request_type", "answer_type"),
    [
        ("0100", "0110"),
        ("0101", "0110"),
        ("0120", "0130"),
        ("0400", "0410"),
        ("0401", "0410"),
        ("0420", "0430"),
        ("0421", "0430"),
        ("0800", "0810"),
        ("0102", "0112"),
        ("0103", "0112"),
    ],
)
def test_reply_types(request_type: str, answer_type: str) -> None:
    assert iso.reply(Message(request_type)).mti == answer_type


@pytest.mark.parametrize("mti", ["0110", "0430", "", "01", "01x0"])
def test_an_answer_has_no_answer(mti: str) -> None:
    with pytest.raises(EncodeError, match="no answer"):
        iso.reply(Message(mti))


def test_a_reply_echoes_what_matches_it_and_no_secret_but_the_number() -> None:
    answer = iso.reply(PURCHASE, {38: "A1B2C3", 39: "00", 49: "978"})
    echoed = (2, 3, 4, 7, 11, 12, 13, 23, 25, 32, 37, 41, 42)
    assert answer.fields == {
        **{number: PURCHASE.fields[number] for number in echoed},
        38: "A1B2C3",
        39: "00",
        49: "978",
    }
    assert iso.trace_key(answer) == iso.trace_key(PURCHASE)
    assert iso.trace_key(answer) == ("1123074900", "000123", "99990001", "632707000123")
    assert iso.trace_key(Message("0800")) == (None, None, None, None)


def test_fields_are_asked_for_by_type() -> None:
    assert PURCHASE.text(11) == "000123"
    assert PURCHASE.binary(64) == bytes.fromhex("0123456789abcdef")
    with pytest.raises(DecodeError, match=r"field 39 \(response code\): is missing"):
        PURCHASE.text(39)
    with pytest.raises(DecodeError, match="is binary"):
        PURCHASE.text(55)
    with pytest.raises(DecodeError, match="is text"):
        PURCHASE.binary(11)


def test_fields_are_added_and_left_out() -> None:
    message = Message("0100", {3: "000000", 64: bytes(8)})
    assert message.without(64, 128) == Message("0100", {3: "000000"})
    assert message.with_fields({3: "010000"}).text(3) == "010000"
    assert message.fields[3] == "000000"
