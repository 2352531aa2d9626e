"""What a phone can ask of a strap, and the few messages that every firmware answers.

What is asked about cards goes through as APDUs, protected end to end between phone or TSP and
secure element: the strap's processor only passes them on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from wristlet.links.channel import LinkLost
from wristlet.wire.strap.concerns import Concern

PAIR_OFFER: Final = 0x50
"""First byte of an enrolment's first message; the phone's public point follows."""
PAIR_REVEAL: Final = 0x52
"""First byte of its second; the phone's random number follows."""


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

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        """Send one request and return its answer; raises LinkLost, StrapRefused."""
        ...

    def listen(self, concern: Concern, take: Callable[[bytes], None]) -> None:
        """Have what the strap sends unasked handed over, from now on and after reconnections."""
        ...

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


class AskedStrap:
    """The thin requests of a `StrapLink`, for whoever has `ask`."""

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        """Send one request and return its answer; raises LinkLost, StrapRefused."""
        raise NotImplementedError

    async def transmit(self, command: bytes) -> bytes:
        """Relay one APDU to the secure element; raises LinkLost."""
        return await self.ask(Concern.APDU, command)

    async def pair_offer(self, public_point: bytes) -> bytes:
        """Offer the phone's key; raises StrapRefused or LinkLost."""
        return await self.ask(Concern.PAIRING, bytes((PAIR_OFFER,)) + public_point)

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        """Give the phone's random number; raises StrapRefused or LinkLost."""
        return await self.ask(Concern.PAIRING, bytes((PAIR_REVEAL,)) + phone_nonce)

    async def status(self) -> StrapStatus:
        """Ask for the strap's state; raises LinkLost."""
        return decode_status(await self.ask(Concern.STATE, b""))


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
