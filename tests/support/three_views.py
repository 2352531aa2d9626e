"""Taps with bits turned between card and terminal, and whether three views of them agree.

Every single bit of every command and answer is turned in turn. What still goes online is judged
as the token service judges it: either it is refused there, or all three views are the same.
"""

from __future__ import annotations

from functools import cache

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
