"""Runs the benches and prints a table, or with `--json` one object."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from bench import (
    activity,
    authorisation,
    codec,
    loading,
    memory,
    provisioning,
    relay,
    strap_memory,
    tap,
)
from bench.measure import Result


class Bench(Protocol):
    """One bench: works in an empty folder of its own, `quick` runs it only to see that it works."""

    def __call__(self, folder: Path, *, quick: bool) -> list[Result]:
        """Return its rows."""
        ...


BENCHES: Final[dict[str, Bench]] = {
    "tap": tap.volatile,
    "tap-sealed": tap.sealed,
    "authorisation": authorisation.run,
    "provisioning": provisioning.run,
    "memory": memory.run,
    "strap-memory": strap_memory.run,
    "relay": relay.run,
    "loading": loading.run,
    "codec": codec.run,
    "activity": activity.run,
}
_SIGNS: Final = {"at_most": "≤", "at_least": "≥", "information": ""}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen benches; 0 whether targets are met or not."""
    options = _parser().parse_args(arguments)
    names = options.only or list(BENCHES)
    tell = _silent if options.json else _told
    results: list[Result] = []
    for name in names:
        tell(f"{name} ...")
        results.extend(_run(name, quick=options.quick))
    if options.json:
        print(json.dumps(_document(results, quick=options.quick), indent=2))
    else:
        _print_table(results)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--only", action="append", choices=sorted(BENCHES), help="run this bench (repeatable)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that it runs; figures mean little"
    )
    return parser


def _run(name: str, *, quick: bool) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="wristlet-bench-") as folder:
        return BENCHES[name](Path(folder), quick=quick)


def _document(results: Sequence[Result], *, quick: bool) -> dict[str, Any]:
    return {
        "machine": machine(),
        "quick": quick,
        "results": [{**asdict(result), "met": result.met} for result in results],
    }


def machine() -> dict[str, Any]:
    """Name what the figures were taken on."""
    return {
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def _print_table(results: Sequence[Result]) -> None:
    row = "{:<44} {:>12} {:>12} {:>7} {:>7}  {:<7} {}"
    print(row.format("bench", "ours", "limit", "ratio", "target", "met", "unit, quiet rounds"))
    for result in results:
        target = "" if result.target is None else f"{_SIGNS[result.sense]} {result.target:g}"
        met = {None: "", True: "met", False: "NOT MET"}[result.met]
        notes = f"{result.unit}, {result.quiet_rounds} of {result.rounds}"
        ours, limit, ratio = f"{result.ours:,.1f}", f"{result.limit:,.1f}", f"{result.ratio:.2f}"
        print(row.format(result.name, ours, limit, ratio, target, met, notes))


def _told(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _silent(text: str) -> None:
    """Say nothing: the output is one object."""


if __name__ == "__main__":
    sys.exit(main())
