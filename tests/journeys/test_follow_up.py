"""What the token service decides besides what was asked reaches the strap too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wristlet.companion.errors import ServerRefused
from wristlet.lab.city import City, running_city
from wristlet.links.faults import Fault, FaultPlan
from wristlet.links.http import RemoteUnavailable
from wristlet.model.issuer_messages import CodeVerified, VerifyCode
from wristlet.model.testcards import AOBA, OTP_RIGHT, OTP_WRONG, Outcome, find_card
from wristlet.model.wallet_messages import Card

pytestmark = pytest.mark.slow


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running_city(tmp_path / "city") as running:
        await running.phone.pair("strap", confirm=running.press)
        await running.phone.create_pin("482615")
        yield running


async def add(city: City, outcome: Outcome = Outcome.GREEN) -> Card:
    card = find_card(AOBA, outcome)
    return await city.phone.add_card(card.number.reveal(), "12/30", card.security_code.reveal())


async def load_later(city: City) -> Card:
    """Digitise a card whose script does not get to the strap yet."""
    card = find_card(AOBA, Outcome.GREEN)
    offer = await city.phone.check_card(card.number.reveal(), "12/30", card.security_code.reveal())
    return await city.phone.accept_terms(offer)


def on_strap(city: City) -> list[tuple[str, int]]:
    return [(one.aid.hex(), one.contactless) for one in city.card.registry.payment()]


async def test_a_card_added_again_replaces_the_old_token_everywhere(city: City) -> None:
    old = await add(city)
    new = await add(city)
    assert new.state == "active"
    assert [aid for aid, _ in on_strap(city)] == [new.instance_aid]
    shown = {card.id: (card.state, card.se_state) for card in await city.phone.cards()}
    assert shown[old.id] == ("deleted", "absent")


async def test_a_card_deleted_before_it_was_loaded_does_not_stay_on_the_strap(city: City) -> None:
    card = await load_later(city)
    await city.phone.delete(card.id)
    report = await city.phone.sync()
    assert (report.done, report.open) == (2, 0)
    assert on_strap(city) == []
    (shown,) = await city.phone.cards()
    assert (shown.state, shown.se_state) == ("deleted", "absent")


async def test_a_lost_answer_to_a_receipt_loses_no_script(city: City) -> None:
    card = await load_later(city)
    await city.phone.delete(card.id)
    strap = city.bench.strap
    strap.plan(FaultPlan(3, Fault.CUT))
    report = await city.phone.sync()
    assert report.done == 0
    await strap.mend()
    await city.phone.sync()
    assert on_strap(city) == []


async def test_a_lost_answer_of_the_bank_does_not_use_the_code_up(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await add(city, Outcome.YELLOW_SMS)
    await city.phone.send_code(card.id, "sms")
    issuer = city.tsp.context.issuer
    ask = issuer.verify_code

    async def lose_the_answer(request: VerifyCode) -> CodeVerified:
        await ask(request)
        raise RemoteUnavailable("the answer was lost")

    with monkeypatch.context() as lossy:
        lossy.setattr(issuer, "verify_code", lose_the_answer)
        with pytest.raises(ServerRefused):
            await city.phone.confirm_code(card.id, OTP_RIGHT)
    # What was open is finished first: whatever is typed now, nothing is left to ask.
    shown = await city.phone.confirm_code(card.id, OTP_WRONG)
    assert (shown.state, shown.se_state) == ("active", "selected")
