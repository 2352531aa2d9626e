"""Every promise holds at a small scale, its control fires, and the table names them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from promises.harness import Promise
from promises.registry import PROMISES

TABLE = Path(__file__).parent.parent.parent / "docs" / "promises.md"


@pytest.mark.slow
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_a_quick_look_at(promise: Promise) -> None:
    measured = promise.measure(7, 5)
    assert measured.failures == 0
    assert measured.control, "the control did not fire: the measurement proves nothing"


def test_the_table_names_exactly_these() -> None:
    named = re.findall(r"^\| (P\d\d) \|", TABLE.read_text(), re.MULTILINE)
    assert named == [promise.id for promise in PROMISES]


def test_ids_are_in_order_and_unique() -> None:
    ids = [promise.id for promise in PROMISES]
    assert ids == sorted(set(ids))
