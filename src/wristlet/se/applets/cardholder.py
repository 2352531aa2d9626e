"""The cardholder applet: the wearer's PIN, the unlock lease and the phones that may ask for it.

Every word about the PIN comes through the channel of a phone on the allow-list; in plain there is
only what anybody at the wired interface may know, and what the strap itself says: its button for
the first phone, and whether it is worn.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from wristlet.crypto import ec
from wristlet.se.applets import crs, free_taps, lease, phones, pin
from wristlet.se.applets.base import CardError, Interface
from wristlet.se.applets.payment.left import free_left
from wristlet.wire import ber
from wristlet.wire.apdu import Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.free_taps import TAG_FREE_TAPS
from wristlet.wire.gp import aids
from wristlet.wire.gp.commands import Ins
from wristlet.wire.receipt import (
    CHALLENGE_BYTES,
    TAG_CHALLENGE,
    TAG_LEASE_REPORT,
    TAG_PIN_STATEMENT,
    LeaseReport,
    PinStatement,
    SignedStatement,
    Statement,
)
from wristlet.wire.script import ScriptDgi
from wristlet.wire.sw import SW
from wristlet.wire.tap_report import AMOUNT_UNKNOWN, TAG_TAP_REPORT, TAPS_UNKNOWN, TapReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from wristlet.se.applets.base import Context
    from wristlet.se.profile import Profile
    from wristlet.wire.apdu import Command

TAG_STATE: Final = 0xDF50
TAG_PHONES: Final = 0xDF51
INS_ENROL: Final = 0xE0
INS_WORN: Final = 0x12
ENROL_FIRST, ENROL_FURTHER, ENROL_REMOVE = 0x00, 0x01, 0x02
"""P1 of ENROL; the first phone comes as its point, others as the SHA-256 of it."""

_CLA_ISO, _CLA_GP = 0x00, 0x80
_PIN_REFERENCE: Final = 0x80
_CREATE, _CHANGE = 0x01, 0x00
_REPORT_KEY: Final = "lease/report"
_NOT_TAPPED: Final = (TAPS_UNKNOWN, AMOUNT_UNKNOWN)
_COUNTER_MASK: Final = 0xFFFF_FFFF
_TRIES_WARNING: Final = 0x63C0


class CardholderApplet:
    """The applet; wired interface only."""

    __slots__ = ()

    @property
    def aid(self) -> bytes:
        """The applet exists once, under this AID."""
        return aids.CARDHOLDER_APPLET

    def serves(self, interface: Interface, profile: Profile) -> bool:
        """A terminal has nothing to ask here."""
        return interface is Interface.WIRED

    def select(self, ctx: Context, aid: bytes) -> bytes:
        """Answer SELECT with the name alone."""
        return ber.encode(0x6F, ber.encode(0x84, aids.CARDHOLDER_APPLET))

    def process(self, ctx: Context, command: Command) -> Response:
        """Handle one command, plain or out of the phone's channel."""
        known = _HANDLERS.get(command.ins)
        if known is None:
            raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
        cla, handler = known
        if command.cla != cla:
            raise CardError(SW.CLASS_NOT_SUPPORTED)
        return handler(ctx, command)

    def deselect(self, ctx: Context) -> None:
        """Nothing is kept; the lease outlives the selection."""


def pin_is_set(ctx: Context) -> bool:
    """Tell whether a PIN exists: without one no card may be committed."""
    return pin.is_set(ctx.state)


def order(ctx: Context, dgi_number: int, value: bytes) -> None:
    """Carry out an order of the PIN authority's committed script.

    DF11 (empty) clears the PIN, its block and the lease; DF12 puts a further phone on the list.
    Raises 6A80 for anything else. That the order comes from the domain which the profile names
    `pin_authority` is checked by the caller, who knows the domain.
    """
    if dgi_number == ScriptDgi.PIN_RESET and not value:
        pin.clear(ctx)
        lease.close(ctx)
        ctx.bump_event()
    elif dgi_number == ScriptDgi.FURTHER_PHONE:
        phones.add(ctx, value)
    else:
        raise CardError(SW.WRONG_DATA)


# ------------------------------------------------------------------ reading


