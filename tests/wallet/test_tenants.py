"""Nobody sees or changes another's: every operation, against every kind of foreign actor.

The matrix is made from the declared operations, so that a new one cannot be left out.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.fake_tsp import jwe
from support.wallet_city import City, Person, certificate, lease_report, pin_statement, receipt
from wristlet.links.http import RemoteProblem
from wristlet.model.wallet_messages import CertifyPhone, PairDevice, StartPinReset
from wristlet.wallet.api import Operation, Who
from wristlet.wallet.app import operations


class Prey:
    """What belongs to Hana: one object of every kind."""

    def __init__(self, ids: dict[str, str], bodies: dict[str, Any]) -> None:
        self.ids = ids
        self.bodies = bodies

    @classmethod
    async def of(cls, hana: Person) -> Prey:
        """Make one object of every kind."""
        device = await hana.pair()
        await hana.active(device)
        card = await hana.add(device, "require_additional_authentication")
        offer = await hana.offer(device)
        certified = {"public_point": POINT}
        await hana.client.certify_phone(device.id, CertifyPhone(POINT))
        phone = (await hana.client.phones(device.id)).data[0]
        order = await hana.client.start_pin_reset(device.id, StartPinReset())
        chain: dict[str, list[str]] = {"attestation_chain": [], "domain_chain": []}
        ids = {
            "wearer_id": hana.wearer_id,
            "device_id": device.id,
            "card_id": card.id,
            "phone_id": phone.id,
            "order_id": order.id,
        }
        bodies: dict[str, Any] = {
            "wearer_create": {"name": "x"},
            "device_pair": {"name": "x", **chain},
            "device_rename": {"name": "y"},
            "phone_certify": certified,
            "further_phone_start": certified,
            "pin_statement_submit": {"statement": pin_statement(device.se_id)},
            "device_order_verify": {"method_id": "sms-1"},
            "device_order_confirm": {"code_jwe": jwe()},
            "card_redigitize": {"device_id": device.id},
            "lease_report_submit": {"report": lease_report(device.se_id)},
            "active_card_report": {"card_id": card.id},
            "card_check_eligibility": {"device_id": device.id, "card_jwe": jwe()},
            "card_add": {
                "eligibility_id": offer,
                "terms_accepted": True,
                "pin_statement": pin_statement(device.se_id),
            },
            "verification_start": {"method_id": "sms-1"},
            "verification_confirm": {"code_jwe": jwe()},
            "commit_acknowledge": {"receipt": receipt(device.se_id, 2)},
            "commit_report": {"apdu_index": 0, "reason": "x"},
        }
        return cls({**ids, "sequence": "2", "code": "json_invalid"}, bodies)

    def path(self, operation: Operation) -> str:
        """The operation's path on Hana's objects."""
        path = re.sub(r"\{(\w+)(?::int)?\}", lambda m: self.ids[m.group(1)], operation.path)
        of_device = operation.id in ("card_list", "transaction_list")
        return f"{path}?device_id={self.ids['device_id']}" if of_device else path


# The generator of P-256, a point like any other.
POINT = (
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
# These act on the caller's own account; what they return is checked apart.
OWN = {"wearer_create", "device_pair", "device_list", "event_list", "card_key_get"} | {
    "session_end_others"
}


async def state_of(city: City) -> dict[str, Any]:
    """Everything stored besides kept replies."""
    people = ("wearers", "sessions", "devices", "phones", "device_orders")
    tables = (*people, "eligibilities", "cards", "tasks", "transactions")
    return await city.context.database.read(
        lambda c: {
            name: c.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3").fetchall()
            for name in (*tables, "commits", "events")
        }
    )


async def foreigners(city: City) -> dict[str, str]:
    """Tokens that have no right to Hana's objects."""
    return {
        "wearer of the same brand": (await city.person("Jun")).token,
        "wearer of another brand": (await city.person("Kai", tenant=1)).token,
        "another brand": city.keys[1],
    }


