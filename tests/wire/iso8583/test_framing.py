from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.iso8583.framing import Deframer, frame

bodies = st.lists(st.binary(min_size=1, max_size=400), max_size=8)


def test_known_form() -> None:
    assert frame(b"abc") == b"\x00\x03abc"
    assert frame(bytes(300))[:2] == b"\x01\x2c"


@given(bodies, st.data())
def test_any_cut_of_the_stream_gives_the_messages(
    messages: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(frame(message) for message in messages)
    deframer, received = Deframer(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        received += deframer.feed(stream[:size])
        stream = stream[size:]
    assert received == messages
    assert deframer.pending == 0


def test_an_unfinished_message_waits() -> None:
    deframer = Deframer()
    assert deframer.feed(b"\x00") == []
    assert deframer.feed(b"\x02a") == []
    assert deframer.pending == 3
    assert deframer.feed(b"b\x00") == [b"ab"]
    assert deframer.pending == 1


@pytest.mark.parametrize("body", [b"", bytes(0x10000)])
def test_what_has_no_length_is_refused(body: bytes) -> None:
    with pytest.raises(EncodeError):
        frame(body)


def test_an_empty_or_too_long_message_ends_the_stream() -> None:
    with pytest.raises(DecodeError) as error:
        Deframer().feed(frame(b"a") + b"\0\0")
    assert error.value.offset == 3
    deframer = Deframer(size_max=10)
    deframer.feed(frame(b"a"))
    with pytest.raises(DecodeError, match="announces 11 bytes") as error:
        deframer.feed(frame(bytes(11)))
    assert error.value.offset == 3
