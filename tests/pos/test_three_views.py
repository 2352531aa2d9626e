"""Card, terminal and issuer agree, whatever somebody between card and terminal changes (P31).

Every single bit of every command and answer is turned in turn. What still goes online is judged
as the token service judges it: either it is refused there, or all three views are the same.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.issuer_eye import card_view, judged, sent, terminal_view
from support.pos_cards import ABOVE, CONFIG, ODA_CONFIG, PRODUCTS, SALE, Field
from support.scripted_card import play
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.entry import run_tap
from wristlet.pos.kernel.outcome import OutcomeKind, TapOutcome
from wristlet.pos.kernel.sale import Sale
from wristlet.wire.emv.bits import Tvr

# Product, whether the wearer has unlocked it, the sale, and whether the terminal has scheme keys.
CASES: dict[str, tuple[str, bool, Sale, TerminalConfig]] = {
    f"{name} {'unlocked' if unlocked else 'locked'} {sale.amount_minor}": (
        name,
        unlocked,
        sale,
        ODA_CONFIG if name.endswith("DA") else CONFIG,
    )
    for name in PRODUCTS
    for unlocked, sale in ((False, SALE), (True, ABOVE), (False, ABOVE))
}
# A tap is long: a fifth of the usual examples for each of a dozen cases.
FEWER = settings(max_examples=settings().max_examples // 5)
Edit = tuple[int, bool, int]
"""Which exchange, whether its answer (else its command), which bit."""


@cache
def field_of(case: str) -> Field:
    name, unlocked, _, _ = CASES[case]
    return Field(PRODUCTS[name], unlocked=unlocked)


def tap(case: str, *edits: Edit) -> TapOutcome:
    """One tap with the given bits turned on the way."""
    _, _, sale, config = CASES[case]
    field = field_of(case)
    field.rewind()
    count = 0

    def turned(raw: bytes, is_answer: bool) -> bytes:
        changed = bytearray(raw)
        for exchange, of_answer, bit in edits:
            if exchange == count and of_answer is is_answer and bit < 8 * len(raw):
                changed[bit // 8] ^= 0x80 >> bit % 8
        return bytes(changed)

    def answer(command: bytes) -> bytes:
        nonlocal count
        said = turned(field.answer(turned(command, False)), True)
        count += 1
        return said

    return play(run_tap(config, sale), answer)


@cache
def all_edits(case: str) -> tuple[Edit, ...]:
    """Every bit of every command and answer of the undisturbed tap."""
    tap(case)
    field = field_of(case)
    pairs = enumerate(zip(field.heard, field.said, strict=True))
    return tuple(
        (exchange, is_answer, bit)
        for exchange, pair in pairs
        for is_answer, raw in zip((False, True), pair, strict=True)
        for bit in range(8 * len(raw))
    )


def agrees(case: str, *edits: Edit) -> bool:
    """Check one disturbed tap; tells whether it would be approved."""
    outcome = tap(case, *edits)
    if outcome.kind is not OutcomeKind.ONLINE_REQUEST:
        return False
    _, unlocked, sale, config = CASES[case]
    field = field_of(case)
    message = sent(sale, outcome)
    verdict = judged(message, field)
    if not verdict.genuine or verdict.found:
        return False
    terminal, card = terminal_view(message, outcome), card_view(field)
    assert terminal.fields == card.fields
    assert (terminal.atc, terminal.profile, terminal.aid) == (card.atc, card.profile, card.aid)
    assert terminal.number == card.number
    assert message.text(4) == terminal.fields[0x9F02].hex() == f"{sale.amount_minor:012d}"
    assert message.text(49) == terminal.fields[0x5F2A].hex()[1:] == sale.currency_numeric
    assert message.text(13) == terminal.fields[0x9A].hex()[2:]
    assert message.text(14) == "3012"
    assert terminal.fields[0x9F37] == sale.unpredictable_number
    assert card.is_verified or not terminal.is_verified
    assert card.is_verified is unlocked
    if config.ca_keys and outcome.kernel == 2:
        assert Tvr.ODA_NOT_PERFORMED not in Tvr.decode(terminal.fields[0x95])
    return True


def test_undisturbed_taps_are_approved_where_they_should_be() -> None:
    approved = {case for case in CASES if agrees(case)}
    assert approved == {case for case in CASES if "locked 1000" in case or "unlocked" in case}


@pytest.mark.parametrize("case", CASES)
@FEWER
@given(data=st.data())
def test_single_bits(case: str, data: st.DataObject) -> None:
    agrees(case, data.draw(st.sampled_from(all_edits(case))))


@pytest.mark.parametrize("case", CASES)
@FEWER
@given(data=st.data())
def test_pairs_of_bits(case: str, data: st.DataObject) -> None:
    """A little more than single edits: also what only both together could achieve."""
    edit = st.sampled_from(all_edits(case))
    agrees(case, data.draw(edit), data.draw(edit))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_single_bit(case: str) -> None:
    outcomes = [agrees(case, edit) for edit in all_edits(case)]
    # Not everything that a tap carries matters: labels, languages, class bits of a status word.
    assert len(outcomes) > 1_000
    assert sum(outcomes) < len(outcomes) / 2


def test_the_judge_would_notice_a_terminal_that_lies() -> None:
    """The property is not empty: another amount, number or verification is seen by the judge."""
    case = next(case for case in CASES if case.startswith("K3 locked 1000"))
    outcome = tap(case)
    _, _, sale, _ = CASES[case]
    field = field_of(case)
    assert not judged(sent(sale, outcome), field).found
    for tag, value in (
        (0x9F02, "000000000999"),
        (0x9F37, "00000000"),
        (0x5F2A, "0392"),
        (0x9F34, "010002"),
        (0x9F6C, "0080"),
        (0x9F27, "00"),
        (0x84, "A0000000041010"),
        (0x5F34, "02"),
        (0x57, "9998000000000033D30122010000000000000F"),
    ):
        lie = replace(outcome, data={**outcome.data, tag: bytes.fromhex(value)})
        assert judged(sent(sale, lie), field).found, f"{tag:X}"
