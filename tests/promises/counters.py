"""P04, P05: a transaction counter never comes twice, and three wrong PINs are all there are."""

from __future__ import annotations

import hmac
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest.mock import patch

from promises.harness import Promise, Weakness, share
from promises.strap_life import FIRST, powered
from support import paid_cards
from support.payment_cards import Wish, tags
from support.se_cards import Rig
from wristlet.env.sim import SimulatedCrash
from wristlet.se.applets import pin
from wristlet.se.applets.base import CardError, Context
from wristlet.se.applets.payment.limits import Counters
from wristlet.se.applets.payment.session import Session
from wristlet.wire.gp import commands
from wristlet.wire.masked import SecretDigits

WRONG = "805316"
BLOCKED = 0x6983
LIMIT = 3
TAPS, GUESSES = 60, 40
SMALL = Wish(amount=1)


# ------------------------------------------------------------------ counters


def counters(seed: int, scale: int) -> tuple[int, int]:
    """Kill taps of both kernels at disk steps, again and again; read the counters that came."""
    chance = random.Random(seed)
    wanted, kills, failures = share(2_000, scale), 0, 0
    # A card that writes nothing would never be killed.
    for _ in range(wanted):
        cut, wrong = tapped(chance, chance.choice((1, 2)))
        kills, failures = kills + cut, failures + wrong
        if kills >= wanted or failures:
            break
    return kills, failures


def tapped(chance: random.Random, number: int) -> tuple[int, int]:
    """Tap one card many times, killed in between: (kills, counters repeated or left out)."""
    rig = with_active(number)
    last = cuts = kills = failures = 0
    for number_of_tap in range(TAPS):
        if number_of_tap % 20 == 0:
            rig = paid_cards.reopened(rig)
        rig.disk.kill_at(chance.randrange(1, 8), kept=chance.choice((0, 17, 513)))
        try:
            answer = paid_cards.pay(rig, SMALL)
        except SimulatedCrash:
            kills, cuts = kills + 1, cuts + 1
            rig = paid_cards.reopened(rig)
            continue
        rig.disk.restart()
        atc = int.from_bytes(tags(answer)[0x9F36], "big")
        failures += not last < atc <= last + 1 + cuts
        last, cuts = atc, 0
    return kills, failures


def with_active(number: int) -> Rig:
    """A card whose first (kernel 3) or second (kernel 2) payment card is the active one."""
    rig = powered("wallet", 0)
    if number == 1:
        assert paid_cards.phone(rig).send(commands.crs_set_status(0x01, 0x01, FIRST)).ok
    return rig


def counters_in_memory() -> AbstractContextManager[object]:
    """A payment applet whose counters reach the disk some other time."""

    def saved(self: Session, ctx: Context, counted: Counters, atc: int) -> None:
        store = ctx.state
        store._data[self.image.counters_key] = counted.encode_under(atc)  # type: ignore[attr-defined] # the store behind it

    return patch.object(Session, "save", saved)


# ------------------------------------------------------------------ guesses


class CountedComparisons:
    """Stands in for `hmac` in the PIN's module and counts what is compared."""

    def __init__(self) -> None:
        self.count = 0

    def compare_digest(self, left: bytes, right: bytes) -> bool:
        """Compare, and count it."""
        self.count += 1
        return hmac.compare_digest(left, right)


def guesses(seed: int, scale: int) -> tuple[int, int]:
    """Guess on and on with power cuts at disk steps: three comparisons, then blocked for good."""
    chance = random.Random(seed)
    trials = failures = 0
    while trials < share(10_000, scale):
        rig = powered("wallet", 0)
        compared = CountedComparisons()
        with patch.object(pin, "hmac", compared):
            for _ in range(GUESSES):
                rig = guessed(rig, chance)
            right = paid_cards.phone(rig).send(commands.verify(paid_cards.PIN)).sw
        trials += GUESSES
        failures += compared.count > LIMIT or right != BLOCKED
    return trials, failures


def guessed(rig: Rig, chance: random.Random) -> Rig:
    """Make one wrong guess that power may be cut off from; returns the card afterwards."""
    command = chance.choice((commands.verify(WRONG), commands.change_pin(WRONG, "274917")))
    session = paid_cards.phone(rig)
    rig.disk.kill_at(chance.randrange(1, 9), kept=chance.choice((0, 17)))
    try:
        assert not session.send(command).ok
    except SimulatedCrash:
        return paid_cards.reopened(rig)
    rig.disk.restart()
    return rig


def compared_first() -> AbstractContextManager[object]:
    """A card that spends the try after the comparison."""

    def comparing(left: bytes, right: bytes) -> bool:
        # Through the module, where the comparisons are counted.
        compare: Callable[[bytes, bytes], bool] = vars(pin)["hmac"].compare_digest
        return compare(left, right)

    def late(ctx: Context, given: SecretDigits) -> bool:
        stored, left = ctx.state.get("pin/verifier") or b"", pin.tries_left(ctx.state)
        if left == 0:
            raise CardError(BLOCKED)
        if comparing(pin._digest(ctx, stored[:16], given), stored[16:]):
            return True
        ctx.touch()
        ctx.state.put("pin/tries", bytes((left - 1,)))
        return False

    return patch.object(pin, "compare", late)


PROMISES = (
    Promise(
        "P04",
        "A transaction counter is never reused and never goes back; a cut costs one at most",
        "taps of both kernels killed at random disk steps, reopened, continued",
        counters,
        (Weakness("counters not on the disk", counters_in_memory),),
    ),
    Promise(
        "P05",
        "At most three wrong PINs are ever compared, and the block survives everything",
        "wrong guesses by both commands with power cuts at disk steps, comparisons counted; then"
        " the right PIN",
        guesses,
        (Weakness("try spent after the comparison", compared_first),),
    ),
)
