"""The network switch: takes a request, finds the host for its number, brings the answer back."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from wristlet.links.iso8583_peer import HostUnavailable, Iso8583Client
from wristlet.network.routing import RoutingTable
from wristlet.wire.iso8583.message import Message, reply
from wristlet.wire.masked import SecretDigits

log = logging.getLogger(__name__)

RESPONSE_NO_ROUTE, RESPONSE_NO_HOST = "15", "91"
MAC_FIELDS = (64, 128)


def without_mac(message: Message) -> Message:
    """Return a message ready for the next hop, which has a MAC key of its own."""
    kept = {number: value for number, value in message.fields.items() if number not in MAC_FIELDS}
    return Message(message.mti, kept)


def number_of(message: Message) -> str:
    """Return DE 2 as plain digits, for routing only; empty when absent."""
    value = message.fields.get(2, "")
    return value.reveal() if isinstance(value, SecretDigits) else str(value)


class Switch:
    """Routes by the prefix of DE 2; holds no state."""

    def __init__(self, table: RoutingTable, hosts: Mapping[str, Iso8583Client]) -> None:
        self._table = table
        self._hosts = hosts

    async def handle(self, message: Message) -> Message:
        """Answer one request; 15 when no host answers for its number, 91 when the host does not answer."""
        name = self._table.host_for(number_of(message))
        host = self._hosts.get(name) if name is not None else None
        if host is None:
            return reply(without_mac(message), {39: RESPONSE_NO_ROUTE})
        try:
            return without_mac(await host.request(without_mac(message)))
        except HostUnavailable:
            log.warning("host %s did not answer a %s", name, message.mti)
            return reply(without_mac(message), {39: RESPONSE_NO_HOST})
