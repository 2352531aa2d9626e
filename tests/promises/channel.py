"""P12, P13, P16: no altered command is executed, no level lowered, no challenge comes twice."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from unittest.mock import patch

from promises.harness import Promise, Weakness, share, stride
from support import se_cards
from support.se_cards import Rig
from wristlet.crypto import channel as messaging
from wristlet.crypto import scp03
from wristlet.crypto.channel import LEVELS, CardChannel, HostChannel, SessionKeys
from wristlet.crypto.errors import ChannelError
from wristlet.env.sim import SimulatedCrash
from wristlet.se import channel as card_channel
from wristlet.se.context import AppContext
from wristlet.se.keyset import domain_key
from wristlet.wire.apdu import Command
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids, commands
from wristlet.wire.masked import Secret

OK = 0x9000
SECURED, CHAINED = 0x04, 0x10
OPERATORS = 12

# ------------------------------------------------------------------ mutants


def session(seed: int, level: int, size: int) -> tuple[HostChannel, CardChannel]:
    """Open both ends of a session with AES keys of a size."""
    chance = random.Random(seed)
    keys = SessionKeys(*(Secret(chance.randbytes(size)) for _ in range(4)))
    return HostChannel(keys, level), CardChannel(keys, level)


def traffic(chance: random.Random, host: HostChannel) -> list[bytes]:
    """Return a few wrapped commands in their order."""
    return [
        host.wrap(
            Command(0x80, chance.randrange(256), 0, number, chance.randbytes(chance.randrange(60)))
        ).encode()
        for number in range(3)
    ]


def flipped(chance: random.Random, raw: bytes) -> bytes:
    """Turn one bit; the logical channel (the two lowest bits) is outside the protection."""
    changed = bytearray(raw)
    bit = chance.choice([bit for bit in range(8 * len(raw)) if bit not in {0, 1}])
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def mutants(chance: random.Random, sent: list[bytes], other: list[bytes]) -> list[list[bytes]]:
    """Return twelve ways to disturb a session: the last command of each must be refused."""
    at = chance.randrange(len(sent))
    raw, before = sent[at], sent[:at]
    header = bytearray(raw)
    header[chance.randrange(1, 4)] ^= 1 << chance.randrange(8)
    cut = chance.randrange(1, 9)
    skipped = [*before, sent[at + 1]] if at + 1 < len(sent) else [sent[0], sent[2]]
    return [
        [*before, flipped(chance, raw)],
        [*before, bytes(header)],
        [*before, raw[:4] + bytes((raw[4] - cut,)) + raw[5:-cut]],
        [*before, raw[:4] + bytes((raw[4] + 1,)) + raw[5:] + b"\x00"],
        [*before, raw, raw],
        skipped,
        [*sent, sent[0]],
        [*before, other[at]],
        [*before, raw[:-8] + bytes(8)],
        [*before, raw[:-8] + other[at][-8:]],
        [*before, bytes((raw[0] & ~SECURED,)) + raw[1:]],
        [*before, chance.randbytes(len(raw))],
    ]


def accepted(card: CardChannel, disturbed: list[bytes]) -> bool:
    """Tell whether the last, wrong command is executed, or the session outlives it."""
    *right, wrong = disturbed
    for raw in right:
        card.unwrap(Command.parse(raw))
    try:
        card.unwrap(Command.parse(wrong))
    except DecodeError:
        return False
    except ChannelError:
        return card.alive
    return True


def altered(seed: int, scale: int) -> tuple[int, int]:
    """Twelve operators: on bare sessions of every level and key size, on cards, on scripts."""
    chance = random.Random(seed)
    trials, failures = 0, 0
    while trials < share(44_000, scale):
        level, size = chance.choice(sorted(LEVELS)), chance.choice((16, 24, 32))
        key = chance.randrange(1 << 30)
        sent, other = (traffic(chance, session(key + more, level, size)[0]) for more in (0, 1))
        for disturbed in mutants(chance, sent, other):
            trials += 1
            failures += accepted(session(key, level, size)[1], disturbed)
    for count, trial in ((share(5_000, scale), on_a_card), (share(1_000, scale), on_a_script)):
        made, wrong = trial(chance, count)
        trials, failures = trials + made, failures + wrong
    return trials, failures


def on_a_card(chance: random.Random, wanted: int) -> tuple[int, int]:
    """Disturb SCP03 sessions on a card: nothing executed, nothing changed, session dead."""
    trials = failures = 0
    rig = se_cards.volatile(chance.randrange(1 << 30))
    kept = rig.state()
    while trials < wanted:
        level = chance.choice(sorted(LEVELS))
        stranger, live = (se_cards.open_scp03(rig.wired, level) for _ in range(2))
        asked = commands.get_status(commands.StatusScope.ISSUER_DOMAIN)
        raw, foreign = (one.channel.wrap(asked).encode() for one in (live, stranger))
        wrong = one_of(chance, raw, foreign)
        trials += 1
        failures += executed(rig, wrong)
        failures += reaches_session(wrong) and se_cards.transmit(rig.wired, raw).sw == OK
    moved = {key for key, value in rig.state().items() if kept.get(key) != value}
    failures += any("/seq/" not in key for key in moved)
    return trials, failures


def on_a_script(chance: random.Random, wanted: int) -> tuple[int, int]:
    """Disturb one command of a token service's script (SCP11c): nothing of it becomes real."""
    rig = se_cards.sealed(chance.randrange(1 << 30))
    rig.enrol_phone()
    rig.set_pin()
    kept, failures = rig.state(), 0
    apdus, other = (rig.perso_script(number).script.apdus for number in (1, 2))
    places = [at for at, raw in enumerate(apdus) if raw[0] & SECURED]
    for _ in range(wanted):
        at = chance.choice(places)
        wrong = one_of(chance, apdus[at], other[at])
        se_cards.run(rig.wired, apdus[:at])
        failures += executed(rig, wrong)
        if reaches_session(wrong):
            failures += any(se_cards.transmit(rig.wired, raw).sw == OK for raw in apdus[at:])
        failures += rig.state() != kept
    return wanted, failures


