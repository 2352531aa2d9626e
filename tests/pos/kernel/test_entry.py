"""Directory, candidates, selection, and the bounds of a tap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.pos_cards import (
    ABOVE,
    AID_2,
    AID_3,
    CONFIG,
    SALE,
    SELECT_PPSE,
    directory,
    entry,
    fci,
    ppse,
    select,
    tlv,
)
from support.scripted_card import play, tap
from wristlet.pos.config import Limits
from wristlet.pos.kernel.entry import ANSWER_MAX, COMMANDS_MAX, candidates, run_tap
from wristlet.pos.kernel.outcome import Display, OutcomeKind
from wristlet.pos.kernel.sale import Sale

GPO_EMPTY = "80A8000002830000"
FOREIGN = "A000000025010801"
FIRST, SECOND = AID_2 + "00000001", AID_2 + "00000002"


def names(*entries: str) -> list[str]:
    found = candidates(bytes.fromhex(ppse(*entries))[:-2], CONFIG)
    return [f"{one.aid.hex()}/{one.kernel}" for one in found]


def test_candidates_stand_by_priority_then_by_place() -> None:
    assert names(
        entry(AID_3 + "01"),
        entry(AID_3 + "02", "00"),
        entry(AID_2 + "03", "05"),
        entry(AID_3 + "04", "81"),
        entry(AID_2 + "05", "05"),
    ) == [
        f"{AID_3}04/3",
        f"{AID_2}03/2",
        f"{AID_2}05/2",
        f"{AID_3}01/3",
        f"{AID_3}02/3",
    ]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (entry(AID_3, "01", "03"), True),
        (entry(AID_3, "01", "00"), True),
        (entry(AID_3, "01", "03000000"), True),
        (entry(AID_3, "01"), True),
        (entry(AID_3, "01", "02"), False),
        (entry(AID_2, "01", "03"), False),
        (entry(AID_2, "01", "83"), False),
        (entry(FOREIGN, "01"), False),
        (entry(FOREIGN, "01", "02"), False),
        (entry(AID_3[:-2], "01"), False),
        (entry(AID_3 + "00" * 9, "01"), True),
        (entry(AID_3 + "00" * 10, "01"), False),
        (entry("A0000000", "01"), False),
        (tlv("61", tlv("50", "54455354")), False),
        (tlv("61", tlv("4F", AID_3), tlv("87", "")), True),
        (tlv("4F", AID_3), False),
        (tlv("73", tlv("4F", AID_3)), False),
    ],
)
def test_the_kernel_follows_from_the_registered_name(given: str, taken: bool) -> None:
    """No card may choose another brand's kernel for its name."""
    assert bool(names(given)) is taken


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("6A82", "the card has no contactless directory"),
        ("6283", "the card has no contactless directory"),
        ("9000", "no application of this card is accepted here"),
        (ppse(), "no application of this card is accepted here"),
        (ppse(entry(FOREIGN)), "no application of this card is accepted here"),
        (ppse(entry(AID_3, "01", "02")), "no application of this card is accepted here"),
        ("6F059000", "the card's directory cannot be read"),
        (ppse("61054F")[:-4] + "9000", "the card's directory cannot be read"),
        (ppse("610A4F07A0")[:-4] + "9000", "the card's directory cannot be read"),
    ],
)
def test_a_directory_that_is_of_no_use_ends_the_tap(answer: str, reason: str) -> None:
    outcome = tap(CONFIG, SALE, (SELECT_PPSE, answer))
    assert (outcome.kind, outcome.display) == (
        OutcomeKind.END_APPLICATION,
        Display.TRY_ANOTHER_CARD,
    )
    assert outcome.reason == reason


@pytest.mark.parametrize(
    "refused", ["6A82", "6283", "6985", fci(FOREIGN), fci(AID_2), fci(FIRST + "00" * 6), "9000"]
)
def test_what_cannot_be_selected_is_passed_over(refused: str) -> None:
    """Also an answer that names another application than was asked for."""
    outcome = tap(
        CONFIG,
        SALE,
        directory(entry(SECOND, "02"), entry(FIRST, "01")),
        (select(FIRST), refused),
        (select(SECOND), fci(SECOND)),
        (GPO_EMPTY, "6A81"),
    )
    assert outcome.kind is OutcomeKind.END_APPLICATION
    assert outcome.aid.hex() == SECOND.lower()


