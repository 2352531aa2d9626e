"""A real reader (or vpcd's virtual one) through PC/SC; needs the extra `wristlet[pcsc]`."""

from __future__ import annotations

import asyncio
from typing import Any

from wristlet.links.channel import LinkLost


class PcscChannel:
    """An `ApduChannel` over a pyscard connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    def open(cls, name: str) -> PcscChannel:
        """Connect to the card in the first reader whose name contains `name`; raises LookupError."""
        try:
            from smartcard.System import readers
        except ImportError as error:
            raise LookupError("PC/SC needs pyscard: install wristlet[pcsc]") from error
        known = readers()
        for reader in known:
            if name in str(reader):
                connection = reader.createConnection()
                connection.connect()
                return cls(connection)
        raise LookupError(f"no PC/SC reader called {name!r}; present: {[str(r) for r in known]}")

    async def transmit(self, command: bytes) -> bytes:
        """Send one command APDU in a worker thread, since PC/SC blocks; raises LinkLost."""
        return await asyncio.to_thread(self._transmit, command)

    def _transmit(self, command: bytes) -> bytes:
        from smartcard.Exceptions import SmartcardException

        try:
            data, sw1, sw2 = self._connection.transmit(list(command))
        except SmartcardException as error:
            raise LinkLost("the reader lost the card before it answered") from error
        return bytes(data) + bytes((sw1, sw2))

    def close(self) -> None:
        """Disconnect from the card."""
        self._connection.disconnect()
