"""The answering end of ISO 8583 links: known peers, overlapping requests, backpressure."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wristlet.crypto.mac import HopMac
from wristlet.links.iso8583_link import (
    FORMAT_ERROR,
    NETWORK_MANAGEMENT,
    BadMac,
    Handler,
    HostUnavailable,
    Link,
    managed,
    open_message,
    seal_message,
)
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.message import Iso8583Error, Message

log = logging.getLogger(__name__)

IN_FLIGHT_MAX: Final = 1_024
DRAIN_S: Final = 2.0


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


class ServerLink(Link):
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
        """Start a task for one request; the first message shows who the peer is."""
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
            if message.mti == NETWORK_MANAGEMENT:
                answer = managed(message)
            else:
                answer = await peer.handler(message)
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
        self.links: set[ServerLink] = set()
        self._peers = [_KnownPeer(name, peer) for name, peer in peers.items()]
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept connections on a listening socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: ServerLink(self), sock=listener)

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
