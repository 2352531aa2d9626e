"""BER-TLV: forms, limits, search, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.wire_codecs import TAG, TLV
from wristlet.wire import ber
from wristlet.wire.errors import DecodeError, EncodeError

FCI = bytes.fromhex("6f1c8407a0000000041010a511500f505043204d43442030342020763230")


@pytest.mark.parametrize(
    ("length", "field"),
    [(0, "00"), (127, "7f"), (128, "8180"), (255, "81ff"), (256, "820100"), (65536, "83010000")],
)
def test_lengths_are_written_shortest(length: int, field: str) -> None:
    assert ber.encode_length(length).hex() == field
    assert ber.parse_one(b"\x50" + bytes.fromhex(field) + bytes(length))[0].value == bytes(length)


@pytest.mark.parametrize("longer", ["500141", "50810141", "5082000141", "508300000141"])
def test_longer_lengths_than_needed_are_read(longer: str) -> None:
    assert ber.parse(bytes.fromhex(longer)) == (ber.Tlv(0x50, b"A"),)


@pytest.mark.parametrize(
    ("raw", "offset"),
    [
        ("", 0),
        ("50", 1),
        ("5002ff", 0),
        ("508041", 1),
        ("5084000000014100", 1),
        ("508201", 1),
        ("9f", 0),
        ("9f8181818101", 0),
        ("0001", 0),
    ],
)
def test_broken_objects_are_refused_with_the_place(raw: str, offset: int) -> None:
    with pytest.raises(DecodeError) as caught:
        ber.parse_one(bytes.fromhex(raw))
    assert caught.value.offset == offset


@pytest.mark.parametrize("tag", [0, -1, 0x1F, 0x9F, 0x5001, 0x9F8180, 0x9F0102, 1 << 32])
def test_numbers_that_are_no_tag_are_not_written(tag: int) -> None:
    with pytest.raises(EncodeError):
        ber.encode(tag, b"")


def test_filler_between_objects_is_skipped() -> None:
    assert ber.parse(bytes.fromhex("0000500141005001420000")) == (
        ber.Tlv(0x50, b"A"),
        ber.Tlv(0x50, b"B"),
    )


def test_search_descends_and_takes_the_first() -> None:
    assert ber.find(FCI, 0x6F, 0xA5, 0x50) == b"PPC MCD 04  v20"
    assert ber.find(FCI, 0x6F, 0x50) is None
    assert ber.find(bytes.fromhex("500141500142"), 0x50) == b"A"
    assert ber.find(FCI) == FCI


def test_missing_object_is_named_with_its_parents() -> None:
    with pytest.raises(DecodeError, match=r"^6F/A5: tag 9F38 is missing$"):
        ber.require(FCI, 0x6F, 0xA5, 0x9F38)


def test_broken_inner_object_is_named_with_its_parents() -> None:
    with pytest.raises(DecodeError) as caught:
        list(ber.walk(bytes.fromhex("6f04a5028405")))
    assert caught.value.path == ("6F", "A5")


def test_walk_gives_depths_and_collect_the_leaves() -> None:
    assert [(depth, tlv.tag) for depth, tlv in ber.walk(FCI)] == [
        (0, 0x6F), (1, 0x84), (1, 0xA5), (2, 0x50),
    ]  # fmt: skip
    assert set(ber.collect(FCI)) == {0x84, 0x50}
    assert ber.collect(bytes.fromhex("500141500142"))[0x50] == b"A"


def nested(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = ber.encode(0x61, data)
    return data


def test_depth_is_limited_both_ways() -> None:
    assert len(list(ber.walk(nested(ber.DEPTH_MAX - 1)))) == ber.DEPTH_MAX - 1
    with pytest.raises(DecodeError, match="deeper"):
        ber.collect(nested(ber.DEPTH_MAX + 1))
    item: ber.Item = (0x61, b"")
    for _ in range(ber.DEPTH_MAX):
        item = (0x61, (item,))
    with pytest.raises(EncodeError, match="deeper"):
        ber.build(item)


def test_build_refuses_objects_under_a_primitive_tag() -> None:
    with pytest.raises(EncodeError, match="primitive"):
        ber.build((0x84, ((0x50, b""),)))


def test_build_writes_nested_objects() -> None:
    items = ((0x84, FCI[4:11]), (0xA5, [(0x50, b"PPC MCD 04  v20")]))
    assert ber.build((0x6F, items)) == FCI


@given(st.lists(TLV, max_size=5))
def test_search_finds_what_stands_on_the_level(objects: list[ber.Tlv]) -> None:
    data = b"".join(tlv.encode() for tlv in objects)
    for tlv in objects:
        first = next(other for other in objects if other.tag == tlv.tag)
        assert ber.find(data, tlv.tag) == first.value


@given(st.binary(max_size=300))
def test_walking_any_bytes_ends_in_order_or_error(data: bytes) -> None:
    try:
        leaves = ber.collect(data)
    except DecodeError:
        return
    assert sum(map(len, leaves.values())) <= len(data)


@given(TAG)
def test_nested_bit_is_that_of_the_first_byte(tag: int) -> None:
    assert ber.is_constructed(tag) is bool(ber.tag_bytes(tag)[0] & 0x20)


def test_repr_shows_no_value() -> None:
    assert repr(ber.Tlv(0x5A, b"\x47\x61")) == "Tlv(5A, 2 bytes)"


def test_join_is_what_collect_reads() -> None:
    objects = {0x9F26: bytes(8), 0x5A: b"\x12", 0x91: bytes(200), 0x9F1F: b""}
    joined = ber.join(objects, (0x5A,))
    assert joined == b"".join(ber.encode(tag, objects[tag]) for tag in (0x9F26, 0x91, 0x9F1F))
    assert list(ber.collect(joined)) == [0x9F26, 0x91, 0x9F1F]


@given(st.binary(max_size=60))
def test_collect_agrees_with_walk(data: bytes) -> None:
    try:
        leaves = [tlv for _, tlv in ber.walk(data) if not ber.is_constructed(tlv.tag)]
    except (DecodeError, EncodeError):
        with pytest.raises((DecodeError, EncodeError)):
            ber.collect(data)
        return
    expected: dict[int, bytes] = {}
    for tlv in leaves:
        expected.setdefault(tlv.tag, tlv.value)
    assert ber.collect(data) == expected
