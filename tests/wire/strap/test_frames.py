"""Frames and messages byte by byte, and what must not be taken for one."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap import frames
from wristlet.wire.strap.frames import (
    Ack,
    Broken,
    Data,
    Hello,
    Message,
    MessageKind,
    Reason,
    Welcome,
    frame_size,
    is_newer,
)

EPOCH = bytes.fromhex("0011223344556677")


def crc(raw: bytes) -> bytes:
    return zlib.crc32(raw).to_bytes(4, "big")


def test_every_frame_is_laid_out_as_the_table_says() -> None:
    hello = bytes.fromhex("010501100011223344556677")
    assert Hello(5, EPOCH, 16).encode() == hello + crc(hello)
    welcome = bytes.fromhex("02050110001122334455667700000009")
    assert Welcome(5, EPOCH, 9, 16).encode() == welcome + crc(welcome)
    assert Data(5, 7, 3, True, b"h" * 12).encode() == bytes.fromhex("03050703") + b"h" * 12
    assert Data(5, 8, 3, False, b"x").encode() == bytes.fromhex("0405080378")
    assert Ack(5, 9, 16).encode() == bytes.fromhex("05050910")
    assert Ack(5, 9, 16, True).encode() == bytes.fromhex("06050910")
    assert Broken(5, Reason.DAMAGED).encode() == bytes.fromhex("070501")


def test_a_message_is_laid_out_as_the_table_says() -> None:
    head = bytes.fromhex("1000000009000003")
    message = Message(MessageKind.REQUEST, 9, b"abc").encode(EPOCH)
    assert message == head + crc(EPOCH + head + b"abc") + b"abc"
    assert frames.message_size(message) == len(message)


def test_hello_and_welcome_fit_the_smallest_frame() -> None:
    assert len(Hello(1).encode()) <= frames.FRAME_MIN
    assert len(Welcome(1, EPOCH, 1).encode()) <= frames.FRAME_MIN


@pytest.mark.parametrize(
    ("mtu", "size"), [(0, 20), (23, 20), (24, 21), (515, 512), (517, 512), (9_999, 512)]
)
def test_a_frame_fits_the_mtu_and_the_longest_attribute(mtu: int, size: int) -> None:
    assert frame_size(mtu) == size


@given(st.data())
def test_no_flipped_bit_passes_where_there_is_a_check_value(data: st.DataObject) -> None:
    raw = data.draw(
        st.sampled_from(
            (
                Hello(1, EPOCH, 16).encode(),
                Welcome(1, EPOCH, 7, 16).encode(),
                Message(MessageKind.ANSWER, 7, b"answer").encode(EPOCH),
            )
        )
    )
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    if raw[0] == MessageKind.ANSWER:
        with pytest.raises(DecodeError):
            frames.parse_message(bytes(changed), EPOCH)
        return
    if changed[0] not in (1, 2):
        return  # it is a frame of another kind now, of a session or a length that does not fit
    with pytest.raises(DecodeError):
        frames.parse(bytes(changed))


def test_a_message_of_another_epoch_is_none() -> None:
    raw = Message(MessageKind.ANSWER, 7, b"answer").encode(EPOCH)
    assert frames.parse_message(raw, EPOCH).body == b"answer"
    with pytest.raises(DecodeError, match="check value"):
        frames.parse_message(raw, bytes(8))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "shortest"),
        (b"\x03\x01", "shortest"),
        (bytes(513), "longest"),
        (b"\x00\x01\x02", "kind"),
        (b"\x08\x01\x02", "kind"),
        (b"\x03\x01\x02\x03" + bytes(11), "too short"),
        (b"\x04\x01\x02\x03", "too short"),
        (b"\x05\x01\x02", "4 bytes"),
        (b"\x06\x01\x02\x03\x04", "4 bytes"),
        (b"\x07\x01\x00", "reason"),
        (b"\x07\x01\x01\x00", "3 bytes"),
        (Hello(1).encode() + b"\x00", "16 bytes"),
    ],
)
def test_what_is_no_frame_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        frames.parse(raw)


def test_a_window_has_a_greatest_size() -> None:
    assert frames.parse(Ack(1, 2, 255).encode()) == Ack(1, 2, frames.WINDOW_MAX)


def test_a_body_has_a_greatest_length() -> None:
    longest = Message(MessageKind.REQUEST, 1, bytes(frames.BODY_MAX))
    assert frames.parse_message(longest.encode(EPOCH), EPOCH) == longest
    with pytest.raises(EncodeError, match="longest"):
        Message(MessageKind.REQUEST, 1, bytes(frames.BODY_MAX + 1)).encode(EPOCH)


@pytest.mark.parametrize(
    ("session", "than", "newer"),
    [(2, 1, True), (1, 1, False), (1, 2, False), (1, 255, True), (255, 1, False), (128, 1, True)],
)
def test_sessions_go_round(session: int, than: int, newer: bool) -> None:
    assert is_newer(session, than) is newer
