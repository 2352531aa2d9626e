"""ISO 8583 between two hosts: pipelined requests, every message under the link's MAC.

Both carriers move the same bytes: `TcpClient` and `Iso8583Server` over a socket, `LoopbackClient`
within one process. A message with a wrong MAC ends the link; one that is authentic but cannot be
read is answered with response code 30.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol, TypeAlias, cast

from wristlet.crypto.mac import HopMac
from wristlet.env.base import Env
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.framing import Deframer, frame
from wristlet.wire.iso8583.message import Iso8583Error, Message

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Message], Awaitable[Message]]
Key: TypeAlias = tuple[object, ...]

# What an answer has in common with its request on every link: a terminal's request has neither
# institution (32) nor reference (37) yet, so time, number, terminal and merchant name it.
LINK_TRACE: Final = (7, 11, 41, 42)
TIMEOUT_MS: Final = 10_000
IN_FLIGHT_MAX: Final = 1_024
DRAIN_S: Final = 2.0

NETWORK_MANAGEMENT: Final = "0800"
SIGN_ON, ECHO = "001", "301"
APPROVED, FORMAT_ERROR = "00", "30"


class HostUnavailable(ConnectionError):
    """The other host did not answer: whether it did what was asked is unknown."""


class HostUnreachable(HostUnavailable):
    """There is no link to the other host: the request was never sent."""


class RequestInFlight(RuntimeError):
    """A request with the same trace is still unanswered: wait for its answer."""


class BadMac(ConnectionError):
    """A message came with a wrong MAC: the link is not to be trusted."""

    def __init__(self) -> None:
        super().__init__("a message's MAC is missing or wrong: do both ends hold the same hop key?")


class Iso8583Client(Protocol):
    """Sends requests to one host."""

    async def request(self, message: Message, timeout_ms: int = TIMEOUT_MS) -> Message:
        """Return the host's answer; raises HostUnavailable or RequestInFlight."""
        ...


def seal_message(message: Message, mac: HopMac) -> bytes:
    """Encode a message with its MAC in field 64 or 128; raises EncodeError."""
    return iso.encode(message, mac.compute)


def open_message(raw: bytes, mac: HopMac) -> Message:
    """Check a message's MAC, then decode it; raises BadMac or Iso8583Error."""
    if not iso.has_valid_mac(raw, mac.compute):
        raise BadMac
    return iso.decode(raw)


def network_management(now_ms: int, stan: int, code: str = ECHO) -> Message:
    """Return an 0800: `code` is field 70, 001 to sign on, 301 for an echo."""
    sent = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%m%d%H%M%S")
    return Message(NETWORK_MANAGEMENT, {7: sent, 11: f"{stan:06d}", 70: code})


async def answer_to(message: Message, handler: Handler) -> Message:
    """Answer network management here and everything else by the handler."""
    if message.mti == NETWORK_MANAGEMENT:
        return iso.reply(message, {39: APPROVED})
    return await handler(message)


_reply_type = lru_cache(64)(iso.reply_type)


def _expected(request: Message) -> Key:
    """The key of the answer to a request: its type, so that no request passes for an answer."""
    return (_reply_type(request.mti), *map(request.fields.get, LINK_TRACE))


def _key(answer: Message) -> Key:
    return (answer.mti, *map(answer.fields.get, LINK_TRACE))


class LoopbackClient:
    """A host in the same process: messages are still encoded, sealed, opened and decoded."""

    def __init__(self, handler: Handler, mac_key: bytes) -> None:
        self._handler = handler
        self._mac = HopMac(mac_key)

    async def request(self, message: Message, timeout_ms: int = TIMEOUT_MS) -> Message:
        """Return the handler's answer; patience is the handler's own, `timeout_ms` is unused."""
        received = open_message(seal_message(message, self._mac), self._mac)
        answer = await answer_to(received, self._handler)
        opened = open_message(seal_message(answer, self._mac), self._mac)
        if _key(opened) != _expected(message):
            raise HostUnavailable("the host answered something else than was asked")
        return opened


