"""What the strap's firmware does: relay APDUs, confirm the first pairing, switch cards by button,
notice the wrist.

Firmware commands go over a logical channel of their own, so that a button never disturbs the
phone's session. Two commands never pass from the phone: the first enrolment and the plain card
switch. Both mean that a person touched the strap, so the firmware sends them itself, for its
button alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from wristlet.crypto import pairing
from wristlet.env.base import Random
from wristlet.links.channel import ApduChannel, LinkLost
from wristlet.links.script_runner import exchange
from wristlet.links.strap_link import StrapRefused, StrapStatus
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.commands import CrsScope
from wristlet.wire.tap_report import TAG_TAP_REPORT, TapReport

INS_ENROL, INS_WORN, INS_SET_STATUS, INS_MANAGE_CHANNEL = 0xE0, 0x12, 0xF0, 0x70
SW_OK, SW_MORE_DATA, SW_REFUSED, SW_NO_CHANNEL = 0x9000, 0x6310, 0x6985, 0x6881
POINT_SIZE = 65
OFFERS_MAX = 8
CHANNELS_MAX = 3
ACTIVATED, NON_ACTIVATABLE = 0x01, 0x80
PAYMENT_PREFIXES = (aids.KERNEL_3, aids.KERNEL_2)

Send = Callable[[Command], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Offer:
    """A phone that wants to be the first; `is_shown` once its digits stand on the face."""

    point: bytes
    nonce: bytes
    is_shown: bool = False


def needs_a_touch(command: bytes) -> bool:
    """Tell whether a command stands for a touch of the strap and so may not come from the phone.

    Logical channels belong to the firmware too: a phone that opened them all would starve buttons
    and the wear sensor.
    """
    try:
        parsed = Command.parse(command)
    except DecodeError:
        return False
    if parsed.channel or parsed.ins == INS_MANAGE_CHANNEL:
        return True
    if parsed.is_secured:
        return False
    first_enrolment = parsed.ins == INS_ENROL and parsed.p1 == 0x00
    return first_enrolment or parsed.ins in (INS_SET_STATUS, INS_WORN)


class StrapRelay:
    """The strap's firmware over the wired interface of its secure element."""

    def __init__(self, wired: ApduChannel, random: Random) -> None:
        self._wired = wired
        self._random = random
        self._offer: _Offer | None = None
        self._offers = 0
        self._worn = False
        self._channel = 0
        self._at_work = asyncio.Lock()
        self.display = "ready"
        self.on_enrolled: Callable[[], None] = lambda: None

    async def apdu(self, command: bytes) -> bytes:
        """Relay one APDU from the phone; commands that stand for a touch are answered 6985."""
        if needs_a_touch(command):
            return SW_REFUSED.to_bytes(2, "big")
        return await self._wired.transmit(command)

    async def transmit(self, command: bytes) -> bytes:
        """Relay one APDU from the phone (the strap as an `ApduChannel`)."""
        return await self.apdu(command)

    async def pair_offer(self, public_point: bytes) -> bytes:
        """Take the key of a phone that wants to be the first; return the strap's commitment.

        Only so many in a row without a touch: nobody may go on until the digits fit. Raises
        StrapRefused.
        """
        if len(public_point) != POINT_SIZE or public_point[0] != 0x04:
            raise StrapRefused(
                "pairing: the phone's key is no uncompressed P-256 point; update the app"
            )
        if self._offers >= OFFERS_MAX:
            raise StrapRefused("pairing: too many attempts; press the strap's button, then pair")
        self._offers += 1
        self.forget_offer()
        self._offer = _Offer(public_point, self._random.bytes(pairing.NONCE_BYTES))
        return pairing.commitment(self._offer.point, self._offer.nonce)

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        """Show the digits, now that both ends are bound; return the strap's random number.

        Raises StrapRefused.
        """
        offer = self._offer
        if offer is None or offer.is_shown or len(phone_nonce) != pairing.NONCE_BYTES:
            raise StrapRefused("pairing: it was not begun; start pairing on the phone again")
        self._offer = replace(offer, is_shown=True)
        self.display = pairing.digits(await self.se_id(), offer.point, phone_nonce, offer.nonce)
        return offer.nonce

    def forget_offer(self) -> None:
        """Drop a phone that was not confirmed: it has gone, or another one asks."""
        if self._offer is not None:
            self._offer = None
            self.display = "ready"

    async def press_confirm(self) -> None:
        """The wearer compared the digits and pressed the button: enrol the phone; raises
        StrapRefused.
        """
        self._offers = 0
        offer, self._offer = self._offer, None
        if offer is None or not offer.is_shown:
            raise StrapRefused("pairing: no phone has asked; start pairing on the phone first")
        async with self._selected(aids.CARDHOLDER_APPLET) as send:
            answer = await send(Command(0x80, INS_ENROL, 0, 0, data=offer.point))
        if answer.sw != SW_OK:
            self.display = "not paired"
            raise StrapRefused(
                "pairing: the strap already knows a phone; add this one from the old phone"
            )
        self.display = "paired"
        self.on_enrolled()

    async def press_next(self) -> bytes | None:
        """Make the next payable card active; return its instance AID, or None when there is no
        other.
        """
        cards = await self.payable()
        active = [aid for aid, is_active in cards if is_active]
        payable = [aid for aid, _ in cards]
        if not payable or payable == active:
            return None
        position = payable.index(active[0]) + 1 if active else 0
        chosen = payable[position % len(payable)]
        await self.activate(chosen)
        return chosen

    async def payable(self) -> tuple[tuple[bytes, bool], ...]:
        """Return the cards that can pay, in the registry's order, each with whether it pays now."""
        async with self._selected(aids.CRS) as send:
            cards = await _cards(send)
        return tuple((aid, state == ACTIVATED) for aid, state in cards if state != NON_ACTIVATABLE)

    async def activate(self, aid: bytes) -> None:
        """Make one card the active one, durably; raises StrapRefused."""
        await self._set_status(CrsScope.AVAILABILITY, commands.CRS_ACTIVATE, aid)
        self.display = "next card"

    async def pay_once(self, aid: bytes) -> None:
        """Let one card alone answer until the next field ends; raises StrapRefused."""
        await self._set_status(CrsScope.PRIORITY, commands.CRS_VOLATILE_SET, aid)
        self.display = "pay now"

    async def end_pay_once(self) -> None:
        """Take the priority of `pay_once` away again; raises StrapRefused."""
        await self._set_status(CrsScope.PRIORITY, commands.CRS_VOLATILE_RESET)

    async def tap_report(self) -> TapReport:
        """Ask what the last tap came to; raises StrapRefused when the answer makes no sense."""
        async with self._selected(aids.CARDHOLDER_APPLET) as send:
            answer = await send(commands.get_data(TAG_TAP_REPORT))
        try:
            return TapReport.parse(ber.require(answer.data, TAG_TAP_REPORT))
        except DecodeError:
            raise StrapRefused("taps: the secure element does not tell; update it") from None

    async def _set_status(self, scope: CrsScope, value: int, *names: bytes) -> None:
        async with self._selected(aids.CRS) as send:
            answer = await send(commands.crs_set_status(scope, value, *names))
        if answer.sw != SW_OK:
            raise StrapRefused("switching: the secure element refused; switch cards on the phone")

    async def wear(self, *, worn: bool) -> None:
        """Tell the secure element that the strap was put on or taken off; off closes the lease.

        Raises StrapRefused.
        """
        async with self._selected(aids.CARDHOLDER_APPLET) as send:
            answer = await send(Command(0x80, INS_WORN, int(worn), 0))
        if answer.sw != SW_OK:
            raise StrapRefused("wrist: the secure element did not take it; it is told again")
        self._worn = worn

    @property
    def digits(self) -> str:
        """The digits that stand on the face to be compared, or nothing."""
        offer = self._offer
        return self.display if offer is not None and offer.is_shown else ""

    async def status(self) -> StrapStatus:
        """Return what the strap's face and sensors say."""
        return StrapStatus(self._worn, self._offer is not None, self.display)

    async def se_id(self) -> bytes:
        """Ask the secure element for its identity."""
        async with self._selected(aids.ISD) as send:
            answer = await send(Command(0x80, 0xCA, 0x00, 0x45, le=256))
        return ber.find(answer.data, 0x45) or answer.data

    async def reset(self, how: Callable[[], Awaitable[None]]) -> None:
        """Reset the secure element when the firmware is not at work, and take a channel at once.

        Later that would cost a phone its answer: opening a channel is a command on the phone's.
        """
        async with self._at_work:
            await how()
            self._channel = 0
            with suppress(LinkLost, StrapRefused):
                await self._open()

    async def _open(self) -> None:
        """Open the firmware's own logical channel, which stays open.

        All of them are the firmware's: where none is free, those of an earlier start are closed.
        """
        opened = await self._manage_channel(0x00, 0, le=1)
        if opened.sw != SW_OK:
            for number in range(1, CHANNELS_MAX + 1):
                await self._manage_channel(0x80, number)
            opened = await self._manage_channel(0x00, 0, le=1)
        if opened.sw != SW_OK or len(opened.data) != 1:
            raise StrapRefused("the secure element has no logical channel free; restart the strap")
        self._channel = opened.data[0]

    async def _manage_channel(self, p1: int, p2: int, *, le: int | None = None) -> Response:
        command = Command(0x00, INS_MANAGE_CHANNEL, p1, p2, le=le)
        return await exchange(self._wired, command.encode())

    @asynccontextmanager
    async def _selected(self, aid: bytes) -> AsyncIterator[Send]:
        """Select an application on the firmware's channel; one operation at a time."""
        async with self._at_work:
            if not self._channel:
                await self._open()
            selected = await self._send(commands.select(aid))
            if selected.sw == SW_NO_CHANNEL:  # the secure element has lost power meanwhile
                await self._open()
                selected = await self._send(commands.select(aid))
            if selected.sw != SW_OK:
                raise StrapRefused(
                    "the secure element does not know its own parts; restart the strap"
                )
            yield self._send

    async def _send(self, command: Command) -> Response:
        on_channel = command.replace(cla=command.cla | self._channel)
        return await exchange(self._wired, on_channel.encode())


async def _cards(send: Send) -> list[tuple[bytes, int]]:
    """Return instance AID and contactless state of every card, in the registry's order."""
    data, first = b"", True
    while True:
        answer = await send(commands.crs_get_status(first=first))
        data, first = data + answer.data, False
        if answer.sw != SW_MORE_DATA:
            break
    cards = []
    for entry in ber.parse(data):
        aid, state = ber.find(entry.value, 0x4F), ber.find(entry.value, 0x9F70)
        if aid is not None and state is not None and aid.startswith(PAYMENT_PREFIXES):
            cards.append((aid, state[1]))
    return cards