def one_of(chance: random.Random, raw: bytes, foreign: bytes) -> bytes:
    """Draw a mutant of one command; `foreign` comes from another session."""
    made = [one[-1] for one in mutants(chance, [raw] * 3, [foreign] * 3)]
    return chance.choice([wrong for wrong in made if protected(wrong) != protected(raw)])


def protected(raw: bytes) -> Command | bytes:
    """Return what the MAC covers; Le and the logical channel are outside of it by Amendment D."""
    try:
        return Command.parse(raw).replace(le=None)
    except DecodeError:
        return raw


def executed(rig: Rig, wrong: bytes) -> bool:
    """Tell whether the card carries a command out; a part of a chain is only kept."""
    return se_cards.transmit(rig.wired, wrong).sw == OK and not wrong[0] & CHAINED


def reaches_session(wrong: bytes) -> bool:
    """Tell whether a command is well formed and of the class that the session answers for."""
    try:
        return Command.parse(wrong).cla & ~CHAINED in {0x80, 0x84}
    except DecodeError:
        return False


def mac_not_compared() -> contextlib.AbstractContextManager[object]:
    """A card that cuts the MAC off without looking at it."""
    return patch.object(messaging, "_checked_body", lambda data, mac: data[: -messaging.MAC_BYTES])


@contextlib.contextmanager
def mac_not_chained() -> Iterator[None]:
    """Both ends compute each MAC by itself."""
    whole = messaging._Session.command_mac

    def alone(self: messaging._Session, command: Command, data: bytes) -> bytes:
        self.chain = messaging.CHAIN_START
        return whole(self, command, data)

    with patch.object(messaging._Session, "command_mac", alone):
        yield


# ------------------------------------------------------------------ levels


def lowered(seed: int, scale: int) -> tuple[int, int]:
    """Every pair of opened and sent level, and every level byte changed while a session opens."""
    trials = failures = 0
    rig = se_cards.volatile(seed)
    asked = commands.get_status(commands.StatusScope.ISSUER_DOMAIN)
    for opened in sorted(LEVELS):
        for sent in (0x00, *sorted(LEVELS)):
            live = se_cards.open_scp03(rig.wired, opened)
            raw = asked if sent == 0 else relevelled(live.channel, sent, asked)
            answered = se_cards.send(rig.wired, raw).sw == OK
            trials += 1
            # Levels that protect commands alike differ in responses only: the host checks those.
            failures += answered is not (sent & 0x03 == opened & 0x03)
        for level in range(0, 256, stride(scale)):
            if level != opened:
                trials += 1
                failures += opens_at(rig, opened, level)
    return trials, failures


