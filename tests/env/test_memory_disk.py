from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.env.base import create_file, replace_file
from wristlet.env.memory_disk import SECTOR_SIZE
from wristlet.env.sim import MemoryDisk, SimulatedCrash, Step

NO_SPACE = OSError(errno.ENOSPC, "no space left on device")
IO_ERROR = OSError(errno.EIO, "input/output error")


def with_file(content: bytes = b"") -> MemoryDisk:
    """A disk with one durable file `/a`."""
    disk = MemoryDisk()
    disk.create("/a")
    disk.pwrite("/a", 0, content)
    disk.sync("/a")
    disk.sync_dir("/")
    disk.trace.clear()
    return disk


def contents(disk: MemoryDisk, **options: int) -> set[bytes | None]:
    """What `/a` may hold after a power cut now, None where it is gone."""
    return {image.content().get("/a") for image in disk.images(**options)}


# Recording and faults


def test_changing_steps_are_recorded() -> None:
    disk = with_file()
    seen: list[Step] = []
    disk.hook = seen.append
    disk.pwrite("/a", 5, b"abc")
    disk.datasync("/a")
    disk.truncate("/a", 2)
    disk.rename("/a", "/b")
    disk.read("/b")
    assert disk.trace == [
        Step("pwrite", "/a", 5, 3),
        Step("datasync", "/a"),
        Step("truncate", "/a", size=2),
        Step("rename", "/b"),
    ]
    assert seen == disk.trace


def test_the_nth_step_fails_once_without_effect() -> None:
    disk = with_file(b"old")
    disk.fail_at(2, NO_SPACE)
    disk.pwrite("/a", 0, b"new")
    with pytest.raises(OSError, match="no space"):
        disk.unlink("/a")
    assert disk.read("/a") == b"new"
    disk.unlink("/a")


def test_a_failing_write_may_leave_a_part() -> None:
    disk = with_file(b"old")
    disk.fail_at(1, NO_SPACE, kept=2)
    with pytest.raises(OSError, match="no space"):
        disk.pwrite("/a", 0, b"new")
    assert disk.read("/a") == b"ned"


def test_the_nth_read_fails_once() -> None:
    disk = with_file(b"old")
    disk.fail_read_at(2, IO_ERROR)
    disk.read("/a")
    with pytest.raises(OSError, match="input/output"):
        disk.read("/a")
    assert disk.read("/a") == b"old"


def test_several_faults_wait_for_their_own_step() -> None:
    disk = with_file()
    disk.fail_at(1, NO_SPACE)
    disk.fail_at(3, IO_ERROR)
    with pytest.raises(OSError, match="no space"):
        disk.pwrite("/a", 0, b"1")
    disk.pwrite("/a", 0, b"2")
    with pytest.raises(OSError, match="input/output"):
        disk.pwrite("/a", 0, b"3")
    assert disk.read("/a") == b"2"


def test_after_a_kill_nothing_runs_until_the_restart() -> None:
    disk = with_file(b"old")
    disk.kill_at(2, kept=1)
    disk.pwrite("/a", 0, b"new")
    with pytest.raises(SimulatedCrash):
        disk.pwrite("/a", 0, b"XYZ")
    calls: list[Callable[[], object]] = [
        lambda: disk.read("/a"),
        lambda: disk.exists("/a"),
        lambda: disk.size("/a"),
        lambda: disk.listdir("/"),
        lambda: disk.datasync("/a"),
        lambda: disk.unlink("/a"),
    ]
    for call in calls:
        with pytest.raises(SimulatedCrash):
            call()
    disk.restart()
    assert disk.read("/a") == b"Xew"  # the page cache outlives the process


def test_a_death_is_no_ordinary_exception() -> None:
    assert not issubclass(SimulatedCrash, Exception)


# Power cuts


def test_what_is_synced_stays() -> None:
    disk = with_file(b"old")
    disk.pwrite("/a", 0, b"new")
    disk.datasync("/a")
    assert contents(disk) == {b"new"}


def test_what_is_not_synced_may_be_missing_in_any_combination() -> None:
    disk = with_file(b"....")
    for offset, byte in enumerate((b"1", b"2", b"3")):
        disk.pwrite("/a", offset, byte)
    expected = {
        bytes(b"123"[i] if kept >> i & 1 else b"."[0] for i in range(3)) + b"." for kept in range(8)
    }
    assert contents(disk) == expected


def test_the_last_write_may_be_torn_between_sectors() -> None:
    disk = with_file(b"." * 3000)
    disk.pwrite("/a", 500, b"x" * 1100)
    expected = {
        b"." * 500 + b"x" * kept + b"." * (2500 - kept)
        for kept in (0, 12, 12 + SECTOR_SIZE, 12 + 2 * SECTOR_SIZE, 1100)
    }
    assert contents(disk) == expected


def test_only_the_last_write_of_a_file_is_torn() -> None:
    disk = with_file(bytes(2 * SECTOR_SIZE))
    disk.pwrite("/a", 0, b"x" * 2 * SECTOR_SIZE)
    disk.pwrite("/a", 0, b"y")
    torn = b"x" * SECTOR_SIZE + bytes(SECTOR_SIZE)
    assert torn not in contents(disk)


