"""Tokens on their way: receipts, verification, suspension, replacement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.fake_se import FakeSe
from support.tsp_city import ISSUER, OTHER_REQUESTOR, REQUESTOR, City, tsp_city
from wristlet.crypto import ec
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.model.tsp_messages import (
    ConfirmVerification,
    DigitizeAnswer,
    ScriptPackage,
    SelectVerification,
    SubmitLeaseReport,
    SubmitReceipt,
)
from wristlet.tsp.errors import TspError
from wristlet.tsp.repository import Repository
from wristlet.wire.receipt import TAG_RECEIPT, Receipt, SignedStatement

GREEN = find_card(AOBA, Outcome.GREEN)
YELLOW = find_card(KITA, Outcome.YELLOW_SMS)


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


async def refused_with(code: str, awaitable: Any) -> TspError:
    with pytest.raises(TspError) as caught:
        await awaitable
    assert caught.value.code == code
    return caught.value


def minted(answer: DigitizeAnswer) -> tuple[str, ScriptPackage]:
    assert answer.token is not None
    assert answer.script is not None
    return answer.token.token_reference, answer.script


async def state_of(city: City, reference: str) -> str:
    return (await city.service.token(REQUESTOR, reference)).state


async def test_receipt_counts_once_and_answers_the_same_again(city: City) -> None:
    element = await city.element()
    reference, script = minted(await city.digitize(element, GREEN))
    request = SubmitReceipt(element.run(script.apdus).hex())
    first = await city.service.submit_receipt(REQUESTOR, request)
    await city.change(reference, "suspend")
    assert await city.service.submit_receipt(REQUESTOR, request) == first
    assert await state_of(city, reference) == "suspended"


async def test_receipt_must_tell_exactly_what_was_ordered(city: City) -> None:
    element = await city.element()
    _, script = minted(await city.digitize(element, GREEN))
    signed = SignedStatement.parse(element.run(script.apdus), TAG_RECEIPT)
    receipt = Receipt.parse(signed.body)
    lies: list[dict[str, Any]] = [
        {"script_hash": bytes(32)},
        {"instance_aid": element.domain_aid},
        {"state": 0xFF},
        {"state": 0x01},
    ]
    for lie in lies:
        request = SubmitReceipt(element.signed(replace(receipt, **lie)).hex())
        await refused_with("receipt_contradicts", city.service.submit_receipt(REQUESTOR, request))
    for lie in ({"number": 2}, {"domain_aid": b"FOREIGN"}):
        request = SubmitReceipt(element.signed(replace(receipt, **lie)).hex())
        await refused_with("script_unknown", city.service.submit_receipt(REQUESTOR, request))
    genuine = SubmitReceipt(element.signed(receipt).hex())
    await city.service.submit_receipt(REQUESTOR, genuine)
    later = SubmitReceipt(element.signed(replace(receipt, event_counter=9)).hex())
    await refused_with("receipt_contradicts", city.service.submit_receipt(REQUESTOR, later))


async def test_receipt_of_a_stranger_is_refused(city: City) -> None:
    element, other = await city.element(), await city.element()
    _, script = minted(await city.digitize(element, GREEN))
    receipt = Receipt.parse(SignedStatement.parse(element.run(script.apdus), TAG_RECEIPT).body)
    forged = ec.sign_raw(other.attestation_key, receipt.message())
    text = SignedStatement(receipt.body(), forged).encode(TAG_RECEIPT).hex()
    await refused_with(
        "statement_not_genuine", city.service.submit_receipt(REQUESTOR, SubmitReceipt(text))
    )
    genuine = SubmitReceipt(element.signed(receipt).hex())
    await refused_with("script_unknown", city.service.submit_receipt(OTHER_REQUESTOR, genuine))


async def test_script_runs_on_its_own_element_only_and_once(city: City) -> None:
    element, other = await city.element(), await city.element()
    _, script = minted(await city.digitize(element, GREEN))
    with pytest.raises(ValueError, match="secure channel"):
        other.run(script.apdus)
    element.run(script.apdus)
    with pytest.raises(Exception, match="old number"):
        element.run(script.apdus)


async def verify(city: City, reference: str, code: str = "123456") -> Any:
    await city.service.select_verification(REQUESTOR, reference, SelectVerification("sms"))
    request = ConfirmVerification(city.encrypt({"code": code}))
    return await city.service.confirm_verification(REQUESTOR, reference, request)


async def test_right_code_activates_after_the_receipt(city: City) -> None:
    element = await city.element()
    reference, script = minted(await city.digitize(element, YELLOW))
    await city.receipt(element, script.apdus)
    wrong = await verify(city, reference, "000000")
    assert (wrong.result, wrong.token.state, wrong.script) == ("incorrect_code", "inactive", None)
    right = await verify(city, reference)
    assert (right.result, right.token.state) == ("success", "active")
    assert right.script.purpose == "make_activatable"
    accepted = await city.receipt(element, right.script.apdus)
    assert accepted.contactless_state == 0x00


async def test_right_code_before_the_receipt_waits_for_it(city: City) -> None:
    element = await city.element()
    reference, script = minted(await city.digitize(element, YELLOW))
    right = await verify(city, reference)
    assert (right.token.state, right.script.number) == ("inactive", 2)
    accepted = await city.receipt(element, script.apdus)
    assert accepted.token is not None
    assert (accepted.token.state, accepted.follow_up) == ("active", [])
    await city.receipt(element, right.script.apdus)
    assert element.instances[element.only()].state == 0x00


async def test_lost_answer_to_the_right_code_costs_no_second_code(city: City) -> None:
    element = await city.element()
    reference, script = minted(await city.digitize(element, YELLOW))
    await city.receipt(element, script.apdus)
    right = await verify(city, reference)
    tries = city.issuer.tries_left
    again = await city.service.confirm_verification(
        REQUESTOR, reference, ConfirmVerification(city.encrypt({"code": "111111"}))
    )
    assert (again.script, again.token.state) == (right.script, "active")
    assert city.issuer.tries_left == tries


async def test_repeated_verification_task_sends_and_checks_once(city: City) -> None:
    element = await city.element()
    reference, _ = minted(await city.digitize(element, YELLOW))
    code = city.encrypt({"code": "000000"})
    request = ConfirmVerification(code, task_id="confirm")
    select = SelectVerification("sms", task_id="select")
    sent = await city.service.select_verification(REQUESTOR, reference, select)
    first = await city.service.confirm_verification(REQUESTOR, reference, request)
    assert await city.service.confirm_verification(REQUESTOR, reference, request) == first
    assert city.issuer.tries_left == 2
    city.issuer.down = True
    assert await city.service.select_verification(REQUESTOR, reference, select) == sent


async def test_verification_is_for_waiting_tokens_and_offered_methods(city: City) -> None:
    element = await city.element()
    active = await city.active_token(element, GREEN)
    select = SelectVerification("sms")
    await refused_with(
        "verification_not_open", city.service.select_verification(REQUESTOR, active, select)
    )
    reference, _ = minted(await city.digitize(element, YELLOW))
    pigeon = SelectVerification("pigeon")
    await refused_with(
        "method_unknown", city.service.select_verification(REQUESTOR, reference, pigeon)
    )


async def test_each_owner_ends_only_its_own_suspension(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, GREEN)
    first = await city.change(reference, "suspend", "cardholder")
    assert first.script is not None
    assert first.script.purpose == "make_non_activatable"
    second = await city.change(reference, "suspend", "issuer", ISSUER)
    assert second.script is None
    assert second.token.suspended_by == ["cardholder", "issuer"]
    resumed = await city.change(reference, "resume", "cardholder")
    assert (resumed.token.state, resumed.script) == ("suspended", None)
    await city.change(reference, "resume", "token_requestor")
    assert await state_of(city, reference) == "suspended"
    last = await city.change(reference, "resume", "issuer", ISSUER)
    assert last.token.state == "active"
    assert last.script is None, "the issuer has no way to the element"
    (due,) = (await city.fetch(element)).follow_up
    for script in (first.script, due.script):
        assert script is not None
        await city.receipt(element, script.apdus)
    assert element.instances[element.only()].state == 0x00


async def test_requestor_cannot_speak_for_the_issuer(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, GREEN)
    await city.change(reference, "suspend", "issuer", ISSUER)
    for verb in ("resume", "suspend", "delete"):
        await refused_with("by_not_allowed", city.change(reference, verb, "issuer"))
    await refused_with("by_not_allowed", city.change(reference, "resume", "cardholder", ISSUER))
    await refused_with("by_not_allowed", city.change(reference, "resume", "nobody"))


async def test_token_of_another_requestor_is_unknown(city: City) -> None:
    reference = await city.active_token(await city.element(), GREEN)
    await refused_with("token_unknown", city.service.token(OTHER_REQUESTOR, reference))
    change = city.change(reference, "delete", "cardholder", OTHER_REQUESTOR)
    await refused_with("token_unknown", change)


async def test_life_cycle_requests_are_idempotent(city: City) -> None:
    reference = await city.active_token(await city.element(), GREEN)
    first = await city.change(reference, "suspend")
    await city.change(reference, "resume")
    city.counter -= 2
    assert await city.change(reference, "suspend") == first
    assert await state_of(city, reference) == "active"


async def test_deleted_token_stays_deleted(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, GREEN)
    answer = await city.change(reference, "delete")
    assert answer.token.state == "deleted"
    assert answer.script is not None
    accepted = await city.receipt(element, answer.script.apdus)
    assert accepted.contactless_state == 0xFF
    assert element.instances == {}
    await refused_with("token_ended", city.change(reference, "suspend"))
    await refused_with("token_ended", city.change(reference, "resume"))
    again = await city.change(reference, "delete")
    assert (again.token.state, again.script) == ("deleted", None)


async def test_what_was_decided_before_the_receipt_follows_with_it(city: City) -> None:
    """No script addresses an instance that may never come: it is written when the receipt is in."""
    element = await city.element()
    lost, lost_script = minted(await city.digitize(element, GREEN))
    assert (await city.change(lost, "suspend")).script is None
    accepted = await city.receipt(element, lost_script.apdus)
    (follow,) = accepted.follow_up
    assert (follow.token.state, follow.token.token_reference) == ("suspended", lost)
    assert follow.script is not None
    await city.receipt(element, follow.script.apdus)
    assert element.instances[element.only()].state == 0x80

    gone, gone_script = minted(await city.digitize(element, YELLOW))
    assert (await city.change(gone, "delete")).script is None
    accepted = await city.receipt(element, gone_script.apdus)
    assert accepted.token is not None
    assert accepted.token.state == "deleted"
    (follow,) = accepted.follow_up
    assert follow.script is not None
    assert follow.script.purpose == "delete"
    await city.receipt(element, follow.script.apdus)
    assert len(element.instances) == 1


async def added(city: City, element: FakeSe) -> tuple[str, list[Any]]:
    reference, script = minted(await city.digitize(element, GREEN))
    accepted = await city.receipt(element, script.apdus)
    return reference, accepted.follow_up


async def test_adding_again_makes_a_new_token_and_deletes_the_old_one(city: City) -> None:
    element = await city.element()
    old, _ = await added(city, element)
    first = element.instances[element.only()].dpan
    new, follow_up = await added(city, element)
    (follow,) = follow_up
    assert (follow.token.token_reference, follow.token.state) == (old, "deleted")
    await city.receipt(element, follow.script.apdus)
    assert element.instances[element.only()].dpan != first
    assert (await state_of(city, old), await state_of(city, new)) == ("deleted", "active")


async def test_old_token_pays_until_the_new_one_is_active(city: City) -> None:
    element = await city.element()
    old, _ = await added(city, element)
    new, _ = minted(await city.digitize(element, GREEN))
    assert (await state_of(city, old), await state_of(city, new)) == ("active", "inactive")


async def test_same_card_on_two_elements_is_two_tokens(city: City) -> None:
    first, second = await city.element(), await city.element()
    tokens = [await city.active_token(element, GREEN) for element in (first, second)]
    assert [await state_of(city, reference) for reference in tokens] == ["active", "active"]


async def test_blocked_pin_ends_by_proof_only(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, GREEN)
    await city.change(reference, "suspend", "pin_locked")
    await refused_with("pin_proof_needed", city.change(reference, "resume", "pin_locked"))
    report = SubmitLeaseReport(element.lease_report(7).hex())
    (change,) = (await city.service.submit_lease_report(REQUESTOR, report)).follow_up
    assert change.token.state == "active"
    assert change.script is not None
    assert change.script.purpose == "make_activatable"


async def test_a_repeated_lease_report_has_its_scripts_and_tokens_as_they_are_now(
    city: City,
) -> None:
    element = await city.element()
    reference = await city.active_token(element, GREEN)
    await city.change(reference, "suspend", "pin_locked")
    report = SubmitLeaseReport(element.lease_report(7).hex())
    (first,) = (await city.service.submit_lease_report(REQUESTOR, report)).follow_up
    await city.change(reference, "suspend", "pin_locked")
    (again,) = (await city.service.submit_lease_report(REQUESTOR, report)).follow_up
    assert again.script == first.script
    assert again.token.state == "suspended"


async def test_a_tap_before_the_lease_report_does_not_take_its_proof_away(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, GREEN)
    await city.change(reference, "suspend", "pin_locked")
    opened = {"se_id": element.se_id.hex(), "unlock_counter": 7, "opened_ms": 1}
    await city.database.write(lambda c: Repository(c).run("lease_add", **opened))
    report = SubmitLeaseReport(element.lease_report(7).hex())
    (change,) = (await city.service.submit_lease_report(REQUESTOR, report)).follow_up
    assert change.token.state == "active"


async def test_a_lease_report_tells_a_caller_of_its_own_tokens_only(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, GREEN)
    await city.change(reference, "suspend", "pin_locked")
    report = SubmitLeaseReport(element.lease_report(7).hex())
    answer = await city.service.submit_lease_report(OTHER_REQUESTOR, report)
    assert answer.follow_up == []
    assert await state_of(city, reference) == "suspended"
