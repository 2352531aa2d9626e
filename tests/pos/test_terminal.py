"""The terminal as a whole: taps on a card, answers of an acquirer, links that break."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from support.hosts import ScriptedHost, Turn
from support.payment_cards import PAN
from support.pos_cards import CONFIG, PRODUCTS, Field
from support.scripted_card import AnsweringCard
from wristlet.env.sim import SimEnv
from wristlet.links.channel import LinkLost
from wristlet.links.faults import Fault, FaultChannel, FaultPlan
from wristlet.links.iso8583_peer import HostUnavailable, HostUnreachable, TcpClient, serve
from wristlet.links.process import address_of, open_listener
from wristlet.model.money import Money
from wristlet.network.acquirer import Acquirer, AcquirerConfig
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.outcome import Cvm, Display, OutcomeKind
from wristlet.pos.terminal import STAN_MAX, Terminal
from wristlet.wire import ber
from wristlet.wire.iso8583.message import Message, reply

COFFEE = Money(1_000, "EUR")
KEY = bytes(range(16))


def made(*turns: Turn, config: TerminalConfig = CONFIG) -> tuple[Terminal, ScriptedHost, SimEnv]:
    env, host = SimEnv(1), ScriptedHost(*turns)
    return Terminal(env, config, host), host, env


def answered(**fields: Any) -> Callable[[Message], Awaitable[Message]]:
    """A host that approves with more fields (`f38="123456"`)."""

    async def answer(message: Message) -> Message:
        return reply(message, {39: "00", **{int(n[1:]): value for n, value in fields.items()}})

    return answer


@pytest.mark.parametrize(
    ("code", "approved", "display", "reason"),
    [
        ("00", True, Display.APPROVED, "approved by the issuer"),
        ("51", False, Display.DECLINED, "declined, response code 51"),
        ("62", False, Display.DECLINED, "declined, response code 62"),
        ("91", False, Display.DECLINED, "declined, response code 91"),
        ("10", False, Display.DECLINED, "declined, response code 10"),
        ("08", False, Display.DECLINED, "declined, response code 08"),
        ("0", False, Display.DECLINED, "declined, response code 0"),
        ("", False, Display.DECLINED, "declined, response code "),
    ],
)
async def test_the_issuer_s_answer_decides(
    code: str, approved: bool, display: Display, reason: str
) -> None:
    terminal, host, _ = made(code)
    payment = await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)
    assert (payment.approved, payment.display, payment.reason) == (approved, display, reason)
    assert payment.response_code == code
    assert len(host.seen) == 1
    assert terminal.open_reversals == 0


async def test_an_answer_without_a_code_is_no_approval() -> None:
    async def silent(message: Message) -> Message:
        return reply(message, {})

    payment = await made(silent)[0].pay(Field(PRODUCTS["K3"]), COFFEE)
    assert (payment.approved, payment.response_code) == (False, None)


@pytest.mark.parametrize(("name", "kernel"), [("K3", 3), ("K2", 2)])
async def test_an_approval_carries_the_issuer_s_words(name: str, kernel: int) -> None:
    proof = bytes.fromhex("11223344556677880000")
    terminal, _, _ = made(answered(f38="A1B2C3", f37="010200000042", f55=b"\x91\x0a" + proof))
    payment = await terminal.pay(Field(PRODUCTS[name]), COFFEE)
    assert (payment.approved, payment.kernel, payment.cvm) == (True, kernel, Cvm.NONE)
    assert (payment.authorisation_id, payment.reference) == ("A1B2C3", "010200000042")
    assert payment.issuer_proof == proof
    assert payment.amount == COFFEE
    assert PAN not in repr(payment)


async def test_what_the_kernel_declines_never_reaches_the_acquirer() -> None:
    terminal, host, _ = made()
    payment = await terminal.pay(Field(PRODUCTS["K3"]), Money(20_000, "EUR"))
    assert (payment.display, payment.approved) == (Display.SEE_PHONE, False)
    declined = await terminal.pay(Field(PRODUCTS["K3"]), Money(1_000_001, "EUR"))
    assert declined.display is Display.DECLINED
    assert not host.seen


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("fault", [Fault.DROP_COMMAND, Fault.DROP_REPLY, Fault.CUT])
async def test_a_link_lost_at_any_command_asks_for_the_card_again(name: str, fault: Fault) -> None:
    terminal, host, _ = made()
    whole = FaultChannel(Field(PRODUCTS[name]))
    assert (await terminal.pay(whole, COFFEE)).approved
    host.seen.clear()
    for index in range(whole.count):
        torn = FaultChannel(Field(PRODUCTS[name]), FaultPlan(index, fault))
        payment = await terminal.pay(torn, COFFEE)
        assert payment.outcome.kind is OutcomeKind.TRY_AGAIN
        assert (payment.approved, payment.display) == (False, Display.TRY_AGAIN)
    assert not host.seen
    assert whole.count >= 3


@pytest.mark.parametrize("name", ["K3", "K2"])
async def test_a_forged_status_word_at_any_command_is_no_approval(name: str) -> None:
    terminal, host, _ = made()
    for index in range(5):
        for status in (0x9000, 0x6985, 0x6986, 0x6A82, 0x6F00):
            plan = FaultPlan(index, Fault.FORGE_SW, status)
            channel = FaultChannel(Field(PRODUCTS[name]), plan)
            payment = await terminal.pay(channel, COFFEE)
            assert payment.approved is (index >= channel.count)
    assert len(host.seen) == (5 if name == "K3" else 0) * 2


@pytest.mark.parametrize("answer", [b"", b"\x90"])
async def test_an_answer_cut_off_is_a_lost_link(answer: bytes) -> None:
    payment = await made()[0].pay(AnsweringCard(lambda command: answer), COFFEE)
    assert payment.display is Display.TRY_AGAIN


async def test_a_second_tap_after_a_torn_one_pays() -> None:
    terminal, host, _ = made()
    field = Field(PRODUCTS["K2"])
    await terminal.pay(FaultChannel(field, FaultPlan(4, Fault.DROP_REPLY)), COFFEE)
    payment = await terminal.pay(field, COFFEE)
    assert payment.approved
    (message,) = host.seen
    assert ber.collect(message.binary(55))[0x9F36] == b"\x00\x02", "the torn tap took a number"


# ------------------------------------------------------------------ acquirer out of reach


async def test_an_acquirer_out_of_reach_declines_and_leaves_nothing_behind() -> None:
    terminal, host, _ = made(HostUnreachable("nobody there"))
    payment = await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)
    assert (payment.approved, payment.display) == (False, Display.DECLINED)
    assert "nothing was charged" in payment.reason
    assert terminal.open_reversals == 0
    assert len(host.seen) == 1


async def test_a_lost_answer_declines_and_is_reversed_before_anything_else() -> None:
    terminal, host, env = made(HostUnavailable("lost"))
    payment = await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)
    assert (payment.approved, payment.response_code) == (False, None)
    assert terminal.open_reversals == 1
    env.clock.advance_ms(5_000)
    assert (await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)).approved
    first, reversal, second = host.seen
    assert [message.mti for message in host.seen] == ["0100", "0420", "0100"]
    assert reversal.text(90)[4:20] == first.text(11) + first.text(7)
    assert len({message.text(11) for message in host.seen}) == 3
    assert second.text(7) != first.text(7)
    assert terminal.open_reversals == 0


@pytest.mark.parametrize("turn", [HostUnavailable("lost"), HostUnreachable("gone"), "91", "30"])
async def test_a_reversal_that_is_not_taken_stops_further_sales(turn: Turn) -> None:
    terminal, host, _ = made(HostUnavailable("lost"), turn)
    await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)
    refused = await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)
    assert (refused.approved, terminal.open_reversals) == (False, 1)
    assert "reversal" in refused.reason
    await terminal.reverse_unanswered()
    assert terminal.open_reversals == 0
    assert [message.mti for message in host.seen] == ["0100", "0420", "0420"]
    assert host.seen[1] == host.seen[2], "a repeat is the same message"


async def test_an_approval_of_another_payment_is_reversed() -> None:
    terminal, host, _ = made(answered(f4="000000000001"))
    payment = await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)
    assert (payment.approved, terminal.open_reversals) == (False, 1)
    await terminal.reverse_unanswered()
    assert host.seen[1].text(4) == "000000001000"


async def test_nothing_is_logged_about_the_card(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    terminal, _, _ = made(HostUnavailable("lost"), "91", answered(f4="000000000001"))
    for _ in range(3):
        await terminal.pay(Field(PRODUCTS["K2"]), COFFEE)
    assert PAN not in caplog.text
    assert PAN[:12] not in caplog.text


# ------------------------------------------------------------------ numbers and time


async def test_traces_are_unlike_and_wrap() -> None:
    terminal, host, _ = made()
    terminal._stan = STAN_MAX - 1
    for _ in range(3):
        await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)
    assert [message.text(11) for message in host.seen] == ["999999", "000001", "000002"]


async def test_each_sale_has_an_unpredictable_number_of_its_own() -> None:
    terminal, host, _ = made()
    field = Field(PRODUCTS["K3"])
    for _ in range(20):
        field.rewind()
        await terminal.pay(field, COFFEE)
    numbers = {ber.collect(message.binary(55))[0x9F37] for message in host.seen}
    assert len(numbers) == 20
    other = Terminal(SimEnv(2), CONFIG, host)
    assert other.new_sale(COFFEE).unpredictable_number not in numbers


@pytest.mark.parametrize(
    ("offset", "date", "time"),
    [
        (0, "260101", "000000"),
        (540, "260101", "090000"),
        (-1, "251231", "235900"),
        (-840, "251231", "100000"),
        (345, "260101", "054500"),
    ],
)
def test_local_time_is_a_setting(offset: int, date: str, time: str) -> None:
    terminal, _, _ = made(config=replace(CONFIG, utc_offset_minutes=offset))
    sale = terminal.new_sale(COFFEE)
    assert (sale.date_yymmdd, sale.time_hhmmss) == (date, time)
    assert (sale.amount_minor, sale.currency_numeric) == (1_000, "978")


async def test_an_amount_that_cannot_be_is_the_caller_s_mistake() -> None:
    terminal, host, _ = made()
    card = AnsweringCard(lambda command: b"\x6a\x82")
    with pytest.raises(ValueError, match="amount_minor"):
        await terminal.pay(card, Money(-1, "EUR"))
    assert not card.seen
    assert not host.seen


async def test_cancelling_goes_through() -> None:
    class Slow:
        async def transmit(self, command: bytes) -> bytes:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await made()[0].pay(Slow(), COFFEE)


# ------------------------------------------------------------------ real sockets


async def test_a_terminal_its_acquirer_and_the_network_over_tcp() -> None:
    """The acquirer adds institution and reference, and the answer still finds its request."""
    env, network = SimEnv(3), ScriptedHost("00", "51", answered(f38="A1B2C3"))
    acquirer = Acquirer(env, AcquirerConfig(), network)
    listener = open_listener("127.0.0.1:0")
    address = address_of(listener)
    server = await serve(listener, acquirer.handle, KEY)
    client = TcpClient(address, KEY, env)
    terminal = Terminal(env, CONFIG, client)
    try:
        payments = [await terminal.pay(Field(PRODUCTS["K3"]), COFFEE) for _ in range(3)]
    finally:
        await client.close()
        await server.close()
        await acquirer.close()
    assert [payment.response_code for payment in payments] == ["00", "51", "00"]
    assert payments[2].authorisation_id == "A1B2C3"
    assert all(payment.reference for payment in payments)
    assert {message.text(32) for message in network.seen} == {"99990001"}
    assert len({message.text(37) for message in network.seen}) == 3


async def test_a_lost_link_to_the_acquirer_ends_in_a_reversal_over_tcp() -> None:
    """The acquirer dies with the request in its hands; its successor gets the reversal."""
    env, network = SimEnv(4), ScriptedHost()

    async def die(message: Message) -> Message:
        for link in list(server.links):
            link.drop()
        raise HostUnavailable("the acquirer is gone")

    listener = open_listener("127.0.0.1:0")
    address = address_of(listener)
    server = await serve(listener, die, KEY)
    client = TcpClient(address, KEY, env)
    terminal = Terminal(env, CONFIG, client)
    acquirer = Acquirer(env, AcquirerConfig(), network)
    try:
        assert not (await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)).approved
        assert terminal.open_reversals == 1
        await server.close()
        server = await serve(open_listener(address), acquirer.handle, KEY)
        assert (await terminal.pay(Field(PRODUCTS["K3"]), COFFEE)).approved
    finally:
        await client.close()
        await server.close()
        await acquirer.close()
    assert terminal.open_reversals == 0
    assert "0420" in [message.mti for message in network.seen]


async def test_link_lost_is_what_a_reader_raises() -> None:
    class Gone:
        async def transmit(self, command: bytes) -> bytes:
            raise LinkLost("out of the field")

    assert (await made()[0].pay(Gone(), COFFEE)).display is Display.TRY_AGAIN
