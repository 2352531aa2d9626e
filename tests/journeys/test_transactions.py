"""Payments reach the phone: amount and merchant, each once, whatever is down meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import httpx2
import pytest

from support.city_life import device_of, wallet_of
from support.city_story import add
from wristlet.lab.city import City
from wristlet.links.http import RemoteUnavailable
from wristlet.model.testcards import AOBA, KITA, Outcome
from wristlet.model.wallet_messages import Transaction

pytestmark = pytest.mark.slow


async def listed(city: City, after: str | None = None) -> list[Transaction]:
    page = await wallet_of(city.phone).transactions(device_of(city.phone), after)
    return page.data


async def test_a_payment_is_there_with_amount_and_merchant(city: City) -> None:
    card = await add(city)
    assert (await city.bench.tap(480)).approved
    await city.deliver()
    (paid,) = await listed(city)
    assert (paid.state, paid.amount_minor, paid.currency) == ("authorized", 480, "JPY")
    assert paid.merchant == city.bench.terminal.config.merchant_name
    assert (paid.card_id, paid.card_last4) == (card.id, card.card_last4)
    assert paid.token_last4 == card.token_last4


async def test_it_comes_by_itself(city: City) -> None:
    """Nobody asks for it: the courier follows the outbox while the city runs."""
    await add(city)
    await city.bench.tap(480)
    for _ in range(200):
        if await listed(city):
            break
        await asyncio.sleep(0)
        await city.tsp.context.database.write(lambda _: None)
    assert len(await listed(city)) == 1


@pytest.mark.parametrize(
    ("outcome", "reason"), [(Outcome.FUNDS, "issuer"), (Outcome.GREEN, "lease_required")]
)
async def test_a_decline_says_by_whom(city: City, outcome: Outcome, reason: str) -> None:
    """By the bank, or by the token service before the bank is asked."""
    await add(city, KITA if outcome is Outcome.GREEN else AOBA, outcome)
    if outcome is Outcome.GREEN:
        await suspended_in_mid_air(city)
        reason = "token_suspended"
    assert not (await city.bench.tap(480)).approved
    await city.deliver()
    (refused,) = await listed(city)
    assert (refused.state, refused.reason) == ("declined", reason)


async def suspended_in_mid_air(city: City) -> None:
    """Suspended at the token service only: the strap has not heard of it."""
    (card,) = await city.phone.cards()
    await city.phone.suspend(card.id)


async def test_a_wallet_that_is_down_is_told_later_and_once(city: City) -> None:
    await add(city)
    city.wires.wallet.up = False
    for amount in (100, 200, 300):
        assert (await city.bench.tap(amount)).approved
    city.wires.wallet.up = True
    for _ in range(2):
        await city.deliver()
    amounts = [one.amount_minor for one in await listed(city)]
    assert amounts == [100, 200, 300]


async def test_a_lost_answer_doubles_nothing(city: City) -> None:
    """The wallet recorded it, its answer got lost: it comes again and is known."""
    await add(city)
    await city.bench.tap(480)

    def lose(request: object, answer: object) -> None:
        raise httpx2.ReadError("the answer was lost")

    city.wires.wallet.watch = lose
    with pytest.raises(RemoteUnavailable):
        await city.deliver()
    city.wires.wallet.watch = None
    await city.deliver()
    assert len(await listed(city)) == 1


async def test_a_phone_reads_on_from_its_cursor(city: City) -> None:
    await add(city)
    await city.bench.tap(100)
    await city.deliver()
    page = await wallet_of(city.phone).transactions(device_of(city.phone))
    await city.bench.tap(200)
    await city.deliver()
    assert [one.amount_minor for one in await listed(city, page.next_cursor)] == [200]


async def test_the_outbox_keeps_no_payments_that_were_told(city: City) -> None:
    await add(city)
    for amount in (100, 200, 300):
        await city.bench.tap(amount)
    await city.deliver()
    with closing(sqlite3.connect(city.sandbox.paths.database("tsp"))) as database:
        kept = database.execute("SELECT COUNT(*) FROM notifications").fetchone()[0]
    assert kept <= 1, "the newest one stays, so that its number is not given out again"
