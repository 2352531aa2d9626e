"""Scripts that a committed one overtook: what they were for is ordered again, or ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.tsp_city import ISSUER, REQUESTOR, City, tsp_city
from wristlet.model.testcards import AOBA, KITA, MINAMI, Outcome, find_card
from wristlet.model.tsp_messages import (
    DigitizeAnswer,
    LifecycleAnswer,
    ScriptPackage,
    SubmitReceipt,
)
from wristlet.tsp.overtaken import ORDERS_MAX

FIRST, SECOND, THIRD = (find_card(bank, Outcome.GREEN) for bank in (AOBA, KITA, MINAMI))


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


def script_of(answer: DigitizeAnswer | LifecycleAnswer) -> ScriptPackage:
    assert answer.script is not None
    return answer.script


async def test_an_overtaken_suspension_is_ordered_again(city: City) -> None:
    element = await city.element()
    first = await city.active_token(element, FIRST)
    second = await city.active_token(element, SECOND)
    lost = script_of(await city.change(first, "suspend"))
    later = script_of(await city.change(second, "suspend"))
    accepted = await city.receipt(element, later.apdus)
    (change,) = accepted.follow_up
    assert change.token.token_reference == first
    assert change.script is not None
    assert (change.script.purpose, change.script.number) == (lost.purpose, later.number + 1)
    assert (await city.receipt(element, change.script.apdus)).follow_up == []


async def test_what_the_issuer_ordered_reaches_the_element_with_the_next_receipt(
    city: City,
) -> None:
    """The issuer gets no script: only the wallet's log leads to the element."""
    element = await city.element()
    first = await city.active_token(element, FIRST)
    await city.change(first, "delete", "issuer", ISSUER)
    loaded = script_of(await city.digitize(element, SECOND))
    accepted = await city.receipt(element, loaded.apdus)
    (change,) = accepted.follow_up
    assert (change.token.token_reference, change.token.state) == (first, "deleted")
    assert change.script is not None
    await city.receipt(element, change.script.apdus)
    assert len(element.instances) == 1


async def test_an_overtaken_personalisation_ends_its_token(city: City) -> None:
    element = await city.element()
    never = await city.digitize(element, FIRST)
    loaded = script_of(await city.digitize(element, SECOND))
    accepted = await city.receipt(element, loaded.apdus)
    (change,) = accepted.follow_up
    assert never.token is not None
    assert change.token.token_reference == never.token.token_reference
    assert (change.token.state, change.script) == ("deleted", None)


async def test_a_receipt_that_was_kept_back_has_the_instance_removed(city: City) -> None:
    element = await city.element()
    kept_back = script_of(await city.digitize(element, FIRST))
    late = element.run(kept_back.apdus)
    receipt = element.run(script_of(await city.digitize(element, SECOND)).apdus)
    await city.service.submit_receipt(REQUESTOR, SubmitReceipt(receipt.hex()))
    accepted = await city.service.submit_receipt(REQUESTOR, SubmitReceipt(late.hex()))
    (change,) = accepted.follow_up
    assert change.script is not None
    assert change.script.purpose == "delete"


async def test_a_script_that_is_still_to_come_is_left_alone(city: City) -> None:
    element = await city.element()
    first = await city.active_token(element, FIRST)
    second = await city.active_token(element, SECOND)
    await city.change(first, "suspend")
    later = script_of(await city.change(second, "suspend"))
    newest = script_of(await city.change(first, "resume"))
    assert (await city.receipt(element, later.apdus)).follow_up == []
    assert (await city.receipt(element, newest.apdus)).follow_up == []


async def test_the_same_is_not_ordered_in_vain_for_ever(city: City) -> None:
    element = await city.element()
    gone = await city.active_token(element, FIRST)
    other = await city.active_token(element, SECOND)
    await city.change(gone, "delete")
    orders = 1
    for verb in ("suspend", "resume") * 3:
        script = script_of(await city.change(other, verb))
        orders += len((await city.receipt(element, script.apdus)).follow_up)
    assert orders == ORDERS_MAX
