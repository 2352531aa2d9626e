"""P01, P02, P03, P06, P07: what the sealed store of a secure element survives and notices."""

from __future__ import annotations

import contextlib
import errno
import itertools
import random
from collections.abc import Callable, Iterator

from promises.harness import Measured, Promise, share
from support import se_cards
from support.se_cards import DIRECTORY, SEAL_KEY, Rig
from wristlet.env.memory_disk import MemoryDisk, SimulatedCrash
from wristlet.env.sim import SimEnv
from wristlet.se import journal
from wristlet.se.journal import StoreCorruptError
from wristlet.se.store import SealedStore, StoreDeadError
from wristlet.wire.gp import aids, commands

STATE_FILE = f"{DIRECTORY}/state"
State = dict[str, bytes]


def work(rig: Rig) -> Iterator[State]:
    """Carry out what a strap lives through, yielding the durable state after each command."""
    yield rig.state()
    rig.enrol_phone()
    yield rig.state()
    rig.set_pin()
    yield rig.state()
    for number in (1, 2):
        se_cards.select(rig.wired, aids.ISD)
        yield rig.state()
        se_cards.send(rig.wired, commands.initialize_update(bytes(8)))
        yield rig.state()
        for apdu in rig.perso_script(number, index=number).script.apdus:
            se_cards.transmit(rig.wired, apdu)
            yield rig.state()


def passed_states(seed: int) -> tuple[list[State], int]:
    """Return every durable state of undisturbed work and how many disk steps it took."""
    rig = se_cards.sealed(seed)
    rig.disk.trace.clear()
    return list(work(rig)), len(rig.disk.trace)


def interrupted(seed: int, stop: Callable[[MemoryDisk], None]) -> MemoryDisk:
    """Return the disk after work that was stopped."""
    rig = se_cards.sealed(seed)
    stop(rig.disk)
    with contextlib.suppress(SimulatedCrash):
        for _ in work(rig):
            pass
    rig.disk.restart()
    return rig.disk


def state_of(disk: MemoryDisk) -> State:
    """Open what a crash left; raises StoreCorruptError."""
    store = SealedStore.open(SimEnv(9, disk=disk), DIRECTORY, SEAL_KEY)
    return {key: value for key, value in store.snapshot().items() if key != "sys/counter"}


def holds(disk: MemoryDisk, legal: list[State]) -> bool:
    """Tell whether a disk opens to a legal state, twice the same."""
    try:
        state = state_of(disk)
        return state in legal and state_of(disk) == state
    except StoreCorruptError:
        return False


