"""Cards move to a new strap, or come back after a reset, without being typed again."""

from __future__ import annotations

import pytest

from support.city_life import (
    Strap,
    another_phone,
    another_strap,
    code_for,
    device_of,
    take_offer,
    tap_field,
    wallet_of,
)
from support.city_story import PIN, add, on_strap, shown, tokens
from support.se_cards import open_scp03
from wristlet.companion import se_client
from wristlet.companion.core import Companion
from wristlet.issuer.cardholders import TokenOrder
from wristlet.lab.city import City
from wristlet.links.http import RemoteProblem
from wristlet.model.money import Money
from wristlet.model.testcards import KITA, OTP_WRONG
from wristlet.model.wallet_messages import AddCard, RedigitizeCard
from wristlet.pos.terminal import Payment
from wristlet.se.applets.base import Interface
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.gp.commands import Ins

pytestmark = pytest.mark.slow


async def second(city: City) -> tuple[Strap, Companion]:
    """A new strap of the wearer, paired and with its PIN."""
    strap = another_strap(city, "second-se")
    phone = await another_phone(city, strap.body.link, "second", wallet_of(city.phone))
    await phone.pair("new strap", confirm=strap.press)
    await phone.create_pin(PIN)
    return strap, phone


async def tap(city: City, strap: Strap) -> Payment:
    field = tap_field(strap)
    await field.reset()
    return await city.bench.terminal.pay(field, Money(480, "JPY"))


async def test_a_card_moves_to_a_new_strap_and_leaves_the_old_one(city: City) -> None:
    old = await add(city)
    strap, phone = await second(city)
    offer = await wallet_of(phone).redigitize_card(old.id, RedigitizeCard(device_of(phone)))
    assert (offer.card_last4, offer.device_id) == (old.card_last4, device_of(phone))
    assert (await city.bench.tap(480)).approved, "the old one pays until the new one is active"
    new = await take_offer(phone, offer)
    assert (new.state, new.replaces, new.device_id) == ("active", old.id, device_of(phone))
    assert new.token_last4 != old.token_last4
    assert (await tap(city, strap)).approved
    gone = await city.bench.tap(480)
    assert (gone.approved, gone.response_code) == (False, "14")
    await city.deliver()
    assert (await shown(city, old)).state == "deleted"
    assert len(on_strap(city)) == 1, "the old strap has not heard of it"
    await city.phone.sync()
    assert on_strap(city) == {}
    assert (await shown(city, old)).se_state == "absent"


async def test_the_old_strap_hears_of_it_though_no_notification_came(city: City) -> None:
    """The wallet was away when it was told; it is told again, and asks then."""
    old = await add(city)
    _, phone = await second(city)
    wallet = wallet_of(phone)
    offer = await wallet.redigitize_card(old.id, RedigitizeCard(device_of(phone)))
    await take_offer(phone, offer)
    await wallet.refresh_device(device_of(city.phone))
    assert (await shown(city, old)).state == "deleted"


async def test_the_cards_of_a_lost_strap_come_to_the_new_one(city: City) -> None:
    old = await add(city, KITA)
    await city.phone.mark_lost()
    strap, phone = await second(city)
    offer = await wallet_of(phone).redigitize_card(old.id, RedigitizeCard(device_of(phone)))
    await take_offer(phone, offer)
    assert (await tap(city, strap)).approved
    assert sorted(state for state, _ in (await tokens(city)).values()) == ["active", "deleted"]
    found = await city.bench.tap(480)
    assert not found.approved


async def test_a_wiped_strap_gets_its_card_back(city: City) -> None:
    old = await add(city)
    session = open_scp03(city.card.port(Interface.WIRED))
    aid = bytes.fromhex(old.instance_aid or "")
    assert session.send(Command(0x80, Ins.DELETE, 0, 0, ber.encode(0x4F, aid))).sw == 0x9000
    offer = await wallet_of(city.phone).redigitize_card(
        old.id, RedigitizeCard(device_of(city.phone))
    )
    new = await take_offer(city.phone, offer)
    assert list(on_strap(city)) == [new.instance_aid]
    assert (await shown(city, old)).state == "deleted"
    assert (await city.bench.tap(480)).approved


async def test_the_brand_alone_moves_no_card(city: City) -> None:
    """It knows every reference and has straps of its own: the bank asks the cardholder first."""
    old = await add(city)
    strap, phone = await second(city)
    offer = await wallet_of(phone).redigitize_card(old.id, RedigitizeCard(device_of(phone)))
    statement = await se_client.pin_statement(phone.strap, bytes.fromhex(offer.challenge))
    request = AddCard(offer.id, terms_accepted=True, pin_statement=statement.hex())
    card = await wallet_of(phone).add_card(request)
    assert card.decision == "require_additional_authentication"
    await phone.sync()
    await phone.send_code(card.id, card.verification_methods[0].id)
    for _ in range(4):
        guess = await code_for(phone, OTP_WRONG)
        await wallet_of(phone).confirm_verification(card.id, guess)
    assert not (await tap(city, strap)).approved
    assert (await shown(city, old)).state == "active"
    assert (await city.bench.tap(480)).approved


async def test_a_card_that_its_bank_suspended_is_not_moved(city: City) -> None:
    old = await add(city)
    issuer = city.issuer.cardholders
    await issuer.change_token(old.token_reference or "", "suspend", TokenOrder("looks wrong"))
    _, phone = await second(city)
    with pytest.raises(RemoteProblem) as caught:
        await wallet_of(phone).redigitize_card(old.id, RedigitizeCard(device_of(phone)))
    assert caught.value.problem.code == "token_not_movable"
