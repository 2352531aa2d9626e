"""Measures the promises, writes `promises.json` and the table in docs/promises.md.

`python tests/promises/run.py [--only P01,P06] [--seed N] [--scale PERCENT] [--long]`

The table is written by a run of everything at the CI figures or above, and by no other.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
warnings.filterwarnings("ignore", module="pyemv|psec")

from promises.harness import Measured, Promise  # noqa: E402 - after the path is set
from promises.registry import PROMISES  # noqa: E402 - after the path is set

BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"


def main() -> int:
    """Run what was asked for; returns the exit code."""
    options = arguments()
    chosen = [one for one in PROMISES if not options.only or one.id in options.only.split(",")]
    rows, measured = [], {}
    with ProcessPoolExecutor(options.jobs) as workers:
        work = [(one, workers.submit(timed, one.id, options.seed, options.scale)) for one in chosen]
        for promise, pending in work:
            result, seconds = pending.result()
            measured[promise.id] = result
            rows.append(row(promise, result, options.seed, seconds))
            verdict = "ok" if result.passed else "FAILED" if result.failures else "CONTROL SILENT"
            sys.stdout.write(f"{promise.id}  n={result.n:<9,} {verdict:<8} {seconds:>6} s\n")
            sys.stdout.flush()
    (ROOT / "promises.json").write_text(json.dumps(rows, indent=2) + "\n")
    if not options.only and options.scale >= 100:
        write_table(measured)
    passed = sum(result.passed for result in measured.values())
    sys.stdout.write(f"{passed} passed, {len(measured) - passed} failed\n")
    return 0 if passed == len(measured) else 1


def timed(promise_id: str, seed: int, scale: int) -> tuple[Measured, float]:
    """Measure one promise, in a process of its own: (result, seconds)."""
    # Attacks are what is tried here: their warnings are no news.
    logging.disable(logging.WARNING)
    promise = next(one for one in PROMISES if one.id == promise_id)
    start = time.perf_counter()
    result = promise.measure(seed, scale)
    return result, round(time.perf_counter() - start, 1)


def row(promise: Promise, result: Measured, seed: int, seconds: float) -> dict[str, object]:
    """Return one row of promises.json."""
    return {
        "id": promise.id,
        "promise": promise.promise,
        "n": result.n,
        "failures": result.failures,
        "seed": seed,
        "seconds": seconds,
    }


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="ids, separated by commas")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--scale", type=int, default=100, help="percent of the CI figure")
    parser.add_argument("--jobs", type=int, default=2, help="processes to measure in")
    parser.add_argument("--long", action="store_true", help="ten times the CI figures")
    options = parser.parse_args()
    if options.long:
        options.scale = 10 * options.scale
    unknown = {*filter(None, options.only.split(","))} - {promise.id for promise in PROMISES}
    if unknown or options.scale < 1:
        parser.error(f"no such promise: {', '.join(sorted(unknown))}" if unknown else "scale: 1..")
    return options


def table(measured: dict[str, Measured]) -> str:
    """Return the table of all promises; what was not measured says so."""
    lines = ["| id | we promise | how it is measured | n | failures | positive control | bound |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines += [line(promise, measured.get(promise.id)) for promise in PROMISES]
    return "\n".join(lines)


def line(promise: Promise, result: Measured | None) -> str:
    """Return one row."""
    head = f"| {promise.id} | {promise.promise} | {promise.method} |"
    if result is None:
        return f"{head} not measured yet | | | |"
    control = f"{'fired' if result.control else 'SILENT'}: {promise.control}"
    return f"{head} {result.n:,} | {result.failures} | {control} | {promise.bound(result)} |"


def write_table(measured: dict[str, Measured]) -> None:
    """Put the table into docs/promises.md."""
    path = ROOT / "docs" / "promises.md"
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    path.write_text(f"{head}{BEGIN}\n{table(measured)}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
