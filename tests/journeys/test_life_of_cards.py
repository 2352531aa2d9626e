"""Cards come, pause, get lost, are replaced and go: token service, strap and terminal agree."""

from __future__ import annotations

import pytest

from support.city_story import add, load_later, on_strap, shown, states, tokens
from wristlet.companion.errors import CodeRefused, CompanionError, ServerRefused
from wristlet.lab.city import City
from wristlet.model.testcards import AOBA, KITA, OTP_RIGHT, OTP_WRONG, Outcome
from wristlet.wire.gp.lifecycle import ContactlessState as Contactless

pytestmark = pytest.mark.slow


async def test_a_card_added_again_gets_a_new_number_and_stays_one_token(city: City) -> None:
    old = await add(city)
    assert (await city.bench.tap(480)).approved
    again = await load_later(city)
    assert await states(city) == ["active", "inactive"]
    assert (await city.bench.tap(480)).approved, "the old token pays until the new one is active"
    await city.phone.sync()
    assert await states(city) == ["active", "deleted"]
    assert again.token_last4 != old.token_last4
    assert on_strap(city) == {again.instance_aid: Contactless.ACTIVATED}, "it took the old place"
    assert (await shown(city, old)).se_state == "absent"
    assert (await shown(city, again)).replaces == old.id
    assert (await city.bench.tap(480)).approved


async def test_the_wearers_pause_and_the_loss_end_apart(city: City) -> None:
    paused, other = await add(city), await add(city, KITA)
    await city.phone.suspend(paused.id)
    await city.phone.mark_lost()
    assert sorted(owners for _, owners in (await tokens(city)).values()) == [
        "cardholder token_requestor",
        "token_requestor",
    ]
    await city.phone.mark_found()
    assert (await shown(city, paused)).suspended_by == ["cardholder"]
    assert (await shown(city, other)).state == "active"
    await city.phone.sync()
    await city.phone.select_card(other.id)
    assert (await city.bench.tap(480)).approved
    with pytest.raises(CompanionError):
        await city.phone.select_card(paused.id)
    await city.phone.resume(paused.id)
    await city.phone.sync()
    await city.phone.select_card(paused.id)
    assert (await city.bench.tap(480)).approved


async def test_a_pause_ended_while_the_strap_is_lost_leaves_the_loss(city: City) -> None:
    card = await add(city)
    await city.phone.suspend(card.id)
    await city.phone.mark_lost()
    still = await city.phone.resume(card.id)
    assert (still.state, still.suspended_by) == ("suspended", ["token_requestor"])
    with pytest.raises(ServerRefused, match="does not allow"):
        await city.phone.resume(card.id)
    payment = await city.bench.tap(480)
    assert (payment.approved, payment.response_code) == (False, "62")


async def test_a_strap_lost_before_the_card_was_loaded(city: City) -> None:
    card = await load_later(city)
    await city.phone.mark_lost()
    await city.phone.sync()
    assert list((await tokens(city)).values()) == [("suspended", "token_requestor")]
    assert list(on_strap(city).values()) == [Contactless.NON_ACTIVATABLE]
    await city.phone.mark_found()
    await city.phone.sync()
    await city.phone.select_card(card.id)
    assert (await city.bench.tap(480)).approved


async def test_after_the_active_card_is_deleted_another_one_pays(city: City) -> None:
    first, second = await add(city), await add(city, KITA)
    assert (await shown(city, first)).se_state == "selected"
    await city.phone.delete(first.id)
    refused = await city.bench.tap(480)
    assert (refused.approved, refused.response_code) == (False, "14")
    await city.phone.sync()
    assert await city.phone.active_card() is None
    assert not (await city.bench.tap(480)).approved
    await city.phone.select_card(second.id)
    paid = await city.bench.tap(480)
    assert (paid.approved, paid.kernel) == (True, 2)


async def test_resume_brings_the_active_card_back_unless_another_was_chosen(city: City) -> None:
    first, second = await add(city), await add(city, KITA)
    await city.phone.suspend(first.id)
    await city.phone.sync()
    assert await city.phone.active_card() is None
    await city.phone.resume(first.id)
    await city.phone.sync()
    assert (await city.phone.active_card() or b"").hex() == first.instance_aid
    assert (await shown(city, first)).se_state == "selected"
    await city.phone.suspend(first.id)
    await city.phone.sync()
    await city.phone.select_card(second.id)
    await city.phone.resume(first.id)
    await city.phone.sync()
    assert (await city.phone.active_card() or b"").hex() == second.instance_aid
    assert (await shown(city, first)).se_state == "ready"


async def test_wrong_codes_until_none_is_left_then_a_new_code(city: City) -> None:
    card = await add(city, AOBA, Outcome.YELLOW_SMS)
    method = card.verification_methods[0].id
    await city.phone.send_code(card.id, method)
    results = []
    for _ in range(4):
        with pytest.raises(CodeRefused) as caught:
            await city.phone.confirm_code(card.id, OTP_WRONG)
        results.append((caught.value.result, caught.value.tries_left))
    assert results[:2] == [("incorrect_code", 2), ("incorrect_code", 1)]
    assert results[-1] == ("tries_exceeded", 0)
    with pytest.raises(CodeRefused, match="ask for a new one"):
        await city.phone.confirm_code(card.id, OTP_RIGHT)
    assert await states(city) == ["inactive"]
    await city.phone.send_code(card.id, method)
    assert (await city.phone.confirm_code(card.id, OTP_RIGHT)).state == "active"
    assert (await city.bench.tap(480)).approved
