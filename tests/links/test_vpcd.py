"""The PC/SC bridge against a reader written here: frames, power, and both sides coming back."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from wristlet.links.apdu_socket import (
    GET_ATR,
    POWER_OFF,
    POWER_ON,
    RESET,
    CardServer,
    SocketChannel,
    frame,
)
from wristlet.links.vpcd import Slot, SlotAddressError, keep_joined

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ATR = bytes.fromhex("3B800181")
SELECT = bytes.fromhex("00A4040000")


class EchoPort:
    """A card that answers with what it was asked, and notes what happened to it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def power_on(self) -> None:
        self.events.append("on")

    def power_off(self) -> None:
        self.events.append("off")

    def reset(self) -> None:
        self.events.append("reset")

    def atr(self) -> bytes:
        return b"\x3b\x00"

    def process(self, command: bytes) -> bytes:
        return command + b"\x90\x00"


class Reader:
    """vpcd's role: one listening port, one card at a time."""

    def __init__(self) -> None:
        self.cards: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.Queue()
        )
        self.server: asyncio.Server | None = None
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._card_in, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self.server.wait_closed()

    async def _card_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await self.cards.put((reader, writer))

    async def card(self) -> Inserted:
        return Inserted(*await asyncio.wait_for(self.cards.get(), 10))


class Inserted:
    """A card in the reader."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def tell(self, payload: bytes) -> None:
        self.writer.write(frame(payload))

    async def ask(self, payload: bytes) -> bytes:
        self.tell(payload)
        size = int.from_bytes(await self.reader.readexactly(2), "big")
        return await self.reader.readexactly(size)


@asynccontextmanager
async def element(path: Path, port: EchoPort) -> AsyncIterator[None]:
    """A secure element's socket, gone afterwards."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    server = CardServer(port)
    await server.start(listener)
    try:
        yield
    finally:
        await server.close()
        path.unlink()


@asynccontextmanager
async def bridge(path: Path, reader: Reader) -> AsyncIterator[list[str]]:
    """The bridge as a task; gives what it tells."""
    told: list[str] = []
    slot = Slot("contactless", path, f"127.0.0.1:{reader.port}", ATR)
    task = asyncio.create_task(keep_joined(slot, told.append, retry_s=0.01))
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.wait([task])


async def hear(told: list[str], text: str) -> None:
    """Wait until the bridge's last word contains a text."""
    async with asyncio.timeout(10):
        while text not in told[-1]:
            await asyncio.sleep(0)


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    made = Reader()
    await made.start()
    yield made
    await made.stop()


async def test_frames_pass_both_ways_and_the_atr_is_the_users(
    tmp_path: Path, reader: Reader
) -> None:
    port = EchoPort()
    async with element(tmp_path / "s", port), bridge(tmp_path / "s", reader):
        card = await reader.card()
        assert await card.ask(GET_ATR) == ATR
        card.tell(POWER_ON)
        assert await card.ask(SELECT) == SELECT + b"\x90\x00"
        long = bytes(4) + bytes.fromhex("00FDE8") + bytes(65_000)
        assert await card.ask(long) == long + b"\x90\x00"
        port.events.clear()
        card.tell(RESET)
        assert await card.ask(GET_ATR) == ATR
        assert port.events == ["reset"]


async def test_without_power_the_element_is_free_for_others(tmp_path: Path, reader: Reader) -> None:
    port = EchoPort()
    async with element(tmp_path / "s", port), bridge(tmp_path / "s", reader):
        card = await reader.card()
        card.tell(POWER_ON)
        await card.ask(SELECT)
        card.tell(POWER_OFF)
        assert await card.ask(GET_ATR) == ATR
        other = await SocketChannel.open(str(tmp_path / "s"))
        assert await asyncio.wait_for(other.transmit(SELECT), 10) == SELECT + b"\x90\x00"
        await other.close()
        card.tell(POWER_ON)
        assert await card.ask(SELECT) == SELECT + b"\x90\x00"


async def test_an_element_that_goes_takes_the_card_out_and_comes_back(
    tmp_path: Path, reader: Reader
) -> None:
    async with bridge(tmp_path / "s", reader) as told:
        for _ in range(2):
            async with element(tmp_path / "s", EchoPort()):
                card = await reader.card()
                card.tell(POWER_ON)
                assert await card.ask(SELECT) == SELECT + b"\x90\x00"
            card.tell(GET_ATR)
            assert await asyncio.wait_for(card.reader.read(), 10) == b""
            await hear(told, "start it with se run")


async def test_an_element_that_goes_while_idle_is_noticed(tmp_path: Path, reader: Reader) -> None:
    async with bridge(tmp_path / "s", reader):
        async with element(tmp_path / "s", EchoPort()):
            card = await reader.card()
            assert await card.ask(GET_ATR) == ATR
        card.tell(GET_ATR)
        assert await asyncio.wait_for(card.reader.read(), 10) == b""


async def test_a_reader_that_goes_is_joined_again(tmp_path: Path, reader: Reader) -> None:
    port = EchoPort()
    async with element(tmp_path / "s", port), bridge(tmp_path / "s", reader) as told:
        card = await reader.card()
        card.tell(POWER_ON)
        await card.ask(SELECT)
        await reader.stop()
        await hear(told, "start pcscd")
        assert port.events[-1] == "off"
        await reader.start()
        card = await reader.card()
        assert await card.ask(SELECT) == SELECT + b"\x90\x00"


@pytest.mark.parametrize("address", ["", "35963", ":35963", "localhost:", "localhost:70000"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(SlotAddressError, match="write HOST:PORT"):
        Slot("wired", tmp_path, address, ATR)


@pytest.mark.parametrize("atr", [b"", b"\x3b", b"\x00\x80", b"\x3b" * 34])
def test_an_atr_that_is_none_is_refused(tmp_path: Path, atr: bytes) -> None:
    with pytest.raises(SlotAddressError, match="ATR"):
        Slot("wired", tmp_path, "127.0.0.1:35963", atr)
