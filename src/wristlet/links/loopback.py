"""A card in the same process."""

from __future__ import annotations

from wristlet.links.channel import CardPort


class LoopbackChannel:
    """Hands APDUs straight to a card port."""

    def __init__(self, port: CardPort) -> None:
        self._port = port

    async def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        return self._port.process(command)

    async def reset(self) -> None:
        """Reset the card."""
        self._port.reset()
