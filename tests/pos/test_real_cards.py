"""The terminal and the real payment applets: what a tap comes to, product by product."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.applets import Bench
from support.payment_cards import K2, K3, PAN, text_table, unlock
from support.pos_cards import ABOVE, CONFIG, ODA_CONFIG, PRODUCTS, SALE, Field
from support.scripted_card import play
from wristlet.pos.kernel.entry import run_tap
from wristlet.pos.kernel.outcome import Cvm, Display, OutcomeKind, TapOutcome
from wristlet.se.applets.base import Interface
from wristlet.wire import ber, products
from wristlet.wire.apdu import Command
from wristlet.wire.emv import tags
from wristlet.wire.emv.iad import AcType, Iad18, Iad21
from wristlet.wire.gp.lifecycle import ContactlessState

# Product: 255 taps and 100.00 without lease, as the terminal's CVM limit; lease: 20,000,000.00.
TAPS = """
amount  lease currency flags | kind            display          cvm
1000    no    978      0     | online_request  AUTHORISING      no_cvm
0       no    978      0     | online_request  AUTHORISING      no_cvm
10000   no    978      0     | online_request  AUTHORISING      no_cvm
10001   no    978      0     | try_again       SEE_PHONE        no_cvm
1000    no    392      0     | try_again       SEE_PHONE        no_cvm
1000    no    978      1     | try_again       SEE_PHONE        no_cvm
10001   yes   978      0     | online_request  AUTHORISING      cdcvm
1000000 yes   978      0     | online_request  AUTHORISING      cdcvm
1000001 yes   978      0     | declined        DECLINED         no_cvm
5000000 yes   392      0     | online_request  AUTHORISING      cdcvm
"""


@pytest.mark.parametrize("oda", [False, True], ids=["no keys", "keys"])
@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize(("asked", "expected"), text_table(TAPS))
def test_one_tap(asked: str, expected: str, name: str, oda: bool) -> None:
    amount, lease, currency, flags = asked.split()
    kind, display, cvm = expected.split()
    card = replace(PRODUCTS[name], flags=int(flags))
    field = Field(card, unlocked=lease == "yes")
    sale = replace(SALE, amount_minor=int(amount), currency_numeric=currency)
    outcome = play(run_tap(ODA_CONFIG if oda else CONFIG, sale), field.answer)
    assert (outcome.kind, outcome.display, outcome.cvm) == (
        OutcomeKind(kind),
        Display[display],
        Cvm(cvm),
    )
    assert outcome.kernel == card.product.kernel
    if outcome.kind is OutcomeKind.ONLINE_REQUEST:
        check_online(field, outcome, has_lease=lease == "yes")


def check_online(field: Field, outcome: TapOutcome, *, has_lease: bool) -> None:
    """Both sides say the same about kind of cryptogram, cardholder and application."""
    data = outcome.data
    read = Iad18.parse if field.card.product.kernel == products.KERNEL_3 else Iad21.parse
    iad = read(data[tags.ISSUER_APPLICATION_DATA_9F10])
    assert iad.ac_type is AcType.ARQC
    assert iad.lease.used is has_lease
    assert data[tags.DF_NAME_84] == field.aid == outcome.aid
    results = data[tags.CVM_RESULTS_9F34].hex()
    assert (results == "010002") is (outcome.cvm is Cvm.CDCVM)
    assert data[tags.TRACK_2_57].hex().startswith(PAN)


def test_see_phone_then_unlock_then_the_second_tap_goes_online() -> None:
    for name, card in PRODUCTS.items():
        field = Field(card)
        assert play(run_tap(CONFIG, ABOVE), field.answer).display is Display.SEE_PHONE
        unlock(field.bench)
        outcome = play(run_tap(CONFIG, ABOVE), field.answer)
        assert (outcome.kind, outcome.cvm) == (OutcomeKind.ONLINE_REQUEST, Cvm.CDCVM), name


def both() -> Field:
    """An element with two active cards, kernel 3 and kernel 2."""
    field = Field(K3)
    second = replace(K2, taps_max=255).issue(field.bench, 2)
    assert second.contactless is ContactlessState.ACTIVATED
    return field


def test_the_card_s_own_order_decides_between_two() -> None:
    field = both()
    listed = field.bench.registry.active()
    assert len(listed) == 2
    outcome = play(run_tap(CONFIG, SALE), field.answer)
    assert outcome.aid == listed[0].aid
    first = listed[0].aid
    with field.bench.store.transaction():
        field.bench.registry.set_contactless(first, ContactlessState.DEACTIVATED)
    assert play(run_tap(CONFIG, SALE), field.answer).aid == listed[1].aid


def test_a_card_switched_off_after_the_directory_was_read_is_passed_over() -> None:
    """Selected, then switched away: the transaction does not start, the next one is tried."""
    field = both()
    first, second = (instance.aid for instance in field.bench.registry.active())

    def answer(command: bytes) -> bytes:
        if command[1] == 0xA8 and first in field.heard[-1]:
            with field.bench.store.transaction():
                field.bench.registry.set_contactless(first, ContactlessState.DEACTIVATED)
        return field.answer(command)

    outcome = play(run_tap(CONFIG, SALE), answer)
    assert outcome.kind is OutcomeKind.ONLINE_REQUEST
    assert outcome.aid == second


def test_a_card_without_an_active_application_is_of_no_use() -> None:
    field = Field(K3)
    with field.bench.store.transaction():
        field.bench.registry.set_contactless(field.aid, ContactlessState.DEACTIVATED)
    outcome = play(run_tap(CONFIG, SALE), field.answer)
    assert outcome.reason == "the card has no contactless directory"


def test_a_forged_kind_is_shown_up_by_the_card_s_own_word() -> None:
    """A09: an AAC passed off as ARQC reaches the issuer with the card's own "AAC" inside."""
    field = Field(K2)

    def answer(command: bytes) -> bytes:
        if command[1] == 0xAE:
            command = command[:2] + b"\x00" + command[3:]
        return field.answer(command).replace(bytes.fromhex("9F270100"), bytes.fromhex("9F270180"))

    outcome = play(run_tap(CONFIG, SALE), answer)
    assert outcome.kind is OutcomeKind.ONLINE_REQUEST
    iad = Iad21.parse(outcome.data[tags.ISSUER_APPLICATION_DATA_9F10])
    assert iad.ac_type is AcType.AAC


def test_field_answers_like_the_card_itself() -> None:
    """The double adds nothing: an answer is what the applet gives."""
    field = Field(K3)
    raw = bytes.fromhex("00A40400") + bytes((len(field.aid),)) + field.aid + b"\0"
    said = field.answer(raw)
    again = field.bench.select(Command.parse(raw).data, Interface.CONTACTLESS)
    assert said == again.encode()
    assert ber.require(said, 0x6F, 0x84) == field.aid
    assert field.answer(b"\x00") == bytes.fromhex("6700")
    assert isinstance(field.bench, Bench)
