"""What a secure element lives through, one script at a time, and what it may look like when cut.

A script is carried out command by command. `Reference` keeps the durable state after each of them,
so that an interrupted run can be held against exactly two states: before and after the command
that was cut. A comparison of the PIN alone has a third one by design: the try is spent first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from support import paid_cards, se_cards
from support.payment_cards import K2, K3, PIN, Wish
from support.se_cards import DIRECTORY, SEAL_KEY, Rig
from wristlet.env.memory_disk import MemoryDisk, SimulatedCrash
from wristlet.env.sim import SimEnv
from wristlet.se import catalog
from wristlet.se.card import Card
from wristlet.se.store import COUNTER_KEY, SealedStore, StoreDeadError
from wristlet.wire.apdu import Response
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, commands
from wristlet.wire.script import ScriptDgi

State = dict[str, bytes]
Action = Callable[[Rig], Iterator[Response]]

WRONG_PIN, NEW_PIN = "805316", "61938"
FIRST, SECOND = (
    aids.instance_aid(card.product.registered_aid, number) for number, card in ((1, K3), (2, K2))
)


@dataclass(frozen=True, slots=True)
class Script:
    """One thing that happens: `stage` names the card that it starts with.

    `compares` is the place of the command that compares a PIN, -1 if none does.
    """

    name: str
    stage: str
    action: Action
    compares: int = -1


@dataclass(slots=True)
class Reference:
    """An undisturbed run: state before the first command and after each, with its status word."""

    states: list[State] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    steps: int = 0


def _pair(rig: Rig) -> Iterator[Response]:
    rig.enrol_phone()
    yield Response(b"", 0x9000)


def _create_pin(rig: Rig) -> Iterator[Response]:
    yield paid_cards.phone(rig).send(commands.create_pin(PIN))


def _personalise(number: int) -> Action:
    card = replace((K3, K2)[number - 1], taps_max=200, sum_max=10_000)

    def action(rig: Rig) -> Iterator[Response]:
        for apdu in paid_cards.card_script(rig, number, card)[1]:
            yield se_cards.transmit(rig.wired, apdu)

    return action


def _orders(*groups: tuple[ScriptDgi, bytes]) -> Action:
    """A script of the token service that changes what is there."""

    def action(rig: Rig) -> Iterator[Response]:
        draft = rig.draft(3)
        for number, value in groups:
            draft.add_group(Dgi(number, value))
        for apdu in draft.finish().script.apdus:
            yield se_cards.transmit(rig.wired, apdu)

    return action


def _delete(rig: Rig) -> Iterator[Response]:
    draft = rig.draft(3)
    draft.add(commands.delete(FIRST))
    for apdu in draft.finish().script.apdus:
        yield se_cards.transmit(rig.wired, apdu)


def _verify(pin: str) -> Action:
    def action(rig: Rig) -> Iterator[Response]:
        yield paid_cards.phone(rig).send(commands.verify(pin))

    return action


def _change_pin(rig: Rig) -> Iterator[Response]:
    yield paid_cards.phone(rig).send(commands.change_pin(PIN, NEW_PIN))


def _switch(rig: Rig) -> Iterator[Response]:
    yield se_cards.select(rig.wired, aids.CRS)
    yield se_cards.send(rig.wired, commands.crs_set_status(0x01, 0x01, FIRST))


def _tap_second(wish: Wish) -> Action:
    """Kernel 2: the number is taken by GET PROCESSING OPTIONS, the decision by GENERATE AC."""

    def action(rig: Rig) -> Iterator[Response]:
        yield se_cards.select(rig.contactless, SECOND)
        for apdu in ("80A8000002830000", "00B2010C00", wish.generate_ac()):
            yield se_cards.transmit(rig.contactless, bytes.fromhex(apdu))

    return action


def _tap_first(rig: Rig) -> Iterator[Response]:
    yield from _switch(rig)
    yield se_cards.select(rig.contactless, FIRST)
    yield se_cards.transmit(rig.contactless, bytes.fromhex(Wish().gpo()))


def _tap_with_lease(rig: Rig) -> Iterator[Response]:
    yield from _verify(PIN)(rig)
    yield from _tap_second(Wish(amount=20_000, cvm_results="010002"))(rig)


def _challenge(rig: Rig) -> Iterator[Response]:
    for _ in range(2):
        yield se_cards.select(rig.wired, aids.ISD)
        yield se_cards.send(rig.wired, commands.initialize_update(bytes(8)))


SCRIPTS = (
    Script("power-up", "wallet", lambda rig: iter(())),
    Script("pair", "new", _pair),
    Script("create PIN", "paired", _create_pin),
    Script("personalise kernel 3", "pin", _personalise(1)),
    Script("personalise kernel 2", "pin", _personalise(2)),
    Script("tap kernel 2", "wallet", _tap_second(Wish())),
    Script("switch, tap kernel 3", "wallet", _tap_first),
    Script("unlock, tap above the limit", "wallet", _tap_with_lease, compares=0),
    Script("wrong PIN", "wallet", _verify(WRONG_PIN), compares=0),
    Script("right PIN", "wallet", _verify(PIN), compares=0),
    Script("change PIN", "wallet", _change_pin, compares=0),
    Script("switch card", "wallet", _switch),
    Script("suspend", "wallet", _orders((ScriptDgi.MAKE_NON_ACTIVATABLE, FIRST))),
    Script("delete", "wallet", _delete),
    Script("reset the PIN", "wallet", _orders((ScriptDgi.PIN_RESET, b""))),
    Script("secure channels", "wallet", _challenge),
)


@cache
def stage(name: str, seed: int) -> Rig:
    """A card as far as a script needs it; its disk is copied before anything is done to it."""
    if name == "wallet":
        return paid_cards.wallet(se_cards.sealed(seed))[0]
    rig = paid_cards.built_in(se_cards.sealed(seed))
    if name != "new":
        rig.enrol_phone()
    if name == "pin":
        assert paid_cards.phone(rig).send(commands.create_pin(PIN)).ok
    return rig


def powered(name: str, seed: int, disk: MemoryDisk | None = None) -> Rig:
    """Power a stage's card up, on a copy of its disk or on the one that is given."""
    base = stage(name, seed)
    env = SimEnv(seed + 7, disk=disk if disk is not None else base.disk.copy())
    card = Card.open(env, DIRECTORY, SEAL_KEY, sandbox=True, catalog=catalog.installed())
    return Rig(env, base.owner, base.identity, card)


