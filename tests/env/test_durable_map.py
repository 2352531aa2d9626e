"""The durable map: whole batches, whatever is cut, torn, damaged or refused."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.env.durable_map import REWRITE_ABOVE, DurableMap, DurableMapError, Guard
from wristlet.env.real import RealDisk
from wristlet.env.sim import MemoryDisk, SimulatedCrash

BATCHES = st.lists(
    st.dictionaries(
        st.sampled_from("abcd"), st.none() | st.binary(max_size=700), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=5,
)
Batch = dict[str, bytes | None]


def disk_with(*batches: Batch) -> MemoryDisk:
    disk = MemoryDisk()
    disk.mkdir("/d")
    disk.sync_dir("/")
    known = DurableMap(disk, "/d/map")
    for batch in batches:
        known.change(batch)
    return disk


def content(disk: MemoryDisk) -> dict[str, bytes]:
    return dict(DurableMap(disk, "/d/map").items())


def applied(before: dict[str, bytes], batch: Batch) -> dict[str, bytes]:
    merged = {**before, **batch}
    return {key: value for key, value in merged.items() if value is not None}


@given(BATCHES)
def test_what_was_changed_is_there_after_a_restart(batches: list[Batch]) -> None:
    expected: dict[str, bytes] = {}
    for batch in batches:
        expected = applied(expected, batch)
    assert content(disk_with(*batches)) == expected


@given(BATCHES, st.integers(1, 30), st.integers(0, 800))
def test_a_cut_anywhere_leaves_the_old_or_the_new(
    batches: list[Batch], step: int, kept: int
) -> None:
    disk = disk_with({"a": b"first"})
    known = DurableMap(disk, "/d/map")
    disk.kill_at(step, kept=kept)
    before, after = {"a": b"first"}, {"a": b"first"}
    try:
        for batch in batches:
            after = applied(before, batch)
            known.change(batch)
            before = after
    except SimulatedCrash:
        disk.restart()
    for image in disk.images(limit=64):
        assert content(image) in (before, after)
        assert content(image) == content(image.copy())


def test_a_cut_of_the_first_change_leaves_nothing_or_all() -> None:
    for step in range(1, 6):
        disk = MemoryDisk()
        disk.mkdir("/d")
        disk.sync_dir("/")
        disk.kill_at(step)
        with pytest.raises(SimulatedCrash):
            DurableMap(disk, "/d/map").change({"a": b"1"})
        disk.restart()
        for image in disk.images():
            assert content(image) in ({}, {"a": b"1"})


def test_a_long_torn_tail_never_comes_back_behind_a_short_record() -> None:
    disk = disk_with({"a": b"1"})
    whole = DurableMap(disk, "/d/map")
    size = disk.size("/d/map")
    inner = disk_with({"x": b"ghost"})
    ghost = inner.read("/d/map")[8:]
    whole.change({"b": b"." * 3 + ghost * 40})
    disk.truncate("/d/map", disk.size("/d/map") - 1)
    known = DurableMap(disk, "/d/map")
    assert disk.size("/d/map") == size
    known.change({"c": b""})
    assert content(disk) == {"a": b"1", "c": b""}


@pytest.mark.parametrize("step", [1, 2])
def test_a_refused_write_changes_nothing_and_the_next_one_holds(step: int) -> None:
    disk = disk_with({"a": b"1"})
    known = DurableMap(disk, "/d/map")
    disk.fail_at(step, OSError(errno.EIO, "refused"), kept=3)
    with pytest.raises(OSError, match="refused"):
        known.change({"a": b"2", "b": b"3"})
    assert known.get("a") == b"1"
    assert known.get("b") is None
    known.change({"c": b"4"})
    for image in disk.images():
        assert content(image) == {"a": b"1", "c": b"4"}


def test_what_a_refused_sync_left_never_comes_back_behind_a_short_record() -> None:
    ghost = disk_with({"x": b"ghost"}).read("/d/map")[8:]
    for shift in range(len(ghost)):
        disk = disk_with({"a": b"1"})
        known = DurableMap(disk, "/d/map")
        disk.fail_at(2, OSError(errno.EIO, "refused"))
        with pytest.raises(OSError, match="refused"):
            known.change({"b": b"." * shift + ghost * 40})
        known.change({"c": bytes(20)})
        assert content(disk) == {"a": b"1", "c": bytes(20)}


def test_a_file_that_has_grown_is_written_anew() -> None:
    disk = disk_with()
    known = DurableMap(disk, "/d/map")
    for turn in range(100):
        known.change({"a": bytes((turn,)) * 1_000})
    assert disk.size("/d/map") < REWRITE_ABOVE + 3_000
    assert content(disk) == {"a": bytes((99,)) * 1_000}


def test_keys_by_prefix_in_order() -> None:
    known = DurableMap(disk_with({"b/2": b"", "b/1": b"", "a": b""}), "/d/map")
    assert [key for key, _ in known.items("b/")] == ["b/1", "b/2"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map"
    path.write_bytes(b"something else")
    with pytest.raises(DurableMapError, match="no map of this program; move it away"):
        DurableMap(RealDisk(), str(path))


def test_a_real_disk_keeps_it(tmp_path: Path) -> None:
    DurableMap(RealDisk(), str(tmp_path / "map")).change({"a": b"1"})
    DurableMap(RealDisk(), str(tmp_path / "map")).change({"b": b"2"})
    assert DurableMap(RealDisk(), str(tmp_path / "map")).items() == [("a", b"1"), ("b", b"2")]


def test_a_guard_hides_the_content_and_another_does_not_open_it() -> None:
    def turned(by: int) -> Guard:
        turn: Callable[[bytes], bytes] = lambda raw: bytes(byte ^ by for byte in raw)  # noqa: E731 - a toy cipher
        return Guard(turn, turn)

    disk = disk_with()
    DurableMap(disk, "/d/map", turned(0x55)).change({"name": b"secret"})
    assert b"secret" not in disk.read("/d/map")
    assert DurableMap(disk, "/d/map", turned(0x55)).get("name") == b"secret"
    with pytest.raises(DurableMapError, match="cannot be opened"):
        DurableMap(disk, "/d/map", turned(0x54))
