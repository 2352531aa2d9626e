"""The applets on a whole card: scripts, the phone's channel, taps, and power lost in between."""

from __future__ import annotations

import pytest

from support import vectors
from support.applets import SE_ID
from support.paid_cards import add_card, built_in, pay, phone, reopened, wallet
from support.payment_cards import K2, K3, PIN, CardData, Wish, tags
from support.se_cards import (
    DIRECTORY,
    run,
    sealed,
    select,
    send,
    transmit,
    volatile,
)
from wristlet.env.sim import SimulatedCrash
from wristlet.wire import products
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.receipt import LeaseReport, SignedStatement
from wristlet.wire.script import ScriptDgi

WRONG = "805316"


def test_from_pairing_to_the_tap_that_needs_the_pin() -> None:
    rig, first, second = wallet(volatile())
    assert tags(pay(rig))[0x9F36] == b"\x00\x01"
    session = phone(rig)
    assert session.send(commands.crs_set_status(0x01, 0x01, first)).ok
    above = Wish(amount=20_000, ttq="36404000")
    assert pay(rig, above).sw == 0x6986
    answer = phone(rig).send(commands.verify(PIN))
    report = LeaseReport.parse(SignedStatement.parse(answer.data, 0x7F62).body)
    assert report.se_id == rig.identity.se_id != SE_ID
    assert tags(pay(rig, above))[0x9F6C][1] & 0x80
    assert rig.card.registry.effective(second) is ContactlessState.DEACTIVATED


def test_a_wrong_pin_keeps_the_channel_and_the_third_blocks() -> None:
    rig, _, _ = wallet(volatile())
    session = phone(rig)
    answers = [session.send(commands.verify(WRONG)).sw for _ in range(4)]
    assert answers == [0x63C2, 0x63C1, 0x63C0, 0x6983]
    assert pay(rig).ok, "the block keeps the cards"


def test_the_strap_button_switches_in_plain_and_nothing_else() -> None:
    rig, first, _ = wallet(volatile())
    select(rig.wired, aids.CRS)
    assert send(rig.wired, commands.crs_set_status(0x01, 0x01, first)).ok
    assert send(rig.wired, commands.crs_set_interface(False)).sw == 0x6982
    assert rig.card.registry.active()[0].aid == first


def test_a_suspended_card_is_out_of_reach_of_the_registry() -> None:
    rig, first, second = wallet(volatile())
    draft = rig.draft(3)
    draft.add_group(Dgi(ScriptDgi.MAKE_NON_ACTIVATABLE, second))
    assert run(rig.wired, draft.finish().script.apdus)[-1].ok
    select(rig.wired, aids.CRS)
    answer = send(rig.wired, commands.crs_set_status(0x01, 0x01, second))
    assert (answer.sw, answer.data.hex()) == (0x6320, "a10d4f0b" + second.hex())
    assert pay(rig).sw == 0x6A82
    assert send(rig.wired, commands.crs_set_status(0x01, 0x01, first)).ok
    assert pay(rig).ok


def test_a_card_whose_check_values_are_wrong_is_never_committed() -> None:
    rig = built_in(volatile())
    rig.enrol_phone()
    phone(rig).send(commands.create_pin(PIN))
    before = set(rig.state())

    class Wrong(CardData):
        def dgis(self) -> dict[int, bytes]:
            return super().dgis() | {products.DGI_KEY_CHECKS: bytes(9)}

    with pytest.raises(AssertionError, match="6985"):
        add_card(rig, 1, Wrong())
    assert set(rig.state()) == before


def test_sensitive_data_are_not_on_the_disk_in_clear() -> None:
    rig, _, _ = wallet(sealed())
    phone(rig).send(commands.verify(PIN))
    assert pay(rig).ok
    for name in rig.disk.listdir(DIRECTORY):
        raw = rig.disk.read(f"{DIRECTORY}/{name}")
        for secret in (K3.keys[:16], K2.keys[:16], bytes.fromhex("99980000000000"), PIN.encode()):
            assert secret not in raw


@pytest.mark.parametrize("kernel", [2, 3])
def test_power_lost_at_every_step_of_a_tap_never_repeats_an_atc(kernel: int) -> None:
    rig, first, _ = wallet(sealed())
    if kernel == 3:
        select(rig.wired, aids.CRS)
        send(rig.wired, commands.crs_set_status(0x01, 0x01, first))
    seen: list[int] = []
    step = 0
    while True:
        step += 1
        rig.disk.kill_at(step)
        try:
            answer = pay(rig)
        except SimulatedCrash:
            rig = reopened(rig)
            continue
        rig.disk.restart()
        seen.append(int.from_bytes(tags(answer)[0x9F36], "big"))
        if len(seen) > 2:
            break
    assert step > 3
    assert seen == sorted(set(seen))
    assert seen[-1] <= step, "at most one number is lost per cut"


def test_power_lost_at_every_step_of_a_wrong_pin_gives_no_further_guess() -> None:
    """However often the power goes, at most three guesses are compared."""
    rig, _, _ = wallet(sealed())
    answered = step = 0
    while step < 40:
        step += 1
        session = phone(rig)
        rig.disk.kill_at(step % 7 + 1)
        try:
            answer = session.send(commands.verify(WRONG))
        except SimulatedCrash:
            rig = reopened(rig)
            continue
        rig.disk.restart()
        if answer.sw == 0x6983:
            break
        answered += 1
    assert answered <= 3
    assert phone(rig).send(commands.verify(PIN)).sw == 0x6983


RECORDED = {row["name"]: row["apdus"] for row in vectors.load("emv_traces")["rows"]}
# Same SELECT and GPO; our records are elsewhere; the reader's CDOL data fit ours.
ANSWERS = {
    "contactless-mastercard": "9000 9000 6A82 6A82 6A82 6A82 9000",
    "contactless-msd": "9000 9000 9000 6D00",
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_readers_are_answered_by_the_standard(name: str) -> None:
    """Readers that knew other cards: what ours has is given, the rest is politely refused."""
    rig, _, _ = wallet(volatile())
    answers = [transmit(rig.contactless, bytes.fromhex(command)) for command, _ in RECORDED[name]]
    assert " ".join(f"{answer.sw:04X}" for answer in answers) == ANSWERS[name]
    if name == "contactless-mastercard":
        objects = tags(answers[-1])
        # That terminal wanted a signature, which this card does not offer.
        assert (objects[0x9F27], objects[0xDF4B]) == (b"\x00", b"\x00\x01\x00")
