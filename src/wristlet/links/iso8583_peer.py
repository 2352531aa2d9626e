"""ISO 8583 between two hosts: pipelined requests over TCP, each message under the hop's MAC.

Both carriers move the same bytes: `TcpClient`/`Iso8583Server` over a socket, `LoopbackClient` within one process.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

from wristlet.crypto.mac import HopMac
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.framing import Deframer, frame
from wristlet.wire.iso8583.message import Message

log = logging.getLogger(__name__)

Handler = Callable[[Message], Awaitable[Message]]


class HostUnavailable(ConnectionError):
    """The other host did not answer: the outcome of the request is unknown to the sender."""


class BadMac(ConnectionError):
    """A message came with a wrong MAC; the link is not to be trusted."""


class Iso8583Client(Protocol):
    """Sends requests to one host."""

    async def request(self, message: Message, timeout_ms: int = 10_000) -> Message:
        """Return the host's answer; raises HostUnavailable."""
        ...


def seal_message(message: Message, mac: HopMac) -> bytes:
    """Encode a message with its MAC in DE 64 or DE 128."""
    return iso.encode(message, mac=mac.compute)


def open_message(raw: bytes, mac: HopMac) -> Message:
    """Decode a message and check its MAC; raises BadMac or DecodeError."""
    message = iso.decode(raw)
    number = 128 if 128 in message.fields else 64
    tag = message.fields.get(number)
    if not isinstance(tag, bytes) or not mac.matches(iso.mac_input(raw), tag):
        raise BadMac("the message's MAC is missing or wrong; check that both hosts hold the same hop key")
    return message


def _key(message: Message) -> tuple[object, ...]:
    return (message.mti[:2], *iso.trace_key(message))


class LoopbackClient:
    """A host in the same process: messages are still encoded, sealed, opened and decoded."""

    def __init__(self, handler: Handler, mac_key: bytes) -> None:
        self._handler = handler
        self._mac = HopMac(mac_key)

    async def request(self, message: Message, timeout_ms: int = 10_000) -> Message:
        """Return the handler's answer; `timeout_ms` is the caller's patience and unused here."""
        del timeout_ms
        received = open_message(seal_message(message, self._mac), self._mac)
        answer = await self._handler(received)
        return open_message(seal_message(answer, self._mac), self._mac)


class _ClientProtocol(asyncio.Protocol):
    def __init__(self, mac: HopMac) -> None:
        self._mac = mac
        self._deframer = Deframer()
        self.transport: asyncio.Transport | None = None
        self.waiting: dict[tuple[object, ...], asyncio.Future[Message]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio gives streams here
        self.transport = transport
        no_delay(transport)

    def data_received(self, data: bytes) -> None:
        try:
            for raw in self._deframer.feed(data):
                message = open_message(raw, self._mac)
                future = self.waiting.pop(_key(message), None)
                if future is not None and not future.done():
                    future.set_result(message)
        except (BadMac, DecodeError) as error:
            log.warning("host link dropped: %s", type(error).__name__)
            assert self.transport is not None  # noqa: S101 - set by connection_made
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(HostUnavailable("the host closed the link before it answered"))
        self.waiting.clear()


class TcpClient:
    """A host behind TCP; connects at the first request and again after a loss."""

    def __init__(self, address: str, mac_key: bytes) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host, int(port)
        self._mac = HopMac(mac_key)
        self._protocol: _ClientProtocol | None = None
        self._lock = asyncio.Lock()

    async def request(self, message: Message, timeout_ms: int = 10_000) -> Message:
        """Return the host's answer; raises HostUnavailable when none comes in time."""
        protocol = await self._connected()
        key = _key(message)
        if key in protocol.waiting:
            raise HostUnavailable("a request with the same trace key is still unanswered; wait for it")
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        protocol.waiting[key] = future
        try:
            assert protocol.transport is not None  # noqa: S101 - _connected checked it
            protocol.transport.write(frame(seal_message(message, self._mac)))
            async with asyncio.timeout(timeout_ms / 1000):
                return await future
        except TimeoutError as error:
            raise HostUnavailable("the host did not answer in time") from error
        finally:
            protocol.waiting.pop(key, None)

    async def close(self) -> None:
        """Close the link."""
        if self._protocol is not None and self._protocol.transport is not None:
            self._protocol.transport.close()

    async def _connected(self) -> _ClientProtocol:
        async with self._lock:
            if self._protocol is None or self._protocol.transport is None:
                loop = asyncio.get_running_loop()
                try:
                    _, self._protocol = await loop.create_connection(
                        lambda: _ClientProtocol(self._mac), self._host, self._port
                    )
                except OSError as error:
                    where = f"{self._host}:{self._port}"
                    raise HostUnavailable(f"no host answers at {where}; is it running?") from error
            return self._protocol


class _ServerProtocol(asyncio.Protocol):
    """Answers each request as it finishes, so that requests on one connection overlap."""

    def __init__(self, server: Iso8583Server) -> None:
        self._server = server
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio gives streams here
        self._transport = transport
        no_delay(transport)
        self._server.connections.add(transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None  # noqa: S101 - set by connection_made
        try:
            for raw in self._deframer.feed(data):
                task = asyncio.ensure_future(self._answer(open_message(raw, self._server.mac)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (BadMac, DecodeError) as error:
            log.warning("host link dropped: %s", type(error).__name__)
            self._transport.abort()

    async def _answer(self, message: Message) -> None:
        try:
            answer = await self._server.answer(message)
        except Exception:
            log.exception("no answer to a %s", message.mti)
            return
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(frame(seal_message(answer, self._server.mac)))

    def _flush(self) -> None:
        """Write all answers of this turn of the loop at once: one system call for many messages."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._server.connections.discard(self._transport)


class Iso8583Server:
    """Serves one handler; network management (0800) is answered here."""

    def __init__(self, handler: Handler, mac_key: bytes) -> None:
        self._handler = handler
        self.mac = HopMac(mac_key)
        self.connections: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept connections on a bound socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _ServerProtocol(self), sock=listener)

    async def answer(self, message: Message) -> Message:
        """Answer one message: 0800 with 0810, everything else by the handler."""
        if message.mti == "0800":
            return iso.reply(message, {39: "00"})
        return await self._handler(message)

    async def close(self) -> None:
        """Stop accepting and drop every connection."""
        if self._server is not None:
            self._server.close()
        for transport in list(self.connections):
            transport.abort()


def no_delay(transport: asyncio.Transport) -> None:
    """Switch Nagle's algorithm off: a message is always whole, so waiting for more only adds delay."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
