"""The wearer's journeys J1, J2, J3, J5 and J7, one after another on one city."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import wearer_journeys as journeys
from support.city_story import on_strap
from support.city_straps import another_phone
from wristlet.lab.city import City, running_city
from wristlet.links.faults import Fault, FaultPlan

pytestmark = pytest.mark.slow


async def whole_life(city: City, cut_at: int) -> None:
    bench = city.bench
    await journeys.j1_first_card(bench)
    second = await journeys.j2_code(bench)
    await journeys.j3_switch_offline(bench, second)
    await journeys.j5_lost_and_found(bench, await another_phone(city))
    plan = FaultPlan(cut_at, Fault.CUT)
    await journeys.j7_cut(bench, lambda: bench.strap.plan(plan), bench.strap.mend)
    assert len(on_strap(city)) == 3


@pytest.mark.parametrize("cut_at", [2, 5, 9])
async def test_a_wearers_life(tmp_path: Path, cut_at: int) -> None:
    async with running_city(tmp_path / "city") as city:
        await whole_life(city, cut_at)
