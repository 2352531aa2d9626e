"""A wearer with a strap and no phone at hand: the button, taps and the face, on the city."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wristlet.companion import strap_client
from wristlet.lab.city import City, running_city
from wristlet.model.testcards import AOBA, KITA, Bank, Outcome, find_card
from wristlet.strap.button import Press
from wristlet.wire.strap.settings import CardEntry

pytestmark = pytest.mark.slow
PIN = "482615"
ABOVE_LIMIT = 25_000


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running_city(tmp_path / "city") as running:
        yield running


async def add(city: City, bank: Bank) -> None:
    card = find_card(bank, Outcome.GREEN)
    await city.phone.add_card(card.number.reveal(), "12/30", card.security_code.reveal())


async def tap(city: City, amount_minor: int) -> tuple[bool, tuple[str, ...]]:
    """Hold the strap to the terminal; approved, and what the strap's face shows then."""
    payment = await city.bench.tap(amount_minor)
    await city.firmware.poll()
    return payment.approved, city.firmware.face().rows


async def test_a_wearer_pairs_switches_and_pays_by_the_button(city: City) -> None:
    firmware = city.firmware

    async def press(shown: str) -> None:
        assert firmware.face().rows == ("Same digits?", shown)
        await firmware.press(Press.SHORT)

    await firmware.poll()
    await city.phone.pair("strap", confirm=press)
    assert firmware.face().rows[0] == "Paired"
    await city.phone.create_pin(PIN)
    await add(city, KITA)
    await add(city, AOBA)
    (kita, is_first), (aoba, is_second) = await firmware.relay.payable()
    assert (is_first, is_second) == (True, False)
    names = (CardEntry(aoba, "Aoba", "1111"), CardEntry(kita, "Kita", "2222"))
    await strap_client.name_cards(city.bench.strap, names)
    await city.bench.stop_wallet()

    assert await tap(city, 480) == (True, ("Card read", "Kita"))
    await firmware.press(Press.SHORT)
    assert firmware.face().rows == ("Aoba", "•••• 1111")
    assert await tap(city, 480) == (True, ("Card read", "Aoba"))
    assert await tap(city, ABOVE_LIMIT) == (False, ("See phone", "Enter your PIN"))

    await city.phone.verify_pin(PIN)
    assert await tap(city, ABOVE_LIMIT) == (True, ("Card read", "Aoba"))
    firmware.worn(True)
    firmware.worn(False)
    await firmware.poll()
    assert await tap(city, ABOVE_LIMIT) == (False, ("See phone", "Enter your PIN"))

    taps = (await strap_client.read_taps(city.bench.strap, after=0)).taps
    assert [tap.outcome.name for tap in taps] == [
        "SENT", "SENT", "SEE_PHONE", "SENT", "SEE_PHONE",
    ]  # fmt: skip
