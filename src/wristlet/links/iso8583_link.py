"""What both ends of an ISO 8583 link share: sealed messages, framing, joined writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias, cast

from wristlet.crypto.mac import MAC_SIZE, HopMac
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.framing import Deframer, frame
from wristlet.wire.iso8583.message import Message

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Message], Awaitable[Message]]

NETWORK_MANAGEMENT: Final = "0800"
SIGN_ON, ECHO = "001", "301"
APPROVED, FORMAT_ERROR = "00", "30"
JOINED_MAX: Final = 16
"""More would let the next host wait for work that is already there."""


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


def seal_message(message: Message, mac: HopMac) -> bytes:
    """Encode a message with its MAC in field 64 or 128; raises EncodeError.

    One that came over another link and is passed on unchanged keeps its bytes but for the MAC.
    """
    if message.raw and iso.has_mac(message.raw):
        body = message.raw[:-MAC_SIZE]
        return body + mac.compute(body)
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


def managed(message: Message) -> Message:
    """Return the answer to network management, which needs no handler."""
    return iso.reply(message, {39: APPROVED})


class Link(asyncio.Protocol):
    """One end of a connection: frames in, and the frames of a loop turn out in few writes."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()
        self._deframer = Deframer()
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        """Hand on every message that is now whole; one that cannot be trusted ends the link."""
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
        """Write a message joined with others, at the end of this turn of the loop at the latest."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(frame(raw))
        if len(self._out) >= JOINED_MAX:
            self._flush()

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"".join(out))

    def drop(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()
