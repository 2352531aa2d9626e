"""The outbox: written with what it tells, delivered in order, again until it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.fake_se import tap
from support.tsp_city import ISSUER, REQUESTOR, City, tsp_city
from wristlet.crypto import ec, jws
from wristlet.links.http import RemoteUnavailable
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.model.tsp_messages import (
    DeliverNotifications,
    Notification,
    NotificationsTaken,
)
from wristlet.tsp.courier import BATCH, Courier
from wristlet.wire.iso8583.message import Message

CARD = find_card(AOBA, Outcome.GREEN)
REVERSAL = "0420"


class Wallet:
    """A requestor that checks what it gets; it may be down, lose its answer or take a part."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.notes: list[Notification] = []
        self.calls = 0
        self.down = self.deaf = False
        self.takes = BATCH

    async def deliver(self, request: DeliverNotifications) -> NotificationsTaken:
        self.calls += 1
        if self.down:
            raise RemoteUnavailable("down")
        key = self._city.service.notification_key(REQUESTOR)
        point = ec.public_key(bytes.fromhex(key.public_point))
        for text in request.notifications[: self.takes]:
            assert jws.kid_of(text) == key.kid
            note = msgspec.json.decode(jws.verify(text, point), type=Notification)
            assert note.requestor_id == key.requestor_id == REQUESTOR.id
            if not self.notes or note.sequence > self.notes[-1].sequence:
                self.notes.append(note)
        if self.deaf:
            raise RemoteUnavailable("the answer was lost")
        return NotificationsTaken(self.notes[-1].sequence)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [
            (one.kind, one.reason if one.transaction is None else one.transaction.state)
            for one in self.notes
        ]


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


@pytest.fixture
def wallet(city: City) -> Wallet:
    return Wallet(city)


@pytest.fixture
def courier(city: City, wallet: Wallet) -> Courier:
    return city.service.courier({REQUESTOR.id: wallet})  # type: ignore[dict-item] # a double


async def paid(city: City, stan: int = 1, **plan: Any) -> Message:
    element = city.elements[0]
    return tap(element, element.only(), stan=f"{stan:06d}", **plan)


def reversed_request(request: Message) -> Message:
    original = "0100" + request.text(11) + request.text(7) + request.text(32).zfill(11) + "0" * 11
    kept = (2, 3, 4, 7, 11, 12, 13, 18, 19, 22, 25, 32, 37, 41, 42, 49)
    fields = {number: request.fields[number] for number in kept}
    return Message(REVERSAL, {**fields, 11: "000099", 90: original})


async def test_each_outcome_of_a_payment_is_told_once(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    reference = await city.active_token(element, CARD)
    approved = await paid(city)
    for _ in range(2):
        assert (await city.authorizer.handle(approved)).text(39) == "00"
    city.switch.code = "51"
    assert (await city.authorizer.handle(await paid(city, 2, amount_minor=700))).text(39) == "51"
    await city.change(reference, "suspend")
    assert (await city.authorizer.handle(await paid(city, 3))).text(39) == "62"
    assert await courier.deliver() == 3
    states = [("transaction", state) for state in ("authorized", "declined", "declined")]
    assert wallet.told == states
    first, second, third = (note.transaction for note in wallet.notes)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.amount_minor, first.currency, first.merchant) == (1_200, "JPY", "SHOP")
    assert (first.reason, second.reason, second.amount_minor) == ("issuer", "issuer", 700)
    assert (third.reason, third.response_code) == ("token_suspended", "62")
    assert wallet.notes[0].token_reference == reference
    assert await courier.deliver() == 0


async def test_a_replay_and_a_forgery_tell_the_wearer_nothing(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    """Whoever recorded a tap cannot send the wearer messages by it."""
    element = await city.element()
    await city.active_token(element, CARD)
    request = await paid(city)
    await city.authorizer.handle(request)
    await city.authorizer.handle(request.with_fields({32: "77"}))
    await city.authorizer.handle(await paid(city, 4, chip={0x9F26: bytes(8)}))
    await courier.deliver()
    assert wallet.told == [("transaction", "authorized")]


async def test_a_reversal_is_told_with_what_it_undid(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    request = await paid(city)
    await city.authorizer.handle(request)
    answer = await city.authorizer.handle(reversed_request(request))
    assert answer.text(39) == "00"
    await courier.deliver()
    assert wallet.told == [("transaction", "authorized"), ("transaction", "reversed")]
    before, after = (note.transaction for note in wallet.notes)
    assert before is not None
    assert after is not None
    assert before.transaction_id == after.transaction_id
    assert after.amount_minor == 1_200


async def test_nothing_in_a_notification_is_a_number(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    await city.authorizer.handle(await paid(city))
    await courier.deliver()
    (note,) = wallet.notes
    text = msgspec.json.encode(note).decode()
    assert CARD.number.reveal() not in text
    assert element.instances[element.only()].dpan not in text
    assert (note.card_last4, len(note.token_last4)) == (CARD.number.last4, 4)


async def test_what_was_not_taken_comes_again_in_order(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    for number in range(1, 8):
        await city.authorizer.handle(await paid(city, number))
    wallet.down = True
    with pytest.raises(RemoteUnavailable):
        await courier.deliver()
    wallet.down, wallet.deaf = False, True
    with pytest.raises(RemoteUnavailable):
        await courier.deliver()
    wallet.deaf, wallet.takes = False, 3
    assert await courier.deliver() == 7
    sequences = [note.sequence for note in wallet.notes]
    assert sequences == sorted(set(sequences))
    assert len(sequences) == 7
    kept = await city.database.read(
        lambda c: c.execute("SELECT COUNT(*) FROM notifications").fetchone()[0]
    )
    assert kept == 1


async def test_a_number_is_never_given_out_again(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    for number in range(1, 4):
        await city.authorizer.handle(await paid(city, number))
        await courier.deliver()
    assert [note.sequence for note in wallet.notes] == [1, 2, 3]


async def test_changes_by_others_are_told_and_ones_own_are_not(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    reference = await city.active_token(element, CARD)
    for verb in ("suspend", "resume"):
        await city.change(reference, verb)
    assert await courier.deliver() == 0
    await city.change(reference, "suspend", "issuer", ISSUER)
    await courier.deliver()
    assert wallet.told == [("token", "changed_by_issuer")]


async def test_a_rollback_is_told_with_its_reason(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    await city.authorizer.handle(await paid(city))
    element.instances[element.only()].atc = 0
    await city.authorizer.handle(await paid(city, 5, un=bytes(4)))
    await courier.deliver()
    assert wallet.told[1:] == [("token", "atc_rollback"), ("token", "renewal_rollback")]


async def test_the_courier_runs_by_the_bell_and_after_failures_by_the_clock(
    city: City, wallet: Wallet, courier: Courier
) -> None:
    element = await city.element()
    await city.active_token(element, CARD)
    running = asyncio.create_task(courier.run())
    try:
        await city.env.clock.run_ms(10)
        await city.authorizer.handle(await paid(city))
        await city.env.clock.run_ms(10)
        assert len(wallet.notes) == 1
        wallet.down = True
        await city.authorizer.handle(await paid(city, 2))
        await city.env.clock.run_ms(500)
        assert len(wallet.notes) == 1
        wallet.down, before = False, wallet.calls
        await city.env.clock.run_ms(400)
        assert wallet.calls == before, "it does not hammer at a closed door"
        await city.env.clock.run_ms(1_000)
        assert len(wallet.notes) == 2
    finally:
        running.cancel()
