"""APDUs over a stream socket in the framing of vsmartcard's vpcd: 2-byte length, then payload.

A one-byte payload is a reader event (00 off, 01 on, 02 reset, 04 ask for the ATR); anything longer
is a command APDU. Only the ATR request and APDUs are answered.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from pathlib import Path
from typing import Final, cast

from wristlet.links.channel import CardPort, LinkLost

LENGTH_SIZE: Final = 2
_GONE: Final = "the card's end of the link went away before it answered"
POWER_OFF, POWER_ON, RESET, GET_ATR = b"\x00", b"\x01", b"\x02", b"\x04"


def frame(payload: bytes) -> bytes:
    """Prefix a payload with its 2-byte length."""
    return len(payload).to_bytes(LENGTH_SIZE, "big") + payload


class Deframer:
    """Cuts a byte stream into payloads."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes and return every payload that is now complete."""
        buffer = self._pending + data if self._pending else bytes(data)
        payloads, at = [], 0
        while len(buffer) - at >= LENGTH_SIZE:
            start = at + LENGTH_SIZE
            end = start + int.from_bytes(buffer[at:start], "big")
            if end > len(buffer):
                break
            payloads.append(buffer[start:end])
            at = end
        self._pending = buffer[at:]
        return payloads


def answer_event(port: CardPort, payload: bytes) -> bytes | None:
    """Do what one payload asks of the card; return the answer if its kind has one."""
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
        self._early = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream transport; that of uvloop does not derive from asyncio's class.
        self.transport = cast("asyncio.Transport", transport)
        self._server.enter(self)

    def data_received(self, data: bytes) -> None:
        if not self._server.is_served(self):
            # The pause came too late for these: they wait with the reader.
            self._early += data
            return
        answers = [
            frame(answer)
            for payload in self._deframer.feed(data)
            if (answer := answer_event(self._server.port, payload)) is not None
        ]
        if answers and self.transport is not None:
            self.transport.write(b"".join(answers))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._server.leave(self)

    def wait(self) -> None:
        """Take nothing from the reader until it is its turn."""
        if self.transport is not None:
            self.transport.pause_reading()

    def go_on(self) -> None:
        """Serve the reader from now on."""
        if self.transport is not None:
            self.transport.resume_reading()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def drop(self) -> None:
        """End the connection."""
        if self.transport is not None:
            self.transport.abort()


class CardServer:
    """Serves one card port; a second reader waits until the first has gone."""

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
        """Stop accepting and drop every reader; the card loses power."""
        if self._server is not None:
            self._server.close()
        for reader in list(self._queue):
            reader.drop()
        await asyncio.sleep(0)

    def is_served(self, reader: _CardProtocol) -> bool:
        """Say whether it is this reader that holds the card."""
        return bool(self._queue) and self._queue[0] is reader

    def enter(self, reader: _CardProtocol) -> None:
        """Queue a reader; all but the first wait."""
        self._queue.append(reader)
        if self.is_served(reader):
            self.port.power_on()
        else:
            reader.wait()

    def leave(self, reader: _CardProtocol) -> None:
        """Forget a reader; when it held the card, power the card off and let the next one in."""
        held = self.is_served(reader)
        self._queue.remove(reader)
        if not held:
            return
        self.port.power_off()
        if self._queue:
            self.port.power_on()
            self._queue[0].go_on()


class SocketChannel:
    """The reader's end: an `ApduChannel` over a connected socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()
        self._in_step = True

    @classmethod
    async def open(cls, address: str) -> SocketChannel:
        """Connect to `HOST:PORT` or to the path of a Unix socket; raises OSError."""
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
            try:
                self._writer.write(frame(event))
                await self._writer.drain()
            except OSError as error:
                raise LinkLost(_GONE) from error

    async def _ask(self, payload: bytes) -> bytes:
        async with self._lock:
            if not self._in_step:
                raise LinkLost("an answer was not waited for; connect to the card anew")
            # Whoever gives up waiting leaves an answer behind that belongs to nobody.
            self._in_step = False
            try:
                self._writer.write(frame(payload))
                await self._writer.drain()
                length = int.from_bytes(await self._reader.readexactly(LENGTH_SIZE), "big")
                answer = await self._reader.readexactly(length)
            except (OSError, asyncio.IncompleteReadError) as error:
                raise LinkLost(_GONE) from error
            self._in_step = True
            return answer
