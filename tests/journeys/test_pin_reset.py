"""Three wrong PINs, a lock, a reset after a proof of identity: the cards stay (journey J4)."""

from __future__ import annotations

import pytest

from support.city_life import block_pin, code_for, device_of, prove, tell_pin, wallet_of
from support.city_story import PIN, add, on_strap, shown, states
from wristlet.companion.errors import PinBlocked
from wristlet.lab.city import City
from wristlet.links.http import RemoteProblem
from wristlet.model.testcards import AOBA, KITA, MINAMI, OTP_WRONG, Outcome
from wristlet.model.tsp_messages import StartDeviceOrder
from wristlet.model.wallet_messages import Card, StartPinReset

pytestmark = pytest.mark.slow

NEW_PIN = "739251"
LARGE = 15_000


async def locked_with(city: City) -> tuple[Card, Card]:
    """Two cards, and a PIN that three wrong guesses have blocked."""
    first, second = await add(city), await add(city, KITA)
    await block_pin(city.phone)
    return first, second


async def test_a_blocked_pin_is_reset_after_a_proof_and_every_card_stays(city: City) -> None:
    first, second = await locked_with(city)
    before = on_strap(city)
    said = await tell_pin(city.phone)
    assert (said.pin_set, said.blocked) == (True, True)
    for card in (first, second):
        assert (await shown(city, card)).suspended_by == ["pin_locked"]
    refused = await city.bench.tap(480)
    assert (refused.approved, refused.response_code) == (False, "62")
    with pytest.raises(PinBlocked):
        await city.phone.verify_pin(PIN)

    wallet, device_id = wallet_of(city.phone), device_of(city.phone)
    order = await wallet.start_pin_reset(device_id, StartPinReset())
    assert (order.card_id, order.issuer_name) == (first.id, "Aoba Bank")
    assert await prove(city.phone, order, OTP_WRONG) == "incorrect_code"
    await city.phone.sync()
    assert (await city.phone.state()).blocked, "without the right code nothing is ordered"
    assert await prove(city.phone, order) == "success"
    await city.phone.sync()
    state = await city.phone.state()
    assert (state.pin_set, state.blocked, state.tries_left) == (False, False, 3)
    assert (await wallet.device_order(device_id, order.id)).state == "done"

    await city.phone.create_pin(NEW_PIN)
    await tell_pin(city.phone)
    await city.phone.sync()
    assert await states(city) == ["active", "active"]
    assert on_strap(city) == before
    await city.phone.verify_pin(NEW_PIN)
    paid = await city.bench.tap(LARGE)
    assert (paid.approved, paid.kernel) == (True, 3)


async def test_unlocking_with_the_new_pin_is_word_enough(city: City) -> None:
    """The lease's report proves the new PIN: no statement is needed to bring the cards back."""
    card, _ = await locked_with(city)
    await tell_pin(city.phone)
    wallet, device_id = wallet_of(city.phone), device_of(city.phone)
    await prove(city.phone, await wallet.start_pin_reset(device_id, StartPinReset()))
    await city.phone.sync()
    city.wires.wallet.up = False
    await city.phone.create_pin(NEW_PIN)
    city.wires.wallet.up = True
    assert (await shown(city, card)).state == "suspended"
    await city.phone.verify_pin(NEW_PIN)
    assert (await shown(city, card)).state == "active"
    await city.phone.sync()
    assert (await city.bench.tap(LARGE)).approved


async def test_an_unlock_from_before_the_lock_does_not_end_it(city: City) -> None:
    """A report that waited on the phone, or that a relay held back, is older than the lock."""
    card = await add(city)
    city.wires.wallet.up = False
    await city.phone.verify_pin(PIN)
    city.wires.wallet.up = True
    await block_pin(city.phone)
    await tell_pin(city.phone)
    await city.phone.sync()
    assert (await shown(city, card)).suspended_by == ["pin_locked"]


async def test_the_brand_alone_cannot_reset_a_pin(city: City) -> None:
    """It may ask and carry; without the wearer's code the token service writes no script."""
    await locked_with(city)
    tsp, caller = city.tsp, city.tsp.context.config.callers[0]
    se_id = city.card.se_id.hex()
    order = await tsp.start_order(caller, se_id, StartDeviceOrder("task_1", "pin_reset"))
    wallet, device_id = wallet_of(city.phone), device_of(city.phone)
    mine = await wallet.start_pin_reset(device_id, StartPinReset())
    results = [await prove(city.phone, mine, OTP_WRONG) for _ in range(4)]
    assert set(results) == {"incorrect_code"}, "each new code has its own tries"
    guess = await code_for(city.phone, OTP_WRONG)
    for _ in range(2):
        await wallet.confirm_order(device_id, mine.id, guess)
    answer = await wallet.confirm_order(device_id, mine.id, await code_for(city.phone))
    assert answer.result == "tries_exceeded"
    await city.phone.sync()
    assert (await city.phone.state()).blocked
    assert (await tsp.order(caller, order.order_id)).state == "ended"
    kinds = {one.kind for one in (await wallet.commits(device_id, 0)).data}
    assert "pin_reset" not in kinds


async def test_a_card_that_somebody_planted_proves_nothing(city: City) -> None:
    """Only the bank of the card that is there longest is asked, whatever the brand suspends."""
    first, planted = await locked_with(city)
    wallet, device_id = wallet_of(city.phone), device_of(city.phone)
    with pytest.raises(RemoteProblem) as caught:
        await wallet.start_pin_reset(device_id, StartPinReset(planted.id))
    assert caught.value.problem.code == "card_not_the_first"
    await city.phone.suspend(first.id)
    order = await wallet.start_pin_reset(device_id, StartPinReset())
    assert order.card_id == first.id


async def test_a_strap_without_cards_has_nobody_to_ask(city: City) -> None:
    await block_pin(city.phone)
    with pytest.raises(RemoteProblem) as caught:
        await wallet_of(city.phone).start_pin_reset(device_of(city.phone), StartPinReset())
    assert caught.value.problem.code == "no_card_to_prove_by"


async def test_a_reset_that_a_later_script_overtook_is_ordered_again(city: City) -> None:
    """The proof was given once; that its script came too late is not the wearer's fault."""
    await add(city)
    wallet, device_id = wallet_of(city.phone), device_of(city.phone)
    order = await wallet.start_pin_reset(device_id, StartPinReset())
    await prove(city.phone, order)
    (reset,) = (await wallet.commits(device_id)).data
    await city.phone.suspend((await city.phone.cards())[0].id)
    refusing = reset.apdus[3:]
    transmit = city.relay.transmit

    async def withheld(command: bytes) -> bytes:
        return b"\x6a\x84" if command.hex() in refusing else await transmit(command)

    city.relay.transmit = withheld  # type: ignore[method-assign] # a hostile strap processor
    for _ in range(4):
        await city.phone.sync()
    city.relay.transmit = transmit  # type: ignore[method-assign] # it thinks better of it
    await city.phone.sync()
    assert not (await city.phone.state()).pin_set
    assert (await wallet.device_order(device_id, order.id)).state == "done"


async def test_a_bank_that_offers_no_proof_is_said(city: City) -> None:
    await add(city, AOBA, Outcome.LOST)
    await add(city, MINAMI)
    with pytest.raises(RemoteProblem) as caught:
        await wallet_of(city.phone).start_pin_reset(device_of(city.phone), StartPinReset())
    assert caught.value.problem.code == "holder_not_provable"
