"""What the wired side learns of a tap: its outcome and what is left, and nothing secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from support.paid_cards import PIN, add_card, built_in, pay, phone, wallet
from support.payment_cards import K3, PAN, Wish
from support.se_cards import Rig, select, send, transmit, volatile
from wristlet.se.tap_watch import TapWatch
from wristlet.wire import ber, products
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids, commands
from wristlet.wire.tap_report import TAG_TAP_REPORT, TapOutcome, TapReport

ABOVE_LIMIT = "36404000"
"""A kernel 3 terminal that asks for the cardholder's verification on the device."""


def report(rig: Rig) -> TapReport:
    """Ask in plain, as the strap does."""
    assert select(rig.wired, aids.CARDHOLDER_APPLET).ok
    answer = send(rig.wired, commands.get_data(TAG_TAP_REPORT))
    return TapReport.parse(ber.require(answer.data, TAG_TAP_REPORT))


def activate(rig: Rig, scope: int, value: int, *names: bytes) -> int:
    """The strap's own plain switch."""
    assert select(rig.wired, aids.CRS).ok
    return send(rig.wired, commands.crs_set_status(scope, value, *names)).sw


@pytest.fixture
def rig() -> Rig:
    made, _, _ = wallet(volatile())
    return made


def test_without_a_tap_there_is_nothing_to_tell(rig: Rig) -> None:
    assert report(rig) == TapReport(0, TapOutcome.NONE)


def test_a_tap_counts_and_names_its_card(rig: Rig) -> None:
    kernel_2 = aids.instance_aid(aids.KERNEL_2, 2)
    pay(rig, Wish(amount=1_500))
    told = report(rig)
    assert (told.number, told.outcome, told.aid, told.in_field) == (
        1, TapOutcome.SENT, kernel_2, True,
    )  # fmt: skip
    assert (told.free_taps_left, told.free_amount_left_minor) == (199, 8_500)
    rig.contactless.power_off()
    assert not report(rig).in_field
    pay(rig)
    assert report(rig).number == 2


def kernel_3(rig: Rig) -> None:
    assert activate(rig, 1, 1, aids.instance_aid(aids.KERNEL_3, 1)) == 0x9000


def none_active(rig: Rig) -> None:
    assert activate(rig, 1, 0, aids.instance_aid(aids.KERNEL_2, 2)) == 0x9000


@pytest.mark.parametrize(
    ("before", "wish", "outcome"),
    [
        (kernel_3, Wish(), TapOutcome.SENT),
        (kernel_3, Wish(ttq=ABOVE_LIMIT), TapOutcome.SEE_PHONE),
        (kernel_3, Wish(amount=20_000), TapOutcome.SEE_PHONE),
        (kernel_3, Wish(ttq="16004000"), TapOutcome.REFUSED),
        (kernel_3, Wish(kind="20"), TapOutcome.DECLINED),
        (lambda _: None, Wish(cvm_results="010002"), TapOutcome.SEE_PHONE),
        (none_active, Wish(), TapOutcome.NO_CARD),
    ],
)
def test_outcomes(rig: Rig, before: Callable[[Rig], None], wish: Wish, outcome: TapOutcome) -> None:
    before(rig)
    pay(rig, wish)
    assert report(rig).outcome is outcome
    assert report(rig).number == 1


def test_a_terminal_that_goes_away_early(rig: Rig) -> None:
    assert select(rig.contactless, aids.instance_aid(aids.KERNEL_2, 2)).ok
    assert transmit(rig.contactless, bytes.fromhex("80A8000002830000")).ok
    rig.contactless.power_off()
    assert report(rig).outcome is TapOutcome.UNFINISHED
    assert select(rig.contactless, aids.instance_aid(aids.KERNEL_2, 2)).ok
    assert transmit(rig.contactless, bytes.fromhex("80A8000002830000")).ok
    assert transmit(rig.contactless, bytes.fromhex(Wish().generate_ac("00"))).ok
    assert (report(rig).number, report(rig).outcome) == (2, TapOutcome.DECLINED)


def test_a_lease_is_told_and_used_up(rig: Rig) -> None:
    assert phone(rig).send(commands.verify(PIN)).ok
    full = report(rig)
    assert (full.lease_valid, full.taps_left, full.amount_left_minor) == (True, 20, 50_000)
    kernel_3(rig)
    pay(rig, Wish(ttq=ABOVE_LIMIT))
    told = report(rig)
    assert (told.outcome, told.taps_left, told.amount_left_minor) == (
        TapOutcome.SENT, 19, 49_000,
    )  # fmt: skip


def test_a_card_that_always_needs_the_pin_has_nothing_free() -> None:
    made = built_in(volatile())
    made.enrol_phone()
    assert phone(made).send(commands.create_pin(PIN)).ok
    add_card(made, 1, replace(K3, flags=products.FLAG_CDCVM_ALWAYS))
    pay(made)
    told = report(made)
    assert (told.outcome, told.free_taps_left, told.free_amount_left_minor) == (
        TapOutcome.SEE_PHONE, 0, 0,
    )  # fmt: skip


def test_volatile_priority_is_for_one_field(rig: Rig) -> None:
    first, second = aids.instance_aid(aids.KERNEL_3, 1), aids.instance_aid(aids.KERNEL_2, 2)
    assert activate(rig, 2, 2, first) == 0x9000
    pay(rig)
    assert report(rig).aid == first
    rig.contactless.power_off()
    pay(rig)
    assert report(rig).aid == second


def test_a_terminal_cannot_ask_and_nothing_secret_is_told(rig: Rig) -> None:
    answer = pay(rig)
    assert select(rig.contactless, aids.CARDHOLDER_APPLET).sw == 0x6A82
    raw = report(rig).encode()
    cryptogram = ber.collect(answer.data)[0x9F26]
    for secret in (cryptogram, bytes.fromhex(PAN), (1_000).to_bytes(4, "big")):
        assert secret not in raw


@pytest.mark.parametrize(
    ("data", "sw", "outcome"),
    [
        (b"\x77\x81\x90\x9f\x27\x01\x80", 0x6100, TapOutcome.SENT),
        (b"\x77\x81", 0x6100, TapOutcome.UNFINISHED),
        (b"\x77\x03\x9f\x27", 0x9000, TapOutcome.REFUSED),
        (b"\x77\x00", 0x9000, TapOutcome.REFUSED),
    ],
)
def test_a_long_answer_that_is_fetched_in_pieces(data: bytes, sw: int, outcome: TapOutcome) -> None:
    watch = TapWatch()
    watch.saw(Command(0x80, 0xA8, 0, 0, b"\x83\0").encode(), b"", 0x9000, b"\xa0" * 11)
    watch.saw(Command(0x80, 0xAE, 0x90, 0, bytes(43), 1).encode(), data, sw, b"\xa0" * 11)
    assert watch.outcome is outcome


def test_the_number_wraps_past_zero() -> None:
    watch = TapWatch()
    watch.number = 0xFFFF
    watch.saw(commands.select(aids.PPSE).encode(), b"", 0x6A82, b"")
    assert (watch.number, watch.outcome) == (1, TapOutcome.NO_CARD)
