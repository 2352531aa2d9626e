"""Successors: when one is due, how it takes over, and what is done to both meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path

import pytest

from support.fake_se import FakeSe, tap
from support.tsp_city import ISSUER, OTHER_REQUESTOR, REQUESTOR, City, tsp_city
from wristlet.model.pan import Pan
from wristlet.model.testcards import AOBA, OTP_RIGHT, Outcome, TestCard, find_card
from wristlet.model.tsp_messages import (
    CardReissued,
    ConfirmVerification,
    EligibilityRequest,
    FetchOrders,
    RedigitizeRequest,
    SubmitReceipt,
    TokenChange,
)
from wristlet.tsp import renewal
from wristlet.tsp.config import TspConfig
from wristlet.tsp.errors import TspError
from wristlet.tsp.repository import Repository
from wristlet.tsp.waiting import SUCCESSORS_MAX

CARD = find_card(AOBA, Outcome.GREEN)
NEW_NUMBER = Pan.complete("9999010000000777")
DAY_MS = 86_400_000


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path, renew_at_atc=3) as opened:
        yield opened


async def refused_with(code: str, work: Awaitable[object]) -> None:
    with pytest.raises(TspError) as caught:
        await work
    assert caught.value.code == code


async def tapped(city: City, element: FakeSe, aid: bytes, number: int = 1) -> str:
    answer = await city.authorizer.handle(tap(element, aid, stan=f"{number:06d}"))
    return answer.text(39)


def numbered(city: City, number: str, expiry: str = "3411") -> str:
    return city.encrypt({"pan": number, "expiry_yymm": expiry})


async def reissue(city: City, number: str = NEW_NUMBER.reveal(), old: TestCard = CARD) -> int:
    request = CardReissued(
        city.next_id(), numbered(city, old.number.reveal()), numbered(city, number)
    )
    return (await city.service.card_reissued(ISSUER, request)).tokens


def by_purpose(changes: list[TokenChange]) -> list[str]:
    return [change.script.purpose for change in changes if change.script is not None]


async def test_a_counter_near_its_end_brings_a_successor(city: City) -> None:
    element = await city.element()
    old = await city.active_token(element, CARD)
    aid = element.only()
    element.instances[aid].state = 0x01
    assert [await tapped(city, element, aid, n) for n in (1, 2)] == ["00", "00"]
    assert (await city.fetch(element)).follow_up[0].token.renewal == ""
    assert await tapped(city, element, aid, 3) == "00"
    told, born = (await city.fetch(element)).follow_up
    assert (told.token.renewal, told.token.state) == ("counter", "active")
    assert (born.token.replaces, born.token.state) == (old, "inactive")
    assert by_purpose([told, born]) == ["personalise"]
    await city.run_all(element, [born])
    (now,) = element.instances
    assert (now.hex(), element.instances[now].state) == (born.token.instance_aid, 0x01)
    assert (await city.service.token(REQUESTOR, old)).state == "deleted"
    assert await tapped(city, element, now, 4) == "00"


async def test_the_same_question_gets_the_same_successor(city: City) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    await reissue(city)
    request = FetchOrders("task_same")
    fetch = city.service.fetch_orders
    first = await fetch(REQUESTOR, element.se_id.hex(), request)
    assert await fetch(REQUESTOR, element.se_id.hex(), request) == first
    again = (await city.fetch(element)).follow_up
    assert by_purpose(again) == [], "one successor is enough"
    assert len(again) == 2


async def test_a_successor_that_never_came_is_made_again_but_not_for_ever(city: City) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    await reissue(city)
    for _ in range(SUCCESSORS_MAX):
        born = (await city.fetch(element)).follow_up[-1]
        assert by_purpose([born]) == ["personalise"]
        await city.change(born.token.token_reference, "delete")
        states = {one.token.state for one in (await city.fetch(element)).follow_up[:1]}
        if states == {"deleted"}:
            break
    assert by_purpose((await city.fetch(element)).follow_up) == []


async def test_a_token_near_its_date_is_renewed(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, CARD)
    config, write = city.service.context.config, city.database.write
    city.env.clock.advance_ms((3 * 365 - 100) * DAY_MS)

    async def sweep() -> int:
        now_ms = city.env.clock.now_ms()
        return await write(lambda c: renewal.mark_expiring(Repository(c), config, now_ms))

    assert await sweep() == 0
    city.env.clock.advance_ms(50 * DAY_MS)
    assert await sweep() == 1
    assert await sweep() == 0, "once is enough"
    assert (await city.service.token(REQUESTOR, reference)).renewal == "expiry"


async def test_a_token_near_its_date_is_seen_when_its_element_asks(city: City) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    city.env.clock.advance_ms((3 * 365 - 30) * DAY_MS)
    told, born = (await city.fetch(element)).follow_up
    assert (told.token.renewal, born.token.replaces) == ("expiry", told.token.token_reference)


async def test_a_reissued_number_renews_every_token_and_keeps_the_account(city: City) -> None:
    one, other = await city.element(), await city.element()
    for element in (one, other):
        await city.active_token(element, CARD)
    before = await pars(city)
    assert await reissue(city) == 2
    assert await reissue(city) == 0, "said again it changes nothing"
    after = await pars(city)
    assert (len(after), after[-1]) == (2, before[0]), "the account keeps its reference"
    assert after[0] not in before
    for element in (one, other):
        born = (await city.fetch(element)).follow_up[-1]
        assert born.token.card_last4 == NEW_NUMBER.last4
        await city.run_all(element, [born])
        assert await tapped(city, element, element.only()) == "00"
        assert city.switch.seen[-1].text(2) == NEW_NUMBER.reveal()
        assert city.switch.seen[-1].text(14) == "3411"


async def pars(city: City) -> list[str]:
    query = "SELECT par FROM cards ORDER BY created_ms, rowid"
    rows = await city.database.read(lambda c: c.execute(query).fetchall())
    return [row[0] for row in rows]


async def test_a_new_date_alone_renews_nothing(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, CARD)
    assert await reissue(city, CARD.number.reveal()) == 0
    assert await tapped(city, element, element.only()) == "00"
    assert city.switch.seen[-1].text(14) == "3411"
    assert (await city.service.token(REQUESTOR, reference)).renewal == ""


async def test_a_card_that_nobody_digitised_is_no_news(city: City) -> None:
    assert await reissue(city) == 0


async def test_only_an_issuer_speaks_of_reissues(city: City) -> None:
    number = CARD.number.reveal()
    request = CardReissued(city.next_id(), numbered(city, number), numbered(city, number))
    await refused_with("issuer_only", city.service.card_reissued(REQUESTOR, request))
    bad = CardReissued(city.next_id(), numbered(city, number), city.card_jwe(CARD))
    with pytest.raises(TspError) as caught:
        await city.service.card_reissued(ISSUER, bad)
    assert caught.value.param == "new_card_jwe"


@pytest.mark.parametrize("by", ["cardholder", "token_requestor", "issuer"])
async def test_what_is_done_to_one_is_done_to_the_other(city: City, by: str) -> None:
    """To the wearer it is one card: nobody gets round a suspension by its renewal."""
    element = await city.element()
    old = await city.active_token(element, CARD)
    await reissue(city)
    born = (await city.fetch(element)).follow_up[-1]
    new = born.token.token_reference
    caller = ISSUER if by == "issuer" else REQUESTOR
    await city.change(old, "suspend", by, caller)
    await city.run_all(element, [born])
    states = [(await city.service.token(REQUESTOR, one)).state for one in (old, new)]
    assert states == ["suspended", "suspended"]
    answer = await city.change(new, "resume", by, caller)
    await city.run_all(element, [TokenChange(answer.token, answer.script), *answer.follow_up])
    await city.run_all(element, (await city.fetch(element)).follow_up)
    states = [(await city.service.token(REQUESTOR, one)).state for one in (old, new)]
    assert states == ["deleted", "active"]
    assert list(element.instances) == [bytes.fromhex(born.token.instance_aid)]


async def test_a_rollback_stops_the_successor_too(city: City) -> None:
    element = await city.element()
    old = await city.active_token(element, CARD)
    aid = element.only()
    assert await tapped(city, element, aid) == "00"
    await reissue(city)
    born = (await city.fetch(element)).follow_up[-1]
    element.instances[aid].atc = 0
    other = tap(element, aid, stan="000009", un=bytes(4))
    assert (await city.authorizer.handle(other)).text(39) == "05"
    await city.run_all(element, [born])
    new = born.token.token_reference
    for reference in (old, new):
        token = await city.service.token(REQUESTOR, reference)
        assert (token.state, token.suspended_by) == ("suspended", ["issuer"])


async def test_after_a_rollback_the_issuer_lets_a_fresh_token_pay(city: City) -> None:
    element = await city.element()
    old = await city.active_token(element, CARD)
    aid = element.only()
    assert await tapped(city, element, aid) == "00"
    element.instances[aid].atc = 0
    assert (await city.authorizer.handle(tap(element, aid, un=bytes(4)))).text(39) == "05"
    await city.run_all(element, (await city.fetch(element)).follow_up)
    assert element.instances[aid].state == 0x80
    await refused_with("by_not_allowed", city.change(old, "resume", "issuer"))
    answer = await city.change(old, "resume", "issuer", ISSUER)
    assert (answer.script, answer.follow_up) == (None, [])
    await city.run_all(element, (await city.fetch(element)).follow_up)
    (now,) = element.instances
    assert now != aid
    assert await tapped(city, element, now, 7) == "00"


async def test_two_requestors_tokens_of_one_card_leave_each_other_alone(city: City) -> None:
    """Neither ends what the other put onto the element."""
    element = await city.element()
    mine = await city.active_token(element, CARD)
    request = EligibilityRequest(city.next_id(), element.se_id.hex(), city.card_jwe(CARD))
    offer = await city.service.check_eligibility(OTHER_REQUESTOR, request)
    accepted = replace(city.acceptance(element, offer), task_id=city.next_id())
    answer = await city.service.digitize(OTHER_REQUESTOR, accepted)
    assert answer.script is not None
    receipt = SubmitReceipt(element.run(answer.script.apdus).hex())
    counted = await city.service.submit_receipt(OTHER_REQUESTOR, receipt)
    assert counted.token is not None
    assert (counted.token.state, counted.follow_up) == ("active", [])
    assert (await city.service.token(REQUESTOR, mine)).state == "active"
    await refused_with("token_unknown", city.service.token(OTHER_REQUESTOR, mine))


# ------------------------------------------------------------------ another element


async def test_a_card_moves_by_reference_and_the_old_token_ends_last(city: City) -> None:
    old_element, new_element = await city.element(), await city.element()
    old = await city.active_token(old_element, CARD)
    request = RedigitizeRequest(city.next_id(), new_element.se_id.hex())
    offer = await city.service.redigitize(REQUESTOR, old, request)
    assert await city.service.redigitize(REQUESTOR, old, request) == offer
    answer = await city.service.digitize(REQUESTOR, city.acceptance(new_element, offer))
    assert answer.decision == "require_additional_authentication"
    assert city.issuer.proofs == ["move"]
    assert answer.token is not None
    assert answer.script is not None
    assert answer.token.replaces == old
    await city.receipt(new_element, answer.script.apdus)
    assert (await city.service.token(REQUESTOR, old)).state == "active"
    await verify(city, answer.token.token_reference)
    assert (await city.service.token(REQUESTOR, old)).state == "deleted"
    assert len(old_element.instances) == 1
    due = (await city.fetch(old_element)).follow_up
    assert by_purpose(due) == ["delete"]
    await city.run_all(old_element, due)
    assert old_element.instances == {}


async def test_an_issuer_that_asks_for_nothing_does_not_move_a_card(city: City) -> None:
    """Else whoever has the references could have every card on an element of its own."""
    old_element, new_element = await city.element(), await city.element()
    old = await city.active_token(old_element, CARD)
    city.issuer.holder_vote = "green"
    request = RedigitizeRequest(city.next_id(), new_element.se_id.hex())
    offer = await city.service.redigitize(REQUESTOR, old, request)
    answer = await city.service.digitize(REQUESTOR, city.acceptance(new_element, offer))
    assert (answer.decision, answer.party) == ("require_additional_authentication", "network")


async def verify(city: City, reference: str) -> None:
    request = ConfirmVerification(city.encrypt({"code": OTP_RIGHT}), city.next_id())
    result = await city.service.confirm_verification(REQUESTOR, reference, request)
    assert result.result == "success"
    assert all(one.token.se_id == result.token.se_id for one in result.follow_up)


async def test_what_cannot_be_moved(city: City) -> None:
    element, other = await city.element(), await city.element()
    reference = await city.active_token(element, CARD)

    def move(caller: object = REQUESTOR, se_id: str = other.se_id.hex()) -> Awaitable[object]:
        request = RedigitizeRequest(city.next_id(), se_id)
        return city.service.redigitize(caller, reference, request)  # type: ignore[arg-type] # a caller

    await refused_with("token_unknown", move(OTHER_REQUESTOR))
    await refused_with("device_unknown", move(se_id="99" * 16))
    await city.change(reference, "suspend", "issuer", ISSUER)
    await refused_with("token_not_movable", move())
    await city.change(reference, "resume", "issuer", ISSUER)
    await city.change(reference, "delete")
    await refused_with("token_not_movable", move())


def test_a_threshold_beyond_the_counter_is_a_wrong_configuration(tmp_path: Path) -> None:
    for wrong in (0, 0x1_0000):
        with pytest.raises(ValueError, match="renew_at_atc"):
            TspConfig((b"root",), (), renew_at_atc=wrong)


async def test_card_data_by_reference_rest_sealed(city: City) -> None:
    old_element, new_element = await city.element(), await city.element()
    old = await city.active_token(old_element, CARD)
    request = RedigitizeRequest(city.next_id(), new_element.se_id.hex())
    answer = await city.service.redigitize(REQUESTOR, old, request)
    query = "SELECT card_sealed FROM eligibilities WHERE eligibility_id = ?"
    rows = await city.database.read(lambda c: c.execute(query, (answer.eligibility_id,)).fetchall())
    assert CARD.number.reveal().encode() not in rows[0][0]
    assert CARD.number.reveal() not in json.dumps(answer.card_last4)