def process_kill(seed: int, scale: int) -> Measured:
    """Kill before and inside every disk step, reopen, and kill the recovery too."""
    legal, steps = passed_states(seed)
    trials = failures = 0
    for kept in (0, 17, 513)[: share(3, scale)]:
        for count in range(1, steps + 1, max(1, 100 // scale)):
            disk = interrupted(seed, lambda d, c=count, k=kept: d.kill_at(c, kept=k))  # type: ignore[misc]  # loop values bound by default
            for second in (1, 2, 3):
                again = disk.copy()
                again.kill_at(second, kept=kept)
                with contextlib.suppress(SimulatedCrash):
                    state_of(again)
                again.restart()
                trials += 1
                failures += not holds(again, legal)
            trials += 1
            failures += not holds(disk, legal)
    torn = interrupted(seed, lambda d: d.kill_at(steps, kept=0))
    return Measured(trials, failures, control=not holds(torn, legal[:1]))


def power_loss(seed: int, scale: int) -> Measured:
    """Cut the power at every disk step of a card's work, then of random big transactions."""
    legal, steps = passed_states(seed)
    wanted = share(20_000, scale)
    trials = failures = 0
    for count in range(1, steps + 1):
        rig = se_cards.sealed(seed)
        rig.disk.kill_at(count, kept=10_000)
        with contextlib.suppress(SimulatedCrash):
            for _ in work(rig):
                pass
        for image in rig.disk.images(limit=64, seed=seed + count):
            trials += 1
            failures += not holds(image, legal)
    round_number = 0
    while trials < wanted:
        round_number += 1
        seen, wrong = power_loss_of_transactions(seed + round_number)
        trials, failures = trials + seen, failures + wrong
    last = interrupted(seed, lambda disk: disk.kill_at(steps, kept=0))
    return Measured(trials, failures, control=not holds(last, legal[:1]))


def power_loss_of_transactions(seed: int) -> tuple[int, int]:
    """Sample the images of a cut in transactions of many sectors: (images, failures)."""
    chance = random.Random(seed)
    script = [
        {f"key/{chance.randrange(6)}": chance.randbytes(chance.randrange(4_000)) for _ in range(3)}
        for _ in range(3)
    ]
    trials = failures = 0
    for count in range(1, 2 * len(script) + 1):
        rig = se_cards.sealed(seed)
        store, legal = rig.card.store, [rig.state()]
        for values in script:
            legal.append({**legal[-1], **values})
        rig.disk.kill_at(count, kept=10_000)
        with contextlib.suppress(SimulatedCrash):
            for values in script:
                with store.transaction():
                    for key, value in values.items():
                        store.put(key, value)
        for image in rig.disk.images(limit=128, seed=seed + count):
            trials += 1
            failures += not holds(image, legal)
    return trials, failures


def io_errors(seed: int, scale: int) -> Measured:
    """Fail the Nth disk step with ENOSPC and EIO until the work completes; nothing is half done."""
    _, steps = passed_states(seed)
    trials = failures = 0
    for code in (errno.ENOSPC, errno.EIO)[: share(2, scale)]:
        for count in range(1, steps + 1, max(1, 100 // scale)):
            rig = se_cards.sealed(seed)
            rig.disk.fail_at(count, OSError(code, "injected"))
            with contextlib.suppress(OSError, AssertionError, StoreDeadError):
                for _ in work(rig):
                    pass
            rig.disk.restart()
            trials += 1
            try:
                state = state_of(rig.disk)
            except StoreCorruptError:
                failures += 1
                continue
            # A refused command may be followed by others: each instance is there whole or not.
            failures += not whole(state)
    return Measured(trials, failures, control=not whole({"inst/AA/0101": b"half an instance"}))


def whole(state: State) -> bool:
    """Tell whether every instance has all of its records."""
    parts: dict[str, set[str]] = {}
    for key in state:
        if key.startswith("inst/"):
            _, aid, name = key.split("/", 2)
            parts.setdefault(aid, set()).add(name)
    return all({"0101", "8000"} <= names for names in parts.values())


def every_change(seed: int, scale: int) -> Measured:
    """Flip every bit, cut at every length, swap and drop records of a store: none opens."""
    rig = se_cards.sealed(seed)
    for _ in work(rig):
        pass
    content = rig.disk.content()[STATE_FILE]
    used = max((end for _, end in records(content)), default=0)
    chance = random.Random(seed)
    bits = range(8 * used) if scale >= 100 else chance.sample(range(8 * used), share(2000, scale))
    trials = failures = 0
    for bit in bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        trials += 1
        failures += opens(bytes(changed))
    for size in range(0, used, max(1, 100 // scale)):
        trials += 1
        failures += opens(content[:size])
    spans = records(content)
    for (a, b), (c, d) in itertools.pairwise(spans):
        trials += 1
        failures += opens(content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:])
    return Measured(trials, failures, control=opens(content))


def records(content: bytes) -> list[tuple[int, int]]:
    """Return where each record begins and ends."""
    found, at, sequence = [], journal.HEADER_SIZE, 0
    while size := journal._record_size(content, at, sequence):
        found.append((at, at + size))
        at, sequence = at + size, sequence + 1
    return found


def opens(content: bytes) -> bool:
    """Tell whether a store's file is taken for genuine."""
    try:
        header = journal.FileHeader.parse(content)
        journal.scan(content, header, journal.file_cipher(SEAL_KEY, header))
    except StoreCorruptError:
        return False
    return True


def rollback(seed: int, scale: int) -> Measured:
    """Put back each earlier state beside the present counter: it does not open."""
    trials = failures = 0
    opened = False
    for round_number in range(share(100, scale)):
        rig = se_cards.sealed(seed + round_number)
        old = rig.disk.content()[STATE_FILE]
        rig.enrol_phone()
        rig.set_pin()
        rig = rig.reopen()
        copy = rig.disk.copy()
        copy.truncate(STATE_FILE, len(old))
        copy.pwrite(STATE_FILE, 0, old)
        trials += 1
        failures += opens_whole(copy)
        opened = opens_whole(rig.disk)
    return Measured(trials, failures, control=opened)


def opens_whole(disk: MemoryDisk) -> bool:
    """Tell whether a disk opens, counter included."""
    try:
        state_of(disk)
    except StoreCorruptError:
        return False
    return True


PROMISES = (
    Promise(
        "P01",
        "Every command of the secure element is all or nothing under process kill",
        "kill before and inside every disk step, and again in each recovery",
        process_kill,
        exhaustive=True,
    ),
    Promise(
        "P02",
        "and under power loss",
        "legal disk images of a cut at every step: lost, torn and reordered writes",
        power_loss,
    ),
    Promise(
        "P03",
        "An I/O error neither corrupts nor is swallowed",
        "fail the Nth disk step with ENOSPC and EIO, N to the end",
        io_errors,
        exhaustive=True,
    ),
    Promise(
        "P06",
        "Any change to the sealed store is detected before use",
        "every bit flipped, every length cut, neighbouring records swapped",
        every_change,
        exhaustive=True,
    ),
    Promise(
        "P07",
        "An older state put back is detected",
        "earlier files beside the present rollback counter",
        rollback,
    ),
)
