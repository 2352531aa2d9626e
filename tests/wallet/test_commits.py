"""The log's pointer moves by accepted receipts, in order, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.wallet_city import City, Person, receipt
from wristlet.links.http import RemoteProblem
from wristlet.model.tsp_messages import TokenChange
from wristlet.model.wallet_messages import ChangeReason, CommitReceipt, CommitReport, Device

OTHER_SE = "77" * 16
REFUSED = CommitReport(1, "the secure element stopped", 0x6A84)


async def refused(hana: Person, device: Device, sequence: int, statement: str) -> tuple[int, str]:
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.submit_receipt(device.id, sequence, CommitReceipt(statement))
    now = await hana.client.device(device.id)
    assert now.commits_acknowledged == 0
    return caught.value.status, caught.value.problem.code


async def test_out_of_order_is_refused_before_the_token_service(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.add(device)
    await hana.add(device)
    outcome = await refused(hana, device, 2, receipt(device.se_id, 2))
    assert outcome == (409, "commit_out_of_order")
    assert "receipts" not in city.tsp.calls


async def test_forged_receipt_moves_nothing(hana: Person) -> None:
    device = await hana.pair()
    await hana.add(device)
    forged = receipt(device.se_id, 1, signature=b"\x22" * 64)
    assert await refused(hana, device, 1, forged) == (409, "receipt_refused")
    (card,) = (await hana.client.cards()).data
    assert (card.state, card.se_state) == ("inactive", "loading")


@pytest.mark.parametrize("wrong", ["se", "number", "domain"])
async def test_receipt_of_something_else_is_refused(hana: Person, wrong: str) -> None:
    device = await hana.pair()
    await hana.add(device)
    statement = {
        "se": receipt(OTHER_SE, 1),
        "number": receipt(device.se_id, 2),
        "domain": receipt(device.se_id, 1, domain="f0575249534c544f4501"),
    }[wrong]
    assert await refused(hana, device, 1, statement) == (409, "receipt_mismatch")


@pytest.mark.parametrize("statement", ["", "zz", "7f60", "7f6000", "00" * 3000])
async def test_malformed_receipt_names_the_field(hana: Person, statement: str) -> None:
    device = await hana.pair()
    await hana.add(device)
    assert await refused(hana, device, 1, statement) == (400, "parameter_invalid")


async def test_unknown_commit(hana: Person) -> None:
    device = await hana.pair()
    assert await refused(hana, device, 9, receipt(device.se_id, 9)) == (404, "object_not_found")


async def test_other_receipt_for_an_acknowledged_commit(hana: Person) -> None:
    device = await hana.pair()
    await hana.active(device)
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.submit_receipt(device.id, 1, CommitReceipt(receipt(device.se_id, 2)))
    assert caught.value.problem.code == "receipt_mismatch"
    late = await hana.client.report_commit(device.id, 1, CommitReport(0, "too late"))
    assert late.state == "acknowledged"


async def test_lost_reply_to_a_receipt_heals(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.add(device)
    city.wire.lose_replies = 1
    statement = receipt(device.se_id, 1)
    assert await refused(hana, device, 1, statement) == (503, "token_service_unavailable")
    progress = await hana.client.submit_receipt(device.id, 1, CommitReceipt(statement))
    assert progress.commits_acknowledged == 1


async def test_answer_about_another_script_moves_nothing(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.add(device)
    city.tsp.rewrite = {"number": 5}
    statement = receipt(device.se_id, 1)
    assert await refused(hana, device, 1, statement) == (502, "token_service_failed")


@pytest.mark.parametrize(
    ("index", "reason", "sw"), [(-1, "x", None), (9999, "x", None), (0, "x", 0x10000), (0, "", 1)]
)
async def test_bad_reports_are_refused(
    hana: Person, index: int, reason: str, sw: int | None
) -> None:
    device = await hana.pair()
    await hana.add(device)
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.report_commit(device.id, 1, CommitReport(index, reason, sw))
    assert caught.value.status == 400


async def test_scripts_are_read_from_the_pointer_or_from_anywhere(hana: Person) -> None:
    device = await hana.pair()
    await hana.active(device)
    for _ in range(3):
        await hana.add(device)
    page = await hana.client.commits(device.id, limit=2)
    assert ([commit.sequence for commit in page.data], page.has_more) == ([2, 3], True)
    rest = await hana.client.commits(device.id, after=int(page.next_cursor or 0))
    assert ([commit.sequence for commit in rest.data], rest.has_more) == ([4], False)
    everything = await hana.client.commits(device.id, after=0)
    assert [commit.sequence for commit in everything.data] == [1, 2, 3, 4]


async def test_script_numbers_in_the_log_only_rise(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.add(device)
    city.tsp._numbers.clear()
    with pytest.raises(RemoteProblem) as caught:
        await hana.add(device)
    assert caught.value.problem.code == "token_service_failed"
    assert "script.number" in caught.value.problem.message
    assert len((await hana.client.cards()).data) == 1


async def test_what_else_changed_is_recorded_with_its_scripts_in_order(
    hana: Person, city: City
) -> None:
    device = await hana.pair()
    old = await hana.active(device)
    await hana.add(device)
    gone = replace(city.tsp.tokens["tok-1"], state="deleted")
    elsewhere = replace(gone, token_reference="tok-77")
    first, second = city.tsp._script(gone, "delete"), city.tsp._script(elsewhere, "delete")
    city.tsp.rewrite = {
        "follow_up": [TokenChange(elsewhere, second), TokenChange(gone, first)],
    }
    progress = await hana.run_next(device)
    assert progress.commits_acknowledged == 2
    page = (await hana.client.commits(device.id)).data
    assert [(one.script_number, one.card_id) for one in page] == [
        (first.number, old.id),
        (second.number, None),
    ]
    assert (await hana.client.card(old.id)).state == "deleted"


async def test_follow_up_for_another_secure_element_moves_nothing(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.add(device)
    token = city.tsp.tokens["tok-1"]
    city.tsp.rewrite = {"follow_up": [TokenChange(replace(token, se_id=OTHER_SE))]}
    outcome = await refused(hana, device, 1, receipt(device.se_id, 1))
    assert outcome == (502, "token_service_failed")


async def test_a_receipt_takes_its_turn_behind_an_open_question(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    await hana.add(device)
    city.wire.lose_replies = 1
    with pytest.raises(RemoteProblem):
        await hana.client.suspend_card(card.id, ChangeReason("x"))
    await hana.run_next(device)
    assert city.tsp.calls[-2:] == ["suspend", "receipts"]
    numbers = [one.script_number for one in (await hana.client.commits(device.id, after=0)).data]
    assert numbers == [1, 2, 3]


async def test_what_the_element_refuses_again_and_again_is_stuck_and_says_so(
    hana: Person,
) -> None:
    device = await hana.pair()
    await hana.add(device)
    for state in ("reported", "reported", "stuck"):
        progress = await hana.client.report_commit(device.id, 1, REFUSED)
        assert (progress.state, progress.commits_acknowledged) == (state, 0)
    (commit,) = (await hana.client.commits(device.id)).data
    assert "refused this order 3 times, last at step 2 of 2 with status 6A84" in commit.reason
    assert len(commit.apdus) == 2
    types = [event.type for event in (await hana.client.events(limit=100)).data]
    assert (types.count("commit.reported"), types.count("commit.stuck")) == (1, 1)


async def test_replies_that_did_not_come_make_nothing_stuck(hana: Person) -> None:
    device = await hana.pair()
    await hana.add(device)
    for _ in range(9):
        progress = await hana.client.report_commit(device.id, 1, CommitReport(1, "cut"))
        assert progress.state == "reported"


async def test_a_later_receipt_supersedes_what_is_stuck(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.add(device)
    await hana.add(device)
    for _ in range(3):
        await hana.client.report_commit(device.id, 1, REFUSED)
    statement = CommitReceipt(receipt(device.se_id, 2))
    progress = await hana.client.submit_receipt(device.id, 2, statement)
    assert progress.commits_acknowledged == 2
    first, second = (await hana.client.commits(device.id, after=0)).data
    assert (first.state, first.apdus, second.state) == ("superseded", [], "acknowledged")
    assert "never" in first.reason
    late = await hana.client.report_commit(device.id, 1, REFUSED)
    assert late.state == "superseded"
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.submit_receipt(device.id, 1, CommitReceipt(receipt(device.se_id, 1)))
    assert caught.value.problem.code == "commit_out_of_order"


async def test_a_stuck_script_may_still_get_its_receipt(hana: Person) -> None:
    device = await hana.pair()
    await hana.add(device)
    for _ in range(3):
        await hana.client.report_commit(device.id, 1, REFUSED)
    assert (await hana.run_next(device)).state == "acknowledged"


async def test_scripts_of_a_lease_report_enter_the_log_once(hana: Person, city: City) -> None:
    device = await hana.pair()
    card = await hana.active(device)
    token = city.tsp.tokens[card.token_reference or ""]
    script = city.tsp._script(token, "make_activatable")
    city.tsp.rewrite = {"follow_up": [TokenChange(replace(token, suspended_by=["x"]), script)]}
    city.wire.lose_replies = 1
    with pytest.raises(RemoteProblem):
        await hana.report_lease(device)
    for _ in range(2):
        await hana.report_lease(device)
    (commit,) = (await hana.client.commits(device.id)).data
    assert (commit.script_number, commit.card_id) == (script.number, card.id)
    assert (await hana.client.card(card.id)).suspended_by == ["x"]
