from __future__ import annotations

from wristlet.model.pan import Pan
from wristlet.model.testcards import (
    AOBA,
    BANKS,
    KITA,
    OTP_EXPIRED,
    OTP_RIGHT,
    OTP_WRONG,
    OUTCOMES,
    TEST_CARDS,
    Outcome,
    bank_of,
    find_card,
    outcome_of,
)


def test_one_card_per_bank_and_outcome() -> None:
    assert {(card.bank.code, card.outcome) for card in TEST_CARDS} == {
        (bank.code, outcome) for bank in BANKS for outcome in Outcome
    }
    assert len(TEST_CARDS) == len(BANKS) * len(Outcome) == 36
    assert {outcome for outcome, _ in OUTCOMES.values()} == set(Outcome)


def test_a_number_says_bank_and_outcome() -> None:
    for card in TEST_CARDS:
        number = card.number.reveal()
        assert len(number) == 16
        assert number[:4] == "9999"
        assert number[4:6] == card.bank.code
        assert OUTCOMES[number[6:8]][0] is card.outcome
        assert bank_of(card.number) == bank_of(number) == card.bank
        assert outcome_of(card.number) is outcome_of(number) is card.outcome
        assert card.product == card.bank.product


def test_the_documented_numbers_stay() -> None:
    assert find_card(AOBA, Outcome.GREEN).number == "9999010000000011"
    assert find_card(KITA, Outcome.YELLOW_SMS).number == "9999021000000018"


def test_other_numbers_mean_nothing() -> None:
    for number in ("4111111111111111", "9999991000000011", "9999015500000000"):
        assert outcome_of(number) is None
    assert bank_of("4111111111111111") is None
    assert bank_of("9999990000000000") is None


def test_a_token_belongs_to_its_bank_and_promises_nothing() -> None:
    token = Pan.complete(KITA.token_bin + "000000001")
    assert bank_of(token) == KITA
    assert outcome_of(token) is None


def test_codes_differ() -> None:
    assert len({OTP_RIGHT, OTP_WRONG, OTP_EXPIRED}) == 3
