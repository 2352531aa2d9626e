"""The strap's GATT bytes over a Unix socket: the same exchanges, the same refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support.strap_pair import Echo, until
from wristlet.env.real import real_env
from wristlet.links.apdu_socket import Deframer, frame
from wristlet.links.bonds import BondFile
from wristlet.links.channel import LinkLost
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_link import StrapRefused
from wristlet.links.strap_open import opened_strap
from wristlet.links.strap_socket import SocketCarrier
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.socket_line import SocketLine
from wristlet.wire.strap import att, gatt
from wristlet.wire.strap.att import ErrorCode, Opcode, Pdu
from wristlet.wire.strap.concerns import Concern


class Served:
    """A strap's server behind a socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path / "phone.sock")
        self.env = real_env()
        self.server = GattServer(self.env)
        self.echo, self.other = Echo(), Echo()
        self.server.attach({Concern.APDU: self.echo, Concern.MESSAGES: self.other})
        self.server.offer(gatt.BATTERY_LEVEL, lambda: b"\x50")
        self.time = b"\0" * 10
        self.server.offer(gatt.CURRENT_TIME, lambda: self.time, self._set_time)
        self.lines: set[SocketLine] = set()

    def _set_time(self, value: bytes) -> None:
        self.time = value

    def line(self) -> SocketLine:
        line = SocketLine(self.server.serve, self.lines.discard)
        self.lines.add(line)
        return line

    def client(self) -> StrapClient:
        return StrapClient(self.env, lambda: SocketCarrier.connect(self.path))


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Served]:
    served = Served(path)
    server = await asyncio.get_running_loop().create_unix_server(served.line, served.path)
    try:
        yield served
    finally:
        server.close()
        await served.server.close()


async def test_requests_values_and_news_pass(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client, heard = served.client(), list[bytes]()
        assert await client.ask(Concern.APDU, b"abc") == b"cba"
        body = bytes(range(256)) * 100
        assert await client.ask(Concern.APDU, body) == body[::-1]
        assert await client.read(gatt.BATTERY_LEVEL) == b"\x50"
        with pytest.raises(StrapRefused, match="no such value"):
            await client.read(gatt.MODEL)
        with pytest.raises(StrapRefused, match="no such value"):
            await client.read(gatt.to_strap(Concern.APDU))
        client.listen(Concern.MESSAGES, heard.append)
        while not served.other.presence:
            await asyncio.sleep(0)
        served.server.news(Concern.MESSAGES, b"a call")
        while not heard:
            await asyncio.sleep(0)
        assert heard == [b"a call"]
        await client.close()


async def test_a_later_connection_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        first, second = served.client(), served.client()
        assert await first.ask(Concern.APDU, b"ab") == b"ba"
        assert await second.ask(Concern.APDU, b"cd") == b"dc"
        await first.close()
        assert await second.ask(Concern.APDU, b"ef") == b"fe"
        await second.close()


async def test_a_strap_out_of_reach_is_a_lost_link(tmp_path: Path) -> None:
    with pytest.raises(LinkLost, match="near"):
        await SocketCarrier.connect(str(tmp_path / "none"))


async def test_a_closed_connection_tells_who_waits(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        carrier = await SocketCarrier.connect(served.path)
        told: list[str] = []
        carrier.on_closed(lambda: told.append("first"))
        await carrier.close()
        carrier.on_closed(lambda: told.append("second"))
        assert told == ["first", "second"]
        with pytest.raises(LinkLost):
            await carrier.read(gatt.BATTERY_LEVEL)
        with pytest.raises(LinkLost):
            await carrier.subscribe(gatt.from_strap(Concern.APDU), told.append)  # type: ignore[arg-type] # never called
        carrier.write(gatt.to_strap(Concern.APDU), b"x")


async def spoken(path: str, *sent: bytes) -> list[Pdu]:
    """Send raw payloads and return as many answers."""
    reader, writer = await asyncio.open_unix_connection(path)
    for payload in sent:
        writer.write(frame(payload))
    deframer, answers = Deframer(), list[Pdu]()
    while len(answers) < len(sent):
        answers += [att.parse(one) for one in deframer.feed(await reader.read(4096))]
    writer.close()
    return answers


async def test_what_a_phone_may_not_do_is_refused_as_the_attribute_protocol_does(
    tmp_path: Path,
) -> None:
    battery = att.HANDLES[gatt.BATTERY_LEVEL]
    time = att.HANDLES[gatt.CURRENT_TIME]
    async with serving(tmp_path) as served:
        answers = await spoken(
            served.path,
            att.mtu_pdu(Opcode.MTU_REQUEST, 517),
            b"\xff",
            Pdu(Opcode.READ_REQUEST, 999).encode(),
            Pdu(Opcode.READ_REQUEST, att.HANDLES[gatt.to_strap(Concern.APDU)]).encode(),
            Pdu(Opcode.WRITE_REQUEST, battery, b"\x01").encode(),
            Pdu(Opcode.WRITE_REQUEST, time, bytes(range(10))).encode(),
            Pdu(Opcode.NOTIFICATION, battery, b"\x01").encode(),
        )
        assert answers[0] == Pdu(Opcode.MTU_RESPONSE, 0, b"\x05\x02")
        assert [one.opcode for one in answers[1:5]] == [Opcode.ERROR] * 4
        assert [one.value[-1] for one in answers[1:5]] == [
            ErrorCode.INVALID_PDU,
            ErrorCode.INVALID_HANDLE,
            ErrorCode.READ_NOT_PERMITTED,
            ErrorCode.WRITE_NOT_PERMITTED,
        ]
        assert answers[5] == Pdu(Opcode.WRITE_RESPONSE)
        assert served.time == bytes(range(10))
        assert answers[6].value[-1] == ErrorCode.REQUEST_NOT_SUPPORTED


async def test_a_strap_is_reached_by_url(tmp_path: Path) -> None:
    def bonds() -> BondFile:
        raise AssertionError("a socket has no bonds")

    async def compare(_: str) -> bool:
        raise AssertionError("a socket has no digits")

    async with serving(tmp_path) as served:
        async with opened_strap(served.env, f"unix:{served.path}", bonds, compare) as link:
            assert await link.ask(Concern.APDU, b"ab") == b"ba"
        await until(lambda: not served.server.is_serving)
        for url in ("", "unix:", "tcp:1", "ble:"):
            with pytest.raises(ValueError, match="unix:PATH"):
                async with opened_strap(served.env, url, bonds, compare):
                    pass
