"""Adding a card: offers, decisions, tokens, scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.tsp_city import (
    OTHER_REQUESTOR,
    REQUESTOR,
    SMS,
    City,
    card_fields,
    tsp_city,
)
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.model.tsp_messages import EligibilityRequest
from wristlet.tsp.errors import TspError

GREEN = find_card(AOBA, Outcome.GREEN)
YELLOW = find_card(KITA, Outcome.YELLOW_SMS)


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


async def test_green_card_becomes_an_active_token(city: City) -> None:
    element = await city.element()
    answer = await city.digitize(element, GREEN)
    assert (answer.decision, answer.party) == ("approved", "network")
    assert answer.token is not None
    assert (answer.token.state, answer.token.card_last4) == ("inactive", GREEN.number.last4)
    assert answer.script is not None
    accepted = await city.receipt(element, answer.script.apdus)
    assert accepted.token is not None
    assert (accepted.token.state, accepted.contactless_state) == ("active", 0x00)
    instance = element.instances[element.only()]
    assert instance.dpan.startswith("999801")
    assert instance.dpan[-4:] == answer.token.token_last4
    assert answer.token.instance_aid == element.only().hex()


async def test_offer_tells_what_the_wearer_has_to_accept(city: City) -> None:
    element = await city.element()
    offer = await city.offer(element, GREEN)
    assert (offer.issuer_name, offer.card_last4) == ("Aoba Bank", GREEN.number.last4)
    assert offer.terms.text
    assert len(bytes.fromhex(offer.challenge)) == 16
    assert offer.expires_ms == city.env.clock.now_ms() + city.service.context.config.eligibility_ms


@pytest.mark.parametrize(
    ("outcome", "party", "reason"),
    [
        (Outcome.RED_ISSUER, "issuer", "not allowed in a wallet"),
        (Outcome.CVC_MISMATCH, "issuer", "security code does not match"),
        (Outcome.EXPIRY_MISMATCH, "issuer", "expiry date does not match"),
        (Outcome.RED_NETWORK, "network", "card_refused_by_network"),
    ],
)
async def test_any_red_refuses_and_names_who_and_why(
    city: City, outcome: Outcome, party: str, reason: str
) -> None:
    answer = await city.digitize(await city.element(), find_card(AOBA, outcome))
    assert (answer.decision, answer.party, answer.reason) == ("declined", party, reason)
    assert (answer.token, answer.script) == (None, None)
    assert city.issuer.asked == (party == "issuer")


@pytest.mark.parametrize(
    ("wallet", "issuer", "decision", "party"),
    [
        ("green", "green", "approved", "network"),
        ("yellow", "green", "declined", "issuer"),
        ("yellow", "yellow", "require_additional_authentication", "issuer"),
        ("green", "yellow", "require_additional_authentication", "issuer"),
        ("red", "green", "declined", "wallet"),
        ("yellow", "red", "declined", "issuer"),
        ("green", "purple", "declined", "issuer"),
    ],
)
async def test_three_parties_decide(
    city: City, wallet: str, issuer: str, decision: str, party: str
) -> None:
    """A step-up without any method of the issuer is a refusal: nobody could ever pass it."""
    element = await city.element()
    city.issuer.decision = issuer
    request = city.acceptance(element, await city.offer(element, GREEN))
    answer = await city.service.digitize(REQUESTOR, replace(request, wallet_recommendation=wallet))
    assert (answer.decision, answer.party) == (decision, party)


async def test_yellow_card_waits_for_proof_of_identity(city: City) -> None:
    element = await city.element()
    answer = await city.digitize(element, YELLOW)
    assert answer.decision == "require_additional_authentication"
    assert answer.verification_methods == [SMS]
    assert answer.script is not None
    accepted = await city.receipt(element, answer.script.apdus)
    assert accepted.token is not None
    assert (accepted.token.state, accepted.contactless_state) == ("inactive", 0x80)


async def refused_with(code: str, awaitable: Any) -> TspError:
    with pytest.raises(TspError) as caught:
        await awaitable
    assert caught.value.code == code
    assert caught.value.next_step
    return caught.value


async def test_card_that_is_not_eligible_gets_no_offer(city: City) -> None:
    element = await city.element()
    card = find_card(AOBA, Outcome.NOT_ELIGIBLE)
    error = await refused_with("card_not_eligible", city.offer(element, card))
    assert "network" in error.message


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"pan": GREEN.number.reveal()[:-1] + "0"}, "card_jwe.pan"),
        ({"expiry_yymm": "3013"}, "card_jwe.expiry_yymm"),
        ({"security_code": "12"}, "card_jwe.security_code"),
        ({"more": "1"}, "card_jwe"),
    ],
)
async def test_wrong_card_data_names_the_field_and_shows_no_value(
    city: City, change: dict[str, str], param: str
) -> None:
    element = await city.element()
    fields = {**card_fields(GREEN), **change}
    request = EligibilityRequest("t", element.se_id.hex(), city.card_jwe(fields))
    error = await refused_with(
        "card_data_invalid", city.service.check_eligibility(REQUESTOR, request)
    )
    assert error.param == param
    text = f"{error} {error.message} {error.next_step}"
    assert not any(value in text for value in change.values() if len(value) > 1)


async def test_card_of_the_past_or_of_no_bank_gets_no_offer(city: City) -> None:
    element = await city.element()
    for change, code in (({"expiry_yymm": "2001"}, "card_expired"),):
        jwe = city.card_jwe({**card_fields(GREEN), **change})
        request = EligibilityRequest(city.next_id(), element.se_id.hex(), jwe)
        await refused_with(code, city.service.check_eligibility(REQUESTOR, request))
    jwe = city.card_jwe({**card_fields(GREEN), "pan": "4111111111111111"})
    request = EligibilityRequest(city.next_id(), element.se_id.hex(), jwe)
    await refused_with("card_not_eligible", city.service.check_eligibility(REQUESTOR, request))


async def test_jwe_for_another_key_is_refused(city: City) -> None:
    element = await city.element()
    request = EligibilityRequest("t", element.se_id.hex(), "a.b.c.d.e")
    await refused_with("card_data_unreadable", city.service.check_eligibility(REQUESTOR, request))


async def test_offer_expires(city: City) -> None:
    element = await city.element()
    request = city.acceptance(element, await city.offer(element, GREEN))
    city.env.clock.jump_wall_ms(city.service.context.config.eligibility_ms)
    await refused_with("eligibility_expired", city.service.digitize(REQUESTOR, request))


async def test_offer_can_be_taken_once(city: City) -> None:
    element = await city.element()
    request = city.acceptance(element, await city.offer(element, GREEN))
    await city.service.digitize(REQUESTOR, request)
    again = replace(request, task_id="another")
    await refused_with("eligibility_used", city.service.digitize(REQUESTOR, again))


async def test_offer_belongs_to_its_requestor(city: City) -> None:
    element = await city.element()
    request = city.acceptance(element, await city.offer(element, GREEN))
    await refused_with("eligibility_unknown", city.service.digitize(OTHER_REQUESTOR, request))


@pytest.mark.parametrize("change", [{"terms_id": "terms_of_yesterday"}, {"terms_accepted_ms": 0}])
async def test_terms_must_be_accepted(city: City, change: dict[str, Any]) -> None:
    element = await city.element()
    request = city.acceptance(element, await city.offer(element, GREEN))
    answer = city.service.digitize(REQUESTOR, replace(request, **change))
    await refused_with("terms_not_accepted", answer)


async def test_pin_must_be_set_and_not_blocked(city: City) -> None:
    element = await city.element()
    offer = await city.offer(element, GREEN)
    element.pin_set = False
    request = city.acceptance(element, offer)
    await refused_with("pin_missing", city.service.digitize(REQUESTOR, request))
    element.pin_set, element.blocked = True, True
    request = city.acceptance(element, offer)
    await refused_with("pin_blocked", city.service.digitize(REQUESTOR, request))


async def test_pin_statement_must_be_fresh_and_from_the_offers_element(city: City) -> None:
    element, other = await city.element(), await city.element()
    offer = await city.offer(element, GREEN)
    request = city.acceptance(element, offer)
    challenge = bytes.fromhex(offer.challenge)
    for statement in (element.pin_statement(bytes(16)), other.pin_statement(challenge)):
        stale = replace(request, pin_statement=statement.hex())
        await refused_with("pin_statement_stale", city.service.digitize(REQUESTOR, stale))
    forged = bytearray(element.pin_statement(challenge))
    forged[-1] ^= 1
    broken = replace(request, pin_statement=forged.hex())
    await refused_with("statement_not_genuine", city.service.digitize(REQUESTOR, broken))
    unreadable = replace(request, pin_statement="00")
    await refused_with("statement_unreadable", city.service.digitize(REQUESTOR, unreadable))


async def test_issuer_that_does_not_answer_changes_nothing(city: City) -> None:
    element = await city.element()
    request = city.acceptance(element, await city.offer(element, GREEN))
    city.issuer.down = True
    error = await refused_with("issuer_unavailable", city.service.digitize(REQUESTOR, request))
    assert error.status == 503
    city.issuer.down = False
    assert (await city.service.digitize(REQUESTOR, request)).decision == "approved"


async def test_same_task_gets_the_same_answer_and_another_body_a_conflict(city: City) -> None:
    element = await city.element()
    jwe = city.card_jwe(GREEN)
    ask = EligibilityRequest("eligibility", element.se_id.hex(), jwe)
    offer = await city.service.check_eligibility(REQUESTOR, ask)
    assert await city.service.check_eligibility(REQUESTOR, ask) == offer
    request = city.acceptance(element, offer)
    answer = await city.service.digitize(REQUESTOR, request)
    city.issuer.down = True
    assert await city.service.digitize(REQUESTOR, request) == answer
    changed = replace(request, wallet_recommendation="yellow")
    await refused_with("task_id_reused", city.service.digitize(REQUESTOR, changed))
    other = replace(request, task_id="eligibility")
    await refused_with("task_id_reused", city.service.digitize(REQUESTOR, other))


async def test_element_holds_only_so_many_tokens(tmp_path: Path) -> None:
    async with tsp_city(tmp_path, tokens_per_device=1) as city:
        element = await city.element()
        reference = await city.active_token(element, GREEN)
        await refused_with("device_full", city.digitize(element, find_card(KITA, Outcome.GREEN)))
        await city.change(reference, "delete")
        assert (await city.digitize(element, GREEN)).decision == "approved"


async def test_taken_number_is_drawn_again(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two draws of the same number: the second token gets another one."""
    first, second = await city.element(), await city.element()
    await city.active_token(first, GREEN)
    taken = first.instances[first.only()].dpan
    draws = iter([taken, "9998019999999999"])
    monkeypatch.setattr("wristlet.tsp.minting.draw_dpan", lambda *_: _complete(next(draws)[:15]))
    await city.active_token(second, find_card(AOBA, Outcome.FUNDS))
    assert second.instances[second.only()].dpan[:15] == "999801999999999"


