"""A city whose strap is paired and has its PIN."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.city_story import PIN
from wristlet.lab.city import City, running_city


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running_city(tmp_path / "city") as running:
        await running.phone.pair("strap", confirm=running.press)
        await running.phone.create_pin(PIN)
        yield running
