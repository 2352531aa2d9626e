"""The whole life of a strap and its cards, with both layers of state side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.fake_tsp import CODE_RIGHT, CODE_WRONG, jwe
from support.wallet_city import City, Person, receipt
from wristlet.links.http import RemoteProblem
from wristlet.model.wallet_messages import (
    ActiveCard,
    ChangeReason,
    CommitReceipt,
    CommitReport,
    FinishVerification,
    StartVerification,
)

NO_REASON = ChangeReason()


async def test_approved_card_from_paper_to_wrist(hana: Person) -> None:
    device = await hana.pair()
    card = await hana.add(device)
    assert (card.state, card.se_state, card.decision) == ("inactive", "loading", "approved")
    commits = await hana.client.commits(device.id)
    assert [commit.kind for commit in commits.data] == ["personalise"]
    progress = await hana.run_next(device)
    assert progress.card is not None
    assert (progress.card.state, progress.card.se_state) == ("active", "ready")
    assert (progress.commits_last, progress.commits_acknowledged) == (1, 1)
    assert progress.card.allowed_actions == ["select", "suspend", "redigitize", "delete"]
    assert (await hana.client.commits(device.id)).data == []
    chosen = await hana.client.report_active_card(device.id, ActiveCard(card.id))
    assert chosen.se_state == "selected"


async def test_declined_card_says_who_and_why(hana: Person) -> None:
    device = await hana.pair()
    card = await hana.add(device, "declined")
    assert (card.state, card.se_state) == ("declined", "absent")
    assert (card.party, card.reason, card.allowed_actions) == ("issuer", "card_lost", [])
    assert (await hana.client.commits(device.id)).data == []


async def test_step_up_with_wrong_then_right_code(hana: Person) -> None:
    device = await hana.pair()
    card = await hana.add(device, "require_additional_authentication")
    assert [method.id for method in card.verification_methods] == ["sms-1"]
    assert card.allowed_actions == ["start_verification", "confirm_verification", "delete"]
    progress = await hana.run_next(device, state=0x80)
    assert progress.card is not None
    assert (progress.card.state, progress.card.se_state) == ("inactive", "deactivated")
    sent = await hana.client.start_verification(card.id, StartVerification("sms-1"))
    assert sent.result == "sent"
    wrong = await hana.client.confirm_verification(card.id, FinishVerification(jwe(CODE_WRONG)))
    assert (wrong.result, wrong.tries_left, wrong.card.state) == ("incorrect_code", 2, "inactive")
    right = await hana.client.confirm_verification(card.id, FinishVerification(jwe(CODE_RIGHT)))
    assert (right.result, right.card.state) == ("success", "active")
    assert right.card.verification_methods == []
    assert right.card.se_state == "deactivated"
    progress = await hana.run_next(device)
    assert progress.card is not None
    assert progress.card.se_state == "ready"


async def test_suspend_resume_delete_keep_the_layers_apart(hana: Person) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    suspended = await hana.client.suspend_card(card.id, NO_REASON)
    assert (suspended.state, suspended.suspended_by) == ("suspended", ["cardholder"])
    assert suspended.se_state == "ready"
    progress = await hana.run_next(device, state=0x80)
    assert progress.card is not None
    assert progress.card.se_state == "deactivated"
    resumed = await hana.client.resume_card(card.id, NO_REASON)
    assert (resumed.state, resumed.se_state) == ("active", "deactivated")
    await hana.run_next(device, state=1)
    deleted = await hana.client.delete_card(card.id, NO_REASON)
    assert (deleted.state, deleted.se_state) == ("deleted", "selected")
    progress = await hana.run_next(device, state=0xFF)
    assert progress.card is not None
    assert (progress.card.se_state, progress.card.allowed_actions) == ("absent", [])


async def test_asking_again_is_no_mistake(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    for _ in range(2):
        await hana.client.suspend_card(card.id, NO_REASON)
    assert city.tsp.calls.count("suspend") == 1
    assert (await hana.pair()).id == device.id


async def test_found_removes_only_what_lost_did(hana: Person, city: City) -> None:
    device = await hana.pair()
    first, second = await hana.active(device), await hana.active(device)
    await hana.client.suspend_card(first.id, NO_REASON)
    lost = await hana.client.mark_lost(device.id, ChangeReason("left in a taxi"))
    assert (lost.state, lost.allowed_actions) == ("lost", ["mark_lost", "mark_found"])
    cards = {card.id: card for card in (await hana.client.cards(device.id)).data}
    assert cards[first.id].suspended_by == ["cardholder", "token_requestor"]
    assert cards[second.id].suspended_by == ["token_requestor"]
    with pytest.raises(RemoteProblem) as caught:
        await hana.offer(device)
    assert caught.value.problem.code == "device_lost"
    found = await hana.client.mark_found(device.id, NO_REASON)
    assert found.state == "paired"
    cards = {card.id: card for card in (await hana.client.cards(device.id)).data}
    assert cards[first.id].suspended_by == ["cardholder"]
    assert cards[second.id].state == "active"


async def test_card_that_becomes_active_on_a_lost_strap_is_suspended(hana: Person) -> None:
    device = await hana.pair()
    card = await hana.add(device)
    await hana.client.mark_lost(device.id, NO_REASON)
    progress = await hana.run_next(device)
    assert progress.card is not None
    assert progress.card.id == card.id
    assert progress.card.suspended_by == ["token_requestor"]


async def test_a_lost_answer_to_a_receipt_keeps_no_card_out_of_the_loss(
    hana: Person, city: City
) -> None:
    """The token service has activated the token, the wallet does not know it yet."""
    device = await hana.pair()
    card = await hana.add(device)
    city.wire.lose_replies = 1
    with pytest.raises(RemoteProblem):
        await hana.run_next(device)
    assert (await hana.client.card(card.id)).state == "inactive"
    await hana.client.mark_lost(device.id, NO_REASON)
    assert city.tsp.tokens[card.token_reference or ""].state == "suspended"


async def test_a_card_that_waits_is_held_by_the_loss_and_let_go_when_found(
    hana: Person, city: City
) -> None:
    device = await hana.pair()
    card = await hana.add(device)
    await hana.client.mark_lost(device.id, NO_REASON)
    held = city.tsp.tokens[card.token_reference or ""]
    assert (held.state, held.suspended_by) == ("inactive", ["token_requestor"])
    await hana.client.mark_found(device.id, NO_REASON)
    assert city.tsp.tokens[card.token_reference or ""].suspended_by == []


async def test_a_code_entered_again_after_success_is_a_success(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.add(device, "require_additional_authentication")
    city.wire.lose_replies = 1
    with pytest.raises(RemoteProblem):
        await hana.client.confirm_verification(card.id, FinishVerification(jwe(CODE_RIGHT)))
    again = await hana.client.confirm_verification(card.id, FinishVerification(jwe(CODE_WRONG)))
    assert again.result == "success"
    assert city.tsp._tries[card.token_reference or ""] == 0


async def test_holder_cannot_undo_the_issuer(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    reference = card.token_reference or ""
    held = replace(city.tsp.tokens[reference], state="suspended", suspended_by=["issuer"])
    city.tsp.tokens[reference] = held
    seen = await hana.client.card(card.id, refresh=True)
    assert (seen.state, seen.suspended_by) == ("suspended", ["issuer"])
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.resume_card(card.id, NO_REASON)
    assert caught.value.problem.code == "action_not_allowed"


async def test_only_one_card_is_selected(hana: Person) -> None:
    device = await hana.pair()
    first, second = await hana.active(device), await hana.active(device)
    for card in (first, second):
        await hana.client.report_active_card(device.id, ActiveCard(card.id))
    states = {card.id: card.se_state for card in (await hana.client.cards()).data}
    assert states == {first.id: "ready", second.id: "selected"}


async def test_report_makes_the_outcome_unknown_until_the_receipt(hana: Person) -> None:
    device = await hana.pair()
    card = await hana.add(device)
    cut = CommitReport(3, "cut", 0x6982)
    await hana.client.report_commit(device.id, 1, cut)
    progress = await hana.client.report_commit(device.id, 1, cut)
    assert (progress.state, progress.commits_acknowledged) == ("reported", 0)
    assert progress.card is not None
    assert progress.card.se_state == "unknown"
    events = (await hana.client.events(limit=100)).data
    assert [event.type for event in events].count("commit.reported") == 1
    done = await hana.run_next(device)
    assert done.card is not None
    assert (done.card.id, done.card.state, done.card.se_state) == (card.id, "active", "ready")


async def test_every_change_is_an_event(hana: Person) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    await hana.client.suspend_card(card.id, NO_REASON)
    await hana.client.resume_card(card.id, NO_REASON)
    await hana.client.mark_lost(device.id, NO_REASON)
    await hana.client.mark_found(device.id, NO_REASON)
    await hana.client.delete_card(card.id, NO_REASON)
    page = await hana.client.events(limit=100)
    assert [event.type for event in page.data] == [
        "wearer.created",
        "session.opened",
        "device.paired",
        "card.eligibility_checked",
        "card.added",
        "commit.created",
        "commit.acknowledged",
        "token.activated",
        "card.se_state_changed",
        "token.suspended",
        "commit.created",
        "token.resumed",
        "commit.created",
        "device.lost",
        "token.suspended",
        "commit.created",
        "token.resumed",
        "commit.created",
        "device.found",
        "token.deleted",
        "commit.created",
    ]


async def test_events_are_read_by_cursor(hana: Person, city: City) -> None:
    await hana.pair()
    first = await hana.client.events(limit=2)
    assert first.has_more
    second = await hana.client.events(first.next_cursor, limit=2)
    assert not second.has_more
    seen = [event.type for event in first.data + second.data]
    assert seen == ["wearer.created", "session.opened", "device.paired"]
    end = await hana.client.events(second.next_cursor)
    assert (end.data, end.next_cursor) == ([], second.next_cursor)
    sequences = [event.sequence for event in (await city.client(city.keys[0]).events()).data]
    assert sequences == [1, 2, 3]


async def test_lists_are_paged(hana: Person) -> None:
    straps = [await hana.pair(f"strap {index}") for index in range(3)]
    first = await hana.client.devices(limit=2)
    assert [device.id for device in first.data] == [strap.id for strap in straps[:2]]
    assert first.has_more
    rest = await hana.client.devices(first.next_cursor, limit=2)
    assert [device.id for device in rest.data] == [straps[2].id]
    assert (rest.has_more, rest.next_cursor) == (False, None)


async def test_acknowledged_scripts_are_dropped(hana: Person) -> None:
    device = await hana.pair()
    await hana.active(device)
    (commit,) = (await hana.client.commits(device.id, after=0)).data
    assert (commit.state, commit.apdu_count, commit.apdus) == ("acknowledged", 2, [])


async def test_receipt_twice_is_one_receipt(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.active(device)
    again = CommitReceipt(receipt(device.se_id, 1))
    progress = await hana.client.submit_receipt(device.id, 1, again)
    assert progress.commits_acknowledged == 1
    assert city.tsp.calls.count("receipts") == 1
