"""The phone's link to the strap: each kind of message, refusals, and what breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import (
    BODY_MAX,
    KIND_APDU,
    KIND_PAIR,
    KIND_REFUSED,
    KIND_REVEAL,
    KIND_STATUS,
    SocketStrapLink,
    StrapRefused,
    StrapStatus,
    decode_status,
    encode_status,
    frame,
    read_message,
)

STATUS = StrapStatus(worn=True, paired_pending=False, display="✓ 12:00")
Talk = Callable[[int, bytes], bytes]


@asynccontextmanager
async def strap(path: Path, talk: Talk) -> AsyncIterator[SocketStrapLink]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(talk(*await read_message(reader)))
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_unix_server(serve, str(path / "phone.sock"))
    link = await SocketStrapLink.open(str(path / "phone.sock"))
    try:
        yield link
    finally:
        await link.close()
        server.close()
        await server.wait_closed()


async def test_each_kind_gets_its_answer(tmp_path: Path) -> None:
    def talk(kind: int, body: bytes) -> bytes:
        answers = {KIND_APDU: body + b"\x90\x00", KIND_PAIR: b"c" * 32, KIND_REVEAL: b"n" * 16}
        return frame(kind, answers.get(kind, encode_status(STATUS)))

    async with strap(tmp_path, talk) as link:
        assert await link.transmit(b"\x00\xa4") == b"\x00\xa4\x90\x00"
        assert await link.pair_offer(b"\x04" * 65) == b"c" * 32
        assert await link.pair_reveal(bytes(16)) == b"n" * 16
        assert await link.status() == STATUS


async def test_refusal_says_why(tmp_path: Path) -> None:
    async with strap(tmp_path, lambda kind, body: frame(KIND_REFUSED, b"paired already")) as link:
        with pytest.raises(StrapRefused, match="paired already"):
            await link.pair_offer(b"")


@pytest.mark.parametrize("answer", [frame(KIND_STATUS, b"x"), b"\x00\x00", b"\x00"])
async def test_anything_else_is_a_lost_link(tmp_path: Path, answer: bytes) -> None:
    async with strap(tmp_path, lambda kind, body: answer) as link:
        task = asyncio.create_task(link.transmit(b"\x00\xa4"))
        if len(answer) == 1:
            await link.close()
        with pytest.raises(LinkLost):
            await task


async def test_answer_nobody_waited_for_is_never_taken_for_another(tmp_path: Path) -> None:
    async with strap(tmp_path, lambda kind, body: b"") as link:
        task = asyncio.create_task(link.transmit(b"\x00\xa4"))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(LinkLost, match="anew"):
            await link.status()


async def test_strap_out_of_reach_is_a_lost_link(tmp_path: Path) -> None:
    with pytest.raises(LinkLost, match="near"):
        await SocketStrapLink.open(str(tmp_path / "none"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"worn": true}', b"\xff", b"1"])
def test_status_that_is_none_is_a_lost_link(body: bytes) -> None:
    with pytest.raises(LinkLost):
        decode_status(body)


def test_message_has_a_greatest_length() -> None:
    assert frame(KIND_APDU, bytes(BODY_MAX))[:3] == b"\xff\xff\x41"
    with pytest.raises(ValueError, match="at most"):
        frame(KIND_APDU, bytes(BODY_MAX + 1))