class _Link(asyncio.Protocol):
    """One end of a connection: frames in, and all frames of a loop turn out in one write."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()
        self._deframer = Deframer()
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        _no_delay(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        try:
            for raw in self._deframer.feed(data):
                self.received(raw)
        except (BadMac, DecodeError) as error:
            log.warning("ISO 8583 link dropped: %s", error)
            self.drop()

    def received(self, raw: bytes) -> None:
        """Take one message; BadMac or DecodeError end the link."""
        raise NotImplementedError

    def send(self, raw: bytes) -> None:
        """Write a message at the end of this turn of the loop, joined with the others."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(frame(raw))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"".join(out))

    def drop(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()


@dataclass(slots=True, eq=False)
class _Waiting:
    future: asyncio.Future[Message]
    deadline_us: int


class _ClientLink(_Link):
    def __init__(self, mac: HopMac) -> None:
        super().__init__()
        self._mac = mac
        self.waiting: dict[Key, _Waiting] = {}

    def received(self, raw: bytes) -> None:
        try:
            answer = open_message(raw, self._mac)
        except Iso8583Error as error:
            log.warning("an answer cannot be read: %s", error)
            return
        entry = self.waiting.pop(_key(answer), None)
        if entry is None:
            log.info("a late or unknown %s is dropped", answer.mti)
        elif not entry.future.done():
            entry.future.set_result(answer)

    def expire(self, now_us: int) -> None:
        """Give up what has waited long enough."""
        for key, entry in list(self.waiting.items()):
            if entry.deadline_us <= now_us:
                del self.waiting[key]
                _fail(entry, "the host did not answer in time")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        entries, self.waiting = list(self.waiting.values()), {}
        for entry in entries:
            _fail(entry, "the host closed the link before it answered")


def _fail(entry: _Waiting, reason: str) -> None:
    if not entry.future.done():
        entry.future.set_exception(HostUnavailable(reason))


class TcpClient:
    """A host behind TCP; connects at the first request and again after a loss.

    Requests overlap; an answer is matched by its type and trace, one that comes too late is
    dropped. One watcher serves all deadlines.
    """

    def __init__(self, address: str, mac_key: bytes, env: Env) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._mac = HopMac(mac_key)
        self._clock = env.clock
        self._link: _ClientLink | None = None
        self._connecting = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None
        self._next_us = 0

    async def request(self, message: Message, timeout_ms: int = TIMEOUT_MS) -> Message:
        """Return the host's answer; raises HostUnavailable or RequestInFlight."""
        key = _expected(message)
        raw = seal_message(message, self._mac)
        link = self._link
        if link is None or link.transport is None:
            link = await self._connected(timeout_ms)
        if key in link.waiting:
            raise RequestInFlight("a request with the same trace is unanswered; await its answer")
        deadline_us = self._clock.monotonic_us() + timeout_ms * 1000
        entry = _Waiting(asyncio.get_running_loop().create_future(), deadline_us)
        link.waiting[key] = entry
        link.send(raw)
        self._watch(deadline_us)
        try:
            return await entry.future
        finally:
            if link.waiting.get(key) is entry:
                del link.waiting[key]

    async def close(self) -> None:
        """Close the link; requests under way fail."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._link is not None and self._link.transport is not None:
            self._link.drop()
            await self._link.lost.wait()

    async def _connected(self, timeout_ms: int) -> _ClientLink:
        async with self._connecting:
            if self._link is not None and self._link.transport is not None:
                return self._link
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(timeout_ms / 1000):
                    _, link = await loop.create_connection(
                        lambda: _ClientLink(self._mac), self._host, self._port
                    )
            except OSError as error:
                where = f"{self._host}:{self._port}"
                raise HostUnreachable(f"no host answers at {where}; is it running?") from error
            self._link = link
            return link

    def _watch(self, deadline_us: int) -> None:
        """Have somebody awake at the deadline."""
        if self._watcher is not None and not self._watcher.done():
            if self._next_us <= deadline_us:
                return
            self._watcher.cancel()
        self._next_us = deadline_us
        self._watcher = asyncio.get_running_loop().create_task(self._expire())

    async def _expire(self) -> None:
        while True:
            now_us = self._clock.monotonic_us()
            await self._clock.sleep_ms(-(-(self._next_us - now_us) // 1000))
            link = self._link
            if link is None:
                return
            link.expire(self._clock.monotonic_us())
            if not link.waiting:
                return
            self._next_us = min(entry.deadline_us for entry in link.waiting.values())


@dataclass(frozen=True, slots=True)
class Peer:
    """Who may connect to a server: the link's MAC key, and who answers its requests."""

    mac_key: bytes = field(repr=False)
    handler: Handler


class _KnownPeer:
    __slots__ = ("handler", "mac", "name")

    def __init__(self, name: str, peer: Peer) -> None:
        self.name = name
        self.mac = HopMac(peer.mac_key)
        self.handler = peer.handler


class _ServerLink(_Link):
    """Answers each request as it finishes, so that requests on one connection overlap.

    Reading stops while too many are under way or the peer does not take its answers.
    """

    def __init__(self, server: Iso8583Server) -> None:
        super().__init__()
        self._server = server
        self._peer: _KnownPeer | None = None
        self._is_paused = False
        self._is_full = False
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._server.links.discard(self)

    def received(self, raw: bytes) -> None:
        peer = self._peer
        if peer is None:
            peer = self._peer = self._server.identify(raw)
        try:
            message = open_message(raw, peer.mac)
        except Iso8583Error as error:
            log.warning("a message from %s cannot be read: %s", peer.name, error)
            self._refuse(error.partial, peer)
            return
        task = asyncio.get_running_loop().create_task(self._answer(message, peer))
        self.tasks.add(task)
        task.add_done_callback(self._finished)
        if len(self.tasks) >= self._server.in_flight_max:
            self._is_paused = True
            self._regulate()

    def _refuse(self, partial: Message, peer: _KnownPeer) -> None:
        """Answer what cannot be read with as much of it as could be; DecodeError if too little."""
        try:
            self.send(seal_message(iso.reply(partial, {39: FORMAT_ERROR}), peer.mac))
        except EncodeError:
            raise DecodeError("cannot be read nor answered", path=("message",)) from None

    async def _answer(self, message: Message, peer: _KnownPeer) -> None:
        try:
            answer = await answer_to(message, peer.handler)
            self.send(seal_message(answer, peer.mac))
        except HostUnavailable as error:
            log.warning("no answer to a %s from %s: %s", message.mti, peer.name, error)
        except Exception as error:  # noqa: BLE001 - one request's failure is not the others'
            # Where, not what: an unexpected text may quote a value.
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error(
                "no answer to a %s from %s: unexpected %s at %s:%s",
                *(message.mti, peer.name, type(error).__name__, place.filename, place.lineno),
            )

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if self._is_paused and len(self.tasks) <= self._server.in_flight_max // 2:
            self._is_paused = False
            self._regulate()

    def pause_writing(self) -> None:
        self._is_full = True
        self._regulate()

    def resume_writing(self) -> None:
        self._is_full = False
        self._regulate()

    def _regulate(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self._is_paused or self._is_full:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    async def drain(self, patience_s: float) -> None:
        """Take nothing more, finish what is under way, then close."""
        if self.transport is not None:
            self.transport.pause_reading()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=patience_s)
        self._flush()
        if self.transport is None:
            return
        self.transport.close()
        try:
            async with asyncio.timeout(patience_s):
                await self.lost.wait()
        except TimeoutError:
            self.drop()
            await self.lost.wait()


class Iso8583Server:
    """Serves the peers that it shares a MAC key with; the first message shows which one it is."""

    def __init__(self, peers: Mapping[str, Peer], in_flight_max: int = IN_FLIGHT_MAX) -> None:
        """Take the peers by name; `in_flight_max` is per connection."""
        self.in_flight_max = in_flight_max
        self.links: set[_ServerLink] = set()
        self._peers = [_KnownPeer(name, peer) for name, peer in peers.items()]
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept connections on a listening socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _ServerLink(self), sock=listener)

    def identify(self, raw: bytes) -> _KnownPeer:
        """Return the peer whose key made a message's MAC; raises BadMac if none did."""
        for peer in self._peers:
            if iso.has_valid_mac(raw, peer.mac.compute):
                return peer
        raise BadMac

    async def close(self, patience_s: float = DRAIN_S) -> None:
        """Stop accepting, let requests under way finish for a moment, close every connection."""
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*(link.drain(patience_s) for link in list(self.links)))


async def serve(listener: socket.socket, handler: Handler, mac_key: bytes) -> Iso8583Server:
    """Serve one peer on a listening socket."""
    server = Iso8583Server({"peer": Peer(mac_key, handler)})
    await server.start(listener)
    return server


def _no_delay(transport: asyncio.Transport) -> None:
    """Switch Nagle's algorithm off: messages are whole, waiting for more only adds delay."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
