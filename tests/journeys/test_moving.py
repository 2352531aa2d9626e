"""A new strap, a new phone, a forgotten PIN, a new number: nobody types a card again."""

from __future__ import annotations

import pytest

from support.city_story import PIN, add, on_strap, shown
from support.city_straps import OtherStrap, another_phone, another_strap, phone_of
from wristlet.companion.core import Companion
from wristlet.companion.errors import (
    CodeRefused,
    CompanionError,
    PinBlocked,
    PinWrong,
    ServerUnreachable,
)
from wristlet.companion.explain import explain
from wristlet.companion.texts import say
from wristlet.lab.city import City
from wristlet.links.faults import Fault, FaultPlan
from wristlet.model.testcards import AOBA, KITA, OTP_RIGHT, OTP_WRONG
from wristlet.model.wallet_messages import Card, ChangeReason

pytestmark = pytest.mark.slow

NEW_PIN = "739251"
WRONG = ("111999", "222888", "333777")


@pytest.fixture
async def sunday(city: City) -> OtherStrap:
    """A second strap, paired and with its own PIN."""
    strap = another_strap(city)
    companion = phone_of(city).beside(strap.link)
    await companion.pair("Sunday strap", strap.press)
    await companion.create_pin(PIN)
    return strap


async def prove(companion: Companion, card: Card | None) -> Card:
    """Enter the code that a card's bank sends: a card that moves proves its holder once."""
    assert card is not None
    assert explain(card) == say("card.needs_code")
    await companion.send_code(card.id, card.verification_methods[0].id)
    return await companion.confirm_code(card.id, OTP_RIGHT)


async def test_every_card_moves_to_the_new_strap_and_the_old_ones_end(
    city: City, sunday: OtherStrap
) -> None:
    first, second = await add(city, AOBA), await add(city, KITA)
    phone = phone_of(city)
    on_new = phone.at(phone.strap("Sunday"), sunday.link)
    moved = await on_new.move_cards_from(phone.strap("strap").device_id)
    assert [(one.old.id, one.reason) for one in moved] == [(first.id, ""), (second.id, "")]
    assert (await city.bench.tap(480)).approved, "the old one pays until the new one does"
    for one in moved:
        assert (await prove(on_new, one.new)).state == "active"
    assert (await sunday.bench.tap(480)).approved
    assert not (await city.bench.tap(480)).approved
    await city.phone.sync()
    assert on_strap(city) == {}
    assert [one.state for one in phone.strap("strap").cards] == ["deleted", "deleted"]


async def test_a_move_that_broke_off_goes_on_and_orders_nothing_twice(
    city: City, sunday: OtherStrap
) -> None:
    card = await add(city)
    phone = phone_of(city)
    on_new, old_id = phone.at(phone.strap("Sunday"), sunday.link), phone.strap("strap").device_id
    sunday.link.plan(FaultPlan(12, Fault.CUT))
    (torn,) = await on_new.move_cards_from(old_id)
    assert torn.new is not None
    assert torn.new.se_state != "deactivated", "it is not loaded yet"
    assert (await city.bench.tap(480)).approved, "the old one pays until the new one does"
    await sunday.link.mend()
    (moved,) = await on_new.move_cards_from(old_id)
    assert moved.new is not None
    assert (moved.old.id, moved.new.id) == (card.id, torn.new.id)
    assert (await prove(on_new, moved.new)).state == "active"
    assert len(await on_new.cards()) == 1
    assert (await on_new.move_cards_from(old_id)) == []


