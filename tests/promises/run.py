"""Measures the promises, writes `promises.json` and the table in docs/promises.md.

`python tests/promises/run.py [--only P01,P06] [--seed N] [--scale PERCENT]`
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
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
    rows, measured = [], {}
    for promise in PROMISES:
        if options.only and promise.id not in options.only.split(","):
            continue
        start = time.perf_counter()
        result = promise.measure(options.seed, options.scale)
        seconds = round(time.perf_counter() - start, 1)
        measured[promise.id] = result
        rows.append(
            {
                "id": promise.id,
                "promise": promise.promise,
                "n": result.n,
                "failures": result.failures,
                "seed": options.seed,
                "seconds": seconds,
            }
        )
        verdict = "ok" if result.passed else "FAILED" if result.failures else "CONTROL SILENT"
        sys.stdout.write(f"{promise.id}  n={result.n:<9,} {verdict:<8} {seconds:>6} s\n")
        sys.stdout.flush()
    (ROOT / "promises.json").write_text(json.dumps(rows, indent=2) + "\n")
    if not options.only and options.scale == 100:
        write_table(measured)
    passed = sum(result.passed for result in measured.values())
    sys.stdout.write(f"{passed} passed, {len(measured) - passed} failed\n")
    return 0 if passed == len(measured) else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="ids, separated by commas")
    parser.add_argument("--seed", type=int, default=20_261)
    parser.add_argument("--scale", type=int, default=100, help="percent of the CI figure")
    return parser.parse_args()


def table(measured: dict[str, Measured]) -> str:
    """Return the table of all promises; what was not measured says so."""
    lines = ["| id | we promise | how it is measured | n | failures | control | bound |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines += [line(promise, measured.get(promise.id)) for promise in PROMISES]
    return "\n".join(lines)


def line(promise: Promise, result: Measured | None) -> str:
    """Return one row."""
    head = f"| {promise.id} | {promise.promise} | {promise.method} |"
    if result is None:
        return f"{head} not measured | | | |"
    control = "fired" if result.control else "SILENT"
    return f"{head} {result.n:,} | {result.failures} | {control} | {promise.bound(result)} |"


def write_table(measured: dict[str, Measured]) -> None:
    """Put the table into docs/promises.md."""
    path = ROOT / "docs" / "promises.md"
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    path.write_text(f"{head}{BEGIN}\n{table(measured)}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
