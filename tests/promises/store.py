"""P01, P02, P03: a secure element that is killed, cut off from power, or has a failing disk."""

from __future__ import annotations

import contextlib
import errno
import random
from collections.abc import Iterator
from unittest.mock import patch

from promises.harness import Promise, Weakness, share, stride
from promises.strap_life import SCRIPTS, State, interrupted, reference, stage, state_of
from support import se_cards
from support.se_cards import DIRECTORY, SEAL_KEY
from wristlet.crypto.seal import KeyStore
from wristlet.env.memory_disk import MemoryDisk, SimulatedCrash
from wristlet.env.sim import SimEnv
from wristlet.se.create import create
from wristlet.se.journal import StoreCorruptError
from wristlet.se.store import SealedStore

KEPT = (0, 17, 513)
"""How much of the write that was cut reached the file."""
EVERYTHING = 1 << 20
RECOVERY_STEPS_MAX = 40


def holds(disk: MemoryDisk, legal: list[State]) -> bool:
    """Tell whether a disk opens to a legal state, twice the same."""
    try:
        state = state_of(disk)
        return state in legal and state_of(disk) == state
    except StoreCorruptError:
        return False


# ------------------------------------------------------------------ process kill


def process_kill(seed: int, scale: int) -> tuple[int, int]:
    """Kill before and inside every disk step, and again at every step of each recovery."""
    trials = failures = 0
    for script in SCRIPTS:
        steps = reference(script, seed).steps
        for kept in KEPT:
            for count in range(1, steps + 1, stride(scale)):
                disk, legal = interrupted(script, seed, cut_at(count, kept))
                for again in recoveries(disk, kept):
                    trials += 1
                    failures += not holds(again, legal)
    created, wrong = creation_killed(seed, scale)
    return trials + created, failures + wrong


class cut_at:  # noqa: N801 - reads as a function
    """Kills at one disk step."""

    def __init__(self, count: int, kept: int) -> None:
        self.count, self.kept = count, kept

    def __call__(self, disk: MemoryDisk) -> None:
        disk.kill_at(self.count, kept=self.kept)


def recoveries(disk: MemoryDisk, kept: int) -> Iterator[MemoryDisk]:
    """Yield what a cut left, and that again after its recovery was killed at each of its steps."""
    for second in range(1, RECOVERY_STEPS_MAX):
        again = disk.copy()
        again.kill_at(second, kept=kept)
        killed = False
        try:
            state_of(again)
        except SimulatedCrash:
            killed = True
        except StoreCorruptError:
            pass
        again.restart()
        yield again
        if not killed:
            return
    raise AssertionError("the recovery never came to an end")


def creation_killed(seed: int, scale: int) -> tuple[int, int]:
    """Kill the making of a secure element: it is there whole, or can be made anew."""
    trials = failures = 0
    for kept in KEPT:
        count = 1
        while True:
            env = SimEnv(seed)
            owner = se_cards.owner_store(env)
            env.disk.kill_at(count, kept=kept)
            try:
                create(env, DIRECTORY, SEAL_KEY, owner, se_cards.profile(), sandbox=True)
                break
            except SimulatedCrash:
                env.disk.restart()
            trials += 1
            failures += not made_after_all(seed, env.disk)
            count += stride(scale)
    return trials, failures


def made_after_all(seed: int, disk: MemoryDisk) -> bool:
    """Open the secure element of an interrupted creation, or make one where there is none."""
    whole = set(se_cards.sealed(seed).state())
    env = SimEnv(seed + 1, disk=disk)
    if not disk.exists(f"{DIRECTORY}/state"):
        owner = KeyStore.open(disk, "/owner/keys", SEAL_KEY, b"owner", env.random.bytes)
        create(env, DIRECTORY, SEAL_KEY, owner, se_cards.profile(), sandbox=True)
    try:
        return set(state_of(disk)) == whole
    except StoreCorruptError:
        return False


def one_record_per_entry() -> contextlib.AbstractContextManager[object]:
    """A store that writes a command's changes one by one."""
    whole = SealedStore._persist

    def piecemeal(self: SealedStore, changes: State, *, touched: bool) -> None:
        for key, value in list(changes.items()):
            whole(self, {key: value}, touched=False)
        whole(self, {}, touched=touched)

    return patch.object(SealedStore, "_persist", piecemeal)


# ------------------------------------------------------------------ power loss


