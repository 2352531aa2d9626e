"""PIN resets, further phones and what a strap says of its PIN, seen from the wallet's side."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from support.fake_tsp import CODE_RIGHT, CODE_WRONG, jwe
from support.wallet_city import City, Person, pin_statement, receipt
from wristlet.crypto import ec
from wristlet.links.http import RemoteProblem
from wristlet.model.wallet_messages import (
    CertifyPhone,
    ChangeReason,
    CommitReceipt,
    Device,
    FinishVerification,
    PinStatementSubmit,
    StartFurtherPhone,
    StartPinReset,
    StartVerification,
)

POINT = ec.point_of(ec.private_key(bytes(31) + b"\x61"))
PHONE = hashlib.sha256(POINT).hexdigest()
RIGHT, WRONG = FinishVerification(jwe(CODE_RIGHT)), FinishVerification(jwe(CODE_WRONG))


async def events_of(city: City) -> list[str]:
    office = city.client(city.keys[0])
    return [event.type for event in (await office.events(limit=100)).data]


async def run_next(hana: Person, device: Device) -> str:
    """Play the strap: run the first open script, which leaves no instance behind."""
    commit = (await hana.client.commits(device.id)).data[0]
    statement = CommitReceipt(receipt(device.se_id, commit.script_number, 0xFF))
    progress = await hana.client.submit_receipt(device.id, commit.sequence, statement)
    assert progress.card is None
    return commit.kind


async def refused(code: str, work: object) -> None:
    with pytest.raises(RemoteProblem) as caught:
        await work  # type: ignore[misc] # whatever call is tried
    assert caught.value.problem.code == code


@pytest.fixture
async def device(hana: Person) -> Device:
    made = await hana.pair()
    await hana.active(made)
    return made


async def test_a_pin_reset_takes_the_right_code_and_then_a_receipt(
    city: City, hana: Person, device: Device
) -> None:
    order = await hana.client.start_pin_reset(device.id, StartPinReset())
    assert (order.kind, order.state, order.card_last4) == ("pin_reset", "proof_needed", "0001")
    assert [method.id for method in order.verification_methods] == ["sms-1"]
    sent = await hana.client.send_order_code(device.id, order.id, StartVerification("sms-1"))
    assert (sent.result, sent.tries_left) == ("sent", 3)
    wrong = await hana.client.confirm_order(device.id, order.id, WRONG)
    assert (wrong.result, wrong.order.state) == ("incorrect_code", "proof_needed")
    assert (await hana.client.commits(device.id)).data == []
    right = await hana.client.confirm_order(device.id, order.id, RIGHT)
    assert (right.result, right.order.state) == ("success", "ordered")
    assert right.order.verification_methods == []
    assert await run_next(hana, device) == "pin_reset"
    assert (await hana.client.device_order(device.id, order.id)).state == "done"
    seen = await events_of(city)
    assert [one for one in seen if one.startswith("pin.")] == ["pin.reset_ordered", "pin.reset"]


async def test_a_code_that_was_right_needs_no_second_one(hana: Person, device: Device) -> None:
    order = await hana.client.start_pin_reset(device.id, StartPinReset())
    await hana.client.confirm_order(device.id, order.id, RIGHT)
    again = await hana.client.confirm_order(device.id, order.id, WRONG)
    assert again.result == "success"
    assert len((await hana.client.commits(device.id)).data) == 1


async def test_a_lost_answer_of_the_token_service_loses_no_script(
    city: City, hana: Person, device: Device
) -> None:
    order = await hana.client.start_pin_reset(device.id, StartPinReset())
    city.wire.lose_replies = 1
    await refused(
        "token_service_unavailable", hana.client.confirm_order(device.id, order.id, RIGHT)
    )
    assert (await hana.client.confirm_order(device.id, order.id, RIGHT)).result == "success"
    assert len((await hana.client.commits(device.id)).data) == 1


async def test_a_new_order_ends_the_one_that_waits(hana: Person, device: Device) -> None:
    first = await hana.client.start_pin_reset(device.id, StartPinReset())
    await hana.client.start_pin_reset(device.id, StartPinReset())
    assert (await hana.client.device_order(device.id, first.id)).state == "ended"
    await refused("action_not_allowed", hana.client.confirm_order(device.id, first.id, RIGHT))
    wish = StartVerification("sms-1")
    await refused("action_not_allowed", hana.client.send_order_code(device.id, first.id, wish))


async def test_what_the_token_service_ended_is_shown_so(
    city: City, hana: Person, device: Device
) -> None:
    order = await hana.client.start_pin_reset(device.id, StartPinReset())
    (known,) = city.tsp.orders.values()
    city.tsp.orders[known.order_id] = replace(known, state="ended")
    assert (await hana.client.device_order(device.id, order.id)).state == "ended"


async def test_a_further_phone_is_certified_and_ordered(
    city: City, hana: Person, device: Device
) -> None:
    wish = StartFurtherPhone(POINT.hex(), "Hana's new phone")
    order = await hana.client.start_further_phone(device.id, wish)
    (phone,) = (await hana.client.phones(device.id)).data
    assert (phone.id, phone.name, phone.state) == (PHONE, "Hana's new phone", "certified")
    assert PHONE.encode() in city.tsp.bodies[-1]
    await hana.client.confirm_order(device.id, order.id, RIGHT)
    assert await run_next(hana, device) == "further_phone"
    assert "device.phone_enrolled" in await events_of(city)


async def test_a_revoked_phone_gets_no_certificate(hana: Person, device: Device) -> None:
    await hana.client.certify_phone(device.id, CertifyPhone(POINT.hex()))
    gone = await hana.client.revoke_phone(device.id, PHONE, ChangeReason("lost"))
    assert gone.state == "revoked"
    assert await hana.client.revoke_phone(device.id, PHONE, ChangeReason("lost")) == gone
    again = hana.client.certify_phone(device.id, CertifyPhone(POINT.hex()))
    await refused("phone_revoked", again)
    wish = hana.client.start_further_phone(device.id, StartFurtherPhone(POINT.hex()))
    await refused("phone_revoked", wish)


async def test_nothing_is_ordered_for_a_lost_strap(hana: Person, device: Device) -> None:
    await hana.client.mark_lost(device.id, ChangeReason())
    await refused("device_lost", hana.client.start_pin_reset(device.id, StartPinReset()))
    wish = StartFurtherPhone(POINT.hex())
    await refused("device_lost", hana.client.start_further_phone(device.id, wish))


async def test_the_other_sessions_of_a_wearer_end(city: City, hana: Person) -> None:
    office = city.client(city.keys[0])
    other = city.client((await office.create_session(hana.wearer_id)).token)
    jun = await city.person("Jun")
    assert (await hana.client.end_other_sessions()).ended == 1
    assert (await hana.client.end_other_sessions()).ended == 0
    await refused("credentials_unknown", other.devices())
    await jun.client.devices()


async def test_a_blocked_pin_suspends_the_cards_and_a_new_one_brings_them_back(
    city: City, hana: Person, device: Device
) -> None:
    said = PinStatementSubmit(pin_statement(device.se_id, blocked=True, events=5))
    state = await hana.client.submit_pin_statement(device.id, said)
    assert (state.pin_set, state.blocked) == (True, True)
    (card,) = (await hana.client.cards(device.id)).data
    assert (card.state, card.suspended_by) == ("suspended", ["pin_locked"])
    assert "resume" not in card.allowed_actions
    said = PinStatementSubmit(pin_statement(device.se_id, events=8))
    await hana.client.submit_pin_statement(device.id, said)
    (card,) = (await hana.client.cards(device.id)).data
    assert card.state == "active"
    kinds = [one.kind for one in (await hana.client.commits(device.id)).data]
    assert kinds == ["make_non_activatable", "make_activatable"]
    assert [one for one in await events_of(city) if one.startswith("pin.")] == [
        "pin.locked",
        "pin.usable",
    ]


async def test_a_statement_of_another_element_is_refused(hana: Person, device: Device) -> None:
    said = PinStatementSubmit(pin_statement("77" * 16))
    await refused("receipt_mismatch", hana.client.submit_pin_statement(device.id, said))
    await refused(
        "parameter_invalid", hana.client.submit_pin_statement(device.id, PinStatementSubmit("00"))
    )
