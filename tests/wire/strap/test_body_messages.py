"""State, time and settings: exact bytes, and the rules between fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap import settings, state
from wristlet.wire.strap import time as strap_time
from wristlet.wire.strap.fields import Family
from wristlet.wire.strap.settings import CardEntry, QuietHours, Settings, Strength, Wearer
from wristlet.wire.strap.state import Mode
from wristlet.wire.strap.time import Sint, Zone
from wristlet.wire.tap_report import TapOutcome, TapReport

AID = bytes.fromhex("A000000003101000000001")
CARD = CardEntry(AID, "Aoba", "4242", 0xD4AF37)


@pytest.mark.parametrize(
    ("family", "message", "raw"),
    [
        (state.REQUESTS, state.ReadState(), "0101"),
        (state.REQUESTS, state.ReadTaps(300), "0102 0102012C"),
        (state.REQUESTS, state.FindMe(5_000), "0103 01021388"),
        (state.REQUESTS, state.SetMode(Mode.SLEEP), "0104 010102"),
        (state.NEWS, state.FindPhone(True), "0182 010101"),
        (state.NEWS, state.FindPhone(), "0182"),
        (
            state.NEWS,
            state.Tap(7, TapOutcome.SENT, 1_000, AID, 3, 2),
            "0181 010107 020103 030203E8 040BA000000003101000000001 050103 060102",
        ),
        (
            state.ANSWERS,
            state.State(Mode.RESERVE, reserve_taps=10, model="Pro"),
            "0141 010103 06010A 080350726F",
        ),
        (strap_time.REQUESTS, strap_time.ReadTime(), "0101"),
        (
            strap_time.REQUESTS,
            strap_time.SetTime(1_767_225_600_000, -18_000),
            "0102 0106019B76DAA800 02028C9F",
        ),
        (
            strap_time.ANSWERS,
            strap_time.Time(1_000, 3_600, True, -2),
            "0141 010203E8 02021C20 030101 040103",
        ),
        (settings.REQUESTS, settings.ReadSettings(), "0101"),
        (
            settings.ANSWERS,
            settings.CurrentSettings(2, Settings(vibration=Strength.OFF, cards=(CARD,))),
            f"0141 010102 0223 020100 071E 010B{AID.hex()} 0204416F6261 030434323432 0403D4AF37",
        ),
    ],
)  # fmt: skip
def test_exact_bytes(family: Family[Any], message: Any, raw: str) -> None:
    assert family.encode(message) == bytes.fromhex(raw)
    assert family.decode(bytes.fromhex(raw)) == message


@pytest.mark.parametrize("name", ["Visa 9998 0000", "１２３４５", "12345"])
def test_a_cards_number_is_no_name(name: str) -> None:
    with pytest.raises(EncodeError, match="more than 4 digits") as caught:
        replace(CARD, name=name)
    assert name not in str(caught.value)
    assert replace(CARD, name="Visa 2026").name == "Visa 2026"


def test_a_cards_number_is_refused_by_the_strap_too() -> None:
    raw = settings.REQUESTS.encode(settings.WriteSettings(0, Settings(cards=(CARD,))))
    forged = raw.replace(b"Aoba", b"9998").replace(b"\x04\x03\xd4\xaf\x37", b"")
    longer = raw.replace(b"\x02\x04Aoba", b"\x02\x0499980")
    for broken in (forged.replace(b"\x029998", b"\x0299980"), longer):
        with pytest.raises(DecodeError):
            settings.REQUESTS.decode(broken)


def test_a_card_is_named_once() -> None:
    with pytest.raises(EncodeError, match="twice"):
        Settings(cards=(CARD, replace(CARD, name="Kita")))
    assert Settings(cards=(CARD,)).card(AID) == CARD
    assert Settings(cards=(CARD,)).card(bytes(7)) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("height_mm", 499),
        ("height_mm", 2_501),
        ("weight_g", 9_999),
        ("weight_g", 400_001),
        ("birth_year", 1899),
    ],
)
def test_a_wearer_has_a_body_or_says_nothing(field: str, value: int) -> None:
    with pytest.raises(EncodeError, match="must be 0 or"):
        replace(Wearer(), **{field: value})  # type: ignore[arg-type]  # one of the numbers
    assert Wearer() == Wearer(0, 0, 0)


def test_quiet_hours_are_minutes_of_the_day() -> None:
    over_midnight = Settings(quiet=(QuietHours(22 * 60, 7 * 60),))
    raw = settings.ANSWERS.encode(settings.CurrentSettings(1, over_midnight))
    assert settings.ANSWERS.decode(raw).settings == over_midnight
    with pytest.raises(EncodeError, match="must be 0 to 1439"):
        settings.ANSWERS.encode(settings.CurrentSettings(1, Settings(quiet=(QuietHours(0, 1440),))))


@pytest.mark.parametrize(
    ("zone", "at_ms", "offset_s"),
    [
        (Zone(3_600), 10**15, 3_600),
        (Zone(3_600, 500, 7_200), 499, 3_600),
        (Zone(3_600, 500, 7_200), 500, 7_200),
        (Zone(-3_600, 500, 0), 501, 0),
    ],
)
def test_the_offset_at_a_time(zone: Zone, at_ms: int, offset_s: int) -> None:
    assert zone.offset_at(at_ms) == offset_s


@given(st.integers(-64_800, 64_800))
def test_signed_integers_round_trip(value: int) -> None:
    kind = Sint(64_800)
    assert kind.read(kind.write(value)) == value


@pytest.mark.parametrize("raw", ["00", "0001", "01FA41"])
def test_signed_integers_have_one_form_and_a_bound(raw: str) -> None:
    with pytest.raises(DecodeError):
        Sint(64_800).read(bytes.fromhex(raw))
    with pytest.raises(EncodeError, match="must be -64800"):
        Sint(64_800).write(-64_801)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "00" * 14,
        "0001030000000000000000000000",
        "000199" + "00" * 12,
        "00010301" + "00" * 11,
    ],
)
def test_a_tap_report_that_is_none(raw: str) -> None:
    with pytest.raises(DecodeError, match="tap_report"):
        TapReport.parse(bytes.fromhex(raw))
    with pytest.raises(EncodeError, match="at most 16"):
        TapReport(1, TapOutcome.SENT, bytes(17)).encode()
