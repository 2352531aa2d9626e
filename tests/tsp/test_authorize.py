"""The authorisation path: translation both ways, replays, repeats, reversals, leases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyemv.ac import generate_arpc_1, generate_arpc_2
from pyemv.kd import derive_common_sk

from support.fake_se import LEASE, FakeSe, TapPlan, tap
from support.tsp_city import HOP_KEY, ISSUER, REQUESTOR, City, tsp_city
from wristlet.links.iso8583_peer import LoopbackClient
from wristlet.model.testcards import AOBA, KITA, Bank, Outcome, find_card
from wristlet.model.tsp_messages import SubmitLeaseReport
from wristlet.wire import ber, products
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583 import private
from wristlet.wire.iso8583.message import Message
from wristlet.wire.masked import SecretDigits

GREEN = find_card(AOBA, Outcome.GREEN)
DAY_MS = 24 * 3_600_000


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


async def paying(city: City, bank: Bank = AOBA) -> tuple[FakeSe, bytes, str]:
    """An element with one active token."""
    element = await city.element()
    reference = await city.active_token(element, find_card(bank, Outcome.GREEN))
    return element, element.only(), reference


async def send(city: City, message: Message) -> Message:
    """Through the codec both ways, as the switch sends it."""
    return await LoopbackClient(city.authorizer.handle, HOP_KEY).request(message)


def code_of(answer: Message) -> str:
    return answer.text(39)


def class_of(answer: Message) -> str:
    return private.decode(answer.binary(48)).result_class


def plain(value: Any) -> str:
    return value.reveal() if isinstance(value, SecretDigits) else str(value)


@pytest.mark.parametrize("bank", [AOBA, KITA], ids=["k3", "k2"])
async def test_valid_tap_goes_on_under_the_card_number(city: City, bank: Bank) -> None:
    element, aid, reference = await paying(city, bank)
    request = tap(element, aid, lease=LEASE)
    answer = await send(city, request)
    assert (answer.mti, code_of(answer), answer.text(38)) == ("0110", "00", "A1B2C3")
    assert plain(answer.fields[2]) == element.instances[aid].dpan
    (forwarded,) = city.switch.seen
    card = find_card(bank, Outcome.GREEN)
    assert plain(forwarded.fields[2]) == card.number.reveal()
    assert forwarded.text(14) == card.expiry_yymm
    assert {35, 23}.isdisjoint(forwarded.fields)
    data = private.decode(forwarded.binary(48))
    assert (data.token_reference, data.requestor_id) == (reference, REQUESTOR.id)
    assert (data.result_class, data.lease_verdict) == ("valid", "used")
    assert data.dpan_last4 == element.instances[aid].dpan[-4:]
    assert len(data.par) == 29
    same = (3, 4, 7, 11, 12, 13, 18, 19, 22, 25, 32, 37, 41, 42, 43, 49)
    assert all(forwarded.fields[n] == request.fields[n] for n in same)


async def test_token_number_never_reaches_the_issuer(city: City) -> None:
    element, aid, _ = await paying(city, KITA)
    dpan = element.instances[aid].dpan
    track2 = bytes.fromhex(element.instances[aid].track2)
    hidden = ber.encode(0x57, track2)
    named = {0x57: track2, 0x5A: bytes.fromhex(dpan), 0x70: hidden, 0x9F6B: track2}
    await send(city, tap(element, aid, chip=named))
    raw = iso.encode(city.switch.seen[0]).hex()
    assert dpan not in raw
    assert dpan.encode().hex() not in raw


@pytest.mark.parametrize(("code", "csu"), [("00", "00820000"), ("51", "00000000")])
async def test_answer_to_a_version_18_card(city: City, code: str, csu: str) -> None:
    element, aid, _ = await paying(city)
    city.switch.code = code
    request = tap(element, aid)
    answer = await send(city, request)
    ac = ber.collect(request.binary(55))[0x9F26]
    session = derive_common_sk(
        element.instances[aid].groups[products.DGI_KEYS][:16], b"\x00\x01" + bytes(6)
    )
    expected = generate_arpc_2(session, ac, bytes.fromhex(csu)) + bytes.fromhex(csu)
    assert ber.require(answer.binary(55), 0x91) == expected
    assert code_of(answer) == code


@pytest.mark.parametrize("code", ["00", "51"])
async def test_answer_to_a_version_21_card(city: City, code: str) -> None:
    element, aid, _ = await paying(city, KITA)
    city.switch.code = code
    request = tap(element, aid)
    answer = await send(city, request)
    ac = ber.collect(request.binary(55))[0x9F26]
    session = derive_common_sk(
        element.instances[aid].groups[products.DGI_KEYS][:16], b"\x00\x01" + bytes(6)
    )
    expected = generate_arpc_1(session, ac, code.encode()) + code.encode()
    assert ber.require(answer.binary(55), 0x91) == expected


async def test_repeat_gets_the_stored_answer(city: City) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    first = await send(city, request)
    assert await send(city, request) == first
    assert await send(city, replace(request, mti="0101")) == first
    assert len(city.switch.seen) == 1


async def test_repeat_of_a_refusal_gets_the_refusal(city: City) -> None:
    element, aid, reference = await paying(city)
    await city.change(reference, "suspend")
    request = tap(element, aid)
    first = await send(city, request)
    await city.change(reference, "resume")
    assert await send(city, request) == first
    assert (code_of(first), class_of(first)) == ("62", "token_suspended")


REPLAYS: list[dict[int, str]] = [
    {11: "000002"},
    {7: "1124090000"},
    {32: "99990002"},
    {37: "999999999999"},
    {11: "000002", 41: "OTHERPOS"},
]


@pytest.mark.parametrize("changes", REPLAYS)
async def test_replay_elsewhere_is_refused_and_suspends_nobody(
    city: City, changes: dict[int, str]
) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    await send(city, request)
    answer = await send(city, request.with_fields(changes))
    assert (code_of(answer), class_of(answer)) == ("05", "atc_replay")
    assert len(city.switch.seen) == 1
    assert code_of(await send(city, tap(element, aid, stan="000009"))) == "00"


async def test_replay_with_another_amount_is_no_cryptogram(city: City) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    await send(city, request)
    answer = await send(city, request.with_fields({4: "000000009999", 11: "000002"}))
    assert class_of(answer) == "invalid_cryptogram"


async def test_second_cryptogram_under_one_counter_suspends_the_token(city: City) -> None:
    """A copied or restored element: two different cryptograms with the same counter."""
    element, aid, reference = await paying(city)
    await send(city, tap(element, aid))
    copy = tap(element, aid, atc=1, un=bytes(4), stan="000002")
    answer = await send(city, copy)
    assert (code_of(answer), class_of(answer)) == ("05", "atc_rollback")
    info = await city.service.token(REQUESTOR, reference)
    assert (info.state, info.suspended_by) == ("suspended", ["issuer"])
    refused = await send(city, tap(element, aid, stan="000003"))
    assert class_of(refused) == "token_suspended"
    await city.change(reference, "resume", "issuer", ISSUER)
    assert code_of(await send(city, tap(element, aid, stan="000004"))) == "00"


async def test_taps_may_arrive_late_and_out_of_order(city: City) -> None:
    element, aid, _ = await paying(city)
    taps = [tap(element, aid, stan=f"{number:06d}") for number in range(1, 6)]
    for request in (taps[4], taps[0], taps[2], taps[1], taps[3]):
        assert code_of(await send(city, request)) == "00"


async def test_suspended_token_burns_its_counters_too(city: City) -> None:
    element, aid, reference = await paying(city)
    await city.change(reference, "suspend")
    harvested = tap(element, aid)
    assert class_of(await send(city, harvested)) == "token_suspended"
    await city.change(reference, "resume")
    later = harvested.with_fields({11: "000002"})
    assert class_of(await send(city, later)) == "atc_replay"


async def test_invalid_cryptogram_burns_nothing(city: City) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    forged = request.with_fields({4: "000000000001"})
    writes = city.database.stats.writes
    assert class_of(await send(city, forged)) == "invalid_cryptogram"
    assert city.database.stats.writes == writes
    assert code_of(await send(city, request)) == "00"


async def test_number_without_chip_is_worth_nothing(city: City) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    for changes in ({22: "011"}, {22: "812"}, {22: "901"}, {22: "071"}):
        answer = await send(city, request.without(55).with_fields(changes))
        assert (code_of(answer), class_of(answer)) == ("57", "domain_violation")
    assert city.switch.seen == []


async def test_unknown_number_and_unreadable_request(city: City) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    unknown = await send(city, request.with_fields({2: "9998010000000007"}))
    assert (code_of(unknown), class_of(unknown)) == ("14", "unknown_token")
    broken = await send(city, request.with_fields({55: b"\x9f"}))
    assert (code_of(broken), class_of(broken)) == ("30", "format_error")
    assert code_of(await send(city, Message("0200", {2: "9998010000000007"}))) == "40"


async def test_deleted_and_inactive_tokens_do_not_pay(city: City) -> None:
    element, aid, reference = await paying(city)
    await city.change(reference, "delete")
    assert code_of(await send(city, tap(element, aid))) == "14"
    other = await city.element()
    answer = await city.digitize(other, find_card(KITA, Outcome.YELLOW_SMS))
    assert answer.script is not None
    await city.receipt(other, answer.script.apdus)
    assert code_of(await send(city, tap(other, other.only()))) == "57"


async def test_issuer_that_does_not_answer(city: City) -> None:
    """Nothing is known: 91, and the repeat asks the issuer again under the same trace."""
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    city.switch.down = True
    assert code_of(await send(city, request)) == "91"
    city.switch.down = False
    assert code_of(await send(city, request)) == "00"
    assert len(city.switch.seen) == 2
    assert code_of(await send(city, request)) == "00"
    assert len(city.switch.seen) == 2


async def test_reversal_is_translated_and_frees_no_counter(city: City) -> None:
    element, aid, reference = await paying(city)
    request = tap(element, aid)
    await send(city, request)
    await city.change(reference, "delete")
    original = f"0100{request.text(11)}{request.text(7)}00099990001{'0' * 11}"
    kept = request.without(35, 55)
    reversal = Message("0420", {**kept.fields, 90: original})
    answer = await send(city, reversal)
    assert (answer.mti, code_of(answer)) == ("0430", "00")
    assert plain(answer.fields[2]) == element.instances[aid].dpan
    forwarded = city.switch.seen[-1]
    assert plain(forwarded.fields[2]) == GREEN.number.reveal()
    assert forwarded.text(90) == original
    again = await send(city, request.with_fields({11: "000002"}))
    assert code_of(again) == "14"
    unknown = await send(city, reversal.with_fields({2: "9998010000000007"}))
    assert code_of(unknown) == "14"


async def test_an_open_request_is_not_approved_after_the_token_was_suspended(city: City) -> None:
    element, aid, reference = await paying(city)
    request, done = tap(element, aid), tap(element, aid, stan="000002")
    assert code_of(await send(city, done)) == "00"
    city.switch.down = True
    assert code_of(await send(city, request)) == "91"
    city.switch.down = False
    seen = len(city.switch.seen)
    await city.change(reference, "suspend")
    repeat = await send(city, request)
    assert (code_of(repeat), class_of(repeat)) == ("62", "token_suspended")
    assert code_of(await send(city, done)) == "00"  # it was answered before
    assert len(city.switch.seen) == seen


def reversal_of(request: Message) -> Message:
    original = f"0100{request.text(11)}{request.text(7)}00099990001{'0' * 11}"
    return Message("0420", {**request.without(35, 55).fields, 90: original})


async def test_a_repeat_of_what_was_reversed_is_declined(city: City) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    assert code_of(await send(city, request)) == "00"
    other = tap(element, aid, stan="000002")
    assert code_of(await send(city, other)) == "00"
    assert code_of(await send(city, reversal_of(request))) == "00"
    repeat = await send(city, request)
    assert code_of(repeat) == "05"
    assert not {38, 55} & repeat.fields.keys()
    assert code_of(await send(city, other)) == "00"


async def test_a_reversal_that_names_nothing_is_a_format_error(city: City) -> None:
    element, aid, _ = await paying(city)
    reversal = reversal_of(tap(element, aid))
    assert code_of(await send(city, reversal.without(90))) == "30"
    assert code_of(await send(city, reversal.without(37))) == "30"


async def test_a_reversal_without_answer_changes_nothing(city: City) -> None:
    element, aid, _ = await paying(city)
    request = tap(element, aid)
    assert code_of(await send(city, request)) == "00"
    city.switch.down = True
    assert code_of(await send(city, reversal_of(request))) == "91"
    city.switch.down = False
    assert code_of(await send(city, request)) == "00"


async def test_lease_ages_from_its_report(city: City) -> None:
    element, aid, _ = await paying(city)
    report = SubmitLeaseReport(element.lease_report(LEASE.unlock_counter).hex())
    await city.service.submit_lease_report(REQUESTOR, report)
    city.env.clock.jump_wall_ms(DAY_MS)
    assert code_of(await send(city, tap(element, aid, lease=LEASE))) == "00"
    city.env.clock.jump_wall_ms(1)
    await city.service.submit_lease_report(REQUESTOR, report)
    old = await send(city, tap(element, aid, lease=LEASE, stan="000002"))
    assert (code_of(old), class_of(old)) == ("65", "lease_expired")
    fresh = replace(LEASE, unlock_counter=2)
    assert code_of(await send(city, tap(element, aid, lease=fresh, stan="000003"))) == "00"


async def test_lease_without_report_ages_from_its_first_tap(city: City) -> None:
    element, aid, _ = await paying(city)
    await send(city, tap(element, aid, lease=LEASE))
    city.env.clock.jump_wall_ms(DAY_MS + 1)
    old = await send(city, tap(element, aid, lease=LEASE, stan="000002"))
    assert class_of(old) == "lease_expired"


async def test_lease_is_at_least_as_old_as_a_later_one(city: City) -> None:
    """A report held back does not make an old lease young."""
    element, aid, _ = await paying(city)
    later = replace(LEASE, unlock_counter=2)
    await send(city, tap(element, aid, lease=later))
    city.env.clock.jump_wall_ms(DAY_MS + 1)
    old = await send(city, tap(element, aid, lease=LEASE, stan="000002"))
    assert class_of(old) == "lease_expired"


async def test_forged_taps_start_no_lease(city: City) -> None:
    element, aid, _ = await paying(city)
    await send(city, tap(element, aid, lease=LEASE, chip={0x9F26: bytes(8)}))
    leases = await city.database.read(
        lambda c: c.execute("SELECT COUNT(*) FROM leases").fetchone()[0]
    )
    assert leases == 0


async def test_twins_at_once_ask_the_issuer_once(tmp_path: Path) -> None:
    async with tsp_city(tmp_path, inline=False) as city:
        element, aid, _ = await paying(city)
        request = tap(element, aid)
        answers = await asyncio.gather(*(send(city, request) for _ in range(16)))
        assert all(answer == answers[0] for answer in answers)
        assert len(city.switch.seen) == 1


async def test_many_taps_and_replays_at_once(tmp_path: Path) -> None:
    """One approval per cryptogram, whatever the order in which copies arrive."""
    async with tsp_city(tmp_path, inline=False) as city:
        element, aid, _ = await paying(city)
        taps = [tap(element, aid, TapPlan(stan=f"{n:06d}")) for n in range(1, 21)]
        copies = [t.with_fields({11: f"{900 + i:06d}"}) for i, t in enumerate(taps)]
        answers = await asyncio.gather(*(send(city, m) for m in [*copies, *taps]))
        codes = [code_of(answer) for answer in answers]
        assert codes.count("00") == 20
        assert len(city.switch.seen) == 20
        info = await city.service.token(REQUESTOR, (await tokens_of(city))[0])
        assert info.state == "active"


async def tokens_of(city: City) -> list[str]:
    return await city.database.read(
        lambda c: [row[0] for row in c.execute("SELECT token_reference FROM tokens")]
    )
