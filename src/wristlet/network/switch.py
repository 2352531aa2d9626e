"""The network switch: takes a request, finds the host for its number, brings the answer back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from wristlet.links.iso8583_peer import (
    Handler,
    HostUnavailable,
    Iso8583Client,
    RequestInFlight,
)
from wristlet.network.routing import RoutingTable
from wristlet.wire.iso8583.message import Message, reply

log = logging.getLogger(__name__)

ACQUIRER, TOKEN_SERVICE = "acquirer", "tsp"

# Field 39 of what the switch answers itself.
NO_ROUTE: Final = "15"
NO_ANSWER: Final = "91"
DUPLICATE: Final = "94"
FORMAT_ERROR: Final = "30"

# Less than what an acquirer waits, so that its answer still gets there.
HOST_TIMEOUT_MS: Final = 8_000

PRIVATE_DATA: Final = 48


class Switch:
    """Routes by the prefix of field 2; holds no state and no keys.

    Field 48, in which the token service vouches for a tap, is taken from the token service only:
    from anybody else it is left out. Nobody is answered by himself.
    """

    def __init__(
        self,
        table: RoutingTable,
        hosts: Mapping[str, Iso8583Client],
        timeout_ms: int = HOST_TIMEOUT_MS,
    ) -> None:
        self._table = table
        self._hosts = hosts
        self._timeout_ms = timeout_ms

    def handler_for(self, peer: str) -> Handler:
        """Return the handler for what one peer sends."""

        async def handle(message: Message) -> Message:
            return await self._route(message, peer)

        return handle

    async def handle(self, message: Message) -> Message:
        """Answer one request of an acquirer."""
        return await self._route(message, ACQUIRER)

    async def _route(self, message: Message, peer: str) -> Message:
        """Pass one request on; 15 when there is no host for its number, 91 when it is silent."""
        number = message.fields.get(2)
        if not isinstance(number, str):
            return reply(message, {39: FORMAT_ERROR})
        # A slice of masked digits is plain.
        name = self._table.host_for(number[:])
        host = self._hosts.get(name) if name is not None and name != peer else None
        if host is None:
            return reply(message, {39: NO_ROUTE})
        if peer != TOKEN_SERVICE and PRIVATE_DATA in message.fields:
            message = message.without(PRIVATE_DATA)
        try:
            return await host.request(message, self._timeout_ms)
        except HostUnavailable as error:
            log.warning("%s did not answer a %s: %s", name, message.mti, error)
            return reply(message, {39: NO_ANSWER})
        except RequestInFlight:
            return reply(message, {39: DUPLICATE})