def test_a_partial_name_selects_what_begins_with_it() -> None:
    outcome = tap(
        CONFIG,
        SALE,
        directory(entry(AID_2)),
        (select(AID_2), fci(FIRST)),
        (GPO_EMPTY, "6A81"),
    )
    assert outcome.aid.hex() == FIRST.lower()


def test_an_application_may_point_to_the_next() -> None:
    both = directory(entry(FIRST, "01"), entry(SECOND, "02"))
    first = (select(FIRST), fci(FIRST)), (GPO_EMPTY, "6985")
    outcome = tap(CONFIG, SALE, both, *first, (select(SECOND), fci(SECOND)), (GPO_EMPTY, "6985"))
    assert outcome.kind is OutcomeKind.END_APPLICATION, "there is no next one"
    assert outcome.reason == "none of the card's applications takes this payment"


def test_nothing_but_that_leads_to_the_next_application() -> None:
    both = directory(entry(FIRST, "01"), entry(SECOND, "02"))
    for status in ("6A81", "6986", "6984", "6F00"):
        outcome = tap(CONFIG, SALE, both, (select(FIRST), fci(FIRST)), (GPO_EMPTY, status))
        assert outcome.kind is OutcomeKind.END_APPLICATION


def test_amounts_above_the_contactless_limit_are_not_tried() -> None:
    config = replace(CONFIG, limits={2: Limits(contactless_minor=999), 3: Limits()})
    outcome = tap(config, SALE, directory(entry(FIRST)))
    assert (outcome.kind, outcome.display) == (OutcomeKind.DECLINED, Display.DECLINED)
    at_limit = replace(SALE, amount_minor=999)
    steps = directory(entry(FIRST)), (select(FIRST), fci(FIRST)), (GPO_EMPTY, "6A81")
    assert tap(config, at_limit, *steps).kind is OutcomeKind.END_APPLICATION


def test_a_kernel_with_another_limit_still_takes_the_amount() -> None:
    config = replace(CONFIG, limits={2: Limits(), 3: Limits(contactless_minor=999)})
    both = directory(entry(AID_3, "01"), entry(FIRST, "02"))
    outcome = tap(config, ABOVE, both, (select(FIRST), fci(FIRST)), (GPO_EMPTY, "6A81"))
    assert outcome.kernel == 2


@pytest.mark.parametrize("extra", [0, 1])
def test_an_answer_longer_than_asked_for_ends_the_tap(extra: int) -> None:
    long = bytes(ANSWER_MAX + extra).hex() + "9000"
    outcome = tap(CONFIG, SALE, (SELECT_PPSE, long))
    expected = "no application of this card is accepted here"
    assert outcome.reason == (
        "the card's answer is longer than was asked for" if extra else expected
    )


def test_a_card_that_goes_on_and_on_is_stopped() -> None:
    """Twenty applications that point to the next; the last has as many records as allowed."""
    seen: list[bytes] = []
    applications = [entry(AID_2) for _ in range(20)]

    def answer(command: bytes) -> bytes:
        seen.append(command)
        if len(seen) == 1:
            return bytes.fromhex(ppse(*applications))
        if command[1] == 0xA4:
            return bytes.fromhex(fci(AID_2))
        if command[1] == 0xA8:
            last = len(seen) == 1 + 2 * len(applications)
            return bytes.fromhex("770A82021980940408014000 9000" if last else "6985")
        return bytes.fromhex("70009000")

    outcome = play(run_tap(CONFIG, SALE), answer)
    assert outcome.reason == "the card takes more commands than a tap has"
    assert len(seen) == COMMANDS_MAX


@pytest.mark.parametrize("amount", [-1, 1_000_000_000_000])
def test_amounts_that_no_field_holds_are_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="amount_minor"):
        Sale(amount, "978", "260102", "123456", bytes(4))
