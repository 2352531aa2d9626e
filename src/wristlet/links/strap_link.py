"""The phone's end of the link to the strap's processor, and the framing both ends use.

Each message is a 2-byte length, one kind byte and a body: 41 APDU, 50 pairing offer (the phone's
public point; the answer is the strap's commitment), 52 the phone's random number (the answer is the
strap's), 53 status. Answers carry the same kind; 45 is a refusal with a plain reason. APDU bodies
are protected end to end between phone or TSP and secure element: the strap's processor only passes
them on.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from wristlet.links.channel import LinkLost

KIND_APDU, KIND_PAIR, KIND_REVEAL, KIND_STATUS, KIND_REFUSED = 0x41, 0x50, 0x52, 0x53, 0x45
BODY_MAX: Final = 0xFFFE


@dataclass(frozen=True, slots=True)
class StrapStatus:
    """What the strap's own processor knows; `display` is what its face shows now."""

    worn: bool
    paired_pending: bool
    display: str


class StrapRefused(Exception):
    """The strap's processor did not do it and says why."""


class StrapLink(Protocol):
    """What a phone can ask of a strap; also an `ApduChannel` to the secure element behind it."""

    async def transmit(self, command: bytes) -> bytes:
        """Relay one APDU to the secure element; raises LinkLost."""
        ...

    async def pair_offer(self, public_point: bytes) -> bytes:
        """Offer the phone's key for the first pairing; return the strap's commitment."""
        ...

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        """Give the phone's random number; return the strap's, which then shows six digits."""
        ...

    async def status(self) -> StrapStatus:
        """Ask for the strap's state; raises LinkLost."""
        ...


def frame(kind: int, body: bytes) -> bytes:
    """Build one message; ValueError for a body above 65,534 bytes."""
    if len(body) > BODY_MAX:
        raise ValueError(f"strap link: a body has at most {BODY_MAX} bytes, got {len(body)}")
    return (len(body) + 1).to_bytes(2, "big") + bytes((kind,)) + body


def encode_status(status: StrapStatus) -> bytes:
    """Encode a status answer."""
    return json.dumps(asdict(status)).encode()


def decode_status(body: bytes) -> StrapStatus:
    """Decode a status answer; LinkLost for anything else: the peer is then no strap."""
    try:
        fields = json.loads(body)
        worn, pending = bool(fields["worn"]), bool(fields["paired_pending"])
        return StrapStatus(worn, pending, str(fields["display"]))
    except (ValueError, KeyError, TypeError) as error:
        raise LinkLost("the strap's status answer could not be read") from error


async def read_message(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one message; IncompleteReadError at the end, ValueError for an empty one."""
    length = int.from_bytes(await reader.readexactly(2), "big")
    if length == 0:
        raise ValueError("strap link: message without a kind byte")
    payload = await reader.readexactly(length)
    return payload[0], payload[1:]


class SocketStrapLink:
    """A strap behind a Unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()
        self._in_step = True

    @classmethod
    async def open(cls, path: str) -> SocketStrapLink:
        """Connect to the strap's phone socket; raises LinkLost."""
        try:
            return cls(*await asyncio.open_unix_connection(path))
        except OSError as error:
            raise LinkLost("the strap cannot be reached; is it near and switched on?") from error

    async def transmit(self, command: bytes) -> bytes:
        """Relay one APDU to the secure element; raises LinkLost."""
        return await self._ask(KIND_APDU, command)

    async def pair_offer(self, public_point: bytes) -> bytes:
        """Offer the phone's key; raises StrapRefused or LinkLost."""
        return await self._ask(KIND_PAIR, public_point)

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        """Give the phone's random number; raises StrapRefused or LinkLost."""
        return await self._ask(KIND_REVEAL, phone_nonce)

    async def status(self) -> StrapStatus:
        """Ask for the strap's state; raises LinkLost."""
        return decode_status(await self._ask(KIND_STATUS, b""))

    async def close(self) -> None:
        """Drop the link; the strap resets the secure element's wired interface."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    async def _ask(self, kind: int, body: bytes) -> bytes:
        message = frame(kind, body)
        async with self._lock:
            if not self._in_step:
                raise LinkLost("an answer was not waited for; connect to the strap anew")
            # Whoever gives up waiting leaves an answer behind that belongs to nobody.
            self._in_step = False
            try:
                self._writer.write(message)
                await self._writer.drain()
                answered, answer = await read_message(self._reader)
            except (OSError, asyncio.IncompleteReadError, ValueError) as error:
                raise LinkLost("the link to the strap broke before it answered") from error
            self._in_step = True
        if answered == KIND_REFUSED:
            raise StrapRefused(answer.decode("utf-8", "replace"))
        if answered != kind:
            raise LinkLost("the strap answered something else than was asked")
        return answer
