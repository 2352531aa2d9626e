"""Every promise holds at a small scale, its controls fire, and the table names them all."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest

from promises import run
from promises.harness import Measured, Promise, Weakness, share, stride
from promises.registry import PROMISES

ROOT = Path(__file__).parent.parent.parent
TABLE = ROOT / "docs" / "promises.md"


@pytest.mark.promise
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_a_quick_look_at(promise: Promise) -> None:
    measured = promise.measure(7, 5)
    assert measured.failures == 0
    assert measured.control, "a control did not fire: the measurement proves nothing"


def test_the_table_names_exactly_these() -> None:
    named = re.findall(r"^\| (P\d\d) \|", TABLE.read_text(), re.MULTILINE)
    assert named == [promise.id for promise in PROMISES]


def test_ids_are_in_order_and_unique() -> None:
    ids = [promise.id for promise in PROMISES]
    assert ids == sorted(set(ids))


def test_every_promise_has_a_control() -> None:
    assert all(promise.weaknesses and promise.control for promise in PROMISES)


class Door:
    """A defence, and what it keeps out."""

    locked = True


def tries(_seed: int, scale: int) -> tuple[int, int]:
    """Try the door."""
    return scale, 0 if Door.locked else scale


UNLOCKED = Weakness("door unlocked", lambda: patch.object(Door, "locked", False))
IDLE = Weakness("nothing changed", nullcontext)


def test_a_control_fires_only_where_the_attack_succeeds() -> None:
    seen = Promise("P99", "closed", "tries", tries, (UNLOCKED,)).measure(1, 100)
    assert seen == Measured(100, 0, control=True)
    assert seen.passed
    blind = Promise("P99", "closed", "tries", tries, (UNLOCKED, IDLE)).measure(1, 100)
    assert not blind.control
    assert not blind.passed
    assert Door.locked, "what was taken away is back"


def test_nothing_measured_is_nothing_passed() -> None:
    assert not Measured(0, 0, control=True).passed
    assert not Measured(10, 1, control=True).passed


def test_rows_say_what_was_not_measured() -> None:
    promise = Promise("P99", "closed", "tries", tries, (UNLOCKED,))
    assert "not measured yet" in run.line(promise, None)
    assert run.line(promise, Measured(3_000, 0, control=True)).endswith(
        "| 3,000 | 0 | fired: door unlocked | p < 1.0e-03 |"
    )
    assert "SILENT" in run.line(promise, Measured(1, 0, control=False))


def test_scales() -> None:
    assert [share(1_000, scale) for scale in (1, 100, 1_000)] == [10, 1_000, 10_000]
    assert [stride(scale) for scale in (1, 50, 100, 1_000)] == [100, 2, 1, 1]


def test_the_shipped_package_has_no_switch_for_weaknesses() -> None:
    """What is taken away is taken away from outside: nothing in the package knows of it."""
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text()
        assert "unittest" not in text, path
