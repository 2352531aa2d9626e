"""Tags, object lists, locators, bit fields, track 2: rules and refusals."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.wire_codecs import TAG
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.emv import afl, bits, commands, dol, tags, track2
from wristlet.wire.emv.afl import AflEntry
from wristlet.wire.emv.bits import Aip, Ctq, CvmResults, Ttq, Tvr
from wristlet.wire.emv.dol import DolEntry
from wristlet.wire.emv.iad import AcType
from wristlet.wire.emv.track2 import Track2
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.masked import SecretDigits

CONSTANTS: dict[str, int] = {
    name: value for name, value in vars(tags).items() if re.search(r"^[A-Z].*_[0-9A-F]+$", name)
}


@pytest.mark.parametrize(("name", "tag"), CONSTANTS.items())
def test_every_constant_carries_its_number_and_has_a_row(name: str, tag: int) -> None:
    assert name.endswith(f"_{tag:02X}")
    info = tags.TAGS[tag]
    assert info.name
    assert info.source
    assert info.format in tags.FORMATS
    assert ber.tag_bytes(tag)


def test_table_has_no_row_without_constant_and_no_name_twice() -> None:
    assert set(tags.TAGS) == set(CONSTANTS.values())
    assert len({info.name for info in tags.TAGS.values()}) == len(tags.TAGS) > 100


def test_unknown_tags_are_binary() -> None:
    assert tags.name_of(0xDF7F) == "tag DF7F"
    assert tags.name_of(0x82) == "Application Interchange Profile"
    assert (tags.format_of(0xDF7F), tags.format_of(0x5A)) == ("b", "cn")


@pytest.mark.parametrize(
    ("entry", "value", "fitted"),
    [
        ("9f0206", "0100", "000000000100"),
        ("9f0202", "000000010203", "0203"),
        ("5a04", "4761", "4761ffff"),
        ("5a01", "4761", "47"),
        ("9f3704", "aabb", "aabb0000"),
        ("9f3701", "aabb", "aa"),
        ("5004", "4142", "41420000"),
        ("9f3700", "aabb", ""),
    ],
)
def test_values_are_cut_and_padded_by_their_format(entry: str, value: str, fitted: str) -> None:
    raw = bytes.fromhex(entry)
    tag = dol.parse(raw)[0].tag
    assert dol.build(raw, {tag: bytes.fromhex(value)}).hex() == fitted


def test_unknown_and_constructed_objects_become_zeros() -> None:
    raw = bytes.fromhex("9f3702e102")
    assert dol.build(raw, {0xE1: b"\x01\x02"}) == bytes(4)


def test_the_first_source_that_has_a_tag_wins() -> None:
    raw = bytes.fromhex("9f37019a01")
    assert dol.build(raw, {0x9F37: b"\x01"}, {0x9F37: b"\x02", 0x9A: b"\x03"}) == b"\x01\x03"


@given(st.lists(st.builds(DolEntry, TAG, st.integers(0, 255)), max_size=6), st.data())
def test_data_have_the_size_asked_for(entries: list[DolEntry], data: st.DataObject) -> None:
    raw = dol.encode(entries)
    values = {entry.tag: data.draw(st.binary(max_size=20)) for entry in entries}
    built = dol.build(raw, values)
    assert len(built) == dol.size(raw)
    assert dol.build(raw, dol.split(raw, built)) == dol.build(raw, dol.split(raw, built), values)


@pytest.mark.parametrize(("raw", "data"), [("9f37", ""), ("9f3704", "010203"), ("9a01", "0102")])
def test_lists_and_data_that_do_not_fit_are_refused(raw: str, data: str) -> None:
    with pytest.raises(DecodeError):
        dol.split(bytes.fromhex(raw), bytes.fromhex(data))


@pytest.mark.parametrize(
    "raw", ["080101", "00010100", "f8010100", "09010100", "08000100", "08020100", "08010102"]
)
def test_broken_locators_are_refused(raw: str) -> None:
    with pytest.raises(DecodeError):
        afl.parse(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "entry", [AflEntry(0, 1, 1), AflEntry(1, 0, 1), AflEntry(1, 2, 1), AflEntry(1, 1, 1, 2)]
)
def test_impossible_locators_are_not_written(entry: AflEntry) -> None:
    with pytest.raises(EncodeError):
        afl.encode([entry])


@pytest.mark.parametrize(
    ("flags", "raw"),
    [
        (Aip.ON_DEVICE_CVM | Aip.CDA, "0300"),
        (Tvr.CVM_FAILED, "0000800000"),
        (Tvr.ODA_NOT_PERFORMED | Tvr.EXPIRED_APPLICATION, "8040000000"),
        (Ttq.EMV_MODE | Ttq.ODA_FOR_ONLINE | Ttq.CVM_REQUIRED | Ttq.CDCVM, "21404000"),
        (Ttq.ONLINE_CRYPTOGRAM_REQUIRED, "00800000"),
        (Ctq.CDCVM_PERFORMED | Ctq.ONLINE_PIN_REQUIRED, "8080"),
    ],
)
def test_bits_stand_where_the_books_put_them(flags: bits.BitField, raw: str) -> None:
    assert flags.encode().hex() == raw
    assert type(flags).decode(bytes.fromhex(raw)) == flags


def test_set_bits_are_named_and_unnamed_ones_placed() -> None:
    assert Ctq.decode(b"\x80\x81").describe() == (
        "online pin required",
        "cdcvm performed",
        "byte 2 b1",
    )
    assert Tvr(0).describe() == ()
    assert Aip.CDA.to_bytes_() == b"\x01\x00"


def test_bit_fields_and_cvm_results_have_their_size() -> None:
    with pytest.raises(DecodeError):
        Ttq.decode(bytes(3))
    with pytest.raises(EncodeError):
        Ctq(1 << 16).encode()
    with pytest.raises(EncodeError):
        CvmResults(256, 0, 0).encode()
    assert CvmResults.parse(b"\x01\x00\x02") == CvmResults(1, 0, bits.CvmResult.SUCCESSFUL)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "4761739001010119",
        "4761739d30122010",
        "4761739001010119d3012f20",
        "4761739001010119d3012201ff",
        "4761739001010119d3012201d0",
        "476173900101011947613d3012201f",
        "4761739001010119d3012201" + "00" * 8,
    ],
)
def test_broken_tracks_are_refused_without_a_digit(raw: str) -> None:
    with pytest.raises(DecodeError) as caught:
        track2.parse(bytes.fromhex(raw))
    assert "4761" not in str(caught.value)


@pytest.mark.parametrize(
    ("pan", "expiry", "service", "rest"),
    [("4761", "3012", "201", ""), ("47617390x1010119", "3012", "201", ""),
     ("4761739001010119", "30", "201", ""), ("4761739001010119", "3012", "2", ""),
     ("4761739001010119", "3012", "201", "x"), ("4761739001010119", "3012", "201", "0" * 14)],
)  # fmt: skip
def test_impossible_tracks_are_not_written(pan: str, expiry: str, service: str, rest: str) -> None:
    with pytest.raises(EncodeError):
        Track2(SecretDigits(pan), expiry, service, SecretDigits(rest)).encode()


def test_odd_tracks_are_padded_and_text_is_plain() -> None:
    track = Track2(SecretDigits("4761739001010119"), "3012", "201", SecretDigits("1"))
    assert track.encode().hex() == "4761739001010119d30122011f"
    assert track2.to_text(track) == "4761739001010119D30122011"
    assert Track2.from_text(track2.to_text(track)) == track
    assert repr(track) == "Track2(<digits ****0119>, 1 discretionary digits)"


@pytest.mark.parametrize(
    ("command", "raw"),
    [
        (commands.select_ppse(), "00a404000e325041592e5359532e444446303100"),
        (commands.get_processing_options(b"\x01\x02"), "80a80000048302010200"),
        (commands.read_record(1, 2), "00b2020c00"),
        (commands.generate_ac(commands.reference_control(AcType.ARQC), b"\x01"), "80ae8000010100"),
        (commands.get_data(tags.ATC_9F36), "80ca9f3600"),
        (commands.external_authenticate(bytes(8)), "0082000008" + "00" * 8),
    ],
)
def test_command_bytes(command: Command, raw: str) -> None:
    assert command.encode().hex() == raw


@pytest.mark.parametrize("sfi", [0, 31])
def test_files_are_1_to_30(sfi: int) -> None:
    with pytest.raises(EncodeError):
        commands.read_record(sfi, 1)