def carry_out(script: Script, seed: int, disk: MemoryDisk, passed: Reference) -> None:
    """Power the card up and run a script, noting what was acknowledged; raises what stops it."""
    rig = powered(script.stage, seed, disk)
    passed.states.append(rig.state())
    for answer in script.action(rig):
        passed.words.append(answer.sw)
        passed.states.append(rig.state())


@cache
def reference(script: Script, seed: int) -> Reference:
    """The undisturbed run of a script."""
    disk, passed = stage(script.stage, seed).disk.copy(), Reference()
    carry_out(script, seed, disk, passed)
    passed.steps = len(disk.trace)
    return passed


def interrupted(
    script: Script, seed: int, stop: Callable[[MemoryDisk], None]
) -> tuple[MemoryDisk, list[State]]:
    """Run a script that is stopped on the way: the disk, and the states it may show now."""
    disk, passed = stage(script.stage, seed).disk.copy(), Reference()
    stop(disk)
    # Killed, dead, or refused where the script counts on an answer.
    with contextlib.suppress(SimulatedCrash, StoreDeadError, OSError, AssertionError):
        carry_out(script, seed, disk, passed)
    disk.restart()
    return disk, legal(script, seed, passed)


def legal(script: Script, seed: int, passed: Reference) -> list[State]:
    """The state after the last acknowledged command, and after the one that was cut."""
    whole = reference(script, seed)
    done = 0
    while done < len(passed.words) and passed.words[done] == whole.words[done]:
        done += 1
    if done == len(whole.words) and passed.states:
        return whole.states[done:]
    before = whole.states[done]
    found = [before, whole.states[min(done + 1, len(whole.states) - 1)]]
    tries = before.get("pin/tries", b"\0")[0]
    if script.compares == done and tries:
        found.append({**before, "pin/tries": bytes((tries - 1,))})
    return found


def state_of(disk: MemoryDisk) -> State:
    """Open what a cut left; raises StoreCorruptError."""
    store = SealedStore.open(SimEnv(9, disk=disk), DIRECTORY, SEAL_KEY)
    return {key: value for key, value in store.snapshot().items() if key != COUNTER_KEY}
