"""The bank over HTTP with the client that the token service uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from support.bank import card_envelope, envelope, new_store, running_bank
from wristlet.env.database import Database
from wristlet.env.sim import SimEnv
from wristlet.issuer import setup
from wristlet.issuer.endpoints import create_app
from wristlet.issuer.service import AccountSummary, IssuerService
from wristlet.links.http import HttpClient, RemoteProblem
from wristlet.links.issuer_client import IssuerClient
from wristlet.model.issuer_messages import IdvRequest, SendCode, VerifyCode
from wristlet.model.testcards import AOBA, OTP_RIGHT, TEST_CARDS, Outcome, find_card

CARD = find_card(AOBA, Outcome.YELLOW_SMS)


@asynccontextmanager
async def client_of(service: IssuerService, token: str | None = None) -> AsyncIterator[HttpClient]:
    client = HttpClient("http://bank", token, httpx2.ASGITransport(app=create_app(service)))
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[IssuerService]:
    async with running_bank(tmp_path) as service:
        yield service


async def test_card_is_verified_from_key_to_code(bank: IssuerService) -> None:
    async with client_of(bank) as http:
        client = IssuerClient(http)
        key = await client.key()
        assert (key.kid, key.public_point) == (
            bank.identity.kid,
            bank.identity.public_point.hex(),
        )
        asked = IdvRequest(card_envelope(bank, CARD), "wallet", "green")
        decision = await client.decide(asked)
        assert [method.id for method in decision.methods] == ["sms"]
        sent = await client.send_code(SendCode(decision.idv_id, "sms"))
        assert sent.tries_left == 3
        checked = await client.verify_code(
            VerifyCode(decision.idv_id, envelope(bank, code=OTP_RIGHT))
        )
        assert checked.result == "success"


async def test_refusal_names_field_and_reason(bank: IssuerService) -> None:
    async with client_of(bank) as http:
        with pytest.raises(RemoteProblem) as caught:
            await IssuerClient(http).send_code(SendCode("idv_none", "sms"))
    problem = caught.value.problem
    assert (caught.value.status, problem.code, problem.param) == (422, "unknown_case", "idv_id")


async def test_body_without_a_field_is_refused(bank: IssuerService) -> None:
    async with client_of(bank) as http:
        with pytest.raises(RemoteProblem) as caught:
            await http.post("/issuer/v1/idv", {"card_jwe": "x"}, dict)
    assert (caught.value.status, caught.value.problem.param) == (400, "requestor_id")


async def test_health_names_the_durability(bank: IssuerService) -> None:
    async with client_of(bank) as http:
        assert await http.get("/health", dict) == {"status": "ok", "durability": "none"}


async def test_sandbox_lists_accounts_without_numbers(bank: IssuerService) -> None:
    async with client_of(bank) as http:
        listed = await http.get("/issuer/v1/accounts", list[AccountSummary])
        none = await http.get(
            f"/issuer/v1/accounts/{listed[0].account_id}/authorisations", list[object]
        )
    assert none == []
    assert len(listed) == len(TEST_CARDS)
    assert not [card for card in TEST_CARDS if card.number.reveal() in repr(listed)]


async def test_accounts_are_shown_in_the_sandbox_only(tmp_path: Path) -> None:
    env = SimEnv()
    async with running_bank(tmp_path, env, sandbox=False) as bank, client_of(bank) as http:
        with pytest.raises(RemoteProblem) as caught:
            await http.get("/issuer/v1/accounts", list[object])
    assert caught.value.status == 404


@pytest.mark.parametrize("token", [None, "", "it_wrong"])
async def test_bank_with_a_token_answers_nobody_else(tmp_path: Path, token: str | None) -> None:
    async with running_bank(tmp_path, with_token=True) as bank, client_of(bank, token) as http:
        for path in ("keys", "accounts"):
            with pytest.raises(RemoteProblem) as caught:
                await http.get(f"/issuer/v1/{path}", dict)
            assert (caught.value.status, caught.value.problem.code) == (401, "token_invalid")
        assert (await http.get("/health", dict))["status"] == "ok"


async def test_bank_outside_the_sandbox_needs_a_token(tmp_path: Path) -> None:
    async with running_bank(tmp_path, sandbox=False) as bank, client_of(bank, "any") as http:
        with pytest.raises(RemoteProblem) as caught:
            await IssuerClient(http).key()
    assert caught.value.status == 401


async def test_bank_knows_the_token_it_made(tmp_path: Path) -> None:
    env = SimEnv()
    store = new_store(env)
    setup.create_keys(env, store)
    token = setup.create_tsp_token(env, store)
    bank = IssuerService(env, Database(tmp_path / "issuer.db"), store)
    async with client_of(bank, token) as http:
        assert (await IssuerClient(http).key()).kid == bank.identity.kid
