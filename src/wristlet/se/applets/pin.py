"""The wearer's PIN: its policy, its verifier and the try counter.

The PIN itself is never stored: the verifier is a hash under a key that never leaves the card.
The try counter is made durable *before* the comparison, so no cut of power gives a free guess.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from wristlet.se.applets.base import CardError
from wristlet.se.applets.weak_pins import is_weak
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp.commands import parse_pin_block2
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context, State
    from wristlet.se.profile import Profile
    from wristlet.wire.masked import SecretDigits

TRIES_MAX: Final = 3
BLOCK_SIZE: Final = 8
"""Of a PIN block, ISO 9564-1 format 2."""
_VERIFIER: Final = "pin/verifier"
_TRIES: Final = "pin/tries"
_SALT_SIZE: Final = 16
_LABEL: Final = b"wristlet:pin-verifier:1"


def is_set(state: State) -> bool:
    """Tell whether the wearer has a PIN, blocked or not."""
    return state.get(_VERIFIER) is not None


def tries_left(state: State) -> int:
    """Give the guesses that may still be compared; 0 means blocked."""
    raw = state.get(_TRIES)
    return TRIES_MAX if raw is None else raw[0]


def is_blocked(state: State) -> bool:
    """Tell whether all guesses are used up; only the token service's reset order ends that."""
    return tries_left(state) == 0


def read_block(block: bytes, profile: Profile) -> SecretDigits:
    """Read a PIN block of format 2; 6A80 if it is none or its length is against the policy."""
    try:
        pin = parse_pin_block2(block)
    except DecodeError:
        raise CardError(SW.WRONG_DATA) from None
    if not profile.pin_min <= len(pin) <= profile.pin_max:
        raise CardError(SW.WRONG_DATA)
    return pin


def check_policy(pin: SecretDigits) -> None:
    """Refuse (6A80) a PIN that is too common to be one."""
    if is_weak(pin.reveal()):
        raise CardError(SW.WRONG_DATA)


def store(ctx: Context, pin: SecretDigits) -> None:
    """Make this the PIN, with all its tries."""
    salt = ctx.env.random.bytes(_SALT_SIZE)
    ctx.state.put(_VERIFIER, salt + _digest(ctx, salt, pin))
    ctx.state.put(_TRIES, bytes((TRIES_MAX,)))
    ctx.touch()


def clear(ctx: Context) -> None:
    """Forget the PIN and its block."""
    ctx.state.delete(_VERIFIER)
    ctx.state.delete(_TRIES)
    ctx.touch()


def compare(ctx: Context, pin: SecretDigits) -> bool:
    """Spend one try, durably, and only then compare; a right PIN gives all tries back.

    Raises 6A88 without a PIN, 6983 when blocked: then nothing is compared.
    """
    stored = ctx.state.get(_VERIFIER)
    if stored is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    left = tries_left(ctx.state)
    if left == 0:
        raise CardError(SW.AUTHENTICATION_BLOCKED)
    ctx.touch()
    ctx.state.put(_TRIES, bytes((left - 1,)))
    ctx.state.flush()
    salt = stored[:_SALT_SIZE]
    if not hmac.compare_digest(_digest(ctx, salt, pin), stored[_SALT_SIZE:]):
        return False
    ctx.touch()
    ctx.state.put(_TRIES, bytes((TRIES_MAX,)))
    return True


def _digest(ctx: Context, salt: bytes, pin: SecretDigits) -> bytes:
    return ctx.keyed_hash(_LABEL + salt + pin.reveal().encode("ascii"))
