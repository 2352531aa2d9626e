"""Memory of idle straps in one process: firmware with settings, cards and a history of taps."""

from __future__ import annotations

import gc
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench.measure import Result
from bench.memory import of_each, resident_bytes
from wristlet.env.real import real_env
from wristlet.strap.device import PRO
from wristlet.strap.firmware import Firmware
from wristlet.wire.gp import aids
from wristlet.wire.strap.settings import CardEntry, Settings, WriteSettings

KIB_MAX: Final = 16.0
COUNT: Final = 1_000
COUNT_QUICK: Final = 100
WARM: Final = 20
"""Made before the first reading, so that code and shared values are not counted."""
CARDS: Final = 4


class _NoCard:
    """A wired interface with nothing behind it."""

    async def transmit(self, command: bytes) -> bytes:
        """Refuse everything."""
        return b"\x6f\x00"


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Count what straps add to the resident memory of a fresh process."""
    count = COUNT_QUICK if quick else COUNT
    return [of_each(f"an idle strap, of {count:,}", folder, count, KIB_MAX, _measure)]


def _measure(folder: Path, count: int, answer: Connection) -> None:
    kept = _straps(folder, 0, WARM)
    gc.collect()
    before = resident_bytes()
    kept.extend(_straps(folder, WARM, count))
    gc.collect()
    answer.send(resident_bytes() - before)


def _straps(folder: Path, first: int, count: int) -> list[Firmware]:
    env, made = real_env(), []
    for number in range(first, first + count):
        strap = Firmware(env, _NoCard(), PRO, str(folder / f"strap-{number}"))
        cards = tuple(
            CardEntry(aids.instance_aid(aids.KERNEL_3, index), f"Card {index}", f"{number:04d}")
            for index in range(CARDS)
        )
        strap.write_settings(WriteSettings(0, Settings(cards=cards)))
        made.append(strap)
    return made