def test_a_length_may_arrive_without_its_bytes() -> None:
    disk = with_file(b"ab")
    disk.pwrite("/a", 2, b"cd")
    assert contents(disk) == {b"ab", b"abcd", b"ab\0\0"}


def test_a_cut_file_may_keep_its_length() -> None:
    disk = with_file(b"abcd")
    disk.truncate("/a", 1)
    assert contents(disk) == {b"a", b"abcd"}


def test_names_are_durable_only_with_their_directory() -> None:
    disk = MemoryDisk()
    disk.create("/a")
    disk.pwrite("/a", 0, b"x")
    disk.sync("/a")
    assert contents(disk) == {None, b"x"}
    disk.sync_dir("/")
    assert contents(disk) == {b"x"}
    disk.unlink("/a")
    assert contents(disk) == {None, b"x"}
    disk.sync_dir("/")
    assert contents(disk) == {None}


def test_a_rename_happens_whole_or_not() -> None:
    disk = with_file(b"old")
    disk.create("/b")
    disk.pwrite("/b", 0, b"new")
    disk.sync("/b")
    disk.sync_dir("/")
    disk.rename("/b", "/a")
    images = [image.content() for image in disk.images()]
    assert len(images) == 2
    assert {"/a": b"old", "/b": b"new"} in images
    assert {"/a": b"new"} in images


def test_a_lost_directory_takes_what_is_in_it() -> None:
    disk = MemoryDisk()
    disk.mkdir("/d")
    disk.create("/d/a")
    disk.sync_dir("/d")
    names = [sorted(image.content()) for image in disk.images()]
    assert sorted(names) == [[], ["/d/a"]]


def test_after_a_failed_sync_a_later_one_saves_nothing() -> None:
    disk = with_file(b"old")
    disk.pwrite("/a", 0, b"NEW")
    disk.fail_at(1, IO_ERROR)
    with pytest.raises(OSError, match="input/output"):
        disk.datasync("/a")
    assert contents(disk) == {b"old", b"NEW"}
    disk.datasync("/a")
    assert disk.read("/a") == b"NEW"
    assert contents(disk) == {b"old"}


def test_an_image_is_a_disk_of_its_own() -> None:
    disk = with_file(b"old")
    disk.pwrite("/a", 0, b"new")
    for image in disk.images():
        image.pwrite("/a", 0, b"xyz")
        image.sync("/a")
        assert contents(image) == {b"xyz"}
    assert disk.read("/a") == b"new"


def test_a_copy_has_everything_durable() -> None:
    disk = with_file(b"old")
    disk.pwrite("/a", 0, b"new")
    copy = disk.copy()
    assert contents(copy) == {b"new"}
    assert copy.content() == disk.content() == {"/a": b"new"}


def test_too_many_images_are_sampled_the_same_way_for_a_seed() -> None:
    disk = with_file(bytes(64))
    for offset in range(40):
        disk.pwrite("/a", offset, b"x")
    one = [image.content() for image in disk.images(limit=50, seed=1)]
    assert one == [image.content() for image in disk.images(limit=50, seed=1)]
    assert one != [image.content() for image in disk.images(limit=50, seed=2)]
    found = contents(disk, limit=50)
    assert {bytes(64), b"x" * 40 + bytes(24)} <= found
    assert {bytes(i) + b"x" + bytes(63 - i) for i in range(40)} <= found


# What is built on it


def cuts(disk: MemoryDisk, action: Callable[[MemoryDisk], None]) -> list[MemoryDisk]:
    """Every image after a power cut before, between and after the steps of an action."""
    whole = disk.copy()
    action(whole)
    found: list[MemoryDisk] = []
    for count in range(1, len(whole.trace) + 2):
        dying = disk.copy()
        dying.kill_at(count, kept=1)
        try:
            action(dying)
        except SimulatedCrash:
            pass
        else:
            assert count > len(whole.trace)
        dying.restart()
        found += dying.images()
    return found


def test_replacing_a_file_leaves_the_old_or_the_new() -> None:
    disk = with_file(b"o" * 1500)
    old, new = b"o" * 1500, b"n" * 2500
    states = {image.content()["/a"] for image in cuts(disk, lambda d: replace_file(d, "/a", new))}
    assert states == {old, new}
    done = disk.copy()
    replace_file(done, "/a", new)
    assert contents(done) == {new}


def test_making_a_file_leaves_it_whole_or_not_there() -> None:
    states = {
        image.content().get("/b")
        for image in cuts(with_file(), lambda d: create_file(d, "/b", b"new"))
    }
    assert states == {None, b"new"}


def test_a_careless_replacement_is_caught() -> None:
    def careless(disk: MemoryDisk) -> None:
        disk.create("/b")
        disk.pwrite("/b", 0, b"new")
        disk.rename("/b", "/a")

    states = {image.content().get("/a") for image in cuts(with_file(b"old"), careless)}
    assert {b"", b"\0\0\0"} <= states


@given(st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=8), st.booleans()), max_size=6))
def test_the_present_content_is_always_one_of_the_images(
    writes: list[tuple[int, bytes, bool]],
) -> None:
    disk = with_file(b"start")
    for offset, data, sync in writes:
        disk.pwrite("/a", offset, data)
        if sync:
            disk.sync("/a")
    assert disk.read("/a") in contents(disk, limit=100)
