"""P04, P05: a transaction counter never comes twice, and three wrong PINs are all there are."""

from __future__ import annotations

import random

from promises.harness import Measured, Promise, share
from support import paid_cards
from support.payment_cards import tags
from support.se_cards import sealed
from wristlet.env.sim import SimulatedCrash
from wristlet.wire.gp import commands

WRONG = "805316"
BLOCKED = 0x6983
LIMIT = 3


def counters(seed: int, scale: int) -> Measured:
    """Kill taps of both kernels at disk steps, again and again; read the counters that came."""
    chance = random.Random(seed)
    kills = failures = answered = 0
    wanted = share(2_000, scale)
    while kills < wanted:
        rig, _, _ = paid_cards.wallet(sealed(seed + kills))
        seen: list[int] = []
        for _ in range(60):
            rig.disk.kill_at(chance.randrange(1, 8), kept=chance.choice((0, 17, 513)))
            try:
                answer = paid_cards.pay(rig)
            except SimulatedCrash:
                kills += 1
                rig = paid_cards.reopened(rig)
                continue
            rig.disk.restart()
            if answer.ok:
                seen.append(int.from_bytes(tags(answer)[0x9F36], "big"))
        answered += len(seen)
        failures += seen != sorted(set(seen))
    return Measured(kills, failures, control=answered > 0)


def guesses(seed: int, scale: int) -> Measured:
    """Guess with power cuts at every disk step: never more than three comparisons, then blocked."""
    trials = failures = 0
    right_after_two = False
    for round_number in range(share(300, scale)):
        rig, _, _ = paid_cards.wallet(sealed(seed + round_number))
        chance = random.Random(seed + round_number)
        compared = 0
        for _ in range(30):
            session = paid_cards.phone(rig)
            rig.disk.kill_at(chance.randrange(1, 9), kept=chance.choice((0, 17)))
            trials += 1
            try:
                answer = session.send(commands.verify(WRONG))
            except SimulatedCrash:
                rig = paid_cards.reopened(rig)
                continue
            rig.disk.restart()
            if answer.sw == BLOCKED:
                break
            compared += 1
        failures += compared > LIMIT
        blocked = paid_cards.phone(rig).send(commands.verify(paid_cards.PIN)).sw == BLOCKED
        failures += not blocked
    fresh, _, _ = paid_cards.wallet(sealed(seed))
    right_after_two = paid_cards.phone(fresh).send(commands.verify(paid_cards.PIN)).ok
    return Measured(trials, failures, control=right_after_two)


PROMISES = (
    Promise(
        "P04",
        "A transaction counter is never reused and never goes back",
        "taps of both kernels killed at random disk steps, reopened, continued",
        counters,
    ),
    Promise(
        "P05",
        "At most three wrong PINs are ever compared, and the block survives everything",
        "wrong guesses with power cuts at every disk step, then the right PIN",
        guesses,
    ),
)
