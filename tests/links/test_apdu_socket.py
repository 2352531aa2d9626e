"""Cards behind sockets: framing, one reader at a time, power that follows the connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.cards import ScriptedPort
from support.transports import FakeTransport
from wristlet.links.apdu_socket import (
    CardServer,
    Deframer,
    SocketChannel,
    _CardProtocol,
    answer_event,
    frame,
)
from wristlet.links.channel import LinkLost
from wristlet.links.process import address_of, open_listener

SELECT = bytes.fromhex("00A4040000")


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


@asynccontextmanager
async def served(port: ScriptedPort, path: Path | None = None) -> AsyncIterator[str]:
    if path is None:
        listener = open_listener("127.0.0.1:0")
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
    address = address_of(listener)
    server = CardServer(port)
    await server.start(listener)
    try:
        yield address
    finally:
        await server.close()
        await until(lambda: not server._queue)


@given(st.lists(st.binary(max_size=300), max_size=8), st.data())
def test_payloads_survive_any_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    deframer, found = Deframer(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += deframer.feed(stream[:size])
        stream = stream[size:]
    assert found == payloads


@pytest.mark.parametrize(
    ("payload", "events", "answer"),
    [
        (b"\x00", ["off"], None),
        (b"\x01", ["on"], None),
        (b"\x02", ["reset"], None),
        (b"\x04", [], b"\x3b\x00"),
        (b"\x05", [], None),
        (b"", [], None),
        (SELECT, [SELECT], b"\xa4\x90\x00"),
    ],
)
def test_each_payload_does_its_thing(
    payload: bytes, events: list[str | bytes], answer: bytes | None
) -> None:
    port = ScriptedPort()
    assert answer_event(port, payload) == answer
    assert port.events == events


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_commands_cross_and_power_follows_the_reader(kind: str, tmp_path: Path) -> None:
    port = ScriptedPort()
    async with served(port, tmp_path / "card" if kind == "unix" else None) as address:
        channel = await SocketChannel.open(address)
        assert await channel.transmit(SELECT) == b"\xa4\x90\x00"
        assert await channel.atr() == b"\x3b\x00"
        await channel.reset()
        await channel.power_off()
        await channel.power_on()
        await channel.close()
        await until(lambda: port.events.count("off") == 2)
    assert port.events == ["on", SELECT, "reset", "off", "on", "off"]


async def test_second_reader_waits_until_the_first_has_gone() -> None:
    port = ScriptedPort()
    async with served(port) as address:
        first = await SocketChannel.open(address)
        await first.transmit(b"\x00\x01\x00\x00")
        second = await SocketChannel.open(address)
        waiting = asyncio.create_task(second.transmit(b"\x00\x02\x00\x00"))
        for number in range(3, 6):
            await first.transmit(bytes((0, number, 0, 0)))
        assert not waiting.done()
        await first.close()
        assert await waiting == b"\x02\x90\x00"
        await second.close()
        await until(lambda: port.events.count("off") == 2)
    commands = [event if isinstance(event, str) else event[1] for event in port.events]
    assert commands == ["on", 1, 3, 4, 5, "off", "on", 2, "off"]


async def test_commands_that_come_before_their_turn_wait_for_it() -> None:
    port = ScriptedPort()
    server = CardServer(port)
    readers = [_CardProtocol(server), _CardProtocol(server)]
    transports = [FakeTransport(), FakeTransport()]
    for reader, transport in zip(readers, transports, strict=True):
        reader.connection_made(transport)
    assert [transport.reading for transport in transports] == [True, False]
    for part in (frame(SELECT)[:3], frame(SELECT)[3:]):
        readers[1].data_received(part)
    assert SELECT not in port.events
    readers[0].connection_lost(None)
    assert port.events == ["on", "off", "on", SELECT]
    assert transports[1].writes == [frame(b"\xa4\x90\x00")]
    assert transports[1].reading


async def test_reader_that_gives_up_waiting_is_forgotten() -> None:
    port = ScriptedPort()
    async with served(port) as address:
        first, second, third = [await SocketChannel.open(address) for _ in range(3)]
        await first.transmit(SELECT)
        await second.close()
        waiting = asyncio.create_task(third.transmit(SELECT))
        await first.close()
        assert await waiting == b"\xa4\x90\x00"
        await third.close()


async def test_commands_in_one_packet_are_answered_in_order() -> None:
    port = ScriptedPort()
    async with served(port) as address:
        host, _, number = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(number))
        writer.write(b"".join(frame(bytes((0, n, 0, 0))) for n in range(20)))
        expected = b"".join(frame(bytes((n, 0x90, 0))) for n in range(20))
        assert await reader.readexactly(len(expected)) == expected
        writer.close()
        await writer.wait_closed()


async def test_card_that_goes_away_is_a_lost_link() -> None:
    port = ScriptedPort()
    async with served(port) as address:
        channel = await SocketChannel.open(address)
        await channel.transmit(SELECT)
    for _ in range(2):
        with pytest.raises(LinkLost):
            await channel.transmit(SELECT)
    await channel.close()
    assert port.events[-1] == "off"


async def test_answer_nobody_waited_for_is_never_taken_for_another() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    channel = await SocketChannel.open(address_of(server.sockets[0]))
    task = asyncio.create_task(channel.transmit(SELECT))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(LinkLost, match="anew"):
        await channel.transmit(SELECT)
    await channel.close()
    server.close()
    await server.wait_closed()


async def test_nobody_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await SocketChannel.open(str(tmp_path / "none"))
