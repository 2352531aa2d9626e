"""A token service that is down, forgetful, hostile or refusing: nothing is ever half done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.fake_tsp import CODE_RIGHT, CODE_WRONG, jwe
from support.wallet_city import City, Person, pin_statement
from wristlet.links.http import RemoteProblem
from wristlet.links.problems import ApiError
from wristlet.model.tsp_messages import TokenInfo
from wristlet.model.wallet_messages import (
    AddCard,
    Card,
    ChangeReason,
    Device,
    FinishVerification,
    StartVerification,
)

NO_REASON = ChangeReason()
PAN = "9999 0100 0000 0003"


async def lifecycle_step(name: str, hana: Person, device: Device, card: Card) -> Any:
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "suspend": lambda: hana.client.suspend_card(card.id, NO_REASON),
        "delete": lambda: hana.client.delete_card(card.id, NO_REASON),
        "lose": lambda: hana.client.mark_lost(device.id, NO_REASON),
        "resume": lambda: hana.client.resume_card(card.id, NO_REASON),
        "find": lambda: hana.client.mark_found(device.id, NO_REASON),
    }
    return await calls[name]()


@pytest.mark.parametrize("lost", ["request", "reply"])
@pytest.mark.parametrize("name", ["suspend", "delete", "lose", "resume", "find"])
async def test_lost_life_cycle_call_is_done_once_when_repeated(
    hana: Person, city: City, name: str, lost: str
) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    if name == "resume":
        await hana.client.suspend_card(card.id, NO_REASON)
    if name == "find":
        await hana.client.mark_lost(device.id, NO_REASON)
    before = (await hana.client.device(device.id)).commits_last
    setattr(city.wire, "lose_requests" if lost == "request" else "lose_replies", 1)
    with pytest.raises(RemoteProblem) as caught:
        await lifecycle_step(name, hana, device, card)
    assert (caught.value.status, caught.value.problem.code) == (503, "token_service_unavailable")
    assert caught.value.problem.next_step
    assert (await hana.client.device(device.id)).commits_last == before
    await lifecycle_step(name, hana, device, card)
    assert (await hana.client.device(device.id)).commits_last == before + 1
    assert len(city.tsp.scripts) == before + 1


@pytest.mark.parametrize("lost", ["lose_requests", "lose_replies"])
async def test_lost_digitisation_makes_one_token(hana: Person, city: City, lost: str) -> None:
    device = await hana.pair()
    offer = await hana.offer(device)
    request = AddCard(offer, True, pin_statement(device.se_id))
    setattr(city.wire, lost, 1)
    with pytest.raises(RemoteProblem):
        await hana.client.add_card(request)
    assert (await hana.client.cards()).data == []
    card = await hana.client.add_card(request)
    assert await hana.client.add_card(request) == card
    assert len(city.tsp.tokens) == 1
    assert len((await hana.client.commits(device.id)).data) == 1


async def test_concurrent_adds_of_one_offer_make_one_card(hana: Person, city: City) -> None:
    device = await hana.pair()
    request = AddCard(await hana.offer(device), True, pin_statement(device.se_id))
    cards = await asyncio.gather(*(hana.client.add_card(request) for _ in range(8)))
    assert len({card.id for card in cards}) == 1
    assert len(city.tsp.tokens) == 1


async def test_lost_wrong_code_costs_one_try(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.add(device, "require_additional_authentication")
    city.wire.lose_replies = 1
    wrong = FinishVerification(jwe(CODE_WRONG))
    with pytest.raises(RemoteProblem):
        await hana.client.confirm_verification(card.id, wrong)
    answer = await hana.client.confirm_verification(card.id, wrong)
    assert (answer.result, answer.tries_left) == ("incorrect_code", 2)


async def test_lost_right_code_keeps_its_script(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.add(device, "require_additional_authentication")
    city.wire.lose_replies = 1
    right = FinishVerification(jwe(CODE_RIGHT))
    with pytest.raises(RemoteProblem):
        await hana.client.confirm_verification(card.id, right)
    # Whatever is asked next for the strap finishes the open question first.
    second = await hana.add(device)
    kinds = [commit.kind for commit in (await hana.client.commits(device.id)).data]
    assert kinds == ["personalise", "make_activatable", "personalise"]
    assert second.id != card.id


@pytest.mark.parametrize("call", ["pair", "card_key", "eligibility", "select", "refresh", "lease"])
async def test_other_calls_fail_plainly_and_leave_nothing(
    hana: Person, city: City, call: str
) -> None:
    device = await hana.pair()
    card = await hana.add(device, "require_additional_authentication")
    events = len((await hana.client.events(limit=100)).data)
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "pair": lambda: hana.pair("another"),
        "card_key": hana.client.card_key,
        "eligibility": lambda: hana.offer(device),
        "select": lambda: hana.client.start_verification(card.id, StartVerification("sms-1")),
        "refresh": lambda: hana.client.card(card.id, refresh=True),
        "lease": lambda: hana.report_lease(device),
    }
    city.wire.lose_requests = 1
    with pytest.raises(RemoteProblem) as caught:
        await steps[call]()
    assert caught.value.problem.code == "token_service_unavailable"
    assert len((await hana.client.events(limit=100)).data) == events
    await steps[call]()


async def test_lost_strap_says_how_far_it_came(hana: Person, city: City) -> None:
    device = await hana.pair()
    for _ in range(2):
        await hana.active(device)
    city.wire.lose_after = 1
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.mark_lost(device.id, NO_REASON)
    assert "1 of 2 cards are suspended" in caught.value.problem.message
    assert (await hana.client.device(device.id)).state == "lost"
    city.wire.lose_after = None
    await hana.client.mark_lost(device.id, NO_REASON)
    assert {card.state for card in (await hana.client.cards()).data} == {"suspended"}


async def test_lost_strap_with_a_token_deleted_elsewhere(hana: Person, city: City) -> None:
    device = await hana.pair()
    gone, kept = await hana.active(device), await hana.active(device)
    reference = gone.token_reference or ""
    city.tsp._set(reference, state="deleted")
    await hana.client.mark_lost(device.id, NO_REASON)
    states = {card.id: card.state for card in (await hana.client.cards()).data}
    assert states == {gone.id: "deleted", kept.id: "suspended"}


async def test_refusal_is_passed_on_with_its_reason(hana: Person, city: City) -> None:
    device = await hana.pair()
    offer = await hana.offer(device)
    city.tsp.refuse = ApiError(
        422, "refused_error", "pin_missing", "No PIN.", "pin_statement", next_step="Make one."
    )
    request = AddCard(offer, True, pin_statement(device.se_id))
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.add_card(request)
    problem = caught.value.problem
    assert (caught.value.status, problem.code, problem.param) == (
        422,
        "pin_missing",
        "pin_statement",
    )
    assert problem.next_step == "Make one."
    assert (await hana.client.add_card(request)).state == "inactive"


@pytest.mark.parametrize(
    "error",
    [
        ApiError(500, "api_error", "internal_error", "x"),
        ApiError(503, "remote_error", "issuer_unreachable", "x"),
        ApiError(429, "rate_limit_error", "slow_down", "x"),
        ApiError(401, "authentication_error", "token_unknown", "x"),
    ],
)
async def test_failures_there_leave_the_question_open(
    hana: Person, city: City, error: ApiError
) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    city.tsp.refuse = error
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.suspend_card(card.id, NO_REASON)
    assert caught.value.status == (502 if error.status == 401 else 503)
    suspended = await hana.client.suspend_card(card.id, NO_REASON)
    assert suspended.state == "suspended"
    first, second = (body for body in city.tsp.bodies[-2:])
    assert first == second


async def test_digits_in_a_refusal_are_not_passed_on(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    city.tsp.refuse = ApiError(409, "conflict_error", f"no {PAN}", f"Card {PAN}", PAN)
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.suspend_card(card.id, NO_REASON)
    assert caught.value.problem.code == "token_service_refused"
    assert "9999" not in str(caught.value.problem)


@pytest.mark.parametrize(
    "field",
    [
        {"se_id": "00" * 16},
        {"token_reference": "tok-other"},
        {"token_last4": "9999010000000006"},
        {"card_last4": "12"},
        {"state": "asleep"},
        {"card_art": f"art {PAN}"},
        {"suspended_by": ["x,y"]},
    ],
)
async def test_hostile_token_is_not_recorded(
    hana: Person, city: City, field: dict[str, Any]
) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    token = city.tsp.tokens[card.token_reference or ""]
    values = {name: getattr(token, name) for name in TokenInfo.__slots__}
    city.tsp.rewrite = {"token": TokenInfo(**{**values, **field})}
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.suspend_card(card.id, NO_REASON)
    assert (caught.value.status, caught.value.problem.code) == (502, "token_service_failed")
    assert "9999" not in str(caught.value.problem)
    city.tsp.rewrite = {}
    stored = await hana.client.card(card.id)
    assert (stored.state, stored.token_last4) == ("active", card.token_last4)


@pytest.mark.parametrize(
    "field",
    [{"se_id": "00" * 16}, {"apdus": []}, {"apdus": ["xyz"]}, {"number": 0}, {"domain_aid": "AID"}],
)
async def test_hostile_script_is_not_recorded(
    hana: Person, city: City, field: dict[str, Any]
) -> None:
    device = await hana.pair()
    city.tsp.rewrite_script = field
    with pytest.raises(RemoteProblem) as caught:
        await hana.add(device)
    assert caught.value.problem.code == "token_service_failed"
    assert (await hana.client.cards()).data == []
    assert (await hana.client.device(device.id)).commits_last == 0


async def test_expired_offer_and_unread_terms(hana: Person, city: City) -> None:
    device = await hana.pair()
    offer = await hana.offer(device)
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.add_card(AddCard(offer, False, pin_statement(device.se_id)))
    assert caught.value.problem.code == "terms_not_accepted"
    # The wearer's session would end first, so the offer is made to end earlier.
    await city.context.database.write(
        lambda c: c.execute("UPDATE eligibilities SET expires_ms = 1")
    )
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.add_card(AddCard(offer, True, pin_statement(device.se_id)))
    assert caught.value.problem.code == "eligibility_expired"
    assert len(city.tsp.tokens) == 0


async def test_other_process_at_work_is_waited_for(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    city.wire.lose_replies = 1
    with pytest.raises(RemoteProblem):
        await hana.client.suspend_card(card.id, NO_REASON)
    later = city.clock.now_ms() + 1000
    await city.context.database.write(
        lambda c: c.execute("UPDATE tasks SET claimed_until_ms = ?", (later,))
    )
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.suspend_card(card.id, NO_REASON)
    assert (caught.value.status, caught.value.problem.code) == (429, "device_busy")
    city.clock.advance_ms(1000)
    assert (await hana.client.suspend_card(card.id, NO_REASON)).state == "suspended"
