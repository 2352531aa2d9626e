"""The activity recorder: days of samples per second of processor time.

An hour stands for a day, of the same mixture: a third asleep, two walks and a run in it, the rest
sitting with busy hands. Ours is the whole recorder, from samples to frames on flash; the flash is
in memory, so that its syncs do not count.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvloop

from bench.limits import activity as limits
from bench.measure import Result, Side, compare
from wristlet.env.sim import SimEnv
from wristlet.lab.wearer import Wearer
from wristlet.strap.activity.recorder import ActivityRecorder
from wristlet.strap.activity.ring import ActivityRing
from wristlet.strap.flash import DiskFlash

RATE_HZ: Final = 25
HOURS: Final = 24
SECTORS: Final = 64
PIECE: Final = 3 * RATE_HZ * 10
"""A sensor's queue is read every ten seconds."""


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Compare the recorder with the magnitude alone."""
    del folder  # nothing is written
    return [uvloop.run(_row(quick))]


async def _row(quick: bool) -> Result:
    samples = _hour(60 if quick else 1)

    def record(recorder: ActivityRecorder) -> None:
        for start in range(0, len(samples), PIECE):
            recorder.feed(samples[start : start + PIECE])
        recorder.stop()
        if not recorder.today.steps and not quick:
            raise RuntimeError("the recorder saw no steps")

    found = await compare(
        _side(record, samples),
        _side(lambda _: limits.magnitudes(samples), samples),
        rounds=3 if quick else 15,
    )
    return found.as_rate("days of samples at 25 Hz, recorded", None)


def _side(work: Callable[[ActivityRecorder], object], samples: array[int]) -> Side:
    """Time one slice on the processor; return seconds for a whole day of it."""
    day = HOURS * 3600 * RATE_HZ * 3 / len(samples)

    async def side() -> float:
        recorder = _recorder()
        start = time.process_time()
        work(recorder)
        return (time.process_time() - start) * day

    return side


def _hour(shorter: int) -> array[int]:
    """An hour's mixture, or a part of it."""
    wearer = Wearer(RATE_HZ, seed=1)
    minute = 60 // shorter
    samples = wearer.asleep(20 * minute) + wearer.sit(17 * minute) + wearer.walk(5 * minute)
    return array("h", samples + wearer.sit(17 * minute) + wearer.run(1 * minute))


def _recorder() -> ActivityRecorder:
    env = SimEnv(0)
    ring = ActivityRing(DiskFlash.create(env.disk, "/flash", SECTORS), env.random)
    return ActivityRecorder(ring, RATE_HZ)
