"""The relay's concerns as endpoints: APDUs, the first enrolment, and a short status."""

from __future__ import annotations

from wristlet.links.strap_link import PAIR_OFFER, PAIR_REVEAL, StrapRefused, encode_status
from wristlet.strap.endpoint import Endpoint
from wristlet.strap.invitation import Invitations
from wristlet.strap.relay import StrapRelay
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.invitation import ASK_NAME


class _Quiet:
    """An endpoint to which it is all one whether a phone is there."""

    def __init__(self, relay: StrapRelay) -> None:
        self._relay = relay

    def connected(self) -> None:
        """A bonded phone is there."""

    def disconnected(self) -> None:
        """The phone is gone."""


class ApduEndpoint(_Quiet):
    """Passes commands on to the secure element."""

    async def handle(self, message: bytes) -> bytes:
        """Relay one command; raises LinkLost when the secure element is gone."""
        return await self._relay.apdu(message)


class PairingEndpoint(_Quiet):
    """The first enrolment of a phone at the secure element."""

    def __init__(self, relay: StrapRelay, invitations: Invitations) -> None:
        super().__init__(relay)
        self._invitations = invitations

    async def handle(self, message: bytes) -> bytes:
        """Tell the strap's name, take an offer or the phone's number; raises StrapRefused."""
        kind, body = message[:1], message[1:]
        if message == ASK_NAME:
            return self._invitations.name()
        if kind == bytes((PAIR_OFFER,)):
            return await self._relay.pair_offer(body)
        if kind == bytes((PAIR_REVEAL,)):
            return await self._relay.pair_reveal(body)
        raise StrapRefused("pairing: the strap does not know this step; update its firmware")

    def disconnected(self) -> None:
        """Whoever goes away while pairing begins anew."""
        self._relay.forget_offer()


class StatusEndpoint(_Quiet):
    """What face and sensors say."""

    async def handle(self, message: bytes) -> bytes:
        """Answer any question with the whole status."""
        return encode_status(await self._relay.status())


def relay_endpoints(relay: StrapRelay, invitations: Invitations) -> dict[Concern, Endpoint]:
    """Return what every strap serves; an enrolment uses the invitation up."""
    relay.on_enrolled = invitations.used
    return {
        Concern.APDU: ApduEndpoint(relay),
        Concern.PAIRING: PairingEndpoint(relay, invitations),
        Concern.STATE: StatusEndpoint(relay),
    }
