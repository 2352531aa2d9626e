"""The one-method interface by which everything talks to a card: command in, response out."""

from __future__ import annotations

from typing import Protocol


class LinkLost(ConnectionError):
    """The reply did not come: whether the card did what was asked is unknown."""


class ApduChannel(Protocol):
    """Carries APDUs; tracing, faults, relays and sockets all wrap or implement this one method."""

    async def transmit(self, command: bytes) -> bytes:
        """Send one encoded command APDU and return the encoded response APDU; raises LinkLost."""
        ...


class CardPort(Protocol):
    """One interface of a card as a reader sees it: power, answer to reset, and APDUs."""

    def power_on(self) -> None:
        """Power the card up, or the field on."""
        ...

    def power_off(self) -> None:
        """Take power or field away; volatile state is gone."""
        ...

    def reset(self) -> None:
        """Warm reset: as off and on."""
        ...

    def atr(self) -> bytes:
        """Return the answer to reset."""
        ...

    def process(self, command: bytes) -> bytes:
        """Answer one encoded command APDU; never raises for bad input."""
        ...
