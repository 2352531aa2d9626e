"""A bank replaces a card, a number or a date comes to its end: the wearer does nothing (J6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.city_life import device_of, signed_in, wallet_of
from support.city_story import PIN, add, on_strap, shown, states
from support.clocks import LaterClock
from wristlet.companion.errors import ServerRefused
from wristlet.crypto.seal import KeyUsage
from wristlet.env.base import Env
from wristlet.env.real import real_env
from wristlet.issuer.cardholders import CardReplaced, ReissueCard, TokenOrder
from wristlet.issuer.repository import ListedAuthorisation
from wristlet.lab import setup
from wristlet.lab.city import City, running_city
from wristlet.links.http import HttpClient, RemoteProblem
from wristlet.model.testcards import AOBA, KITA, Bank
from wristlet.model.wallet_messages import Card
from wristlet.wire.gp.lifecycle import ContactlessState as Contactless

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
async def city(tmp_path: Path, clock: LaterClock) -> AsyncIterator[City]:
    real = real_env()
    async with running_city(tmp_path / "city", Env(clock, real.random, real.disk)) as running:
        await running.phone.pair("strap", confirm=running.press)
        await running.phone.create_pin(PIN)
        yield running


def bank_desk(city: City) -> HttpClient:
    """The bank's own clerk."""
    store = setup.open_store(city.bench.env, city.sandbox.paths, "tsp")
    bearer = bytes(store.get(setup.ISSUER_BEARER, KeyUsage.PUBLIC)).decode()
    return HttpClient("http://issuer", bearer, city.wires.issuer)


async def account_of(city: City, card: Card) -> str:
    accounts = await city.issuer.accounts()
    wanted = (card.issuer_name, card.card_last4, "green")
    (found,) = [one for one in accounts if (one.bank, one.card_last4, one.outcome) == wanted]
    return found.account_id


async def reissue(city: City, card: Card, *, new_number: bool = True) -> CardReplaced:
    path = f"/issuer/v1/accounts/{await account_of(city, card)}/reissue"
    return await bank_desk(city).post(path, ReissueCard("3411", new_number), CardReplaced)


@pytest.mark.parametrize("bank", [AOBA, KITA], ids=["kernel 3", "kernel 2"])
async def test_a_reissued_card_is_renewed_in_the_background(city: City, bank: Bank) -> None:
    old = await add(city, bank)
    account_id = await account_of(city, old)
    replaced = await reissue(city, old)
    assert (replaced.tokens, replaced.expiry_yymm) == (1, "3411")
    assert replaced.card_last4 != old.card_last4
    assert (await city.bench.tap(480)).approved, "until the new one is there the old one pays"
    await city.deliver()
    seen = await shown(city, old)
    assert (seen.state, seen.renewal) == ("active", "reissue")

    await city.phone.sync()
    before, after = sorted(await city.phone.cards(), key=lambda one: one.created_ms)
    assert (before.id, before.state, before.se_state) == (old.id, "deleted", "absent")
    assert (after.state, after.se_state, after.replaces) == ("active", "selected", old.id)
    assert after.card_last4 == replaced.card_last4
    assert after.token_last4 != old.token_last4
    assert on_strap(city) == {after.instance_aid: Contactless.ACTIVATED}
    assert (await city.bench.tap(480)).approved
    paid: list[ListedAuthorisation] = await city.issuer.authorisations(account_id)
    assert [(one.amount_minor, one.response_code) for one in paid] == [(480, "00")] * 2


async def test_a_new_date_alone_changes_no_number(city: City, clock: LaterClock) -> None:
    old = await add(city)
    replaced = await reissue(city, old, new_number=False)
    assert (replaced.tokens, replaced.card_last4) == (0, old.card_last4)
    await city.deliver()
    await city.phone.sync()
    assert (await shown(city, old)).renewal == ""
    assert await states(city) == ["active"]
    assert (await city.bench.tap(480)).approved


async def test_a_card_that_was_reissued_twice_is_still_known(city: City) -> None:
    card = await add(city)
    for _ in range(2):
        assert (await reissue(city, card)).tokens == 1
        await city.deliver()
        await city.phone.sync()
        (card,) = [one for one in await city.phone.cards() if one.state == "active"]
    assert (await city.bench.tap(480)).approved


async def test_the_bank_tells_again_what_the_token_service_did_not_hear(city: City) -> None:
    card = await add(city)
    city.wires.tsp.up = False
    with pytest.raises(RemoteProblem) as caught:
        await reissue(city, card)
    assert caught.value.problem.code == "token_service_unavailable"
    city.wires.tsp.up = True
    desk, accounts = bank_desk(city), await city.issuer.accounts()
    (green,) = [one for one in accounts if (one.bank, one.outcome) == (card.issuer_name, "green")]
    assert green.card_last4 != card.card_last4, "the bank has replaced it"
    path = f"/issuer/v1/accounts/{green.account_id}/reissue"
    assert (await desk.post(path, ReissueCard("3411"), CardReplaced)).tokens == 1


async def test_a_paused_card_waits_with_its_renewal(city: City) -> None:
    """What the wearer paused stays paused: the successor comes when the card is back."""
    card = await add(city)
    await city.phone.suspend(card.id)
    await reissue(city, card)
    await city.deliver()
    await city.phone.sync()
    assert await states(city) == ["suspended"]
    await city.phone.resume(card.id)
    await wallet_refresh(city)
    await city.phone.sync()
    assert await states(city) == ["active", "deleted"]
    assert (await city.bench.tap(480)).approved


async def wallet_refresh(city: City) -> None:
    await wallet_of(city.phone).refresh_device(device_of(city.phone))


async def test_what_the_wearer_removes_while_it_is_renewed_stays_removed(city: City) -> None:
    card = await add(city)
    await reissue(city, card)
    await city.deliver()
    await city.phone.delete(card.id)
    await city.phone.sync()
    assert set(await states(city)) == {"deleted"}
    assert on_strap(city) == {}


async def test_a_bank_that_suspends_a_card_in_renewal_stops_both(city: City) -> None:
    card = await add(city)
    await reissue(city, card)
    await city.deliver()
    bank = city.issuer.cardholders
    await bank.change_token(card.token_reference or "", "suspend", TokenOrder(""))
    await city.phone.sync()
    assert await states(city) == ["suspended", "suspended"]
    assert not (await city.bench.tap(480)).approved
    with pytest.raises(ServerRefused):
        await city.phone.resume(card.id)
    await bank.change_token(card.token_reference or "", "resume", TokenOrder(""))
    await city.deliver()
    await city.phone.sync()
    assert await states(city) == ["active", "deleted"]
    assert (await city.bench.tap(480)).approved


async def test_a_token_near_its_date_is_renewed(city: City, clock: LaterClock) -> None:
    old = await add(city)
    assert await city.courier.sweep() == 0
    clock.ahead_ms = (3 * 365 - 30) * DAY_MS
    assert await city.courier.sweep() == 1
    await city.deliver()
    await sign_in_again(city)
    assert (await shown(city, old)).renewal == "expiry"
    await city.phone.sync()
    assert await states(city) == ["active", "deleted"]
    clock.ahead_ms += 60 * DAY_MS
    assert (await city.bench.tap(480)).approved, "the old one would be over by now"


async def sign_in_again(city: City) -> None:
    """Sessions do not last for years."""
    city.phone.tools.wallet = await signed_in(city)
