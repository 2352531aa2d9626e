"""Opens an APDU channel by URL, so that emulator, remote card and reader differ by one string."""

from __future__ import annotations

from typing import Protocol

from wristlet.links.apdu_socket import SocketChannel
from wristlet.links.channel import ApduChannel

SCHEMES = "unix:PATH, tcp:HOST:PORT or pcsc:READER"


class OpenedChannel(ApduChannel, Protocol):
    """A channel that whoever opened it closes."""

    async def close(self) -> None:
        """Let go of the card."""
        ...


async def open_channel(url: str) -> OpenedChannel:
    """Open `unix:PATH`, `tcp:HOST:PORT` or `pcsc:READER`; raises ValueError for any other URL."""
    scheme, _, rest = url.partition(":")
    if not rest:
        raise ValueError(f"card URL: no scheme given; use {SCHEMES}")
    if scheme in ("unix", "tcp"):
        return await SocketChannel.open(rest)
    if scheme == "pcsc":
        from wristlet.links.pcsc import PcscChannel

        return PcscChannel.open(rest)
    raise ValueError(f"card URL: scheme {scheme!r} is not known; use {SCHEMES}")