async def test_foreign_actors_get_404_and_change_nothing(city: City, hana: Person) -> None:
    prey = await Prey.of(hana)
    actors = await foreigners(city)
    before = await state_of(city)
    cells = 0
    declared = operations(city.context)
    others = [each for each in declared if each.who is not Who.PUBLIC and each.id not in OWN]
    for operation in others:
        for name, token in actors.items():
            for headers in ({}, {"Idempotency-Key": f"k {operation.id}"}):
                answer = await city.raw(
                    operation.method,
                    prey.path(operation),
                    token,
                    json=prey.bodies.get(operation.id, {}),
                    headers=headers,
                )
                code = answer.json()["error"]["code"]
                assert answer.status_code in (403, 404), (operation.id, name, answer.text)
                assert (answer.status_code == 404) == (code == "object_not_found")
                cells += 1
    assert cells == 2 * len(actors) * len(others) >= 100
    assert await state_of(city) == before


async def test_absent_and_foreign_objects_look_the_same(city: City, hana: Person) -> None:
    prey = await Prey.of(hana)
    jun = await city.person("Jun")
    absent = Prey({**prey.ids, "device_id": "dev_0", "card_id": "card_0"}, prey.bodies)
    for operation in operations(city.context):
        if operation.who is Who.TENANT or "{" not in operation.path or "/docs" in operation.path:
            continue
        body = prey.bodies.get(operation.id, {})
        answers = [
            await city.raw(operation.method, each.path(operation), jun.token, json=body)
            for each in (prey, absent)
        ]
        problems = [answer.json()["error"] for answer in answers]
        for problem in problems:
            del problem["request_id"]
        assert problems[0] == problems[1], operation.id


async def test_lists_hold_only_ones_own(city: City, hana: Person) -> None:
    await Prey.of(hana)
    for token in (await foreigners(city)).values():
        client = city.client(token)
        assert (await client.devices()).data == []
        assert (await client.cards()).data == []
        kinds = {event.type for event in (await client.events(limit=100)).data}
        assert kinds == {"wearer.created", "session.opened"}
    office = city.client(city.keys[0])
    assert len((await office.cards()).data) == 2
    assert len((await office.devices()).data) == 1


@pytest.mark.parametrize("token", [None, "", "wk_test_unknown", "ws_unknown", "unknown"])
async def test_unknown_tokens_are_refused_everywhere(city: City, token: str | None) -> None:
    for operation in operations(city.context):
        if operation.who is Who.PUBLIC:
            continue
        path = re.sub(r"\{\w+(?::int)?\}", "1", operation.path)
        answer = await city.raw(operation.method, path, token, json={})
        assert answer.status_code == 401, operation.id
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_roles_are_kept_apart(city: City, hana: Person) -> None:
    for operation in operations(city.context):
        wrong = {Who.TENANT: hana.token, Who.WEARER: city.keys[0]}.get(operation.who)
        if wrong is None:
            continue
        path = re.sub(r"\{\w+(?::int)?\}", "1", operation.path)
        answer = await city.raw(operation.method, path, wrong, json={})
        assert answer.status_code == 403, operation.id


async def test_offer_of_another_wearer_is_not_even_looked_up(city: City, hana: Person) -> None:
    prey = await Prey.of(hana)
    jun = await city.person("Jun")
    answer = await city.raw("POST", "/v1/cards", jun.token, json=prey.bodies["card_add"])
    assert answer.json()["error"]["param"] == "eligibility_id"


async def test_session_ends(city: City, hana: Person) -> None:
    city.clock.advance_ms(30 * 24 * 3600 * 1000)
    answer = await city.raw("GET", "/v1/devices", hana.token)
    assert answer.status_code == 401


async def test_tokens_are_stored_hashed(city: City, hana: Person) -> None:
    rows = await city.context.database.read(
        lambda c: (
            str(c.execute("SELECT * FROM sessions").fetchall())
            + str(c.execute("SELECT * FROM api_keys").fetchall())
        )
    )
    assert city.keys[0].startswith("wk_test_")
    assert hana.token.startswith("ws_")
    assert city.keys[0] not in rows
    assert hana.token not in rows


async def test_strap_of_another_wearer_is_not_taken_over(city: City, hana: Person) -> None:
    await hana.pair()
    jun = await city.person("Jun")
    chain = [certificate(f"{hana.wearer_id} strap")]
    with pytest.raises(RemoteProblem) as caught:
        await jun.client.pair_device(PairDevice("mine now", chain, chain))
    assert caught.value.problem.code == "device_taken"
