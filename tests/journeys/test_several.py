"""Several straps on one phone, several phones on one strap, and a neighbour's strap nearby."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.city_story import PIN, add
from support.city_straps import OtherStrap, another_phone, another_strap, phone_of
from wristlet.companion.errors import CompanionError, InputError, StrapUntrusted
from wristlet.companion.outcome import Ending
from wristlet.companion.phones import phone_id
from wristlet.lab.city import City, running_city
from wristlet.links.faults import Fault, FaultPlan
from wristlet.links.strap_link import StrapRefused
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.wire.strap.invitation import WINDOW_MS

pytestmark = pytest.mark.slow

GREEN = find_card(AOBA, Outcome.GREEN)
TYPED = (GREEN.number.reveal(), "12/30", GREEN.security_code.reveal())


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[City]:
    """A city whose strap is still in its box."""
    async with running_city(tmp_path / "city") as running:
        yield running


@pytest.mark.parametrize("typed", [False, True], ids=["scanned", "typed"])
async def test_a_code_picks_the_right_strap(fresh: City, typed: bool) -> None:
    neighbour = another_strap(fresh)
    await neighbour.invite()
    invited = await fresh.invite()
    code = invited.code().lower() if typed else invited.url("pay.example")
    fresh.phone.strap = neighbour.link
    with pytest.raises(StrapUntrusted, match=r"another strap|not the one"):
        await fresh.phone.pair("mine", neighbour.press, code=code)
    assert (await fresh.phone.state()).phones == 0
    fresh.phone.strap = fresh.bench.strap
    device = await fresh.phone.pair("mine", fresh.press, code=code)
    assert device.se_id == fresh.sandbox.se_id.hex()


async def test_a_neighbour_that_repeats_the_straps_name_is_still_another_strap(fresh: City) -> None:
    invited = await fresh.invite()
    neighbour = another_strap(fresh)
    neighbour.firmware.invitations._printed = invited.nonce
    assert (await neighbour.invite()).nonce == invited.nonce
    fresh.phone.strap = neighbour.link
    for code, says in ((invited.url("pay.example"), "not the one"), (invited.code(), "of another")):
        with pytest.raises(StrapUntrusted, match=says):
            await fresh.phone.pair("mine", neighbour.press, code=code)


async def test_a_code_is_good_once_and_for_five_minutes(fresh: City) -> None:
    old = await fresh.invite()
    fresh.firmware.invitations._opened_us -= WINDOW_MS * 1000
    with pytest.raises(StrapRefused, match="hold the strap's button"):
        await fresh.phone.pair("mine", fresh.press, code=old.code())
    await fresh.invite()
    with pytest.raises(StrapUntrusted, match="used up, too old"):
        await fresh.phone.pair("mine", fresh.press, code=old.code())
    new = await fresh.invite()
    await fresh.phone.pair("mine", fresh.press, code=new.code())
    with pytest.raises(StrapRefused, match="hold the strap's button"):
        await fresh.phone.pair("mine", fresh.press, code=new.code())


async def test_a_wrong_code_names_the_field(fresh: City) -> None:
    with pytest.raises(InputError, match=r"pairing code: .*8 characters belong here"):
        await fresh.phone.pair("mine", fresh.press, code="ABC")


async def test_pairing_goes_on_where_it_broke_off(fresh: City) -> None:
    """The button was pressed, then the server was away: nothing is compared a second time."""
    fresh.wires.wallet.up = False
    asked: list[str] = []

    async def confirm(digits: str) -> None:
        asked.append(digits)
        await fresh.press(digits)

    with pytest.raises(CompanionError, match="server"):
        await fresh.phone.pair("mine", confirm)
    fresh.wires.wallet.up = True
    await fresh.phone.pair("mine", confirm)
    assert len(asked) == 1
    await fresh.phone.create_pin(PIN)


@pytest.fixture
async def second(city: City) -> OtherStrap:
    """A second strap of the same wearer, with its own PIN."""
    strap, phone = another_strap(city), phone_of(city)
    companion = phone.beside(strap.link)
    code = (await strap.invite()).url("pay.example")
    await companion.pair("Sunday strap", strap.press, code=code)
    await companion.create_pin(PIN)
    return strap


async def test_each_strap_has_its_own_cards_and_countdown(city: City, second: OtherStrap) -> None:
    phone = phone_of(city)
    assert [one.name for one in phone.straps] == ["strap", "Sunday strap"]
    on_second = phone.at(phone.strap("sunday"), second.link)
    first_card = await add(city, KITA)
    second_card = await on_second.add_card(*TYPED)
    assert (await city.bench.tap(480)).kernel == 2
    assert (await second.bench.tap(480)).kernel == 3
    await on_second.verify_pin(PIN)
    assert (await on_second.lease_status()).taps_left == 20
    assert (await city.phone.lease_status()).taps_left == 0
    assert await on_second.free_taps() != await city.phone.free_taps()
    assert [one.id for one in phone.strap("strap").cards] == [first_card.id]
    assert [one.id for one in phone.strap("Sunday").cards] == [second_card.id]
    with pytest.raises(InputError, match=r"there is no such card; .*Kita"):
        phone.card(second_card.id, phone.strap("strap"))


async def test_losing_one_strap_leaves_the_other(city: City, second: OtherStrap) -> None:
    phone = phone_of(city)
    sunday = phone.strap("Sunday strap")
    await add(city, KITA)
    await phone.at(sunday, second.link).add_card(*TYPED)
    assert (await phone.lost(sunday.device_id)).is_done
    assert not (await second.bench.tap(480)).approved
    assert (await city.bench.tap(480)).approved
    assert [one.is_lost for one in phone.straps] == [False, True]


async def test_names_tell_straps_apart(city: City, second: OtherStrap) -> None:
    phone = phone_of(city)
    with pytest.raises(InputError, match="choose one; there are: strap, Sunday strap"):
        phone.strap()
    with pytest.raises(InputError, match="none is called"):
        phone.strap("Monday")
    with pytest.raises(InputError, match="another strap has it"):
        await phone.rename(phone.strap("strap"), "Sunday strap")


async def test_a_further_phone_comes_by_the_old_ones_channel(city: City) -> None:
    card = await add(city)
    other = await another_phone(city, "tablet")
    (device,) = await other.devices()
    joining = other.beside(city.bench.strap)
    asking = await other.ask_to_join(device.id)
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await joining.join(device)
    with pytest.raises(InputError, match="no phone asks with it"):
        await city.phone.add_phone("0000-0000-0000")
    added = await city.phone.add_phone(asking.code.lower())
    assert (added.id, added.name) == (asking.phone_id, "tablet")
    assert [one.id for one in await joining.join(device)] == [card.id]
    await joining.verify_pin(PIN)
    await joining.select_card(card.id)
    assert (await city.phone.state()).phones == 2


async def test_a_revoked_phone_is_off_the_strap_at_once_or_with_the_next_sync(city: City) -> None:
    other = await another_phone(city, "tablet")
    (device,) = await other.devices()
    joining = other.beside(city.bench.strap)
    asking = await other.ask_to_join(device.id)
    await city.phone.add_phone(asking.code)
    await joining.join(device)
    with pytest.raises(InputError, match="phone in your hand"):
        await city.phone.revoke_phone(phone_id(city.phone.tools.public_point()))
    city.bench.strap.plan(FaultPlan(0, Fault.CUT))
    waits = await city.phone.revoke_phone(asking.phone_id)
    assert waits.ending is Ending.QUEUED
    assert "strap itself still knows it" in waits.reason
    await city.bench.strap.mend()
    await joining.lease_status()
    await city.phone.sync_all()
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await joining.verify_pin(PIN)
    assert (await city.phone.state()).phones == 1
