"""What an element says of its PIN: locks and unlocks its tokens, in the order of its counter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.fake_se import FakeSe, tap
from support.tsp_city import OTHER_REQUESTOR, REQUESTOR, City, tsp_city
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card
from wristlet.model.tsp_messages import SubmitLeaseReport, SubmitPinStatement
from wristlet.tsp.errors import TspError

FIRST, SECOND = find_card(AOBA, Outcome.GREEN), find_card(KITA, Outcome.GREEN)


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


async def owners(city: City, reference: str) -> list[str]:
    return (await city.service.token(REQUESTOR, reference)).suspended_by


def block(element: FakeSe) -> None:
    element.blocked = True
    element.events += 1


def renew(element: FakeSe) -> None:
    """A reset and a new PIN."""
    element.pin_set, element.blocked = True, False
    element.events += 2


async def test_a_blocked_pin_suspends_every_card_and_a_new_pin_brings_them_back(
    city: City,
) -> None:
    element = await city.element()
    first = await city.active_token(element, FIRST)
    second = await city.active_token(element, SECOND)
    await city.change(second, "suspend", "cardholder")
    block(element)
    locked = await city.tell_pin(element)
    assert (locked.pin_set, locked.blocked) == (True, True)
    assert [change.script is None for change in locked.follow_up] == [False, True]
    assert await owners(city, first) == ["pin_locked"]
    assert await owners(city, second) == ["cardholder", "pin_locked"]
    answer = await city.authorizer.handle(tap(element, next(iter(element.instances))))
    assert answer.text(39) == "62"
    renew(element)
    usable = await city.tell_pin(element)
    assert [one.token.state for one in usable.follow_up] == ["active", "suspended"]
    assert await owners(city, second) == ["cardholder"]


async def test_the_same_statement_orders_nothing_twice(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    block(element)
    assert await city.tell_pin(element) == await city.tell_pin(element)


async def test_an_old_word_changes_nothing(city: City) -> None:
    """Somebody kept back the word from before the lock."""
    element = await city.element()
    reference = await city.active_token(element, FIRST)
    before = SubmitPinStatement(element.pin_statement(bytes(16)).hex())
    block(element)
    await city.tell_pin(element)
    with pytest.raises(TspError) as caught:
        await city.service.submit_pin_statement(REQUESTOR, before)
    assert caught.value.code == "statement_stale"
    assert await owners(city, reference) == ["pin_locked"]


async def test_an_unlock_from_before_the_lock_ends_nothing(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, FIRST)
    early = SubmitLeaseReport(element.lease_report(1).hex())
    block(element)
    await city.tell_pin(element)
    assert (await city.service.submit_lease_report(REQUESTOR, early)).follow_up == []
    assert await owners(city, reference) == ["pin_locked"]
    renew(element)
    late = SubmitLeaseReport(element.lease_report(2).hex())
    assert len((await city.service.submit_lease_report(REQUESTOR, late)).follow_up) == 1
    assert await owners(city, reference) == []


async def test_a_reset_pin_that_is_not_set_yet_ends_nothing(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, FIRST)
    block(element)
    await city.tell_pin(element)
    element.pin_set, element.blocked = False, False
    element.events += 1
    said = await city.tell_pin(element)
    assert (said.pin_set, said.follow_up) == (False, [])
    assert await owners(city, reference) == ["pin_locked"]


async def test_another_requestors_tokens_are_not_touched(city: City) -> None:
    element = await city.element()
    reference = await city.active_token(element, FIRST)
    block(element)
    assert (await city.tell_pin(element, OTHER_REQUESTOR)).follow_up == []
    assert await owners(city, reference) == []


async def test_a_statement_by_another_key_is_refused(city: City) -> None:
    element = await city.element()
    await city.active_token(element, FIRST)
    other = city.maker.make(city.identity, 1, keys=1)
    other.blocked = True
    with pytest.raises(TspError) as caught:
        await city.tell_pin(other)
    assert caught.value.code == "statement_not_genuine"