def relevelled(host: HostChannel, sent: int, command: Command) -> Command:
    """Wrap a command with the session's keys as if another level had been agreed."""
    inside = host._session
    assert inside is not None
    inside.level = sent
    return host.wrap(command)


def opens_at(rig: Rig, wanted: int, level: int) -> bool:
    """Tell whether EXTERNAL AUTHENTICATE opens a session after its level byte was changed."""
    se_cards.select(rig.wired, aids.ISD)
    challenge = bytes(range(8))
    answer = se_cards.send(rig.wired, commands.initialize_update(challenge))
    command, _ = scp03.host_open(se_cards.SANDBOX_KEYS, challenge, answer.data, wanted)
    return se_cards.send(rig.wired, command.replace(p1=level)).sw == OK


def level_outside_the_mac() -> contextlib.AbstractContextManager[object]:
    """Both ends leave the level byte out of the first MAC."""
    whole = scp03._first_chain

    def without(
        keys: SessionKeys, level: int, cryptogram: bytes, *, extended: bool = False
    ) -> bytes:
        return whole(keys, 0x33, cryptogram, extended=extended)

    return patch.object(scp03, "_first_chain", without)


def plain_data_taken() -> contextlib.AbstractContextManager[object]:
    """A card that takes what does not decrypt for plain data."""
    whole = messaging._Session.decrypt

    def lenient(self: messaging._Session, counter: int, blocks: bytes) -> bytes:
        try:
            return whole(self, counter, blocks)
        except ChannelError:
            return blocks

    return patch.object(messaging._Session, "decrypt", lenient)


# ------------------------------------------------------------------ challenges


def repeated(seed: int, scale: int) -> tuple[int, int]:
    """Challenges, and with them session keys, under one host challenge, over kills and restarts."""
    rig, chance = se_cards.sealed(seed), random.Random(seed)
    seen: set[bytes] = set()
    failures = 0
    wanted = share(100_000, scale)
    for number in range(1, wanted + 1):
        if number % 500 == 0:
            rig = rig.reopen(seed=seed)
        if number % 50 == 0:
            rig.disk.kill_at(chance.randrange(1, 4), kept=chance.choice((0, 20, 600)))
        try:
            se_cards.select(rig.wired, aids.ISD)
            answer = se_cards.send(rig.wired, commands.initialize_update(bytes(8)))
        except SimulatedCrash:
            # The same randomness after each restart: only what is on the disk makes a difference.
            rig = rig.reopen(seed=seed)
            continue
        rig.disk.restart()
        challenge = answer.data[13:21]
        failures += answer.sw != OK or challenge in seen
        seen.add(challenge)
    return wanted, failures


def sequence_in_memory() -> contextlib.AbstractContextManager[object]:
    """A card that counts its sessions, but not on the disk."""

    def counted(context: AppContext, owner: bytes, version: int) -> int:
        key = domain_key(owner, f"seq/{version:02X}")
        value = int.from_bytes(context.state.get(key) or b"", "big") + 1
        context.state._data[key] = value.to_bytes(3, "big")
        return value

    return patch.object(card_channel, "_next_sequence", counted)


PROMISES = (
    Promise(
        "P12",
        "No altered, cut, repeated, reordered or spliced command is ever executed",
        f"{OPERATORS} operators on SCP03 and SCP11c sessions at all levels and key sizes; the"
        " session must be dead, the card's state the same",
        altered,
        (
            Weakness("MAC not compared", mac_not_compared),
            Weakness("MAC not chained", mac_not_chained),
        ),
    ),
    Promise(
        "P13",
        "A session's security level cannot be lowered",
        "every pair of opened and sent level; every change of the level byte while opening",
        lowered,
        (
            Weakness("level outside the first MAC", level_outside_the_mac),
            Weakness("what does not decrypt is taken as plain", plain_data_taken),
        ),
        exhaustive=True,
        control_scale=100,
    ),
    Promise(
        "P16",
        "A card's challenges, and so its session keys, never repeat",
        "sessions under one host challenge, killed and restarted with the same randomness",
        repeated,
        (Weakness("sequence counter not on the disk", sequence_in_memory),),
    ),
)
