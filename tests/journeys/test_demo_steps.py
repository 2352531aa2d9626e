"""The demo's fourteen steps on the city in one process, and the scan at their end."""

from __future__ import annotations

from pathlib import Path

import pytest

from wristlet.lab.city import running_city
from wristlet.lab.runner import run_steps
from wristlet.lab.steps import STEPS

FIXED_IDS = (
    "pair pin card_green card_otp tap_k2 tap_k3 switch_offline cvm_refused cvm_pin cut_resume"
    " lost_declined found_approved card_deleted canary"
).split()


def test_the_ids_and_their_order_are_fixed() -> None:
    assert [step.id for step in STEPS] == FIXED_IDS


@pytest.mark.slow
async def test_every_step_holds_in_one_process(tmp_path: Path) -> None:
    async with running_city(tmp_path / "city") as city:
        results = await run_steps(city.bench, [])
        assert city.bench.scan is not None
        books = await city.issuer.books("JPY")
    assert [(one.id, one.ok, one.text) for one in results if not one.ok] == []
    assert city.bench.scan.clean
    assert city.bench.scan.seeded > 100
    assert (books.unbalanced_entries, books.drifted_balances) == (0, 0)
