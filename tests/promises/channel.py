"""P12, P13, P16: no altered command is executed, no level lowered, no challenge comes twice."""

from __future__ import annotations

import random

from promises.harness import Measured, Promise, share
from support import se_cards
from wristlet.crypto.channel import LEVELS, CardChannel, HostChannel, SessionKeys
from wristlet.crypto.errors import ChannelError
from wristlet.wire.apdu import Command
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids, commands
from wristlet.wire.masked import Secret


def session(seed: int, level: int) -> tuple[HostChannel, CardChannel]:
    """Open both ends of a session."""
    chance = random.Random(seed)
    keys = SessionKeys(*(Secret(chance.randbytes(16)) for _ in range(4)))
    return HostChannel(keys, level), CardChannel(keys, level)


def traffic(chance: random.Random, host: HostChannel) -> list[bytes]:
    """Return a few wrapped commands in their order."""
    return [
        host.wrap(
            Command(0x80, chance.randrange(256), 0, number, chance.randbytes(chance.randrange(60)))
        ).encode()
        for number in range(3)
    ]


def mutants(chance: random.Random, sent: list[bytes], other: list[bytes]) -> list[list[bytes]]:
    """Return twelve ways to disturb a session: every first wrong command must be refused."""
    at = chance.randrange(len(sent))
    raw = sent[at]
    bit = chance.randrange(8, 8 * len(raw))
    flipped = bytearray(raw)
    flipped[bit // 8] ^= 1 << bit % 8
    header = bytearray(raw)
    header[chance.randrange(1, 4)] ^= 1 << chance.randrange(8)
    cut = chance.randrange(1, 9)
    return [
        [*sent[:at], bytes(flipped)],
        [*sent[:at], bytes(header)],
        [*sent[:at], raw[:4] + bytes((raw[4] - cut,)) + raw[5:-cut]],
        [*sent[:at], raw[:4] + bytes((raw[4] + 1,)) + raw[5:] + b"\x00"],
        [*sent[: at + 1], raw],
        [*sent[:at], *sent[at + 1 : at + 2]] if at + 1 < len(sent) else [*sent[:2], sent[0]],
        [sent[0], sent[2]],
        [*sent[:at], other[at]],
        [*sent[:at], raw[:-8] + bytes(8)],
        [*sent[:at], raw[:-8] + other[at][-8:]],
        [*sent[:at], bytes((raw[0] ^ 0x80,)) + raw[1:]],
        [*sent[:at], chance.randbytes(len(raw))],
    ]


def accepted(card: CardChannel, disturbed: list[bytes]) -> bool:
    """Tell whether the last, wrong command is executed or the session outlives it."""
    *right, wrong = disturbed
    try:
        for raw in right:
            card.unwrap(Command.parse(raw))
    except ChannelError:
        return True
    try:
        card.unwrap(Command.parse(wrong))
    except DecodeError:
        return False
    except ChannelError:
        return card.alive
    return True


def altered(seed: int, scale: int) -> Measured:
    """Twelve operators on random sessions at every level."""
    chance = random.Random(seed)
    wanted, trials, failures = share(50_000, scale), 0, 0
    while trials < wanted:
        level = chance.choice(sorted(LEVELS))
        key = chance.randrange(1 << 30)
        sent = traffic(chance, session(key, level)[0])
        other = traffic(chance, session(key + 1, level)[0])
        for disturbed in mutants(chance, sent, other):
            if disturbed == sent[: len(disturbed)]:
                continue
            trials += 1
            failures += accepted(session(key, level)[1], disturbed)
    # The control: an undisturbed session is accepted, so a refusal means something.
    host, card = session(seed, 0x33)
    return Measured(trials, failures, control=accepted(card, traffic(chance, host)))


def lowered(seed: int, scale: int) -> Measured:
    """All pairs of opened level and sent level on a card's issuer domain."""
    trials = failures = 0
    control = False
    for opened in sorted(LEVELS):
        for sent in (0x00, *sorted(LEVELS)):
            rig = se_cards.volatile(seed)
            live = se_cards.open_scp03(rig.wired, opened)
            host = live.channel
            asked = commands.get_status(commands.StatusScope.ISSUER_DOMAIN)
            raw = asked if sent == 0 else relevelled(host, opened, sent, asked)
            answer = se_cards.send(rig.wired, raw)
            answered = answer.sw == 0x9000
            if sent == opened:
                control = control or answered
                continue
            trials += 1
            # Levels that protect commands alike differ in responses only, which the host checks.
            failures += answered and sent & 0x03 != opened & 0x03
    return Measured(trials, failures, control)


def relevelled(host: HostChannel, opened: int, sent: int, command: Command) -> Command:
    """Wrap a command with the session's keys as if another level had been agreed."""
    if sent == opened:
        return host.wrap(command)
    inside = host._session
    assert inside is not None
    inside.level = sent
    return host.wrap(command)


def repeated(seed: int, scale: int) -> Measured:
    """Challenges of one card over many sessions and restarts never come twice."""
    rig = se_cards.sealed(seed)
    seen: set[bytes] = set()
    wanted, failures, challenge = share(20_000, scale), 0, b""
    for number in range(wanted):
        if number % 500 == 499:
            rig = rig.reopen(seed=seed)
        se_cards.select(rig.wired, aids.ISD)
        answer = se_cards.send(rig.wired, commands.initialize_update(bytes(8)))
        challenge = answer.data[13:21]
        failures += challenge in seen
        seen.add(challenge)
    return Measured(wanted, failures, control=len(seen) > 1 and challenge in seen)


PROMISES = (
    Promise(
        "P12",
        "No altered, cut, repeated, reordered or spliced command is ever executed",
        "twelve operators on SCP sessions at all levels; the session must be dead",
        altered,
    ),
    Promise(
        "P13",
        "A session's security level cannot be lowered",
        "every pair of opened and sent level on a card",
        lowered,
        exhaustive=True,
    ),
    Promise(
        "P16",
        "A card's challenges never repeat, across restarts too",
        "sessions opened with the same host challenge, restarts with the same randomness",
        repeated,
    ),
)
