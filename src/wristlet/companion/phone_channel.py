"""The phone's own channel into the secure element: SCP11a to the cardholder domain.

What goes through it no relay can read: PIN create, change and verify, further phones, card
switching.
"""

from __future__ import annotations

from typing import Final, Self

from wristlet.companion.errors import CompanionError, InputError, PinBlocked, PinWrong
from wristlet.companion.se_client import TAG_STATE, PublicState, parse_state
from wristlet.crypto import ec, scp11
from wristlet.crypto.channel import HostChannel
from wristlet.crypto.errors import ChannelError
from wristlet.links.channel import ApduChannel
from wristlet.links.script_runner import exchange
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.free_taps import TAG_FREE_TAPS, FreeTaps, question
from wristlet.wire.gp import aids, commands
from wristlet.wire.masked import SecretDigits
from wristlet.wire.receipt import LeaseReport, SignedStatement

KEY_VERSION: Final = 0x01
KID_TRUST: Final = 0x10
TAG_LEASE: Final = 0x7F62
TAG_PHONES: Final = 0xDF51
SW_OK: Final = 0x9000
SW_SECURITY: Final = 0x6982
SESSION_BROKE: Final = "strap: the secure session broke; try again"
SW_REFUSED_VALUE: Final = 0x6A80
SW_BLOCKED: Final = 0x6983
SW_WRONG_STATE: Final = 0x6985
SW_NOT_FOUND: Final = 0x6A88
SW_FULL: Final = 0x6A84
SW_TRIES: Final = 0x63C0
INS_ENROL: Final = 0xE0
ENROL_FURTHER, ENROL_REMOVE = 0x01, 0x02
TRIES_MASK: Final = 0x0F


