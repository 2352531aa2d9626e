"""Idempotency keys: Stripe's contract."""

from __future__ import annotations

import asyncio
import json

import pytest

from support.wallet_city import City, Person, receipt
from wristlet.links.http import RemoteProblem
from wristlet.links.problems import ApiError
from wristlet.model.wallet_messages import ChangeReason, CommitReceipt, CreateWearer
from wristlet.wallet.replies import _KEPT_MS, _LOCK_MS

HANA = CreateWearer("Hana")


async def test_same_key_same_answer(city: City) -> None:
    office = city.client(city.keys[0])
    first = await office.create_wearer(HANA, key="k1")
    city.clock.advance_ms(1000)
    assert await office.create_wearer(HANA, key="k1") == first
    assert await office.create_wearer(HANA, key="k2") != first


async def test_replay_is_marked_and_has_its_own_request_id(city: City) -> None:
    request = {"headers": {"Idempotency-Key": "k"}, "json": {"name": "Hana"}}
    first = await city.raw("POST", "/v1/wearers", city.keys[0], **request)
    second = await city.raw("POST", "/v1/wearers", city.keys[0], **request)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Request-Id"] != second.headers["Request-Id"]


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/wearers", {"name": "Jun"}), ("/v1/cards", {"name": "Hana"})]
)
async def test_same_key_for_another_request_is_refused(
    city: City, path: str, body: dict[str, str]
) -> None:
    person = await city.person()
    token = person.token if path == "/v1/cards" else city.keys[0]
    headers = {"Idempotency-Key": "k"}
    await city.raw("POST", "/v1/wearers", city.keys[0], headers=headers, json={"name": "Hana"})
    if path == "/v1/cards":
        # Another actor's keys are apart: this is not the request of before.
        answer = await city.raw("POST", path, token, headers=headers, json=body)
        assert answer.json()["error"]["code"] == "parameter_missing"
        return
    answer = await city.raw("POST", path, token, headers=headers, json=body)
    assert answer.status_code == 409
    assert answer.json()["error"]["type"] == "idempotency_error"
    assert answer.json()["error"]["code"] == "idempotency_key_reused"


async def test_keys_of_tenants_are_apart(city: City) -> None:
    wearers = [await city.client(key).create_wearer(HANA, key="same") for key in city.keys]
    assert wearers[0].id != wearers[1].id


async def test_refused_input_frees_the_key(city: City) -> None:
    headers = {"Idempotency-Key": "k"}
    bad = await city.raw("POST", "/v1/wearers", city.keys[0], headers=headers, json={"name": 3})
    assert bad.status_code == 400
    good = await city.raw(
        "POST", "/v1/wearers", city.keys[0], headers=headers, json={"name": "Hana"}
    )
    assert good.status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\x7f"])
async def test_bad_keys_are_refused(city: City, key: str) -> None:
    headers = {"Idempotency-Key": key}
    answer = await city.raw(
        "POST", "/v1/wearers", city.keys[0], headers=headers, json={"name": "Hana"}
    )
    assert answer.json()["error"]["code"] == "idempotency_key_invalid"


async def test_running_request_holds_its_key(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    city.wire.entered.clear()
    city.wire.hold = asyncio.Event()
    running = asyncio.create_task(hana.client.suspend_card(card.id, ChangeReason(), key="k"))
    await city.wire.entered.wait()
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.suspend_card(card.id, ChangeReason(), key="k")
    assert (caught.value.status, caught.value.problem.code) == (409, "idempotency_in_progress")
    city.wire.hold.set()
    first = await running
    assert await hana.client.suspend_card(card.id, ChangeReason(), key="k") == first


async def test_dead_request_frees_its_key_after_a_while(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    city.wire.entered.clear()
    city.wire.hold = asyncio.Event()
    running = asyncio.create_task(hana.client.suspend_card(card.id, ChangeReason(), key="k"))
    await city.wire.entered.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    city.wire.hold = None
    with pytest.raises(RemoteProblem):
        await hana.client.suspend_card(card.id, ChangeReason(), key="k")
    city.clock.advance_ms(_LOCK_MS)
    suspended = await hana.client.suspend_card(card.id, ChangeReason(), key="k")
    assert suspended.state == "suspended"


async def test_unexpected_failure_is_the_answer(
    hana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    device = await hana.pair()
    card = await hana.active(device)
    monkeypatch.setattr("wristlet.wallet.cards.rules.with_token", broken)
    seen = []
    for _ in range(2):
        with pytest.raises(RemoteProblem) as caught:
            await hana.client.suspend_card(card.id, ChangeReason(), key="k")
        seen.append((caught.value.status, caught.value.problem))
        monkeypatch.undo()
    assert seen[0] == seen[1]
    assert seen[0][0] == 500


async def test_refusal_is_replayed_but_unknown_is_not(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    city.tsp.refuse = ApiError(409, "conflict_error", "token_busy", "Not now.")
    for _ in range(2):
        with pytest.raises(RemoteProblem) as caught:
            await hana.client.suspend_card(card.id, ChangeReason(), key="k1")
        assert caught.value.problem.code == "token_busy"
    city.wire.lose_requests = 1
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.suspend_card(card.id, ChangeReason(), key="k2")
    assert caught.value.status == 503
    done = await hana.client.suspend_card(card.id, ChangeReason(), key="k2")
    assert done.state == "suspended"


async def test_keys_are_kept_for_a_day(city: City) -> None:
    office = city.client(city.keys[0])
    first = await office.create_wearer(HANA, key="k")
    city.clock.advance_ms(_KEPT_MS)
    assert await office.create_wearer(HANA, key="k") == first
    city.clock.advance_ms(1)
    assert await office.create_wearer(HANA, key="k") != first


async def test_kept_answers_are_sealed(hana: Person, city: City) -> None:
    office = city.client(city.keys[0])
    session = await office.create_session(hana.wearer_id, key="k")
    assert await office.create_session(hana.wearer_id, key="k") == session
    rows = await city.context.database.read(
        lambda c: c.execute("SELECT status, body_sealed FROM replies").fetchall()
    )
    assert rows[0][0] == 201
    assert session.token not in json.dumps(rows)
    assert session.token.encode() not in bytes.fromhex(rows[0][1])


async def test_receipt_with_a_key(hana: Person) -> None:
    device = await hana.pair()
    await hana.add(device)
    statement = CommitReceipt(receipt(device.se_id, 1))
    first = await hana.client.submit_receipt(device.id, 1, statement, key="r")
    assert await hana.client.submit_receipt(device.id, 1, statement, key="r") == first