async def test_what_its_bank_holds_back_stays_and_says_why(
    city: City, sunday: OtherStrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, other = await add(city, AOBA), await add(city, KITA)
    await city.phone.tools.wallet.delete_card(other.id, ChangeReason())
    phone = phone_of(city)
    on_new = phone.at(phone.strap("Sunday"), sunday.link)
    moved = await on_new.move_cards_from(phone.strap("strap").device_id)
    assert [one.old.id for one in moved] == [card.id], "a removed card does not come back"
    monkeypatch.setattr(city.wires.tsp, "up", False)
    with pytest.raises(CompanionError):
        await on_new.renew(card.id)


async def test_a_card_is_renewed_under_a_new_number(city: City) -> None:
    card = await add(city)
    fresh = await prove(city.phone, await city.phone.renew(card.id))
    assert (fresh.state, fresh.replaces) == ("active", card.id)
    assert fresh.token_last4 != card.token_last4
    await city.phone.sync()
    assert list(on_strap(city)) == [fresh.instance_aid]
    assert (await city.bench.tap(480)).approved
    assert (await shown(city, card)).state == "deleted"


async def test_three_wrong_pins_lock_and_a_proof_to_the_bank_resets(city: City) -> None:
    """J4: the cards stay on the strap, stop at the token service, and go on after the reset."""
    card = await add(city)
    for wrong in WRONG[:2]:
        with pytest.raises(PinWrong):
            await city.phone.verify_pin(wrong)
    with pytest.raises(PinBlocked):
        await city.phone.verify_pin(WRONG[2])
    assert (await city.phone.lease_status()).lock == "blocked"
    locked = await shown(city, card)
    assert (locked.state, locked.suspended_by) == ("suspended", ["pin_locked"])
    assert not (await city.bench.tap(480)).approved
    with pytest.raises(PinBlocked):
        await city.phone.verify_pin(PIN)
    order = await city.phone.start_pin_reset()
    order = await city.phone.send_order_code(order, order.verification_methods[0].id)
    with pytest.raises(CodeRefused):
        await city.phone.confirm_order_code(order, OTP_WRONG)
    await city.phone.confirm_order_code(order, OTP_RIGHT)
    assert not (await city.phone.state()).pin_set
    await city.phone.create_pin(NEW_PIN)
    await city.phone.sync()
    assert (await shown(city, card)).state == "active"
    await city.phone.verify_pin(NEW_PIN)
    assert (await city.bench.tap(15_000)).approved


async def test_a_pin_that_was_locked_out_of_reach_is_told_with_the_next_sync(city: City) -> None:
    card = await add(city)
    city.wires.wallet.up = False
    for wrong in WRONG:
        with pytest.raises((PinWrong, PinBlocked)):
            await city.phone.verify_pin(wrong)
    city.wires.wallet.up = True
    assert (await shown(city, card)).state == "active"
    await city.phone.sync()
    assert (await shown(city, card)).suspended_by == ["pin_locked"]


async def test_a_new_phone_takes_over_when_the_old_one_is_gone(city: City) -> None:
    """Sign in, prove it to a card's bank, bring the strap near: PIN and cards are still there."""
    card = await add(city)
    other = await another_phone(city, "new phone")
    (device,) = await other.devices()
    joining = other.beside(city.bench.strap)
    order = await joining.start_joining_alone(device, other.name)
    order = await joining.send_order_code(order, order.verification_methods[0].id)
    await joining.confirm_order_code(order, OTP_RIGHT)
    assert [one.id for one in await joining.join(device)] == [card.id]
    await joining.verify_pin(PIN)
    assert (await city.bench.tap(15_000)).approved
    old = next(one for one in await joining.phones() if not one.is_this)
    assert (await joining.revoke_phone(old.id)).is_done
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await city.phone.verify_pin(PIN)
    assert [one.is_this for one in await joining.phones() if one.is_on_strap] == [True]


async def test_nothing_secret_moves_between_phones(city: City) -> None:
    await add(city)
    old, new = city.phone.tools.store, await another_phone(city)
    (device,) = await new.devices()
    asking = await new.ask_to_join(device.id)
    await city.phone.add_phone(asking.code)
    await new.beside(city.bench.strap).join(device)
    kept = new.straps[0]
    assert kept.certificate != old.state.straps[0].certificate
    assert (kept.cards, kept.domain_point) == (
        old.state.straps[0].cards,
        old.state.straps[0].domain_point,
    )


async def test_a_move_says_when_the_server_is_away(city: City, sunday: OtherStrap) -> None:
    await add(city)
    phone = phone_of(city)
    on_new = phone.at(phone.strap("Sunday"), sunday.link)
    city.wires.wallet.up = False
    with pytest.raises(ServerUnreachable):
        await on_new.move_cards_from(phone.strap("strap").device_id)
