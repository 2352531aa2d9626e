"""Kills real processes at every disk primitive of a secure element's work, on real files.

Run as a program: `python -m support.se_crash FOLDER`. For every number N a forked child carries
the work out and is killed before (or in the middle of) its Nth changing primitive; the parent
opens what is left, kills that recovery once too, and prints one JSON line of counts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from support import se_cards
from wristlet.env.base import Env
from wristlet.env.real import RealDisk, real_env
from wristlet.env.sim import SimEnv
from wristlet.se import store as store_module
from wristlet.se.card import Card
from wristlet.se.create import create
from wristlet.wire.gp import aids, commands
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Callable

    from wristlet.env.base import StrPath


class KillingDisk(RealDisk):
    """The real disk; the process dies at the Nth changing primitive."""

    def __init__(self, count: int, kept: int) -> None:
        self._left = count
        self._kept = kept

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def pwrite(self, path: StrPath, offset: int, data: bytes) -> None:
        if self._left == 1 and self._kept:
            super().pwrite(path, offset, data[: self._kept])
        self._step()
        super().pwrite(path, offset, data)

    def write_durably(self, path: StrPath, offset: int, data: bytes) -> None:
        self.pwrite(path, offset, data)
        self.datasync(path)

    def datasync(self, path: StrPath) -> None:
        self._step()
        super().datasync(path)

    def sync(self, path: StrPath) -> None:
        self._step()
        super().sync(path)

    def create(self, path: StrPath) -> None:
        self._step()
        super().create(path)

    def rename(self, source: StrPath, target: StrPath) -> None:
        self._step()
        super().rename(source, target)

    def unlink(self, path: StrPath) -> None:
        self._step()
        super().unlink(path)

    def sync_dir(self, path: StrPath) -> None:
        self._step()
        super().sync_dir(path)


def work(rig: se_cards.Rig, folder: Path, disk: RealDisk) -> None:
    """Power-up, a challenge, a script with its commit, and enough writes to compact."""
    card = opened(folder, disk)
    live = se_cards.Rig(rig.env, rig.owner, rig.identity, card)
    for _ in range(3):
        se_cards.select(live.wired, aids.ISD)
        se_cards.send(live.wired, commands.initialize_update(bytes(8)))
    se_cards.run(live.wired, rig.perso_script(1).script.apdus)


def opened(folder: Path, disk: RealDisk | None = None) -> Card:
    env = real_env() if disk is None else Env(real_env().clock, real_env().random, disk)
    return Card.open(env, str(folder), se_cards.SEAL_KEY, sandbox=True, catalog=se_cards.CATALOG)


def died(action: Callable[[], object]) -> bool:
    """Run something in a child; tell whether it was killed."""
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status):
        raise SystemExit("a child failed by itself")
    return os.WIFSIGNALED(status)


def check(rig: se_cards.Rig, folder: Path) -> bool:
    """Open what is left: the script is there whole or not at all, and can still be run once."""
    card = opened(folder)
    live = se_cards.Rig(rig.env, rig.owner, rig.identity, card)
    names = {key.split("/")[-1] for key in card.store.keys("inst/")}
    there = bool(card.registry.payment())
    whole = {"0101", "8000", "directory"}
    receipt = bool(card.store.keys(f"sd/{aids.TSP_DOMAIN.hex().upper()}/receipt/"))
    if names != (whole if there else set()) or receipt != there:
        raise SystemExit("half a script")
    last = se_cards.run(live.wired, rig.perso_script(1).script.apdus)[-1].sw
    if last != (SW.CONDITIONS_NOT_SATISFIED if there else SW.OK):
        raise SystemExit("a script ran twice, or never again")
    return there


def main(base: Path) -> None:
    """Count kills and what they left."""
    setattr(store_module, "JOURNAL_SPACE", 1024)  # noqa: B010 - declared final; the work compacts
    env = SimEnv(1)
    owner = se_cards.owner_store(env)
    seed = base / "seed"
    identity = create(
        real_env(), str(seed), se_cards.SEAL_KEY, owner, se_cards.profile(), sandbox=True
    )
    card = opened(seed)
    card.store.put("pin/verifier", bytes(48))
    card.store.flush()
    rig = se_cards.Rig(env, owner, identity, card)
    counts = {"kills": 0, "double": 0, "old": 0, "new": 0}
    for kept in (0, 333):
        number = 1
        while True:
            folder = base / f"{kept}-{number}"
            shutil.copytree(seed, folder)
            if not died(partial(work, rig, folder, KillingDisk(number, kept))):
                break
            counts["kills"] += 1
            second = 1
            while died(partial(opened, folder, KillingDisk(second, 70))):
                counts["double"] += 1
                second += 1
            counts["new" if check(rig, folder) else "old"] += 1
            shutil.rmtree(folder)
            number += 1
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
