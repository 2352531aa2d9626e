"""The story that a newcomer reads first holds, and stands in the README as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wristlet.lab.city import running_city
from wristlet.lab.journey import journey
from wristlet.pos.kernel.outcome import Display

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
async def test_the_journey_ends_as_told(tmp_path: Path) -> None:
    async with running_city(tmp_path / "city") as city:
        paid, declined, again = await journey(city)
        books = await city.issuer.books("JPY")
    assert paid.display is Display.APPROVED
    assert paid.response_code == "00"
    assert paid.issuer_proof
    assert (paid.approved, declined.approved) == (True, False)
    assert declined.response_code == "62"
    assert again.approved
    assert (books.unbalanced_entries, books.drifted_balances) == (0, 0)


def test_the_journey_is_short() -> None:
    lines = (ROOT / "src/wristlet/lab/journey.py").read_text().splitlines()
    assert len(lines) < 100


def test_the_readme_shows_the_journey() -> None:
    script = ROOT / "scripts/readme_journey.py"
    subprocess.run([sys.executable, str(script), "--check"], check=True)
