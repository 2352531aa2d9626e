"""The HTTP side, through the wallet's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from support.fake_se import LEASE
from support.tsp_city import City, card_fields, tsp_city
from wristlet.links.http import HttpClient, RemoteProblem
from wristlet.links.tsp_client import TspClient
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.model.tsp_messages import (
    ConfirmVerification,
    EligibilityRequest,
    LifecycleRequest,
    RegisterDevice,
    SelectVerification,
    SubmitLeaseReport,
    SubmitReceipt,
)
from wristlet.tsp.endpoints import create_app

GREEN = find_card(AOBA, Outcome.GREEN)


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def http_for(
    city: City, token: str | None = "tsp_test_requestor"
) -> AsyncIterator[HttpClient]:
    transport = httpx2.ASGITransport(app=create_app(city.service))
    client = HttpClient("http://tsp", token, transport)
    try:
        yield client
    finally:
        await client.close()


async def problem(city: City, path: str, body: object, token: str | None) -> RemoteProblem:
    async with http_for(city, token) as http:
        with pytest.raises(RemoteProblem) as caught:
            await http.post(path, body, dict)
    return caught.value


async def test_whole_life_of_a_card_over_http(city: City) -> None:
    async with http_for(city) as http:
        tsp = TspClient(http)
        element = city.maker.make(city.identity)
        assert (await tsp.card_key()).x5c
        registered = await tsp.register_device(element.registration())
        card = city.card_jwe(find_card(KITA, Outcome.YELLOW_SMS))
        offer = await tsp.check_eligibility(EligibilityRequest("e", registered.se_id, card))
        answer = await tsp.digitize(city.acceptance(element, offer))
        assert answer.token is not None
        assert answer.script is not None
        reference = answer.token.token_reference
        await tsp.submit_receipt(SubmitReceipt(element.run(answer.script.apdus).hex()))
        sent = await tsp.select_verification(reference, SelectVerification("sms"))
        assert sent.result == "sent"
        code = ConfirmVerification(city.encrypt({"code": "123456"}), "c")
        confirmed = await tsp.confirm_verification(reference, code)
        assert (confirmed.result, confirmed.token.state) == ("success", "active")
        report = element.lease_report(LEASE.unlock_counter)
        await tsp.submit_lease_report(SubmitLeaseReport(report.hex()))
        states = []
        for number, verb in enumerate((tsp.suspend, tsp.resume, tsp.delete)):
            changed = await verb(reference, LifecycleRequest(f"l{number}", "cardholder", ""))
            states.append(changed.token.state)
        assert states == ["suspended", "active", "deleted"]
        assert (await tsp.token(reference)).state == "deleted"


async def test_health_says_how_durable_answers_are(city: City) -> None:
    async with http_for(city, None) as http:
        health = await http.get("/health", dict)
    assert health == {"status": "ok", "part": "tsp", "durability": "none"}


@pytest.mark.parametrize("token", [None, "", "tsp_test_nobody"])
async def test_unknown_caller_gets_nothing(city: City, token: str | None) -> None:
    body = RegisterDevice([], [])
    for path in ("/tsp/v1/devices", "/tsp/v1/digitize", "/tsp/v1/receipts"):
        error = await problem(city, path, body, token)
        assert (error.status, error.problem.code) == (401, "token_unknown")
        assert error.problem.next_step


async def test_refusal_names_field_and_next_step_and_shows_no_input(city: City) -> None:
    element = await city.element()
    wrong = GREEN.number.reveal()[:-1] + "0"
    card = city.card_jwe({**card_fields(GREEN), "pan": wrong})
    body = EligibilityRequest("t", element.se_id.hex(), card)
    error = await problem(city, "/tsp/v1/eligibility", body, "tsp_test_requestor")
    assert (error.status, error.problem.param) == (400, "card_jwe.pan")
    assert error.problem.next_step
    assert error.problem.request_id
    assert wrong not in str(error.problem)


async def test_missing_and_mistyped_fields_are_named(city: City) -> None:
    error = await problem(city, "/tsp/v1/digitize", {"task_id": 7}, "tsp_test_requestor")
    assert error.status == 400
    assert error.problem.param is not None


async def test_unknown_token_is_not_found(city: City) -> None:
    body = LifecycleRequest("t", "cardholder", "")
    error = await problem(city, "/tsp/v1/tokens/tok_none/suspend", body, "tsp_test_requestor")
    assert (error.status, error.problem.type) == (404, "not_found_error")


async def test_conflicting_task_is_a_conflict(city: City) -> None:
    reference = await city.active_token(await city.element(), GREEN)
    body = LifecycleRequest("t", "cardholder", "lost")
    async with http_for(city) as http:
        await TspClient(http).suspend(reference, body)
    path = f"/tsp/v1/tokens/{reference}/suspend"
    error = await problem(city, path, replace(body, reason="other"), "tsp_test_requestor")
    assert (error.status, error.problem.code) == (409, "task_id_reused")
