"""What goes wrong in real life: each case ends with a message that says what to do, and loses
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wristlet.companion.errors import (
    CardRefused,
    CodeRefused,
    InputError,
    PinBlocked,
    PinRequired,
    PinWrong,
    ServerUnreachable,
    StrapUnreachable,
)
from wristlet.lab.city import City, running_city
from wristlet.links.faults import Fault, FaultPlan
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.script_runner import exchange, read_receipt, run_script
from wristlet.model.pan import Pan
from wristlet.model.testcards import (
    AOBA,
    KITA,
    OTP_EXPIRED,
    OTP_RIGHT,
    OTP_WRONG,
    Bank,
    Outcome,
    find_card,
)
from wristlet.model.wallet_messages import Card, Commit
from wristlet.se.applets.base import Interface
from wristlet.wire.gp import aids, commands

pytestmark = pytest.mark.slow

PIN = "482615"


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running_city(tmp_path / "city") as running:
        await running.phone.pair("strap", confirm=running.press)
        yield running


async def add(city: City, bank: Bank, outcome: Outcome) -> Card:
    card = find_card(bank, outcome)
    return await city.phone.add_card(card.number.reveal(), "12/30", card.security_code.reveal())


async def test_a_card_before_the_pin(city: City) -> None:
    with pytest.raises(PinRequired, match="create one before the first card"):
        await add(city, AOBA, Outcome.GREEN)


async def test_a_common_pin(city: City) -> None:
    with pytest.raises(InputError, match="choose another"):
        await city.phone.create_pin("123456")
    assert not (await city.phone.state()).pin_set


async def test_a_second_pin_creation(city: City) -> None:
    await city.phone.create_pin(PIN)
    with pytest.raises(InputError, match="change it instead"):
        await city.phone.create_pin("739251")


async def test_wrong_pin_thrice_blocks_and_keeps_the_cards(city: City) -> None:
    await city.phone.create_pin(PIN)
    card = await add(city, AOBA, Outcome.GREEN)
    for left in (2, 1):
        with pytest.raises(PinWrong) as caught:
            await city.phone.verify_pin("111222")
        assert caught.value.tries_left == left
    with pytest.raises(PinBlocked, match="your cards stay"):
        await city.phone.verify_pin("111222")
    with pytest.raises(PinBlocked):
        await city.phone.verify_pin(PIN)
    (kept,) = await city.phone.cards()
    assert (kept.id, kept.state, kept.suspended_by) == (card.id, "suspended", ["pin_locked"])
    assert kept.instance_aid == card.instance_aid


async def test_wrong_luhn_and_expired_card_stay_on_the_phone(city: City) -> None:
    await city.phone.create_pin(PIN)
    number = find_card(AOBA, Outcome.GREEN).number.reveal()
    wrong = number[:-1] + str((int(number[-1]) + 5) % 10)
    city.wallet_transport.up = False
    with pytest.raises(InputError, match="card number"):
        await city.phone.check_card(wrong, "12/30", "123")
    with pytest.raises(InputError, match="expired"):
        await city.phone.check_card(number, "01/20", "123")


async def test_an_unknown_bin(city: City) -> None:
    await city.phone.create_pin(PIN)
    foreign = Pan.complete("888801000000001").reveal()
    with pytest.raises(Exception, match="card") as caught:
        await city.phone.add_card(foreign, "12/30", "123")
    assert foreign not in str(caught.value)


@pytest.mark.parametrize(
    ("outcome", "party"),
    [
        (Outcome.RED_ISSUER, "issuer"),
        (Outcome.RED_NETWORK, "network"),
        (Outcome.CVC_MISMATCH, "issuer"),
        (Outcome.EXPIRY_MISMATCH, "issuer"),
    ],
)
async def test_a_refusal_names_who_and_why(city: City, outcome: Outcome, party: str) -> None:
    await city.phone.create_pin(PIN)
    with pytest.raises(CardRefused) as caught:
        await add(city, AOBA, outcome)
    assert caught.value.party == party
    assert caught.value.reason
    assert (await city.phone.active_card()) is None


async def test_a_card_that_no_wallet_may_hold(city: City) -> None:
    await city.phone.create_pin(PIN)
    with pytest.raises(Exception, match=r"card|Card"):
        await add(city, AOBA, Outcome.NOT_ELIGIBLE)


async def test_codes_wrong_expired_and_too_often(city: City) -> None:
    await city.phone.create_pin(PIN)
    card = await add(city, KITA, Outcome.YELLOW_SMS)
    await city.phone.send_code(card.id, card.verification_methods[0].id)
    with pytest.raises(CodeRefused, match="tries left") as caught:
        await city.phone.confirm_code(card.id, OTP_WRONG)
    assert caught.value.result == "incorrect_code"
    with pytest.raises(CodeRefused, match="ask for a new one"):
        await city.phone.confirm_code(card.id, OTP_EXPIRED)
    await city.phone.send_code(card.id, card.verification_methods[0].id)
    assert (await city.phone.confirm_code(card.id, OTP_RIGHT)).state == "active"


async def test_the_server_is_down(city: City) -> None:
    await city.phone.create_pin(PIN)
    await add(city, AOBA, Outcome.GREEN)
    city.wallet_transport.up = False
    with pytest.raises(ServerUnreachable, match="try this again later"):
        await city.phone.cards()
    assert (await city.bench.tap(480)).approved


async def test_the_strap_is_out_of_reach(city: City) -> None:
    await city.phone.create_pin(PIN)
    city.bench.strap.plan(FaultPlan(0, Fault.CUT))
    with pytest.raises(StrapUnreachable, match="bring it near"):
        await city.phone.verify_pin(PIN)
    await city.bench.strap.mend()
    assert (await city.phone.verify_pin(PIN)).taps_max == 20


async def pending(city: City) -> Commit:
    """Digitise a card without running its script."""
    await city.phone.create_pin(PIN)
    card = find_card(AOBA, Outcome.GREEN)
    eligible = await city.phone.check_card(
        card.number.reveal(), "12/30", card.security_code.reveal()
    )
    await city.phone.accept_terms(eligible)
    page = await city.phone.tools.wallet.commits(city.phone.tools.state.device_id)
    return page.data[0]


async def test_a_script_run_twice_changes_nothing(city: City) -> None:
    commit = await pending(city)
    apdus = [bytes.fromhex(one) for one in commit.apdus]
    channel = LoopbackChannel(city.card.port(Interface.WIRED))
    assert (await run_script(channel, apdus)).completed
    domain = bytes.fromhex(commit.domain_aid)
    first = await read_receipt(channel, domain, commit.script_number)
    again = await run_script(channel, apdus)
    assert not again.completed
    assert await read_receipt(channel, domain, commit.script_number) == first
    assert (await city.phone.sync()).open == 0
    assert [card.state for card in await city.phone.cards()] == ["active"]


async def test_a_script_for_another_secure_element_is_refused(city: City, tmp_path: Path) -> None:
    commit = await pending(city)
    async with running_city(tmp_path / "other") as other:
        await other.phone.pair("strap", confirm=other.press)
        await other.phone.create_pin(PIN)
        channel = LoopbackChannel(other.card.port(Interface.WIRED))
        result = await run_script(channel, [bytes.fromhex(one) for one in commit.apdus])
        assert not result.completed
        domain = bytes.fromhex(commit.domain_aid)
        assert await read_receipt(channel, domain, commit.script_number) is None


async def test_every_cut_of_a_script_ends_with_exactly_one_token(city: City) -> None:
    """Cut the reply of each APDU in turn, then once the command itself; always the same end."""
    commit = await pending(city)
    for index in range(commit.apdu_count):
        city.bench.strap.plan(FaultPlan(index + 2, Fault.DROP_REPLY))
        await city.phone.sync()
        await city.bench.strap.mend()
    assert (await city.phone.sync()).open == 0
    cards = await city.phone.cards()
    assert [(card.state, card.se_state) for card in cards] == [("active", "ready")]
    await city.phone.select_card(cards[0].id)
    assert (await city.bench.tap(480)).approved


async def test_malformed_apdus_are_answered_and_change_nothing(city: City) -> None:
    before = await city.phone.state()
    for interface in (Interface.WIRED, Interface.CONTACTLESS):
        port = city.card.port(interface)
        port.power_on()
        for raw in (
            b"",
            b"\x00",
            b"\x00\xa4\x04",
            bytes(5),
            b"\xff" * 300,
            b"\x00\xa4\x04\x00\x05\xa0",
        ):
            answer = port.process(raw)
            assert len(answer) >= 2
            assert answer[-2:] != b"\x90\x00"
    assert await city.phone.state() == before


async def test_what_the_contactless_side_never_answers(city: City) -> None:
    channel = LoopbackChannel(city.card.port(Interface.CONTACTLESS))
    for aid in (
        aids.ISD,
        aids.TSP_DOMAIN,
        aids.CARDHOLDER_DOMAIN,
        aids.CARDHOLDER_APPLET,
        aids.CRS,
    ):
        assert (await exchange(channel, commands.select(aid).encode())).sw != 0x9000
    for tag in (0x9F7F, 0x66, 0x45, 0xBF21):
        assert (await exchange(channel, commands.get_data(tag).encode())).sw != 0x9000


async def test_two_taps_at_once_on_one_strap_are_one_after_the_other(city: City) -> None:
    await city.phone.create_pin(PIN)
    await add(city, AOBA, Outcome.GREEN)
    payments = await asyncio.gather(city.bench.tap(100), city.bench.tap(200))
    assert sum(payment.approved for payment in payments) <= 2
    books = await city.issuer.books("JPY")
    assert (books.unbalanced_entries, books.drifted_balances) == (0, 0)