def power_loss(seed: int, scale: int) -> tuple[int, int]:
    """Cut the power at every disk step of every script, then of random big transactions."""
    trials = failures = 0
    for script in SCRIPTS:
        for count in range(1, reference(script, seed).steps + 1, stride(scale)):
            disk, legal = interrupted(script, seed, cut_at(count, EVERYTHING))
            for image in disk.images(limit=64, seed=seed + count):
                trials += 1
                failures += not holds(image, legal)
    wanted, round_number = share(20_000, scale), 0
    while trials < wanted:
        round_number += 1
        seen, wrong = power_loss_of_transactions(seed + round_number)
        trials, failures = trials + seen, failures + wrong
    return trials, failures


def power_loss_of_transactions(seed: int) -> tuple[int, int]:
    """Sample the images of a cut in transactions of many sectors: (images, failures)."""
    chance = random.Random(seed)
    script = [
        {f"key/{chance.randrange(6)}": chance.randbytes(chance.randrange(4_000)) for _ in range(3)}
        for _ in range(3)
    ]
    trials = failures = 0
    base = stage("new", 0)
    states = [base.state()]
    for values in script:
        states.append({**states[-1], **values})
    for count in range(1, 2 * len(script) + 1):
        disk = base.disk.copy()
        store = SealedStore.open(SimEnv(seed, disk=disk), DIRECTORY, SEAL_KEY)
        disk.kill_at(count, kept=EVERYTHING)
        done = 0
        with contextlib.suppress(SimulatedCrash):
            for values in script:
                with store.transaction():
                    for key, value in values.items():
                        store.put(key, value)
                done += 1
        for image in disk.images(limit=128, seed=seed + count):
            trials += 1
            failures += not holds(image, states[done : done + 2])
    return trials, failures


# ------------------------------------------------------------------ a failing disk


def io_errors(seed: int, scale: int) -> tuple[int, int]:
    """Fail the Nth disk step, N to the end; then look at what a restart or a power cut finds."""
    trials = failures = 0
    faults = ((errno.ENOSPC, 0), (errno.ENOSPC, 20), (errno.EIO, 0), (errno.EINTR, 0))
    for script in SCRIPTS:
        for count in range(1, reference(script, seed).steps + 1, stride(scale)):
            for code, kept in faults:
                disk, legal = interrupted(script, seed, fails_at(count, code, kept))
                for image in (disk, *disk.images(limit=16, seed=seed)):
                    trials += 1
                    failures += not holds(image, legal)
    read, wrong = read_errors(seed)
    return trials + read, failures + wrong


class fails_at:  # noqa: N801 - reads as a function
    """Fails one disk step."""

    def __init__(self, count: int, code: int, kept: int) -> None:
        self.count, self.code, self.kept = count, code, kept

    def __call__(self, disk: MemoryDisk) -> None:
        disk.fail_at(self.count, OSError(self.code, "injected"), kept=self.kept)


def read_errors(seed: int) -> tuple[int, int]:
    """Fail each read of a power-up: it must say so, never go on with less."""
    trials = failures = 0
    while True:
        disk = stage("wallet", seed).disk.copy()
        disk.fail_read_at(trials + 1, OSError(errno.EIO, "injected"))
        try:
            state_of(disk)
        except OSError:
            trials += 1
            continue
        except StoreCorruptError:
            failures += 1
        return trials, failures


def swallowed_errors() -> contextlib.AbstractContextManager[object]:
    """A store that goes on after a write that failed."""

    def careless(self: SealedStore, step: object) -> None:
        assert callable(step)
        with contextlib.suppress(OSError):
            step()

    return patch.object(SealedStore, "_guarded", careless)


PROMISES = (
    Promise(
        "P01",
        "Every command of the secure element is all or nothing under process kill",
        f"{len(SCRIPTS) + 1} scripts killed before and inside every disk step, and again at every"
        " step of each recovery",
        process_kill,
        (Weakness("one record per entry instead of one per command", one_record_per_entry),),
        exhaustive=True,
        control_scale=50,
    ),
    Promise(
        "P02",
        "and under power loss: nothing acknowledged is lost",
        "disk images of a cut at every step of the scripts and of big writes: lost, torn,"
        " reordered",
        power_loss,
        (
            Weakness(
                "no fdatasync",
                lambda: patch.object(MemoryDisk, "datasync", lambda self, path: None),
            ),
        ),
    ),
    Promise(
        "P03",
        "An I/O error neither corrupts nor is swallowed",
        "the Nth disk step fails with ENOSPC, EIO, EINTR or a short write, N to the end; then"
        " restart or power cut",
        io_errors,
        (Weakness("a failed write is passed over", swallowed_errors),),
        exhaustive=True,
        control_scale=25,
    ),
)
