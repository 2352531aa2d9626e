"""PIN resets and further phones: no script without the cardholder's proof."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from support.fake_se import FakeSe
from support.tsp_city import ISSUER, OTHER_REQUESTOR, REQUESTOR, City, tsp_city
from wristlet.model.testcards import AOBA, KITA, MINAMI, OTP_RIGHT, OTP_WRONG, Outcome, find_card
from wristlet.model.tsp_messages import (
    ConfirmVerification,
    DeviceOrder,
    DeviceOrderResult,
    SelectVerification,
    StartDeviceOrder,
)
from wristlet.tsp.config import Caller
from wristlet.tsp.errors import TspError

FIRST, SECOND, THIRD = (find_card(bank, Outcome.GREEN) for bank in (AOBA, KITA, MINAMI))
PHONE = "5a" * 32


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


async def refused_with(code: str, work: Awaitable[object]) -> None:
    with pytest.raises(TspError) as caught:
        await work
    assert caught.value.code == code


async def start(
    city: City,
    element: FakeSe,
    kind: str = "pin_reset",
    phone: str = "",
    reference: str | None = None,
    caller: Caller = REQUESTOR,
) -> DeviceOrder:
    request = StartDeviceOrder(city.next_id(), kind, phone, reference)
    return await city.service.start_order(caller, element.se_id.hex(), request)


async def prove(city: City, order: DeviceOrder, code: str = OTP_RIGHT) -> DeviceOrderResult:
    request = ConfirmVerification(city.encrypt({"code": code}), city.next_id())
    return await city.service.confirm_order_verification(REQUESTOR, order.order_id, request)


async def run(city: City, element: FakeSe, result: DeviceOrderResult) -> None:
    assert result.script is not None
    await city.receipt(element, result.script.apdus)


async def test_a_reset_is_ordered_after_the_right_code_only(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    order = await start(city, element)
    assert (order.state, order.card_last4) == ("proof_needed", FIRST.number.last4)
    assert city.issuer.proofs == ["pin_reset"]
    wish = SelectVerification("sms", city.next_id())
    sent = await city.service.select_order_verification(REQUESTOR, order.order_id, wish)
    assert (sent.result, sent.script) == ("sent", None)
    wrong = await prove(city, order, OTP_WRONG)
    assert (wrong.result, wrong.script, wrong.order.state) == (
        "incorrect_code",
        None,
        "proof_needed",
    )
    right = await prove(city, order)
    assert (right.result, right.order.state) == ("success", "ordered")
    before = element.pin_set
    await run(city, element, right)
    assert (before, element.pin_set) == (True, False)
    assert (await city.service.order(REQUESTOR, order.order_id)).state == "done"


async def test_a_phone_is_ordered_by_the_hash_of_its_key(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    order = await start(city, element, "further_phone", PHONE)
    await run(city, element, await prove(city, order))
    assert element.phones == {bytes.fromhex(PHONE)}
    assert element.pin_set


@pytest.mark.parametrize(
    ("kind", "phone", "code"),
    [
        ("wipe", "", "order_unknown"),
        ("move", "", "order_unknown"),
        ("pin_reset", PHONE, "phone_hash_invalid"),
        ("further_phone", "", "phone_hash_invalid"),
        ("further_phone", PHONE[2:], "phone_hash_invalid"),
        ("further_phone", PHONE.upper(), "phone_hash_invalid"),
    ],
)
async def test_malformed_orders_are_refused(city: City, kind: str, phone: str, code: str) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    await refused_with(code, start(city, element, kind, phone))


async def test_a_lost_answer_costs_no_second_code(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    order = await start(city, element)
    request = ConfirmVerification(city.encrypt({"code": OTP_RIGHT}), city.next_id())
    confirm = city.service.confirm_order_verification
    first = await confirm(REQUESTOR, order.order_id, request)
    assert await confirm(REQUESTOR, order.order_id, request) == first
    other = await prove(city, order, OTP_WRONG)
    assert (other.result, other.script) == ("success", first.script)
    await run(city, element, first)
    after = await prove(city, order, OTP_WRONG)
    assert (after.result, after.script, after.order.state) == ("success", None, "done")


async def test_an_order_expires_and_a_newer_one_ends_it(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    old, new = await start(city, element), await start(city, element)
    assert (await city.service.order(REQUESTOR, old.order_id)).state == "ended"
    await refused_with("verification_not_open", prove(city, old))
    city.env.clock.advance_ms(15 * 60_000)
    shown = await city.service.order(REQUESTOR, new.order_id)
    assert (shown.state, shown.verification_methods) == ("ended", [])
    await refused_with("verification_not_open", prove(city, new))


async def test_two_kinds_of_order_do_not_end_each_other(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    reset, phone = await start(city, element), await start(city, element, "further_phone", PHONE)
    scripts = [await prove(city, one) for one in (reset, phone)]
    for result in scripts:
        await run(city, element, result)
    assert (element.pin_set, len(element.phones)) == (False, 1)


async def test_the_card_that_is_there_longest_is_asked(city: City) -> None:
    """Whatever the requestor does to it short of ending it."""
    element = await city.element()
    first = await city.active_token(element, FIRST)
    city.env.clock.advance_ms(1)
    second = await city.active_token(element, SECOND)
    for owner in ("cardholder", "token_requestor", "pin_locked"):
        await city.change(first, "suspend", owner)
    assert (await start(city, element)).token_reference == first
    assert (await start(city, element, reference=first)).token_reference == first
    await refused_with("card_not_the_first", start(city, element, reference=second))
    await refused_with("card_not_the_first", start(city, element, reference="tok_unknown"))
    await city.change(first, "delete")
    assert (await start(city, element)).token_reference == second


async def test_a_renewed_card_is_as_old_as_it_was(city: City) -> None:
    """A card typed again, too: what came in between does not become the eldest."""
    element = await city.element()
    await city.active_token(element, FIRST)
    city.env.clock.advance_ms(1)
    planted = await city.active_token(element, SECOND)
    city.env.clock.advance_ms(1)
    again = await city.digitize(element, FIRST)
    assert again.token is not None
    assert again.script is not None
    await city.run_all(element, [])
    accepted = await city.receipt(element, again.script.apdus)
    await city.run_all(element, accepted.follow_up)
    order = await start(city, element)
    assert order.token_reference == again.token.token_reference
    assert order.token_reference != planted


@pytest.mark.parametrize("caller", [OTHER_REQUESTOR, ISSUER], ids=["another requestor", "issuer"])
async def test_only_the_eldest_cards_requestor_may_ask(city: City, caller: Caller) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    await refused_with("no_card_to_prove_by", start(city, element, caller=caller))
    order = await start(city, element)
    await refused_with("order_not_found", city.service.order(caller, order.order_id))


async def test_without_a_living_card_nobody_can_prove_anything(city: City) -> None:
    element = await city.element()
    await refused_with("no_card_to_prove_by", start(city, element))
    await city.digitize(element, FIRST)
    await refused_with("no_card_to_prove_by", start(city, element))


async def test_a_bank_that_suspended_its_card_is_not_asked(city: City) -> None:
    element = await city.element()
    first = await city.active_token(element, FIRST)
    city.env.clock.advance_ms(1)
    await city.active_token(element, SECOND)
    await city.change(first, "suspend", "issuer", ISSUER)
    await refused_with("no_card_to_prove_by", start(city, element))


async def test_a_bank_may_offer_no_proof(city: City) -> None:
    element = await city.element()
    await city.active_token(element, find_card(AOBA, Outcome.LOST))
    await refused_with("holder_not_provable", start(city, element))
    city.issuer.down = True
    await refused_with("issuer_unavailable", start(city, element))


async def test_an_overtaken_order_is_written_again_but_not_for_ever(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, FIRST)
    order = await start(city, element)
    await prove(city, order)
    for again in (1, 2):
        changed = await city.change(reference, "suspend" if again % 2 else "resume")
        assert changed.script is not None
        accepted = await city.receipt(element, changed.script.apdus)
        (script,) = accepted.scripts
        assert (script.purpose, script.number) == ("pin_reset", changed.script.number + 1)
    changed = await city.change(reference, "suspend")
    assert changed.script is not None
    assert (await city.receipt(element, changed.script.apdus)).scripts == []
    assert (await city.service.order(REQUESTOR, order.order_id)).state == "ended"


async def test_an_unknown_method_is_refused(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    order = await start(city, element)
    wish = SelectVerification("owl", None)
    await refused_with(
        "method_unknown",
        city.service.select_order_verification(REQUESTOR, order.order_id, wish),
    )
