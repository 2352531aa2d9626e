"""Recorded wrists that nobody of this project made, out of packages installed for them alone.

`aeon` carries the smartwatch recordings BasicMotions (four people, 10 Hz, ten seconds each);
`pyActigraphy` carries activity counts of several days and the sleep scorers to compare with.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

GRAVITY_M_S2 = 9.80665
RATE_HZ = 10
RECORDING_S = 10


@dataclass(frozen=True)
class Motion:
    """One recording: what the wearer did, accelerometer in m/s2 without gravity, gyroscope."""

    label: str
    acceleration: tuple[tuple[float, ...], ...]
    turning: tuple[tuple[float, ...], ...]

    def samples(self) -> list[int]:
        """The accelerometer as a strap's sensor queue: x, y, z, ... in thousandths of g."""
        rows = zip(*self.acceleration, strict=True)
        return [round(value * 1000 / GRAVITY_M_S2) for row in rows for value in row]


@dataclass(frozen=True)
class Counts:
    """Activity counts of one wearer, one a minute."""

    name: str
    counts: tuple[int, ...]


@cache
def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is missing: build .venv anew"
    assert spec.origin is not None
    return Path(spec.origin).parent


def basic_motions(half: str) -> list[Motion]:
    """The recordings of one half, TRAIN or TEST."""
    path = _folder("aeon") / "datasets" / "data" / "BasicMotions" / f"BasicMotions_{half}.ts"
    _, _, data = path.read_text(encoding="utf-8").partition("@data\n")
    return [_motion(line) for line in data.splitlines() if line.strip()]


def _motion(line: str) -> Motion:
    *channels, label = line.strip().split(":")
    values = [tuple(float(value) for value in channel.split(",")) for channel in channels]
    assert [len(channel) for channel in values] == [RATE_HZ * RECORDING_S] * 6
    return Motion(label, tuple(values[:3]), tuple(values[3:]))


def activity_counts() -> list[Counts]:
    """The recordings with one count a minute: `example_01` to `example_05`."""
    folder = _folder("pyActigraphy") / "tests" / "data"
    return [_counts(path) for path in sorted(folder.glob("example_0?.AWD"))]


def _counts(path: Path) -> Counts:
    """Seven lines of head (the fourth is the epoch in quarter minutes), then a count each."""
    lines = path.read_text(encoding="latin-1").splitlines()
    assert lines[3].strip() == "4", "one count a minute"
    values = (line.replace(",", " ").split() for line in lines[7:])
    return Counts(path.stem, tuple(int(parts[0]) for parts in values if parts))


Scorer = Callable[[Sequence[int]], list[bool | None]]


@contextmanager
def their_scorers() -> Iterator[dict[str, Scorer]]:
    """pyActigraphy's own scorers: counts a minute in, asleep out, None where they say nothing.

    Only the module with the scorers is loaded; the packages around it, for plots and spreadsheets,
    and the libraries that only those call, are stood in for by empty modules. Oakley's scorer is
    left out: it does not run with the present pandas.
    """
    folder = _folder("pyActigraphy")
    stand_ins = {
        "pyActigraphy": _package(folder),
        "pyActigraphy.sleep": _package(folder / "sleep"),
        "numba": _module(jit=_plain, prange=range),
        "pyexcel": _module(),
        "scipy": _package(folder),
        "scipy.ndimage": _module(binary_closing=None, binary_opening=None),
    }
    with warnings.catch_warnings(), patch.dict(sys.modules, stand_ins):
        warnings.simplefilter("ignore")
        pandas: Any = importlib.import_module("pandas")
        module: Any = importlib.import_module("pyActigraphy.sleep.scoring_base")

        def run(score: Callable[[Any], Any]) -> Scorer:
            def scorer(counts: Sequence[int]) -> list[bool | None]:
                index = pandas.date_range("2026-01-01", periods=len(counts), freq="1min")
                data = pandas.Series(counts, index=index, dtype=float)
                mixin = module.ScoringMixin()
                mixin.data = data
                return [None if value != value else bool(value) for value in score(mixin)]

            return scorer

        yield {
            "Cole-Kripke": run(lambda mixin: mixin.CK(settings="mean", rescoring=False)),
            "Cole-Kripke, rescored": run(lambda mixin: mixin.CK(settings="mean", rescoring=True)),
            "Sadeh": run(lambda mixin: mixin.Sadeh()),
            "Scripps": run(lambda mixin: mixin.Scripps()),
        }


def _package(folder: Path) -> ModuleType:
    package = _module()
    package.__path__ = [str(folder)]
    return package


def _module(**members: Any) -> ModuleType:
    module = ModuleType("stand_in")
    vars(module).update(members)
    return module


def _plain(*_: Any, **__: Any) -> Callable[[Any], Any]:
    """Stand in for a compiler: the function as it is."""
    return lambda function: function
