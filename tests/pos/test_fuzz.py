"""Hostile cards: whatever they answer, a tap ends, raises nothing and approves nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.issuer_eye import sent
from support.pos_cards import AID_2, AID_3, ODA_CONFIG, PRODUCTS, SALE, Field, entry, fci, ppse, tlv
from support.scripted_card import Answer, play
from wristlet.pos.kernel.entry import COMMANDS_MAX, run_tap
from wristlet.pos.kernel.outcome import Display, OutcomeKind
from wristlet.wire import ber, products
from wristlet.wire.emv import tags

STATUS = st.sampled_from(["9000"] * 8 + ["6985", "6986", "6A82", "6A83", "6283", "6F00", "6700"])
TAGS = (0x4F, 0x57, 0x5A, 0x5F24, 0x5F25, 0x5F28, 0x5F34, 0x82, 0x84, 0x87, 0x8C, 0x8E, 0x8F,
        0x90, 0x92, 0x94, 0x95, 0x9F02, 0x9F07, 0x9F0E, 0x9F10, 0x9F26, 0x9F27, 0x9F2A, 0x9F32,
        0x9F36, 0x9F37, 0x9F38, 0x9F42, 0x9F46, 0x9F47, 0x9F48, 0x9F4A, 0x9F4B, 0x9F69, 0x9F6C,
        0x9F6E, 0xDF4B)  # fmt: skip
PLAUSIBLE = {
    0x4F: [AID_3, AID_2],
    0x57: ["9998000000000025D30122010000000000000F", "", "D0", "99980000D3012201"],
    0x5F24: ["301231", "", "200101", "FFFFFF"],
    0x5F34: ["01", "", "0A"],
    0x82: ["1280", "1380", "2000", "0000", "", "FFFF"],
    0x8C: [products.CDOL1_KERNEL_2.hex(), "", "9F", "9F02FF9F03FF", "9F3704"],
    0x8E: ["00000000000000001F03", "", "00"],
    0x8F: ["F1", "", "EF"],
    0x94: [
        "08010100",
        "080102001001FF00",
        "",
        "08",
        "FFFFFFFF",
        "08010100" * 60,
        "0801400140010200",
    ],
    0x9F10: ["06011203800000090F0000000000000000", ""],
    0x9F26: ["0011223344556677", ""],
    0x9F27: ["80", "00", "40", "", "C0"],
    0x9F36: ["0001", ""],
    0x9F38: [products.PDOL_KERNEL_3.hex(), "", "9F6604", "9F66", "9F6604" * 80],
    0x9F6C: ["0080", "", "8000"],
}


def ends_harmlessly(answer: Answer) -> None:
    """Run one tap on a card and check what may never happen."""
    seen: list[bytes] = []

    def counted(command: bytes) -> bytes:
        seen.append(command)
        return answer(command)

    outcome = play(run_tap(ODA_CONFIG, SALE), counted, COMMANDS_MAX + 1)
    assert len(seen) <= COMMANDS_MAX
    assert outcome.display is not Display.APPROVED
    assert bool(outcome.data) is (outcome.kind is OutcomeKind.ONLINE_REQUEST)
    if outcome.data:
        # It goes online with what it needs, and the message can be sent.
        message = sent(SALE, outcome)
        assert ber.collect(message.binary(55))[tags.APPLICATION_CRYPTOGRAM_9F26]


def objects() -> st.SearchStrategy[str]:
    """Data objects with known tags and values that are nearly right, or anything at all."""
    pairs = st.sampled_from(TAGS).flatmap(
        lambda tag: st.tuples(
            st.just(f"{tag:X}"),
            st.one_of(
                st.sampled_from(PLAUSIBLE.get(tag, [""])),
                st.binary(max_size=12).map(bytes.hex),
            ),
        )
    )
    leaf = pairs.map(lambda pair: tlv(*pair))
    return st.lists(leaf, max_size=14).map("".join)


def answers() -> st.SearchStrategy[bytes]:
    template = st.sampled_from(["70", "77", "80", "6F", "61", "A5", "BF0C"])
    wrapped = st.tuples(template, objects()).map(lambda pair: tlv(*pair))
    content = st.one_of(wrapped, wrapped, objects(), st.binary(max_size=300).map(bytes.hex))
    whole = st.tuples(content, STATUS).map(lambda pair: bytes.fromhex("".join(pair)))
    return st.one_of(whole, whole, whole, st.binary(min_size=2, max_size=300))


@given(data=st.data())
def test_random_answers(data: st.DataObject) -> None:
    ends_harmlessly(lambda command: data.draw(answers()))


def plausible(draw: Callable[[st.SearchStrategy[bytes]], bytes], aid: str) -> Answer:
    """A card that can be selected and then answers at random."""

    def answer(command: bytes) -> bytes:
        if command[1] != 0xA4:
            return draw(answers())
        if len(command) > 13 and command[5:9] == b"2PAY":
            return bytes.fromhex(ppse(entry(aid)))
        return bytes.fromhex(
            fci(aid, *([tlv("9F38", products.PDOL_KERNEL_3.hex())] * (aid == AID_3)))
        )

    return answer


@pytest.mark.parametrize("aid", [AID_2, AID_3])
@given(data=st.data())
def test_random_answers_after_selection(aid: str, data: st.DataObject) -> None:
    ends_harmlessly(plausible(data.draw, aid))


def complete(aid: str, given: dict[int, str]) -> Answer:
    """A card whose every answer holds the right templates and these objects, some of them wrong."""

    def answer(command: bytes) -> bytes:
        if command[1] == 0xA4:
            is_directory = command[5:9] == b"2PAY"
            pdol = [tlv("9F38", given[0x9F38])] if aid == AID_3 else []
            return bytes.fromhex(ppse(entry(aid)) if is_directory else fci(aid, *pdol))
        wanted = {
            0xA8: (0x82, 0x94) if aid == AID_2 else tuple(t for t in given if t != 0x9F38),
            0xB2: tuple(tag for tag in given if tag not in (0x82, 0x94, 0x9F38)),
            0xAE: (0x9F27, 0x9F36, 0x9F26, 0x9F10),
        }[command[1]]
        inner = "".join(tlv(f"{tag:X}", given[tag]) for tag in wanted)
        return bytes.fromhex(tlv("70" if command[1] == 0xB2 else "77", inner) + "9000")

    return answer


@pytest.mark.parametrize("aid", [AID_2, AID_3])
@given(data=st.data())
def test_whole_cards_with_wrong_values(aid: str, data: st.DataObject) -> None:
    """Mostly the first, right value of each object, so that taps come far."""
    given = {
        tag: data.draw(st.sampled_from([values[0]] * 6 + values))
        for tag, values in PLAUSIBLE.items()
        if tag != 0x4F
    }
    ends_harmlessly(complete(aid, given))


@cache
def field_of(name: str) -> Field:
    return Field(PRODUCTS[name])


@pytest.mark.parametrize("name", PRODUCTS)
@given(data=st.data())
def test_real_answers_changed(name: str, data: st.DataObject) -> None:
    """Bytes turned, cut out, put in, doubled in what a real card says."""
    field = field_of(name)
    field.rewind()

    def answer(command: bytes) -> bytes:
        said = bytearray(field.answer(command))
        if data.draw(st.integers(0, 3)):
            return bytes(said)
        start = data.draw(st.integers(0, len(said) - 1))
        end = data.draw(st.integers(start, min(start + 4, len(said))))
        said[start:end] = data.draw(st.binary(max_size=4))
        return bytes(said) if len(said) >= 2 else b"\x6f\x00"

    ends_harmlessly(answer)
