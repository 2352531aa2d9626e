"""The bank's host by its messages: test cards, repeats, reversals in any order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.bank import ACQUIRER, payment, reversal, running_bank
from wristlet.env.database import Database, DatabaseOverloadedError
from wristlet.issuer.host import says_verified
from wristlet.issuer.service import AccountSummary, IssuerService
from wristlet.issuer.setup import OPENING_BALANCE_MINOR
from wristlet.model.testcards import AOBA, BANKS, KITA, Bank, Outcome, find_card
from wristlet.wire.iso8583.message import Message

DECLINED_AT_TERMINAL = [
    (Outcome.FUNDS, "51"),
    (Outcome.LIMIT, "61"),
    (Outcome.LOST, "41"),
    (Outcome.EXPIRED, "54"),
]
PAYING = [Outcome.GREEN, Outcome.YELLOW_SMS, Outcome.YELLOW_APP]


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[IssuerService]:
    async with running_bank(tmp_path) as service:
        yield service


async def code(bank: IssuerService, message: Message) -> str:
    return (await bank.host.handle(message)).text(39)


async def green_account(bank: IssuerService) -> AccountSummary:
    accounts = await bank.accounts()
    return next(a for a in accounts if (a.bank, a.outcome) == (AOBA.name, "green"))


async def balance(bank: IssuerService) -> int:
    return (await green_account(bank)).balance_minor


@pytest.mark.parametrize("bank_of_card", BANKS)
@pytest.mark.parametrize("outcome", PAYING)
async def test_good_cards_pay(bank: IssuerService, bank_of_card: Bank, outcome: Outcome) -> None:
    card = find_card(bank_of_card, outcome)
    answer = await bank.host.handle(payment(card))
    assert (answer.mti, answer.text(39)) == ("0110", "00")
    assert len(answer.text(38)) == 6


@pytest.mark.parametrize(("outcome", "expected"), DECLINED_AT_TERMINAL)
async def test_test_cards_are_declined(
    bank: IssuerService, outcome: Outcome, expected: str
) -> None:
    answer = await bank.host.handle(payment(find_card(KITA, outcome)))
    assert answer.text(39) == expected
    assert 38 not in answer.fields
    assert (await bank.books("JPY")).promised_minor == 0


async def test_approval_moves_money_and_shows_in_the_list(bank: IssuerService) -> None:
    assert await code(bank, payment(amount_minor=1_200)) == "00"
    assert await balance(bank) == OPENING_BALANCE_MINOR - 1_200
    assert (await bank.books("JPY")).promised_minor == 1_200
    account = await green_account(bank)
    listed = await bank.authorisations(account.account_id)
    assert [(a.amount_minor, a.response_code, a.merchant, a.token_reference) for a in listed] == [
        (1_200, "00", "WRISTLET COFFEE", "tok_1")
    ]


async def test_repeat_gets_the_stored_answer(bank: IssuerService) -> None:
    first = await bank.host.handle(payment())
    for mti in ("0100", "0101"):
        again = await bank.host.handle(Message(mti, payment().fields))
        assert (again.mti, again.fields) == (first.mti, first.fields)
    assert await balance(bank) == OPENING_BALANCE_MINOR - 500


async def test_stored_decline_stays_a_decline(bank: IssuerService) -> None:
    request = payment(amount_minor=2_000_000)
    assert [await code(bank, request), await code(bank, request)] == ["61", "61"]


@pytest.mark.parametrize(
    "other", [payment(amount_minor=501), payment(find_card(KITA, Outcome.GREEN))]
)
async def test_other_request_under_the_same_trace_is_refused(
    bank: IssuerService, other: Message
) -> None:
    assert await code(bank, payment()) == "00"
    assert await code(bank, other) == "94"
    assert (await bank.books("JPY")).promised_minor == 500


@pytest.mark.parametrize("mti", ["0400", "0420", "0421"])
async def test_reversal_gives_back_once(bank: IssuerService, mti: str) -> None:
    await bank.host.handle(payment())
    for _ in range(2):
        answer = await bank.host.handle(reversal(payment(), mti))
        assert (answer.mti[:3], answer.text(39)) == (f"0{mti[1]}{int(mti[2]) + 1}", "00")
    assert await balance(bank) == OPENING_BALANCE_MINOR
    assert (await bank.books("JPY")).promised_minor == 0


async def test_reversed_request_is_declined_when_repeated(bank: IssuerService) -> None:
    await bank.host.handle(payment())
    await bank.host.handle(reversal(payment()))
    answer = await bank.host.handle(payment())
    assert answer.text(39) == "05"
    assert 38 not in answer.fields


async def test_reversal_that_overtakes_its_request_makes_it_decline(bank: IssuerService) -> None:
    assert await code(bank, reversal(payment())) == "00"
    assert await code(bank, payment()) == "05"
    assert await code(bank, reversal(payment())) == "00"
    assert await balance(bank) == OPENING_BALANCE_MINOR


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({4: "000000000499"}, "64"), ({49: "978"}, "64"), ({2: "9999020000000012"}, "25")],
)
async def test_reversal_that_says_something_else_moves_nothing(
    bank: IssuerService, changed: dict[int, str], expected: str
) -> None:
    await bank.host.handle(payment())
    assert await code(bank, reversal(payment()).with_fields(changed)) == expected
    assert (await bank.books("JPY")).promised_minor == 500


async def test_partial_reversal_is_refused_and_moves_nothing(bank: IssuerService) -> None:
    await bank.host.handle(payment())
    assert await code(bank, reversal(payment()).with_fields({95: "0" * 42})) == "12"
    assert (await bank.books("JPY")).promised_minor == 500


async def test_one_acquirer_cannot_reverse_anothers_payment(bank: IssuerService) -> None:
    await bank.host.handle(payment())
    foreign = reversal(payment()).with_fields({32: "88880001"})
    assert await code(bank, foreign) == "00"
    assert await balance(bank) == OPENING_BALANCE_MINOR - 500


@pytest.mark.parametrize("missing", [2, 4, 7, 11, 32, 37, 48, 49, 55])
async def test_missing_field_is_a_format_error(bank: IssuerService, missing: int) -> None:
    assert await code(bank, payment().without(missing)) == "30"


@pytest.mark.parametrize("missing", [2, 4, 32, 37, 49, 90])
async def test_reversal_without_a_field_is_a_format_error(
    bank: IssuerService, missing: int
) -> None:
    assert await code(bank, reversal(payment()).without(missing)) == "30"


@pytest.mark.parametrize(
    "broken",
    [{48: b"\xdf"}, {55: b"\x9f"}, {49: "999"}, {48: "text"}, {4: b"\x00"}],
)
async def test_unreadable_field_is_a_format_error(
    bank: IssuerService, broken: dict[int, str | bytes]
) -> None:
    assert await code(bank, payment().with_fields(broken)) == "30"


async def test_other_messages_are_not_supported(bank: IssuerService) -> None:
    assert await code(bank, Message("0200", payment().fields)) == "12"


@pytest.mark.parametrize("result_class", ["", "invalid_cryptogram", "atc_replay"])
async def test_tap_without_the_token_services_word_is_refused(
    bank: IssuerService, result_class: str
) -> None:
    assert await code(bank, payment(result_class=result_class)) == "59"


@pytest.mark.parametrize(
    ("cvm", "verdict", "expected"),
    [
        (b"\x01\x00\x02", "used", "00"),
        (b"\x01\x00\x02", "valid", "59"),
        (b"\x41\x00\x02", "none", "59"),
        (b"\x1f\x03\x02", "none", "00"),
        (b"\x1f\x03\x02", "used", "00"),
    ],
)
async def test_terminal_and_element_must_agree(
    bank: IssuerService, cvm: bytes, verdict: str, expected: str
) -> None:
    assert await code(bank, payment(cvm=cvm, verdict=verdict)) == expected


@pytest.mark.parametrize(
    ("chip", "said"),
    [
        ("9F34030100 02", True),
        ("9F3400", False),
        ("9F6C020080", True),
        ("9F6C020000", False),
        ("9F6C0100", False),
        ("9F6C020080 9F34031F0302", True),
        ("", False),
    ],
)
def test_what_chip_data_say_about_the_cardholder(chip: str, said: bool) -> None:
    assert says_verified(bytes.fromhex(chip)) is said


async def test_too_many_waiting_is_answered_and_books_nothing(
    bank: IssuerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overloaded(*_: object) -> None:
        raise DatabaseOverloadedError("waiting")

    monkeypatch.setattr(Database, "write", overloaded)
    assert await code(bank, payment()) == "91"


async def test_nothing_shown_holds_a_card_number(bank: IssuerService) -> None:
    await bank.host.handle(payment())
    numbers = [find_card(known, outcome).number.reveal() for known in BANKS for outcome in Outcome]
    accounts = await bank.accounts()
    shown = repr(accounts) + repr(
        [await bank.authorisations(account.account_id) for account in accounts]
    )
    assert not [number for number in numbers if number in shown]
    assert ACQUIRER not in shown
