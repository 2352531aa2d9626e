"""The unlock lease: what a right PIN allows until its taps or amount are used up.

It ends early when the strap leaves the wrist or the PIN is reset. The secure element trusts no
clock: the age of a lease is judged by the token service.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wristlet.se.applets import pin
from wristlet.wire.emv.iad import LeaseFlags, pack_lease, unpack_lease

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context, State

KEY: Final = "lease/state"
UNLOCK_COUNTER_MAX: Final = 0xFFFF
_OPEN: Final = 0x80
"""In the stored lease; in a lease block the same bit says that it is valid."""
_VALID, _USED, _WORN, _PIN_BLOCKED = (int(flag) for flag in LeaseFlags)


@dataclass(slots=True)
class Lease:
    """The lease as it is stored, and the PIN tries left; `open` says nothing about what is left."""

    unlock_counter: int = 0
    open: bool = False
    worn: bool = False
    taps_left: int = 0
    amount_left_minor: int = 0
    tries_left: int = pin.TRIES_MAX

    @property
    def valid(self) -> bool:
        """Something is left of it."""
        return self.open and self.taps_left > 0 and self.amount_left_minor > 0


def load(state: State) -> Lease:
    """Read the lease; a strap that was never unlocked has none, a blocked PIN ends it."""
    tries = pin.tries_left(state)
    raw = state.get(KEY)
    if raw is None:
        return Lease(tries_left=tries)
    unlock_counter, flags, taps, amount = unpack_lease(raw)
    worn = flags & _WORN != 0
    if not flags & _OPEN or tries == 0:
        return Lease(unlock_counter, worn=worn, tries_left=tries)
    return Lease(unlock_counter, True, worn, taps, amount, tries)


def unused(lease: Lease) -> bytes:
    """Give a loaded lease as cryptograms carry it, not used for a tap."""
    flags = (_VALID if lease.valid else 0) | (_WORN if lease.worn else 0)
    flags |= lease.tries_left or _PIN_BLOCKED
    return pack_lease(lease.unlock_counter, flags, lease.taps_left, lease.amount_left_minor)


def use(ctx: Context, before: Lease, amount_minor: int) -> bytes:
    """Take one tap and an amount (not above what is left) from the loaded lease, a valid one.

    Gives it as cryptograms carry it: valid, because it was when the tap was decided; taps and
    amount are those left after it.
    """
    counter, taps = before.unlock_counter, before.taps_left - 1
    amount = before.amount_left_minor - amount_minor
    if amount < 0 or not before.valid:
        raise ValueError("the lease does not cover the tap: decide before using it")
    flags = _WORN if before.worn else 0
    if taps > 0 and amount > 0:
        ctx.state.put(KEY, pack_lease(counter, flags | _OPEN, taps, amount))
    else:
        ctx.state.put(KEY, pack_lease(counter, flags, 0, 0))
    return pack_lease(counter, flags | _VALID | _USED | before.tries_left, taps, amount)


def open_new(ctx: Context) -> Lease:
    """Open a lease with the profile's limits under the next unlock counter."""
    old = load(ctx.state)
    if old.unlock_counter >= UNLOCK_COUNTER_MAX:
        raise ValueError("the unlock counter is at its end: check before opening")
    limits = ctx.profile.lease
    lease = Lease(
        unlock_counter=old.unlock_counter + 1,
        open=True,
        worn=old.worn,
        taps_left=limits.taps,
        amount_left_minor=limits.amount_minor,
        tries_left=old.tries_left,
    )
    _store(ctx.state, lease)
    return lease


def close(ctx: Context) -> None:
    """End the lease, whatever is left of it."""
    old = load(ctx.state)
    if old.open:
        _store(ctx.state, _ended(old))


def set_worn(ctx: Context, worn: bool) -> None:
    """Keep what the strap says about the wrist; leaving it ends the lease."""
    old = load(ctx.state)
    new = replace(old if worn else _ended(old), worn=worn)
    if new != old:
        _store(ctx.state, new)


def _ended(lease: Lease) -> Lease:
    return replace(lease, open=False, taps_left=0, amount_left_minor=0)


def _store(state: State, lease: Lease) -> None:
    flags = (_OPEN if lease.open else 0) | (_WORN if lease.worn else 0)
    state.put(
        KEY, pack_lease(lease.unlock_counter, flags, lease.taps_left, lease.amount_left_minor)
    )
