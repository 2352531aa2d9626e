"""A wallet with two tenants over a fake token service, and one wearer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.wallet_city import City, Person, wallet_city


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with wallet_city(tmp_path) as built:
        yield built


@pytest.fixture
async def hana(city: City) -> Person:
    return await city.person()