def _get_data(ctx: Context, command: Command) -> Response:
    """Give state, last tap, PIN statement, lease, free taps or phones (GPCS 2.3.1, GET DATA).

    A card's free taps and the phones' hashes (one after another in ascending order) come only
    through a phone's channel.
    """
    tag = command.p1 << 8 | command.p2
    if tag == TAG_STATE:
        return Response(ber.encode(TAG_STATE, _public_state(ctx)), SW.OK)
    if tag == TAG_TAP_REPORT:
        return Response(ber.encode(TAG_TAP_REPORT, _tap_report(ctx)), SW.OK)
    if tag == TAG_PIN_STATEMENT:
        challenge = _challenge(command.data)
        statement = PinStatement(
            ctx.se_id,
            challenge,
            pin_set=pin.is_set(ctx.state),
            blocked=pin.is_blocked(ctx.state),
            event_counter=ctx.event_counter & _COUNTER_MASK,
        )
        return Response(_signed(ctx, statement), SW.OK)
    if tag == TAG_FREE_TAPS:
        return Response(free_taps.read(ctx, command.data), SW.OK)
    if tag == TAG_PHONES:
        phones.require_phone(ctx)
        return Response(ber.encode(TAG_PHONES, b"".join(phones.listed(ctx.state))), SW.OK)
    if tag == TAG_LEASE_REPORT:
        report = ctx.state.get(_REPORT_KEY)
        if report is not None:
            return Response(report, SW.OK)
    raise CardError(SW.REFERENCED_DATA_NOT_FOUND)


def _public_state(ctx: Context) -> bytes:
    """Set, blocked, tries, lease valid, taps, amount(4), unlocks(2), phones, events(4)."""
    unlocked = lease.load(ctx.state)
    return (
        bytes(
            (
                pin.is_set(ctx.state),
                unlocked.tries_left == 0,
                unlocked.tries_left,
                unlocked.valid,
                unlocked.taps_left,
            )
        )
        + unlocked.amount_left_minor.to_bytes(4, "big")
        + unlocked.unlock_counter.to_bytes(2, "big")
        + bytes((phones.count(ctx.state),))
        + (ctx.event_counter & _COUNTER_MASK).to_bytes(4, "big")
    )


def _tap_report(ctx: Context) -> bytes:
    """Tell the last tap's outcome and what is left before the PIN must be entered."""
    taps, block = ctx.taps, lease.load(ctx.state)
    free = free_left(ctx.state, taps.aid, block.unlock_counter) or _NOT_TAPPED
    return TapReport(
        number=taps.number,
        outcome=taps.outcome,
        aid=taps.aid,
        in_field=taps.in_field,
        is_worn=block.worn,
        lease_valid=block.valid,
        taps_left=block.taps_left,
        amount_left_minor=block.amount_left_minor,
        free_taps_left=free[0],
        free_amount_left_minor=free[1],
    ).encode()


def _challenge(data: bytes) -> bytes:
    try:
        challenge = ber.find(data, TAG_CHALLENGE)
    except DecodeError as error:
        raise CardError(SW.WRONG_DATA) from error
    if challenge is None or len(challenge) != CHALLENGE_BYTES:
        raise CardError(SW.WRONG_DATA)
    return challenge


def _signed(ctx: Context, statement: Statement) -> bytes:
    signature = ctx.sign(statement.message())
    return SignedStatement(statement.body(), signature).encode(statement.TAG)


# ------------------------------------------------------------------ the PIN


def _verify(ctx: Context, command: Command) -> Response:
    """Compare the PIN and open a lease; without data only tell the tries left.

    9000 with the signed lease report, 63Cx for a wrong PIN, 6983 when blocked. Source:
    ISO/IEC 7816-4, VERIFY command.
    """
    phones.require_phone(ctx)
    if (command.p1, command.p2) != (0x00, _PIN_REFERENCE):
        raise CardError(SW.WRONG_P1_P2)
    if not command.data:
        return _tries(ctx)
    given = pin.read_block(command.data, ctx.profile)
    if lease.load(ctx.state).unlock_counter >= lease.UNLOCK_COUNTER_MAX:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if not pin.compare(ctx, given):
        return _wrong_pin(ctx)
    opened = lease.open_new(ctx)
    report = LeaseReport(
        ctx.se_id,
        unlock_counter=opened.unlock_counter,
        taps_max=opened.taps_left,
        amount_max_minor=opened.amount_left_minor,
        event_counter=ctx.bump_event() & _COUNTER_MASK,
    )
    signed = _signed(ctx, report)
    ctx.state.put(_REPORT_KEY, signed)
    return Response(signed, SW.OK)


