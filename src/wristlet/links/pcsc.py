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
        """Connect to the card in the first reader whose name contains `name`.

        Raises LookupError that says which of pyscard, pcscd, reader and card is missing.
        """
        try:
            from smartcard.Exceptions import SmartcardException
            from smartcard.pcsc.PCSCExceptions import BaseSCardException
            from smartcard.System import readers
        except ImportError as error:
            raise LookupError("PC/SC needs pyscard: install wristlet[pcsc]") from error
        try:
            known = readers()
        except BaseSCardException as error:
            raise LookupError("PC/SC: no pcscd answers; start it") from error
        for reader in known:
            if name in str(reader):
                connection = reader.createConnection()
                try:
                    connection.connect()
                except SmartcardException as error:
                    raise LookupError(f"PC/SC: no card answers in {reader}") from error
                return cls(connection)
        present = ", ".join(str(reader) for reader in known) or "none"
        raise LookupError(f"PC/SC: no reader is called {name!r}; present: {present}")

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

    async def close(self) -> None:
        """Disconnect from the card."""
        self._connection.disconnect()