def _complete(digits: str) -> Any:
    from wristlet.model.pan import Dpan

    return Dpan.complete(digits)


async def test_twins_of_one_task_provision_once(tmp_path: Path) -> None:
    """Sixteen calls at once with one task id, on the real writer thread: one token, one script."""
    async with tsp_city(tmp_path, inline=False) as city:
        element = await city.element()
        request = city.acceptance(element, await city.offer(element, GREEN))
        answers = await asyncio.gather(
            *(city.service.digitize(REQUESTOR, request) for _ in range(16))
        )
        assert all(answer == answers[0] for answer in answers)
        assert await count(city, "tokens") == 1
        assert await count(city, "scripts") == 1


async def test_rival_tasks_for_one_offer_provision_once(tmp_path: Path) -> None:
    async with tsp_city(tmp_path, inline=False) as city:
        element = await city.element()
        request = city.acceptance(element, await city.offer(element, GREEN))
        results = await asyncio.gather(
            *(
                city.service.digitize(REQUESTOR, replace(request, task_id=f"rival_{number}"))
                for number in range(8)
            ),
            return_exceptions=True,
        )
        refusals = [r.code for r in results if isinstance(r, TspError)]
        assert refusals == ["eligibility_used"] * 7
        assert await count(city, "tokens") == 1


async def test_rival_offers_end_with_one_active_token(tmp_path: Path) -> None:
    """The same card offered four times to one element at once: one token stays."""
    async with tsp_city(tmp_path, inline=False) as city:
        element = await city.element()
        offers = [await city.offer(element, GREEN) for _ in range(4)]
        answers = await asyncio.gather(
            *(city.service.digitize(REQUESTOR, city.acceptance(element, o)) for o in offers)
        )
        scripts = sorted(
            (a.script for a in answers if a.script is not None), key=lambda s: s.number
        )
        assert [script.number for script in scripts] == [1, 2, 3, 4]
        for script in scripts:
            await city.receipt(element, script.apdus)
        states = await city.database.read(
            lambda c: [row[0] for row in c.execute("SELECT state FROM tokens ORDER BY state")]
        )
        assert states == ["active", "deleted", "deleted", "deleted"]


async def count(city: City, table: str) -> int:
    rows: int = await city.database.read(
        lambda connection: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    )
    return rows