def _change_reference_data(ctx: Context, command: Command) -> Response:
    """Create the PIN or change it; neither opens a lease.

    6985 when a PIN exists already (create), 6A88 when none does (change), 6A80 for a PIN against
    the policy. Source: ISO/IEC 7816-4, CHANGE REFERENCE DATA command.
    """
    phones.require_phone(ctx)
    if command.p1 not in (_CREATE, _CHANGE) or command.p2 != _PIN_REFERENCE:
        raise CardError(SW.WRONG_P1_P2)
    new = pin.read_block(
        command.data if command.p1 == _CREATE else command.data[pin.BLOCK_SIZE :], ctx.profile
    )
    if command.p1 == _CREATE and pin.is_set(ctx.state):
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    pin.check_policy(new)
    if command.p1 == _CHANGE:
        old = pin.read_block(command.data[: pin.BLOCK_SIZE], ctx.profile)
        if not pin.compare(ctx, old):
            return _wrong_pin(ctx)
    pin.store(ctx, new)
    ctx.bump_event()
    return Response(b"", SW.OK)


def _wrong_pin(ctx: Context) -> Response:
    """The last wrong guess blocks the PIN; a blocked PIN ends the lease by itself."""
    if pin.is_blocked(ctx.state):
        ctx.bump_event()
    return _tries(ctx, just_compared=True)


def _tries(ctx: Context, *, just_compared: bool = False) -> Response:
    if not pin.is_set(ctx.state):
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    left = pin.tries_left(ctx.state)
    if left == 0 and not just_compared:
        raise CardError(SW.AUTHENTICATION_BLOCKED)
    return Response(b"", _TRIES_WARNING | left)


# ------------------------------------------------------------------ strap and phones


def _enrol(ctx: Context, command: Command) -> Response:
    """Put a phone on the allow-list, or take one off.

    The first phone comes in plain (the strap sends it after its button was pressed) and only
    while the list is empty; anything further needs the channel of a phone on the list.
    """
    if command.p2:
        raise CardError(SW.WRONG_P1_P2)
    if command.p1 == ENROL_FIRST:
        if phones.count(ctx.state):
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        phones.add(ctx, _hash_of_point(command.data))
    elif command.p1 == ENROL_FURTHER:
        phones.require_phone(ctx)
        phones.add(ctx, command.data)
    elif command.p1 == ENROL_REMOVE:
        phones.require_phone(ctx)
        phones.remove(ctx, command.data)
    else:
        raise CardError(SW.WRONG_P1_P2)
    return Response(b"", SW.OK)


def _hash_of_point(point: bytes) -> bytes:
    try:
        ec.public_key(point)
    except ValueError:
        raise CardError(SW.WRONG_DATA) from None
    return hashlib.sha256(point).digest()


def _worn(ctx: Context, command: Command) -> Response:
    """Take the strap's word that it is worn (P1 01) or came off (P1 00), which ends the lease."""
    if command.p1 not in (0x00, 0x01) or command.p2 or command.data:
        raise CardError(SW.WRONG_P1_P2)
    lease.set_worn(ctx, command.p1 == 0x01)
    return Response(b"", SW.OK)


def _crs(handler: Callable[[Context, Command], Response]) -> Callable[..., Response]:
    """The phone's channel is open here: the registry can be reached without another SELECT."""

    def through_channel(ctx: Context, command: Command) -> Response:
        phones.require_phone(ctx)
        return handler(ctx, command)

    return through_channel


_HANDLERS: Final[dict[int, tuple[int, Callable[[Context, Command], Response]]]] = {
    Ins.GET_DATA: (_CLA_GP, _get_data),
    Ins.VERIFY: (_CLA_ISO, _verify),
    Ins.CHANGE_REFERENCE_DATA: (_CLA_ISO, _change_reference_data),
    INS_ENROL: (_CLA_GP, _enrol),
    INS_WORN: (_CLA_GP, _worn),
    Ins.GET_STATUS: (_CLA_GP, _crs(crs.get_status)),
    Ins.SET_STATUS: (_CLA_GP, _crs(crs.set_status)),
}

APPLETS: Final = (CardholderApplet(),)
