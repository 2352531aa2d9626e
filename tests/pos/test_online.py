"""What a tap becomes on the network: one request whose parts say the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.payment_cards import PAN
from support.pos_cards import ABOVE, CONFIG, PRODUCTS, SALE, Field
from support.scripted_card import play
from wristlet.pos import online
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.entry import run_tap
from wristlet.pos.kernel.outcome import TapOutcome
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.message import Message, reply

NOW_MS = 1_767_312_000_000  # 2026-01-02 00:00:00 UTC


def tapped(name: str = "K3") -> TapOutcome:
    return play(run_tap(CONFIG, SALE), Field(PRODUCTS[name]).answer)


def request(name: str = "K3") -> Message:
    built = online.authorisation_request(CONFIG, SALE, tapped(name), 42, NOW_MS)
    return iso.decode(iso.encode(built))


def plain(message: Message, number: int) -> str:
    return str.__str__(message.text(number))


@pytest.mark.parametrize("name", PRODUCTS)
def test_all_parts_of_a_request_agree(name: str) -> None:
    message = request(name)
    chip = ber.collect(message.binary(55))
    assert message.mti == "0100"
    assert sorted(message.fields) == [
        2,
        3,
        4,
        7,
        11,
        12,
        13,
        14,
        22,
        23,
        25,
        35,
        41,
        42,
        43,
        49,
        55,
    ]
    assert plain(message, 2) == PAN
    assert plain(message, 35).startswith(f"{PAN}D{message.text(14)}")
    assert message.text(4) == chip[tags.AMOUNT_AUTHORISED_9F02].hex() == "000000001000"
    assert message.text(49).zfill(4) == chip[tags.TRANSACTION_CURRENCY_CODE_5F2A].hex()
    assert message.text(3)[:2] == chip[tags.TRANSACTION_TYPE_9C].hex()
    assert message.text(12) == SALE.time_hhmmss
    assert message.text(13) == chip[tags.TRANSACTION_DATE_9A].hex()[2:]
    assert (message.text(7), message.text(11)) == ("0102000000", "000042")
    assert message.text(23) == "0" + chip[tags.PAN_SEQUENCE_NUMBER_5F34].hex() == "001"
    assert (message.text(22), message.text(25)) == ("071", "00")
    assert (message.text(41), message.text(42)) == ("WRIST001", "WRISTLETSHOP001")
    assert message.text(43) == "WRISTLET COFFEE          TOKYO        DE"
    needed = {0x9F26, 0x9F27, 0x9F10, 0x9F37, 0x9F36, 0x95, 0x9A, 0x9C, 0x9F02, 0x5F2A, 0x82,
              0x9F1A, 0x9F03, 0x9F33, 0x9F34, 0x9F35, 0x84, 0x5F34}  # fmt: skip
    assert needed <= chip.keys()
    hidden = {0x57, 0x5A, 0x5F24, 0x9F4B, 0x90, 0x9F46}
    assert not hidden & chip.keys(), "the number stands in its own fields alone"
    assert (tags.CTQ_9F6C in chip) is (tags.TTQ_9F66 in chip) is name.startswith("K3")


def test_a_card_without_sequence_number_sends_zeros() -> None:
    outcome = tapped()
    data = {tag: value for tag, value in outcome.data.items() if tag != 0x5F34}
    message = online.authorisation_request(CONFIG, SALE, replace(outcome, data=data), 1, NOW_MS)
    assert message.text(23) == "000"


def test_nothing_printed_shows_the_number() -> None:
    outcome, message = tapped("K2"), request("K2")
    advice = online.reversal_advice(message, 43, NOW_MS)
    for shown in (outcome, message, advice, advice.fields[2], message.fields[35]):
        for text in (repr(shown), str(shown), format(shown)):
            assert PAN not in text
            assert PAN[:12] not in text


def test_names_are_cut_and_filled_to_their_places() -> None:
    config = replace(CONFIG, merchant_name="X" * 40, city="", country_alpha="DEU")
    message = online.authorisation_request(config, SALE, tapped(), 1, NOW_MS)
    assert message.fields[43] == "X" * 25 + " " * 13 + "DE"


def test_a_reversal_names_its_request() -> None:
    asked = request()
    advice = iso.decode(iso.encode(online.reversal_advice(asked, 43, NOW_MS + 61_000)))
    assert advice.mti == "0420"
    assert advice.text(90) == "0100" + "000042" + "0102000000" + "0" * 22
    assert (advice.text(7), advice.text(11), advice.text(39)) == ("0102000101", "000043", "91")
    assert not {35, 43, 55} & advice.fields.keys()
    same = (2, 3, 4, 12, 13, 14, 22, 23, 25, 41, 42, 49)
    assert {n: advice.fields[n] for n in same} == {n: asked.fields[n] for n in same}


@pytest.mark.parametrize(("number", "value"), [
    (2, "9998000000000033"), (4, "000000000999"), (11, "000041"),
    (41, "WRIST002"), (42, "OTHERSHOP"), (49, "392"),
])  # fmt: skip
def test_an_answer_about_another_payment_is_none(number: int, value: str) -> None:
    asked = request()
    assert online.is_answer_to(reply(asked, {39: "00"}), asked)
    assert online.is_answer_to(Message("0110", {39: "00"}), asked)
    assert not online.is_answer_to(reply(asked, {39: "00", number: value}), asked)


@pytest.mark.parametrize(
    ("chip", "proof"),
    [
        ("910A11223344556677880000", "11223344556677880000"),
        ("8A023030910411223344", "11223344"),
        ("8A023030", ""),
        ("", ""),
        ("91", ""),
        ("910A11", ""),
        (None, ""),
    ],
)
def test_the_issuer_s_proof(chip: str | None, proof: str) -> None:
    fields: dict[int, str | bytes] = {} if chip is None else {55: bytes.fromhex(chip)}
    assert online.issuer_proof(Message("0110", fields)).hex() == proof


@pytest.mark.parametrize("changes", [
    {"terminal_id": ""}, {"terminal_id": "WRIST0001"}, {"merchant_id": "LADEN MÜNCHEN"},
    {"merchant_name": "CAFÉ"}, {"city": "A\n"}, {"serial_number": "123456789"},
    {"utc_offset_minutes": 841}, {"utc_offset_minutes": -841}, {"currency": "QQQ"},
])  # fmt: skip
def test_a_terminal_that_no_message_can_name_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        TerminalConfig(**changes)  # type: ignore[arg-type]  # one of several fields


def test_the_local_day_goes_into_the_request() -> None:
    """Field 13 and tag 9A are the terminal's day, field 7 is UTC."""
    sale = replace(ABOVE, amount_minor=1, date_yymmdd="251231")
    outcome = play(run_tap(CONFIG, sale), Field(PRODUCTS["K3"]).answer)
    message = online.authorisation_request(CONFIG, sale, outcome, 1, NOW_MS)
    assert (message.text(13), message.text(7)[:4]) == ("1231", "0102")
