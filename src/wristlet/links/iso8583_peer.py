"""ISO 8583 between two hosts: pipelined requests, every message under the link's MAC.

Both carriers move the same bytes: `TcpClient` and `Iso8583Server` over a socket, `LoopbackClient`
within one process. A message with a wrong MAC ends the link; one that is authentic but cannot be
read is answered with response code 30.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from wristlet.crypto.mac import HopMac
from wristlet.env.base import Env
from wristlet.links.iso8583_link import (
    NETWORK_MANAGEMENT,
    BadMac,
    Handler,
    HostUnavailable,
    HostUnreachable,
    Link,
    RequestInFlight,
    managed,
    network_management,
    open_message,
    seal_message,
)
from wristlet.links.iso8583_server import Iso8583Server, Peer, serve
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.message import Iso8583Error, Message

__all__ = [
    "TIMEOUT_MS",
    "BadMac",
    "Handler",
    "HostUnavailable",
    "HostUnreachable",
    "Iso8583Client",
    "Iso8583Server",
    "LoopbackClient",
    "Peer",
    "RequestInFlight",
    "TcpClient",
    "network_management",
    "serve",
]

log = logging.getLogger(__name__)

Key: TypeAlias = tuple[object, ...]

# What an answer has in common with its request on every link: a terminal's request has neither
# institution (32) nor reference (37) yet, so time, number, terminal and merchant name it.
LINK_TRACE: Final = (7, 11, 41, 42)
TIMEOUT_MS: Final = 10_000


class Iso8583Client(Protocol):
    """Sends requests to one host."""

    async def request(self, message: Message, timeout_ms: int = TIMEOUT_MS) -> Message:
        """Return the host's answer; raises HostUnavailable or RequestInFlight."""
        ...


def _expected(request: Message) -> Key:
    """The key of the answer to a request: its type, so that no request passes for an answer."""
    return (iso.reply_type(request.mti), *map(request.fields.get, LINK_TRACE))


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
        if received.mti == NETWORK_MANAGEMENT:
            answer = managed(received)
        else:
            answer = await self._handler(received)
        opened = open_message(seal_message(answer, self._mac), self._mac)
        if _key(opened) != _expected(message):
            raise HostUnavailable("the host answered something else than was asked")
        return opened


@dataclass(slots=True, eq=False)
class _Waiting:
    future: asyncio.Future[Message]
    deadline_us: int


class _ClientLink(Link):
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
