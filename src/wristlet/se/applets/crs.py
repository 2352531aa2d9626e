"""The contactless registry service (CRS): which card answers a terminal.

Reading is free on the wired interface. Writing needs the phone's channel; with the profile's
`strap_switch` the strap's own button may change availability and priority in plain, and the open
profile takes everything from everyone, as outside tools expect.

Source: GPCS Amendment C, CRS application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wristlet.se.applets import phones
from wristlet.se.applets.base import CardError, Interface
from wristlet.wire import ber
from wristlet.wire.apdu import Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids
from wristlet.wire.gp.commands import (
    CRS_ACTIVATE,
    CRS_DEACTIVATE,
    CRS_PRIORITY_HIGHEST,
    CRS_PRIORITY_LOWEST,
    CRS_VOLATILE_RESET,
    CRS_VOLATILE_SET,
    CrsScope,
    Ins,
)
from wristlet.wire.gp.lifecycle import ContactlessState, is_locked
from wristlet.wire.gp.registry import (
    TAG_LIFE_CYCLE,
    TAG_PROPRIETARY,
    ContactlessEntry,
    CrsInfo,
    StatusQuery,
    encode_failed,
    parse_aids,
)
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Callable

    from wristlet.se.applets.base import Context, Instance, State
    from wristlet.se.profile import Profile
    from wristlet.wire.apdu import Command

_CLASS: Final = 0x80
_STATUS_P1: Final = 0x40
_STATUS_FIRST, _STATUS_NEXT = 0x00, 0x01
_PAGE_SIZE: Final = 255
_REMAINING: Final = "crs.remaining"
_COUNTER_MASK: Final = 0xFFFF

_INTERFACE_KEY: Final = "crs/contactless-off"
_INTERFACE_ON, _INTERFACE_OFF = 0x80, 0x00
_TAG_INTERFACE: Final = 0x80
_CONTACTLESS: Final = b"\x40"
_STRAP_SCOPES: Final = frozenset({CrsScope.AVAILABILITY, CrsScope.PRIORITY})


class CrsApplet:
    """The CRS; belongs to the cardholder domain, whose phone channel also opens here."""

    __slots__ = ()

    @property
    def aid(self) -> bytes:
        """The registered AID of the CRS."""
        return aids.CRS

    def serves(self, interface: Interface, profile: Profile) -> bool:
        """Management is for the wired interface; a terminal never sees the registry."""
        return interface is Interface.WIRED

    def select(self, ctx: Context, aid: bytes) -> bytes:
        """Answer SELECT with version and global update counter."""
        return ber.encode(0x6F, ber.encode(0x84, aids.CRS) + _info(ctx))

    def process(self, ctx: Context, command: Command) -> Response:
        """Handle GET DATA, GET STATUS and SET STATUS."""
        handler = _HANDLERS.get(command.ins)
        if handler is None:
            raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
        if command.cla != _CLASS:
            raise CardError(SW.CLASS_NOT_SUPPORTED)
        return handler(ctx, command)

    def deselect(self, ctx: Context) -> None:
        """Nothing is kept."""


def contactless_is_off(state: State) -> bool:
    """Tell whether the wearer switched the contactless interface off as a whole."""
    return state.get(_INTERFACE_KEY) is not None


def get_data(ctx: Context, command: Command) -> Response:
    """Give A5: version and global update counter (GPCS Amendment C, GET DATA)."""
    if command.p1 << 8 | command.p2 != TAG_PROPRIETARY:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    return Response(_info(ctx), SW.OK)


def get_status(ctx: Context, command: Command) -> Response:
    """List the payment instances (GPCS Amendment C, GET STATUS); 6310 when more follow.

    The state is the one that counts now, so volatile priority shows. Raises 6A88 if nothing
    matches, 6985 for a next page without a first.
    """
    if command.p1 != _STATUS_P1 or command.p2 not in (_STATUS_FIRST, _STATUS_NEXT):
        raise CardError(SW.WRONG_P1_P2)
    if command.p2 == _STATUS_NEXT:
        entries = ctx.transient.pop(_REMAINING, None)
        if entries is None:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    else:
        entries = _matching(ctx, command.data)
    if not entries:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    return _page(ctx, entries)


def set_status(ctx: Context, command: Command) -> Response:
    """Change availability, priority or interface (GPCS Amendment C, SET STATUS).

    Each AID is processed on its own; those that failed come back in A1 with 6320.
    """
    try:
        scope = CrsScope(command.p1)
    except ValueError:
        raise CardError(SW.WRONG_P1_P2) from None
    _check_right(ctx, scope)
    try:
        if scope is CrsScope.AVAILABILITY:
            return _set_availability(ctx, command)
        if scope is CrsScope.PRIORITY:
            return _set_priority(ctx, command)
        if scope is CrsScope.INTERFACE:
            return _set_interface(ctx, command)
    except DecodeError as error:
        raise CardError(SW.WRONG_DATA) from error
    # The emulated antenna speaks one protocol type, which cannot be switched.
    raise CardError(SW.FUNCTION_NOT_SUPPORTED)


_HANDLERS: Final[dict[int, Callable[[Context, Command], Response]]] = {
    Ins.GET_DATA: get_data,
    Ins.GET_STATUS: get_status,
    Ins.SET_STATUS: set_status,
}


def _info(ctx: Context) -> bytes:
    return CrsInfo(ctx.registry.update_counter & _COUNTER_MASK).encode()


def _check_right(ctx: Context, scope: CrsScope) -> None:
    if ctx.profile.open_crs:
        return
    if ctx.secured:
        phones.require_phone(ctx)
    elif not (ctx.profile.strap_switch and scope in _STRAP_SCOPES):
        raise CardError(SW.SECURITY_STATUS)


# ------------------------------------------------------------------ reading


def _matching(ctx: Context, data: bytes) -> list[bytes]:
    """Encode the instances that fulfil every criterion of the search."""
    try:
        query = StatusQuery.parse(data)
    except DecodeError as error:
        raise CardError(SW.WRONG_DATA) from error
    counter = ctx.registry.update_counter & _COUNTER_MASK
    found = []
    for place, instance in enumerate(ctx.registry.payment(), 1):
        entry = ContactlessEntry(
            instance.aid,
            instance.life_cycle,
            ctx.registry.effective(instance.aid),
            update_counter=counter,
            priority=place,
        )
        if instance.aid.startswith(query.aid_prefix) and _fulfils(entry, query.criteria):
            found.append(entry.encode(query.tags))
    return found


def _fulfils(entry: ContactlessEntry, criteria: tuple[ber.Tlv, ...]) -> bool:
    """No payment instance has an application family or display data: other criteria never match."""
    states = bytes((entry.life_cycle, entry.state))
    return all(
        criterion.tag == TAG_LIFE_CYCLE and states.startswith(criterion.value)
        for criterion in criteria
    )


def _page(ctx: Context, entries: list[bytes]) -> Response:
    size = taken = 0
    while taken < len(entries) and size + len(entries[taken]) <= _PAGE_SIZE:
        size += len(entries[taken])
        taken += 1
    if taken == len(entries):
        return Response(b"".join(entries), SW.OK)
    ctx.transient[_REMAINING] = entries[taken:]
    return Response(b"".join(entries[:taken]), SW.MORE_DATA)


# ------------------------------------------------------------------ writing


def _set_availability(ctx: Context, command: Command) -> Response:
    """NON_ACTIVATABLE cannot be set here: only the application sets it, on its issuer's script."""
    if command.p2 not in (CRS_ACTIVATE, CRS_DEACTIVATE):
        raise CardError(SW.WRONG_P1_P2)
    return _each(ctx, command, _activate if command.p2 == CRS_ACTIVATE else _deactivate)


