"""What the token service tells: checked, recorded once and in order, asked about if need be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import msgspec
import pytest

from support.fake_tsp import REQUESTOR
from support.wallet_city import City, Person, pin_statement
from wristlet.crypto import ec, jws
from wristlet.links.http import HttpClient, RemoteProblem
from wristlet.links.requestor_client import RequestorClient
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.model.tsp_messages import (
    DeliverNotifications,
    Notification,
    TokenChange,
    TransactionInfo,
)
from wristlet.model.wallet_messages import AddCard, Card, ChangeReason, Device, RedigitizeCard

NUMBER = find_card(AOBA, Outcome.GREEN).number.reveal()
NOW_MS = 1_767_225_600_000


@pytest.fixture
async def device(hana: Person) -> Device:
    return await hana.pair()


@pytest.fixture
async def card(hana: Person, device: Device) -> Card:
    return await hana.active(device)


def note(card: Card, sequence: int, state: str = "authorized", **changes: Any) -> Notification:
    fields: dict[str, Any] = {"transaction_id": f"{card.token_reference}-{changes.pop('atc', 1)}"}
    fields |= {key: changes.pop(key) for key in ("merchant", "amount_minor") if key in changes}
    whole_info = TransactionInfo("", state, 480, "JPY", "BAKERY", "00", "issuer", NOW_MS)
    info = replace(whole_info, **fields)
    whole = Notification(
        requestor_id=REQUESTOR,
        sequence=sequence,
        kind="transaction",
        created_ms=NOW_MS,
        token_reference=card.token_reference or "",
        token_last4=card.token_last4 or "",
        card_last4=card.card_last4,
        se_id="00",
        reason=state,
        transaction=info,
    )
    return replace(whole, **changes)


def about_token(device: Device, sequence: int, reason: str = "changed_by_issuer") -> Notification:
    return Notification(
        REQUESTOR, sequence, "token", NOW_MS, "tok-1", "4001", "0001", device.se_id, reason
    )


async def deliver(
    city: City, *notes: Notification, key: ec.PrivateKey | None = None, kid: str = "note-1"
) -> int:
    """Post as the token service does."""
    http = HttpClient("http://wallet", None, httpx2.ASGITransport(app=city.app))
    signed = [jws.sign(msgspec.json.encode(one), key or city.tsp.key, kid) for one in notes]
    try:
        return (await RequestorClient(http).deliver(DeliverNotifications(signed))).cursor
    finally:
        await http.close()


async def listed(hana: Person, **query: Any) -> list[tuple[str, str, int, str]]:
    found = (await hana.client.transactions(**query)).data
    return [(one.id, one.state, one.amount_minor, one.merchant) for one in found]


async def test_payments_are_listed_with_merchant_and_last_four(
    city: City, hana: Person, card: Card
) -> None:
    assert await deliver(city, note(card, 3), note(card, 5, "declined", atc=2)) == 5
    page = await hana.client.transactions(card.device_id)
    first, second = page.data
    assert (first.card_id, first.card_last4, first.token_last4) == (card.id, "0001", "4001")
    assert (first.state, first.amount_minor, first.currency) == ("authorized", 480, "JPY")
    assert (first.merchant, first.device_id) == ("BAKERY", card.device_id)
    assert second.state == "declined"
    assert page.next_cursor == str(second.sequence)
    types = [one.type for one in (await hana.client.events(limit=100)).data]
    assert types[-2:] == ["transaction.authorized", "transaction.declined"]


async def test_a_reversal_comes_again_under_a_readers_cursor(
    city: City, hana: Person, card: Card
) -> None:
    await deliver(city, note(card, 1), note(card, 2, atc=2))
    cursor = (await hana.client.transactions(card.device_id)).next_cursor
    await deliver(city, note(card, 3, "reversed", merchant=""))
    again = await hana.client.transactions(card.device_id, cursor)
    assert [(one.state, one.merchant) for one in again.data] == [("reversed", "BAKERY")]
    assert len(await listed(hana)) == 2


async def test_the_same_notification_counts_once(city: City, hana: Person, card: Card) -> None:
    for _ in range(2):
        assert await deliver(city, note(card, 4)) == 4
    assert await deliver(city, note(card, 2, "declined", atc=9)) == 4, "old ones are not news"
    assert await listed(hana) == [(f"{card.token_reference}-1", "authorized", 480, "BAKERY")]


async def test_an_answer_stays_an_answer(city: City, hana: Person, card: Card) -> None:
    await deliver(city, note(card, 1, "declined"), note(card, 2, "reversed"), note(card, 3))
    assert [one[1] for one in await listed(hana)] == ["declined"]


async def test_pages_and_filters(city: City, hana: Person, device: Device, card: Card) -> None:
    await deliver(city, *(note(card, number, atc=number) for number in range(1, 6)))
    page = await hana.client.transactions(limit=2)
    assert (len(page.data), page.has_more) == (2, True)
    rest = await hana.client.transactions(after=page.next_cursor)
    assert (len(rest.data), rest.has_more) == (3, False)
    other = await hana.pair("second")
    assert await listed(hana, device_id=other.id) == []
    assert len(await listed(hana, card_id=card.id)) == 5
    jun = await city.person("Jun")
    assert await listed(jun) == []


@pytest.mark.parametrize(
    ("change", "key", "kid"),
    [
        ({}, ec.private_key(bytes(31) + b"\x52"), "note-1"),
        ({}, None, "note-2"),
        ({"requestor_id": "another"}, None, "note-1"),
    ],
    ids=["another key", "an unknown key", "for another requestor"],
)
async def test_what_is_not_the_token_services_word_is_refused(
    city: City,
    hana: Person,
    card: Card,
    change: dict[str, Any],
    key: ec.PrivateKey | None,
    kid: str,
) -> None:
    with pytest.raises(RemoteProblem) as caught:
        await deliver(city, note(card, 1), replace(note(card, 2), **change), key=key, kid=kid)
    assert caught.value.problem.code == "notification_refused"
    assert await listed(hana) == []
    assert await deliver(city, note(card, 1)) == 1


async def test_an_unknown_key_is_not_asked_for_again_and_again(city: City, card: Card) -> None:
    for _ in range(5):
        with pytest.raises(RemoteProblem):
            await deliver(city, note(card, 1), kid="made-up")
    assert city.tsp.calls.count("notification-key") == 1
    city.clock.advance_ms(10_000)
    assert await deliver(city, note(card, 1)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"token_last4": "9998010012345678"},
        {"token_reference": "tok-unknown"},
        {"amount_minor": -1},
    ],
    ids=["a number", "an unknown token", "an amount"],
)
async def test_what_cannot_be_right_is_left_out_and_stops_nothing(
    city: City, hana: Person, card: Card, bad: dict[str, Any]
) -> None:
    assert await deliver(city, note(card, 1, **bad), note(card, 2, atc=2)) == 2
    assert [one[0] for one in await listed(hana)] == [f"{card.token_reference}-2"]


async def test_a_merchant_that_looks_like_a_card_is_not_kept(
    city: City, hana: Person, card: Card
) -> None:
    await deliver(city, note(card, 1, merchant=f"PAY {NUMBER}"))
    assert (await listed(hana))[0][3] == ""


async def test_the_issuers_suspension_reaches_card_and_log(
    city: City, hana: Person, device: Device, card: Card
) -> None:
    token = city.tsp._set("tok-1", state="suspended", suspended_by=["issuer"])
    city.tsp.due = [TokenChange(token, city.tsp._script(token, "make_non_activatable"))]
    await deliver(city, about_token(device, 1))
    (shown,) = (await hana.client.cards(device.id)).data
    assert (shown.state, shown.suspended_by) == ("suspended", ["issuer"])
    assert "resume" not in shown.allowed_actions
    assert [one.kind for one in (await hana.client.commits(device.id)).data] == [
        "make_non_activatable"
    ]


async def test_what_could_not_be_asked_at_once_comes_with_the_next_sync(
    city: City, hana: Person, device: Device, card: Card
) -> None:
    assert await deliver(city, note(card, 1)) == 1
    token = city.tsp._set("tok-1", state="suspended", suspended_by=["issuer"])
    city.tsp.due = [TokenChange(token, city.tsp._script(token, "make_non_activatable"))]
    city.wire.lose_requests = 1
    assert await deliver(city, about_token(device, 2)) == 2
    assert (await hana.client.card(card.id)).state == "active"
    asked = city.tsp.calls.count("fetch")
    assert len((await hana.client.commits(device.id)).data) == 1
    assert (await hana.client.card(card.id)).state == "suspended"
    await hana.client.commits(device.id)
    assert city.tsp.calls.count("fetch") == asked + 1, "only when something is due"


async def test_a_token_that_renews_a_card_becomes_a_card(
    city: City, hana: Person, device: Device, card: Card
) -> None:
    old = city.tsp._set("tok-1", renewal="reissue")
    new = replace(
        old,
        token_reference="tok-9",
        state="inactive",
        token_last4="4009",
        instance_aid="a000000003101000000009",
        replaces="tok-1",
        renewal="",
    )
    city.tsp.tokens["tok-9"] = new
    city.tsp._verified.add("tok-9")
    city.tsp.due = [
        TokenChange(old),
        TokenChange(new, city.tsp._script(new, "personalise")),
    ]
    assert (await hana.client.refresh_device(device.id)).commits_last == 2
    before, after = (await hana.client.cards(device.id)).data
    assert (before.id, before.state, before.renewal) == (card.id, "active", "reissue")
    assert (after.replaces, after.se_state, after.token_last4) == (card.id, "loading", "4009")
    progress = await hana.run_next(device)
    assert progress.card is not None
    assert (progress.card.id, progress.card.state) == (after.id, "active")
    types = [one.type for one in (await hana.client.events(limit=100)).data]
    assert "card.renewal_due" in types
    assert "card.renewal_started" in types


async def test_a_card_goes_onto_another_strap_by_reference(
    city: City, hana: Person, card: Card
) -> None:
    new_strap = await hana.pair("new")
    offer = await hana.client.redigitize_card(card.id, RedigitizeCard(new_strap.id))
    assert offer.device_id == new_strap.id

    request = AddCard(offer.id, True, pin_statement(new_strap.se_id))
    moved = await hana.client.add_card(request)
    assert (moved.device_id, moved.replaces) == (new_strap.id, card.id)


async def test_a_card_that_ended_cannot_be_moved(city: City, hana: Person, card: Card) -> None:

    await hana.client.delete_card(card.id, ChangeReason())
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.redigitize_card(card.id, RedigitizeCard(card.device_id))
    assert caught.value.problem.code == "action_not_allowed"
