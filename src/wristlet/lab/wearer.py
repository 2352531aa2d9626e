"""A made-up wearer: accelerometer samples of a wrist with known steps, sleep and wear.

No recording stands behind it; it shows what recordings do not cover (see docs/activity.md). The
wrist feels gravity in a direction that changes slowly, 4 mg of white noise, and on top of it:

- asleep: breathing (3 mg at 0.25 Hz), and about every twelve minutes a turn of a few seconds;
- sitting: bursts of fidgeting a quarter of the time;
- walking and running: the arm's swing at half the step rate across gravity, the body's bounce at
  the step rate along it with its second harmonic, and a beat that wanders by 2 %;
- a ball game: strokes of random direction and strength, at random moments;
- on a table: noise alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

NOISE_MG: Final = 4.0
Vector: TypeAlias = tuple[float, float, float]


@dataclass
class Wearer:
    """Makes samples as a sensor's queue gives them: x, y, z, ... in thousandths of g.

    `steps` counts the steps really taken so far.
    """

    rate_hz: int
    seed: int = 0
    steps: int = 0
    _draw: random.Random = field(init=False)
    _down: Vector = field(init=False)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)  # noqa: S311 - makes test data, no secret
        self._down = self._direction()

    def table(self, seconds: int) -> list[int]:
        """Lie on a table."""
        return self._samples(seconds, lambda _: (0.0, 0.0, 0.0))

    def asleep(self, seconds: int) -> list[int]:
        """Sleep."""
        out: list[int] = []
        while seconds > 0:
            quiet = min(seconds, 60 + int(self._draw.expovariate(1 / 660)))
            out += self._samples(
                quiet, lambda at: self._along(3 * math.sin(2 * math.pi * 0.25 * at))
            )
            seconds -= quiet
            if seconds > 0:
                turn = min(seconds, self._draw.randint(3, 8))
                out += self._shaken(turn, 220.0)
                self._down = self._direction()
                seconds -= turn
        return out

    def sit(self, seconds: int) -> list[int]:
        """Sit and do something with the hands now and then."""
        out: list[int] = []
        while seconds > 0:
            quiet = min(seconds, self._draw.randint(3, 15))
            out += self._samples(quiet, lambda at: self._along(2 * math.sin(at)))
            seconds -= quiet
            busy = min(seconds, self._draw.randint(1, 5))
            out += self._shaken(busy, self._draw.uniform(40.0, 160.0))
            seconds -= busy
        return out

    def walk(
        self,
        seconds: int,
        cadence: float = 110.0,
        swing_mg: float = 320.0,
        bounce_mg: float = 160.0,
    ) -> list[int]:
        """Walk at `cadence` steps a minute; without swing for hands in pockets."""
        return self._gait(seconds, cadence, swing_mg, bounce_mg)

    def run(self, seconds: int, cadence: float = 160.0) -> list[int]:
        """Run."""
        return self._gait(seconds, cadence, 1300.0, 1000.0)

    def play(self, seconds: int) -> list[int]:
        """Play a ball game."""
        strokes = [
            (self._draw.uniform(0, seconds), self._direction(), self._draw.uniform(800, 3500))
            for _ in range(seconds * 3 // 2)
        ]
        strokes.sort()
        width_s = 0.12

        def at(moment: float) -> Vector:
            while strokes and strokes[0][0] < moment - 0.5:
                strokes.pop(0)
            x = y = z = 0.0
            for when, (a, b, c), strength in strokes:
                if when > moment + 0.5:
                    break
                pulse = strength * math.exp(-(((moment - when) / width_s) ** 2))
                x, y, z = x + a * pulse, y + b * pulse, z + c * pulse
            return x, y, z

        return self._samples(seconds, at)

    def _gait(self, seconds: int, cadence: float, swing_mg: float, bounce_mg: float) -> list[int]:
        across = self._across()
        phase, taken = 0.0, 0.0
        step_s = 1 / self.rate_hz

        def at(_: float) -> Vector:
            nonlocal phase, taken
            beat = cadence / 60 * (1 + self._draw.gauss(0, 0.02 * math.sqrt(self.rate_hz)))
            taken += beat * step_s
            phase += 2 * math.pi * beat * step_s
            swing = swing_mg * math.sin(phase / 2)
            bounce = bounce_mg * (math.sin(phase) + 0.4 * math.sin(2 * phase + 0.7))
            down = self._down
            return (
                swing * across[0] + bounce * down[0],
                swing * across[1] + bounce * down[1],
                swing * across[2] + bounce * down[2],
            )

        out = self._samples(seconds, at)
        self.steps += round(taken)
        return out

    def _shaken(self, seconds: int, strength_mg: float) -> list[int]:
        gauss = self._draw.gauss
        return self._samples(
            seconds,
            lambda _: (gauss(0, strength_mg), gauss(0, strength_mg), gauss(0, strength_mg)),
        )

    def _samples(self, seconds: int, movement: Callable[[float], Vector]) -> list[int]:
        gauss = self._draw.gauss
        down_x, down_y, down_z = (1000 * part for part in self._down)
        out: list[int] = []
        for index in range(seconds * self.rate_hz):
            x, y, z = movement(index / self.rate_hz)
            out.append(round(down_x + x + gauss(0, NOISE_MG)))
            out.append(round(down_y + y + gauss(0, NOISE_MG)))
            out.append(round(down_z + z + gauss(0, NOISE_MG)))
        return out

    def _along(self, strength_mg: float) -> Vector:
        x, y, z = self._down
        return strength_mg * x, strength_mg * y, strength_mg * z

    def _direction(self) -> Vector:
        while True:
            x, y, z = (self._draw.uniform(-1, 1) for _ in range(3))
            length = math.sqrt(x * x + y * y + z * z)
            if 0.1 < length <= 1:
                return x / length, y / length, z / length

    def _across(self) -> Vector:
        """Return a direction across gravity."""
        a, b, c = self._down
        x, y, z = self._direction()
        cross = (b * z - c * y, c * x - a * z, a * y - b * x)
        length = math.sqrt(sum(part * part for part in cross)) or 1.0
        return cross[0] / length, cross[1] / length, cross[2] / length