def _activate(ctx: Context, instance: Instance) -> None:
    ctx.registry.activate(instance.aid)


def _deactivate(ctx: Context, instance: Instance) -> None:
    ctx.registry.set_contactless(instance.aid, ContactlessState.DEACTIVATED)


def _set_priority(ctx: Context, command: Command) -> Response:
    if command.p2 == CRS_VOLATILE_RESET:
        ctx.registry.set_volatile(None)
        return Response(b"", SW.OK)
    steps = {
        CRS_PRIORITY_HIGHEST: _move_first,
        CRS_PRIORITY_LOWEST: _move_last,
        CRS_VOLATILE_SET: _set_volatile,
    }
    step = steps.get(command.p2)
    if step is None:
        raise CardError(SW.WRONG_P1_P2)
    if step is _set_volatile and len(parse_aids(command.data)) != 1:
        raise CardError(SW.WRONG_DATA)
    return _each(ctx, command, step)


def _move_first(ctx: Context, instance: Instance) -> None:
    ctx.registry.set_priority([instance.aid])


def _move_last(ctx: Context, instance: Instance) -> None:
    order = [other.aid for other in ctx.registry.payment() if other.aid != instance.aid]
    ctx.registry.set_priority([*order, instance.aid])


def _set_volatile(ctx: Context, instance: Instance) -> None:
    ctx.registry.set_volatile(instance.aid)


def _each(ctx: Context, command: Command, step: Callable[[Context, Instance], None]) -> Response:
    """Do one thing for each AID named; unknown, locked and not activatable ones fail."""
    named = parse_aids(command.data)
    if not named:
        raise CardError(SW.WRONG_DATA)
    payment = {instance.aid for instance in ctx.registry.payment()}
    failed = []
    for aid in named:
        instance = ctx.registry.get(aid) if aid in payment else None
        if (
            instance is None
            or is_locked(instance.life_cycle)
            or instance.contactless is ContactlessState.NON_ACTIVATABLE
        ):
            failed.append(aid)
            continue
        try:
            step(ctx, instance)
        except CardError:
            failed.append(aid)
    if failed:
        return Response(encode_failed(failed), SW.PARTLY_DONE)
    return Response(b"", SW.OK)


def _set_interface(ctx: Context, command: Command) -> Response:
    """Switch the contactless interface as a whole; no card is lost or changed by it."""
    if command.p2 not in (_INTERFACE_ON, _INTERFACE_OFF):
        raise CardError(SW.WRONG_P1_P2)
    if ber.require(command.data, _TAG_INTERFACE) != _CONTACTLESS:
        raise CardError(SW.WRONG_DATA)
    if command.p2 == _INTERFACE_ON:
        ctx.state.delete(_INTERFACE_KEY)
    else:
        ctx.state.put(_INTERFACE_KEY, b"\x01")
    return Response(b"", SW.OK)


APPLETS: Final = (CrsApplet(),)
