"""The OpenAPI document tells what the server does: every operation, error and example."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from support.wallet_city import City
from wristlet.links.problems import ProblemBody
from wristlet.wallet import openapi
from wristlet.wallet.app import operations
from wristlet.wallet.errors import ERRORS
from wristlet.wallet.examples import EXAMPLES

STABLE_IDS = {
    "active_card_report",
    "card_add",
    "card_check_eligibility",
    "card_delete",
    "card_get",
    "card_key_get",
    "card_list",
    "card_redigitize",
    "card_resume",
    "card_suspend",
    "commit_acknowledge",
    "commit_list",
    "commit_report",
    "device_find",
    "device_get",
    "device_list",
    "device_lose",
    "device_order_confirm",
    "device_order_get",
    "device_order_verify",
    "device_pair",
    "device_rename",
    "device_refresh",
    "error_get",
    "event_list",
    "further_phone_start",
    "health_get",
    "lease_report_submit",
    "notification_deliver",
    "phone_certify",
    "phone_list",
    "phone_revoke",
    "pin_reset_start",
    "pin_statement_submit",
    "session_create",
    "session_end_others",
    "transaction_list",
    "verification_confirm",
    "verification_start",
    "wearer_create",
}


@pytest.fixture
async def document(city: City) -> dict[str, Any]:
    answer = await city.raw("GET", "/openapi.json", None)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def entries(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for path in document["paths"].values() for entry in path.values()]


async def test_operation_ids_are_stable(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    ids = [entry["operationId"] for entry in entries(document)]
    assert len(ids) == len(set(ids))
    assert set(ids) == STABLE_IDS


async def test_every_reference_resolves(document: dict[str, Any]) -> None:
    names = re.findall(r'"#/components/schemas/(\w+)"', msgspec.json.encode(document).decode())
    assert set(names) <= set(document["components"]["schemas"])
    tags = {tag["name"] for tag in document["tags"]}
    assert {entry["tags"][0] for entry in entries(document)} == tags


async def test_every_schema_has_an_example_of_its_shape(document: dict[str, Any]) -> None:
    examples = {type(example).__name__: type(example) for example in EXAMPLES}
    for name, schema in document["components"]["schemas"].items():
        (example,) = schema["examples"]
        assert schema["description"]
        msgspec.convert(example, examples[name])


async def test_parameters_match_their_paths(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            named = {each["name"] for each in entry["parameters"] if each["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path))
            headers = {each["name"] for each in entry["parameters"] if each["in"] == "header"}
            assert headers == ({"Idempotency-Key"} if method == "post" else set())


async def test_errors_are_in_the_schema(document: dict[str, Any]) -> None:
    reference = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
    for entry in entries(document):
        refusals = {status: r for status, r in entry["responses"].items() if status >= "400"}
        assert "400" in refusals
        for refusal in refusals.values():
            assert refusal["content"]["application/json"]["schema"] == reference
        if entry.get("security") != []:
            assert "401" in refusals


async def test_every_error_has_a_page_and_is_declared(city: City, document: dict[str, Any]) -> None:
    declared = msgspec.json.encode(document).decode()
    for code, kind in ERRORS.items():
        page = await city.raw("GET", f"/docs/errors/{code}", None)
        assert page.json() == {
            "code": code,
            "status": kind.status,
            "type": kind.type,
            "message": kind.message,
            "next_step": kind.next_step,
        }
        assert re.search(rf"\b{code}\b", declared), code
    assert (await city.raw("GET", "/docs/errors/none", None)).status_code == 404


async def test_health(city: City) -> None:
    answer = await city.raw("GET", "/health", None)
    assert answer.json() == {"status": "ok", "durability": "none"}


def test_every_error_code_of_operations_is_in_the_table() -> None:
    assert all(kind.code == code for code, kind in ERRORS.items())
    assert all(kind.next_step.endswith(".") for kind in ERRORS.values())


async def test_document_is_made_from_the_served_operations(city: City) -> None:
    declared = operations(city.context)
    made = openapi.document(declared)
    assert len(entries(made)) == len(declared)
