"""A secure element goes back in time: its token stops, and comes back as a new one by its bank."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.city_life import put_back, saved_element
from support.city_story import add, on_strap, shown, states
from wristlet.companion.errors import ServerRefused
from wristlet.issuer.cardholders import TokenOrder
from wristlet.lab.city import City
from wristlet.model.wallet_messages import Card

pytestmark = pytest.mark.slow


async def rolled_back(city: City, tmp_path: Path) -> Card:
    """Whoever owns the host copies state and counter, lets the wearer pay, and puts them back."""
    card = await add(city)
    copy = saved_element(city, tmp_path / "copy")
    for _ in range(2):
        assert (await city.bench.tap(480)).approved
    put_back(city, copy)
    refused = await city.bench.tap(480)
    assert (refused.approved, refused.response_code) == (False, "05")
    return card


async def test_a_copied_element_stops_the_token_and_everybody_hears_of_it(
    city: City, tmp_path: Path
) -> None:
    card = await rolled_back(city, tmp_path)
    again = await city.bench.tap(480)
    assert (again.approved, again.response_code) == (False, "62")
    await city.deliver()
    seen = await shown(city, card)
    assert (seen.state, seen.suspended_by, seen.renewal) == ("suspended", ["issuer"], "rollback")
    assert "resume" not in seen.allowed_actions
    with pytest.raises(ServerRefused):
        await city.phone.resume(card.id)
    await city.phone.sync()
    assert list(on_strap(city).values()) == [0x80], "the element was told as well"


async def test_the_bank_lets_it_pay_again_with_a_number_that_was_never_used(
    city: City, tmp_path: Path
) -> None:
    card = await rolled_back(city, tmp_path)
    await city.deliver()
    await city.phone.sync()
    order = TokenOrder("talked to the cardholder")
    await city.issuer.cardholders.change_token(card.token_reference or "", "resume", order)
    await city.deliver()
    assert (await shown(city, card)).state == "active"
    await city.phone.sync()
    assert await states(city) == ["active", "deleted"]
    (fresh,) = [one for one in await city.phone.cards() if one.state == "active"]
    assert fresh.replaces == card.id
    assert fresh.token_last4 != card.token_last4
    await city.phone.select_card(fresh.id)
    for _ in range(3):
        assert (await city.bench.tap(480)).approved


async def test_only_the_issuer_ends_what_the_rollback_began(city: City, tmp_path: Path) -> None:
    card = await rolled_back(city, tmp_path)
    await city.deliver()
    await city.phone.mark_lost()
    await city.phone.mark_found()
    assert (await shown(city, card)).suspended_by == ["issuer"]
    await city.phone.suspend(card.id)
    order = TokenOrder("")
    await city.issuer.cardholders.change_token(card.token_reference or "", "resume", order)
    await city.deliver()
    seen = await shown(city, card)
    assert (seen.state, seen.suspended_by) == ("suspended", ["cardholder"])
