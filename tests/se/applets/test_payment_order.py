"""What outside readers ask out of turn or beside the point: answered by the standard, no more."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.applets import Bench
from support.payment_cards import K2, K3, PAN, Wish, issue, tags, tap, text_table
from wristlet.se.applets.base import Interface
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids
from wristlet.wire.gp.lifecycle import ContactlessState

SEQUENCE = """
card command                        | before GPO, after GPO, after the cryptogram
K3   80A8000002830000               | 6A80 6985 6985
K3   80A80000 00                    | 6A80 6985 6985
K3   80A8010002830000               | 6A86 6A86 6A86
K3   00A8000002830000               | 6E00 6E00 6E00
K3   00B2010C00                     | 6985 6A82 6A82
K3   80AE8000010000                 | 6D00 6D00 6D00
K3   802A8E80040000000000           | 6D00 6D00 6D00
K3   80CA9F3600                     | 9000 9000 9000
K3   80CA9F1300                     | 6A88 6A88 6A88
K3   80CA9F1700                     | 6A88 6A88 6A88
K3   80CA9F4F00                     | 6A88 6A88 6A88
K3   80CA9F7F00                     | 6A88 6A88 6A88
K3   80CA005700                     | 6A88 6A88 6A88
K3   00CA9F3600                     | 6E00 6E00 6E00
K3   0020008008 24111111FFFFFFFF    | 6D00 6D00 6D00
K2   80A80000048302000000           | 6A80 6985 6985
K2   00B2010C00                     | 6985 9000 9000
K2   00B2020C00                     | 6985 6A83 6A83
K2   00B2011400                     | 6985 6A82 6A82
K2   00B201FC00                     | 6985 6A82 6A82
K2   00B2010000                     | 6A86 6A86 6A86
K2   00B2010D00                     | 6A86 6A86 6A86
K2   00B2000C00                     | 6A86 6A86 6A86
K2   80B2010C00                     | 6E00 6E00 6E00
K2   80AE80000100                   | 6985 6700 6985
K2   80AEC0000100                   | 6A86 6A86 6A86
K2   80AE80010100                   | 6A86 6A86 6A86
K2   802A8E80040000000000           | 6D00 6D00 6D00
"""


def at_phase(bench: Bench, aid: bytes, phase: int) -> None:
    """0: selected, 1: after GPO, 2: after the cryptogram (for kernel 3 the same as 1)."""
    bench.select(aid, Interface.CONTACTLESS)
    if aids.kernel_of(aid) == 3:
        if phase:
            bench.send(Wish().gpo())
        return
    if phase:
        bench.send("80A8000002830000")
    if phase == 2:
        bench.send(Wish().generate_ac())


@pytest.mark.parametrize(("asked", "expected"), text_table(SEQUENCE))
def test_status_words_by_phase(asked: str, expected: str) -> None:
    card, command = asked.split(maxsplit=1)
    bench, aid = issue(K3 if card == "K3" else K2)
    answers = []
    for phase in range(3):
        at_phase(bench, aid, phase)
        answers.append(f"{bench.send(command).sw:04X}")
    assert answers == expected.split()


def test_one_cryptogram_per_selection() -> None:
    bench, aid = issue(K2)
    assert tap(bench, aid).ok
    assert bench.send(Wish().generate_ac()).sw == 0x6985
    assert bench.send("80A8000002830000").sw == 0x6985


@pytest.mark.parametrize("size", [42, 44])
def test_generate_ac_takes_exactly_the_cdol_data(size: int) -> None:
    bench, aid = issue(K2)
    at_phase(bench, aid, 1)
    data = bytes(size)
    assert bench.send(Command(0x80, 0xAE, 0x80, 0, data, 256)).sw == 0x6700
    assert bench.send(Wish().generate_ac()).ok


@pytest.mark.parametrize("amount", ["00000000100A", "F00000000000"])
def test_an_amount_that_is_no_number_is_refused(amount: str) -> None:
    for card in (K3, K2):
        bench, aid = issue(card)
        at_phase(bench, aid, 1 if card is K2 else 0)
        wish = Wish().gpo() if card is K3 else Wish().generate_ac()
        assert bench.send(wish.replace("000000001000", amount)).sw == 0x6A80


def test_records_are_as_they_were_personalised() -> None:
    bench, aid = issue(K2)
    at_phase(bench, aid, 1)
    assert bench.send("00B2010C00").data == K2.dgis()[0x0101]


def test_the_fci_names_the_instance_and_asks_for_the_pdol() -> None:
    bench, aid = issue(K3)
    objects = tags(bench.select(aid, Interface.CONTACTLESS))
    assert objects[0x84] == aid
    assert objects[0x50] == b"wristlet test"
    assert objects[0x9F38].hex().upper() == "9F66049F02069F03069F1A0295055F2A029A039C019F3704"


def test_an_instance_without_data_cannot_be_selected() -> None:
    bench = Bench()
    aid = aids.instance_aid(aids.KERNEL_3, 1)
    bench.install(aid, aids.PAYMENT_MODULE_K3)
    assert bench.select(aid, Interface.CONTACTLESS).sw == 0x6985


@pytest.mark.parametrize("state", [ContactlessState.DEACTIVATED, ContactlessState.NON_ACTIVATABLE])
def test_a_card_that_was_switched_off_while_selected_pays_no_more(state: ContactlessState) -> None:
    bench, aid = issue(K3)
    bench.select(aid, Interface.CONTACTLESS)
    with bench.store.transaction():
        bench.registry.set_contactless(aid, state)
    before = bench.store.snapshot()
    assert bench.send(Wish().gpo()).sw == 0x6985
    assert bench.store.snapshot() == before


def test_cards_answer_on_the_contactless_interface_only() -> None:
    bench, aid = issue(K3)
    assert bench.select(aid, Interface.WIRED).sw == 0x6A82


COMMANDS = st.one_of(
    st.builds(
        Command,
        cla=st.sampled_from([0x00, 0x80, 0x84, 0x90]),
        ins=st.one_of(st.sampled_from([0xA8, 0xB2, 0xAE, 0xCA, 0x2A, 0x82]), st.integers(0, 255)),
        p1=st.one_of(st.sampled_from([0, 1, 0x80, 0x9F]), st.integers(0, 255)),
        p2=st.one_of(st.sampled_from([0, 0x0C, 0x14, 0x36]), st.integers(0, 255)),
        data=st.one_of(st.binary(max_size=60), st.just(bytes.fromhex("8300"))),
        le=st.none(),
        extended=st.just(False),
    ),
    st.sampled_from([Wish().gpo(), Wish().generate_ac(), "80A8000002830000", "00B2010C00"]).map(
        lambda text: Command.parse(bytes.fromhex(text))
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.booleans(), st.lists(COMMANDS, max_size=20))
def test_no_sequence_of_commands_crashes_or_reuses_an_atc(
    kernel_2: bool, sequence: list[Command]
) -> None:
    """Before GPO nothing shows the number; every cryptogram has an ATC of its own."""
    bench, aid = issue(K2 if kernel_2 else K3)
    bench.select(aid, Interface.CONTACTLESS)
    started, atcs = False, []
    for command in sequence:
        answer = bench.send(command)
        started |= command.ins == 0xA8 and answer.ok
        if not started:
            assert bytes.fromhex(PAN) not in answer.data
        if answer.ok and b"\x9f\x26\x08" in answer.data:
            atcs.append(tags(answer)[0x9F36])
    assert len(set(atcs)) == len(atcs) <= 1
