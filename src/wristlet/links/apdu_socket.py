"""APDUs over a stream socket in the framing of vsmartcard's vpcd: 2-byte length, then payload.

A one-byte payload is a reader event (00 off, 01 on, 02 reset, 04 ask for the ATR); anything longer is a command
APDU. Only the ATR request and APDUs are answered.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from pathlib import Path
from typing import cast

from wristlet.links.channel import CardPort, LinkLost

POWER_OFF, POWER_ON, RESET, GET_ATR = b"\x00", b"\x01", b"\x02", b"\x04"


def frame(payload: bytes) -> bytes:
    """Prefix a payload with its 2-byte length."""
    return len(payload).to_bytes(2, "big") + payload


class Deframer:
    """Cuts a byte stream into payloads."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes and return every payload that is now complete."""
        self._buffer += data
        payloads: list[bytes] = []
        while len(self._buffer) >= 2:
            end = 2 + int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < end:
                break
            payloads.append(bytes(self._buffer[2:end]))
            del self._buffer[:end]
        return payloads


def answer_event(port: CardPort, payload: bytes) -> bytes | None:
    """Do what one payload asks of the card and return the answer, if this kind of payload has one."""
    if len(payload) > 1:
        return port.process(payload)
    if payload == GET_ATR:
        return port.atr()
    action = {POWER_OFF: port.power_off, POWER_ON: port.power_on, RESET: port.reset}.get(payload)
    if action is not None:
        action()
    return None


class _CardProtocol(asyncio.Protocol):
    """One reader's connection; the server lets one reader at a time at the card."""

    def __init__(self, server: CardServer) -> None:
        self._server = server
        self._deframer = Deframer()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream transport; that of uvloop does not derive from asyncio's class.
        self.transport = cast("asyncio.Transport", transport)
        self._server.enter(self)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None  # noqa: S101 - set by connection_made
        for payload in self._deframer.feed(data):
            answer = answer_event(self._server.port, payload)
            if answer is not None:
                self.transport.write(frame(answer))

    def connection_lost(self, error: Exception | None) -> None:
        self._server.leave(self)


class CardServer:
    """Serves one card port on a listening socket; a second reader waits until the first has gone."""

    def __init__(self, port: CardPort) -> None:
        self.port = port
        self._queue: deque[_CardProtocol] = deque()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept readers on a bound socket (Unix or TCP)."""
        loop = asyncio.get_running_loop()
        make = loop.create_unix_server if listener.family == socket.AF_UNIX else loop.create_server
        self._server = await make(lambda: _CardProtocol(self), sock=listener)

    async def close(self) -> None:
        """Stop accepting and drop every reader."""
        if self._server is not None:
            self._server.close()
        for waiting in list(self._queue):
            if waiting.transport is not None:
                waiting.transport.abort()

    def enter(self, reader: _CardProtocol) -> None:
        """Queue a reader; all but the first are paused."""
        self._queue.append(reader)
        if len(self._queue) > 1 and reader.transport is not None:
            reader.transport.pause_reading()
        else:
            self.port.power_on()

    def leave(self, reader: _CardProtocol) -> None:
        """Forget a reader; when it held the card, power the card off and let the next one in."""
        held = bool(self._queue) and self._queue[0] is reader
        self._queue.remove(reader)
        if not held:
            return
        self.port.power_off()
        if self._queue:
            self.port.power_on()
            following = self._queue[0].transport
            if following is not None:
                following.resume_reading()


class SocketChannel:
    """The reader's end: an `ApduChannel` over a connected socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, address: str) -> SocketChannel:
        """Connect to `HOST:PORT` or to the path of a Unix socket."""
        host, colon, port = address.rpartition(":")
        if colon and port.isdigit() and "/" not in address:
            return cls(*await asyncio.open_connection(host, int(port)))
        return cls(*await asyncio.open_unix_connection(str(Path(address))))

    async def transmit(self, command: bytes) -> bytes:
        """Send one command APDU and wait for the answer; raises LinkLost."""
        return await self._ask(command)

    async def atr(self) -> bytes:
        """Ask for the answer to reset; raises LinkLost."""
        return await self._ask(GET_ATR)

    async def reset(self) -> None:
        """Reset the card."""
        await self._tell(RESET)

    async def power_off(self) -> None:
        """Take the field or power away."""
        await self._tell(POWER_OFF)

    async def power_on(self) -> None:
        """Give the field or power back."""
        await self._tell(POWER_ON)

    async def close(self) -> None:
        """Close the connection; the card loses power."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    async def _tell(self, event: bytes) -> None:
        async with self._lock:
            self._writer.write(frame(event))
            await self._writer.drain()

    async def _ask(self, payload: bytes) -> bytes:
        async with self._lock:
            try:
                self._writer.write(frame(payload))
                await self._writer.drain()
                length = int.from_bytes(await self._reader.readexactly(2), "big")
                return await self._reader.readexactly(length)
            except (OSError, asyncio.IncompleteReadError) as error:
                raise LinkLost("the card's end of the link went away before it answered") from error
