"""Records of the activity log: known bytes, one form only, positions along a row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import activity_values, vectors
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap.activity import Extent, Page, ReadLog, encode_position
from wristlet.wire.strap.activity_log import (
    Anchor,
    Boot,
    Kind,
    Minute,
    Position,
    Record,
    Skipped,
    decode_records,
    encode_records,
)

VECTORS = vectors.load("strap/activity")


def record(row: dict[str, Any]) -> Record:
    """Build the record that a row of the vectors names."""
    fields = {name: value for name, value in row.items() if name != "record"}
    if "kind" in fields:
        fields["kind"] = Kind[fields["kind"].upper()]
    kinds: dict[str, Any] = {"minute": Minute, "skipped": Skipped, "anchor": Anchor, "boot": Boot}
    made: Record = kinds[row["record"]](**fields)
    return made


def position(row: dict[str, Any]) -> Position:
    anchor = Anchor(**row["anchor"]) if row["anchor"] else None
    return Position(row["boot"], row["tick_s"], row["anchor_tick_s"], anchor)


@pytest.mark.parametrize("row", VECTORS["blocks"], ids=lambda row: row["name"])
def test_blocks_have_the_known_bytes(row: dict[str, Any]) -> None:
    records = tuple(record(one) for one in row["records"])
    assert encode_records(records).hex() == row["hex"]
    assert decode_records(bytes.fromhex(row["hex"])) == records


@pytest.mark.parametrize("row", VECTORS["positions"], ids=lambda row: row["name"])
def test_positions_have_the_known_bytes(row: dict[str, Any]) -> None:
    assert encode_position(position(row["position"])).hex() == row["hex"]


@pytest.mark.parametrize("row", VECTORS["refused"], ids=lambda row: row["name"])
def test_what_has_no_meaning_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(DecodeError, match=row["error"]):
        decode_records(bytes.fromhex(row["hex"]))


def test_messages_have_the_known_bytes() -> None:
    rows = {row["name"]: row for row in VECTORS["messages"]}
    read = rows["read"]
    assert ReadLog(read["first"], read["bytes_max"]).encode().hex() == read["hex"]
    extent = Extent(bytes.fromhex(rows["extent"]["log_id"]), 7, 1234)
    assert extent.encode().hex() == rows["extent"]["hex"]
    page = rows["page"]
    whole = Page(
        extent,
        page["first"],
        position(page["position"]),
        tuple(record(one) for one in page["records"]),
    )
    assert whole.encode().hex() == page["hex"]
    assert Page.decode(bytes.fromhex(page["hex"])) == whole


@given(raw=st.binary(max_size=60))
def test_a_block_has_one_form_only(raw: bytes) -> None:
    try:
        records = decode_records(raw)
    except DecodeError:
        return
    assert encode_records(records) == raw


@given(activity_values.BLOCKS, activity_values.BLOCKS)
def test_a_block_needs_nothing_from_the_one_before(
    first: tuple[Record, ...], second: tuple[Record, ...]
) -> None:
    halves = decode_records(encode_records(first)) + decode_records(encode_records(second))
    assert halves == first + second


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (Minute(steps=-1), "steps"),
        (Minute(steps=1, moving_s=61), "moving_s"),
        (Minute(seconds=0), "seconds"),
        (Minute(count=1 << 16), "count"),
        (Minute(heart_bpm=256), "heart_bpm"),
        (Skipped(0), "seconds"),
        (Anchor(1 << 32, 0), "utc_s"),
        (Anchor(0, 841), "zone_min"),
        (Boot(-1), "number"),
    ],
)
def test_what_does_not_fit_names_its_field(bad: Record, field: str) -> None:
    with pytest.raises(EncodeError, match=field):
        encode_records((bad,))


def test_a_position_follows_the_row() -> None:
    row = (Boot(3), Minute(), Anchor(1_000_000, 60), Minute(seconds=20), Skipped(100), Minute())
    place = Position()
    for one in row:
        place = place.after(one)
    assert (place.boot, place.tick_s) == (3, 240)
    assert place.utc_s == 1_000_180
    assert place.after(Boot(4)).utc_s is None


def test_a_usual_day_is_small() -> None:
    night = (Minute(asleep=True, heart_bpm=55),) * 480
    day = (Minute(count=150, heart_bpm=72, kind=Kind.ACTIVE),) * 800
    walks = (Minute(110, 60, 1300, 105, Kind.WALKING),) * 160
    assert len(encode_records(night + day + walks)) < 1440 * 4.5