class PhoneChannel:
    """An open session between this phone and the cardholder applet."""

    def __init__(self, link: ApduChannel, session: HostChannel) -> None:
        self._link = link
        self._session = session

    @classmethod
    async def open(
        cls,
        link: ApduChannel,
        *,
        private_scalar: bytes,
        certificate: bytes,
        domain_point: bytes,
        ephemeral_scalar: bytes,
    ) -> Self:
        """Select the cardholder applet and agree keys; raises LinkLost, CompanionError."""
        handshake = scp11.HostHandshake(
            scp11.Variant.A,
            ec.public_key(domain_point),
            ec.private_key(ephemeral_scalar),
            ec.private_key(private_scalar),
        )
        steps = (
            commands.select(aids.CARDHOLDER_APPLET),
            commands.perform_security_operation(certificate, kvn=KEY_VERSION, kid=KID_TRUST),
            commands.mutual_authenticate(handshake.request, kvn=KEY_VERSION, kid=scp11.Variant.A),
        )
        answer = Response(b"", SW_OK)
        for step in steps:
            answer = await exchange(link, step.encode())
            if answer.sw != SW_OK:
                raise CompanionError(
                    "strap: it does not accept this phone; pair it, or add it from the old phone"
                )
        try:
            return cls(link, handshake.finish(answer.data))
        except ChannelError as error:
            message = "strap: its secure element could not prove itself; do not use this strap"
            raise CompanionError(message) from error

    async def create_pin(self, pin: SecretDigits) -> None:
        """Make the first PIN; raises InputError when it is too common or one exists."""
        answer = await self._send(commands.create_pin(pin))
        if answer.sw == SW_WRONG_STATE:
            raise InputError("PIN", "there is one already; change it instead")
        self._check_new_pin(answer)

    async def change_pin(self, old: SecretDigits, new: SecretDigits) -> None:
        """Replace the PIN; raises PinWrong, PinBlocked, InputError."""
        answer = await self._send(commands.change_pin(old, new))
        self._check_tries(answer)
        self._check_new_pin(answer)

    async def verify_pin(self, pin: SecretDigits) -> tuple[LeaseReport, bytes]:
        """Prove the wearer; returns the lease and its signed TLV; raises PinWrong, PinBlocked."""
        answer = await self._send(commands.verify(pin))
        self._check_tries(answer)
        if answer.sw != SW_OK:
            raise CompanionError("PIN: it could not be checked; create one first, then try again")
        try:
            return LeaseReport.parse(
                SignedStatement.parse(answer.data, TAG_LEASE).body
            ), answer.data
        except DecodeError as error:
            raise CompanionError("strap: its answer cannot be read; update its firmware") from error

    async def activate(self, instance_aid: bytes) -> None:
        """Make one instance the active card; raises CompanionError when it may not be."""
        command = commands.crs_set_status(commands.CrsScope.AVAILABILITY, 0x01, instance_aid)
        answer = await self._send(command)
        if answer.sw != SW_OK:
            raise CompanionError(
                "card: the strap does not switch to it; it may be paused or wait for its code"
            )

    async def state(self) -> PublicState:
        """Read PIN, lease and number of phones where no relay can change the answer."""
        answer = await self._send(commands.get_data(TAG_STATE))
        if answer.sw != SW_OK:
            raise CompanionError("strap: its secure element did not answer a question; try again")
        return parse_state(answer.data)

    async def free_taps(self, instance_aid: bytes) -> FreeTaps | None:
        """Read what a card still allows without PIN; None when it is not on the strap."""
        answer = await self._send(commands.get_data(TAG_FREE_TAPS, question(instance_aid)))
        if answer.sw == SW_NOT_FOUND:
            return None
        if answer.sw != SW_OK:
            raise CompanionError("card: the strap does not tell its limits; update its firmware")
        try:
            return FreeTaps.parse(answer.data)
        except DecodeError as error:
            raise CompanionError("strap: its answer cannot be read; update its firmware") from error

    async def phones(self) -> list[str]:
        """Read the strap's own list of phones (SHA-256 of their points, hex)."""
        answer = await self._send(commands.get_data(TAG_PHONES))
        if answer.sw != SW_OK:
            raise CompanionError("phones: the strap does not tell its list; update its firmware")
        try:
            listed = ber.require(answer.data, TAG_PHONES)
        except DecodeError as error:
            raise CompanionError("strap: its answer cannot be read; update its firmware") from error
        return [listed[at : at + 32].hex() for at in range(0, len(listed), 32)]

    async def enrol(self, phone_hash: bytes) -> None:
        """Put a further phone (SHA-256 of its point) on the strap's list."""
        answer = await self._send(Command(0x80, INS_ENROL, ENROL_FURTHER, 0, data=phone_hash))
        if answer.sw == SW_FULL:
            raise CompanionError("phones: the strap's list is full; remove one first")
        if answer.sw != SW_OK:
            raise CompanionError("phones: the strap did not take the other phone; try again")

    async def remove(self, phone_hash: bytes) -> bool:
        """Take a phone off the strap's list; False when it was not on it."""
        answer = await self._send(Command(0x80, INS_ENROL, ENROL_REMOVE, 0, data=phone_hash))
        if answer.sw not in (SW_OK, SW_NOT_FOUND):
            raise CompanionError("phones: the strap did not remove the other phone; try again")
        return answer.sw == SW_OK

    async def _send(self, command: Command) -> Response:
        wrapped = self._session.wrap(command)
        answer = await exchange(self._link, wrapped.encode())
        try:
            opened = self._session.unwrap(answer)
        except ChannelError as error:
            raise CompanionError(SESSION_BROKE) from error
        if opened.sw == SW_SECURITY:
            # A link that broke and came back has reset the secure element.
            raise CompanionError(SESSION_BROKE)
        return opened

    @staticmethod
    def _check_tries(answer: Response) -> None:
        if answer.sw == SW_BLOCKED or answer.sw == SW_TRIES:
            raise PinBlocked
        if answer.sw & 0xFFF0 == SW_TRIES:
            raise PinWrong(answer.sw & TRIES_MASK)

    @staticmethod
    def _check_new_pin(answer: Response) -> None:
        if answer.sw == SW_REFUSED_VALUE:
            raise InputError("PIN", "too easy to guess, or of the wrong length; choose another")
        if answer.sw != SW_OK:
            raise CompanionError("PIN: the strap did not take it; try again")
