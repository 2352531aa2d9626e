"""The phones that may open the cardholder's channel: the card's own allow-list.

A phone is known by the SHA-256 of its static public point, so a certificate by the tenant alone
opens nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wristlet.se.applets.base import CardError
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context, State

PREFIX: Final = "phones/"
HASH_SIZE: Final = 32
PHONES_MAX: Final = 8
_PRESENT: Final = b"\x01"


def is_allowed(state: State, peer: bytes | None) -> bool:
    """Tell whether this phone is on the list."""
    return peer is not None and state.get(_key(peer)) is not None


def require_phone(ctx: Context) -> None:
    """Refuse (6982) a command that did not come through the channel of a phone on the list."""
    if not ctx.secured or not is_allowed(ctx.state, ctx.peer):
        raise CardError(SW.SECURITY_STATUS)


def count(state: State) -> int:
    """Give the number of phones on the list."""
    return len(state.keys(PREFIX))


def listed(state: State) -> list[bytes]:
    """Return the phones on the list, as hashes in ascending order."""
    return sorted(bytes.fromhex(key.removeprefix(PREFIX)) for key in state.keys(PREFIX))


def add(ctx: Context, phone: bytes) -> None:
    """Put a phone on the list; 6A80 unless it is a hash of 32 bytes, 6A84 when the list is full."""
    if len(phone) != HASH_SIZE:
        raise CardError(SW.WRONG_DATA)
    if is_allowed(ctx.state, phone):
        return
    if count(ctx.state) >= PHONES_MAX:
        raise CardError(SW.NOT_ENOUGH_MEMORY)
    ctx.state.put(_key(phone), _PRESENT)
    _changed(ctx)


def remove(ctx: Context, phone: bytes) -> None:
    """Take a phone off the list; 6A88 if it is not there, 6985 for the last one.

    An empty list would take whoever presses the button next.
    """
    if len(phone) != HASH_SIZE:
        raise CardError(SW.WRONG_DATA)
    if not is_allowed(ctx.state, phone):
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    if count(ctx.state) == 1:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    ctx.state.delete(_key(phone))
    _changed(ctx)


def _changed(ctx: Context) -> None:
    ctx.touch()
    ctx.bump_event()


def _key(phone: bytes) -> str:
    return PREFIX + phone.hex().upper()
