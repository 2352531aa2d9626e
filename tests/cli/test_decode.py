"""The decode commands on good and bad bytes: what they say, how they end, never a traceback."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from wristlet.cli.main import app
from wristlet.cli.output import Exit
from wristlet.model.testcards import TEST_CARDS
from wristlet.wire import ber
from wristlet.wire.iso8583 import message
from wristlet.wire.iso8583.message import Message

PAN = TEST_CARDS[0].number.reveal()
RECORD = ber.build((0x70, ((0x5A, bytes.fromhex(PAN)), (0x5F34, b"\x01"))))
REQUEST = message.encode(Message("0100", {2: PAN, 3: "000000", 4: "000000000480", 11: "000001"}))
KINDS = ("tlv", "apdu", "sw", "iso8583")


def decode(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["decode", *words], input=stdin)


def test_tlv_names_its_tags_and_shows_the_tree() -> None:
    shown = decode("tlv", "6F 0A 84:08:A000000003101000")
    assert shown.exit_code == Exit.OK
    assert shown.stdout.splitlines() == [
        "6F [10] File Control Information (FCI) Template",
        "  84 [8] Dedicated File (DF) Name  A000000003101000",
    ]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_tlv_masks_card_numbers_unless_told(words: tuple[str, ...]) -> None:
    assert PAN not in decode("tlv", *words, RECORD.hex()).output
    assert PAN in decode("tlv", *words, "--reveal", RECORD.hex()).output


def test_tlv_shows_what_came_before_a_fault() -> None:
    shown = decode("tlv", "--json", "9F3602000170035A0899")
    assert shown.exit_code == Exit.FAILURE
    assert "error: TLV: " in shown.stderr
    assert [row["tag"] for row in json.loads(shown.stdout)] == ["9F36", "70"]


def test_apdu_is_taken_apart() -> None:
    shown = decode("apdu", "--json", "80CA9F3600")
    assert json.loads(shown.stdout) == {
        "cla": "80",
        "ins": "CA",
        "name": "GET DATA",
        "p1": "9F",
        "p2": "36",
        "channel": 0,
        "secured": False,
        "chained": False,
        "extended": False,
        "lc": 0,
        "data": "",
        "le": 256,
    }


@pytest.mark.parametrize(
    ("ins", "name"),
    [
        ("80A80000", "GET PROCESSING OPTIONS"),
        ("00B20114", "READ RECORD"),
        ("00840000", "unknown instruction"),
    ],
)
def test_apdu_names_the_instruction(ins: str, name: str) -> None:
    assert f"name      {name}\n" in decode("apdu", ins).stdout


def test_status_word_says_what_to_do() -> None:
    assert decode("sw", "9000").stdout == "Done.\n"
    assert json.loads(decode("sw", "--json", "6A82").stdout)["sw"] == "6A82"
    assert decode("sw", "90").exit_code == Exit.USAGE


def test_iso8583_masks_card_data_unless_told() -> None:
    shown = decode("iso8583", REQUEST.hex())
    assert f"2  primary account number: ****{PAN[-4:]}" in shown.stdout
    assert PAN not in shown.output
    assert PAN in decode("iso8583", "--reveal", REQUEST.hex()).stdout


def test_iso8583_shows_the_fields_before_a_fault() -> None:
    shown = decode("iso8583", "--json", REQUEST[:-1].hex())
    assert shown.exit_code == Exit.FAILURE
    assert "field 11" in shown.stderr
    assert [row["field"] for row in json.loads(shown.stdout)["fields"]] == [2, 3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_hex_is_a_usage_error(kind: str) -> None:
    for shown in (decode(kind, "9G"), decode(kind, "-", stdin="xyz"), decode(kind, "٩٠")):
        assert shown.exit_code == Exit.USAGE
        assert "give pairs of 0-9 and A-F" in shown.stderr
        assert not shown.stdout


def test_stdin_is_read_for_a_dash() -> None:
    assert decode("sw", "-", stdin="90\n00\n").stdout == "Done.\n"


@given(kind=st.sampled_from(KINDS), raw=st.binary(max_size=300), as_json=st.booleans())
def test_no_bytes_make_a_traceback(kind: str, raw: bytes, as_json: bool) -> None:
    words = [kind, *(["--json"] if as_json else []), raw.hex()]
    shown = CliRunner().invoke(app, ["decode", *words], catch_exceptions=False)
    assert shown.exit_code in {Exit.OK, Exit.FAILURE, Exit.USAGE}
    assert (shown.exit_code == Exit.OK) == ("error" not in shown.stderr)
    if as_json and shown.stdout:
        json.loads(shown.stdout)


@given(
    kind=st.sampled_from(KINDS),
    good=st.sampled_from([RECORD, REQUEST]),
    place=st.integers(0, 60),
    new=st.integers(0, 255),
)
def test_no_damaged_message_makes_a_traceback(kind: str, good: bytes, place: int, new: int) -> None:
    damaged = bytearray(good)
    damaged[place % len(good)] = new
    shown = CliRunner().invoke(app, ["decode", kind, damaged.hex()], catch_exceptions=False)
    assert shown.exit_code in {Exit.OK, Exit.FAILURE, Exit.USAGE}


def test_an_empty_argument_says_what_is_missing() -> None:
    shown = CliRunner().invoke(app, ["decode", "apdu", ""])
    assert shown.exit_code == Exit.FAILURE
    assert "at least 4 bytes" in shown.stderr
