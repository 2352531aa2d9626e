"""What a card still allows without PIN, told to an enrolled phone and to nobody else."""

from __future__ import annotations

import pytest

from support.paid_cards import pay, phone, wallet
from support.payment_cards import PIN, Wish
from support.se_cards import Rig, select, send, volatile
from wristlet.wire import ber
from wristlet.wire.free_taps import TAG_FREE_TAPS, FreeTaps, question
from wristlet.wire.gp import aids, commands


def ask(rig: Rig, aid: bytes) -> FreeTaps:
    answer = phone(rig).send(commands.get_data(TAG_FREE_TAPS, question(aid)))
    assert answer.ok
    return FreeTaps.parse(answer.data)


def test_the_counters_run_down_with_each_tap_and_begin_anew_with_the_pin() -> None:
    rig, first, second = wallet(volatile())
    whole = ask(rig, second)
    assert (whole.taps_left, whole.amount_left_minor) == (whole.taps_max, whole.amount_max_minor)
    assert (whole.currency, whole.always_pin) == ("0978", False)
    assert pay(rig, Wish(amount=480)).ok
    after = ask(rig, second)
    assert after.taps_left == whole.taps_left - 1
    assert after.amount_left_minor == whole.amount_left_minor - 480
    assert ask(rig, first) == ask(rig, first), "each card counts for itself"
    assert ask(rig, first).taps_left == ask(rig, first).taps_max
    assert phone(rig).send(commands.verify(PIN)).ok
    assert ask(rig, second) == whole


def test_at_none_the_next_tap_wants_the_pin() -> None:
    rig, first, _ = wallet(volatile())
    assert phone(rig).send(commands.crs_set_status(0x01, 0x01, first)).ok
    for left in (5_000, 0):
        assert pay(rig, Wish(amount=5_000)).ok
        assert ask(rig, first).amount_left_minor == left
    assert pay(rig, Wish(amount=1)).sw == 0x6986


@pytest.mark.parametrize(
    ("data", "sw"),
    [
        (question(bytes.fromhex("a000000003101000009999")), 0x6A88),
        (b"", 0x6A80),
        (b"\x4f", 0x6A80),
        (ber.encode(0x50, b"name"), 0x6A80),
    ],
)
def test_what_is_not_there_or_not_asked_right(data: bytes, sw: int) -> None:
    rig, _, _ = wallet(volatile())
    assert phone(rig).send(commands.get_data(TAG_FREE_TAPS, data)).sw == sw


def test_in_plain_nobody_hears_it() -> None:
    rig, _, second = wallet(volatile())
    select(rig.wired, aids.CARDHOLDER_APPLET)
    assert send(rig.wired, commands.get_data(TAG_FREE_TAPS, question(second))).sw == 0x6982
