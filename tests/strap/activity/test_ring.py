"""The activity log on flash: exact reading, oldest out first, whole after any power cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import activity_values, vectors
from wristlet.env.sim import MemoryDisk, SimEnv, SimulatedCrash
from wristlet.strap.activity.ring import FRAME_BYTES_MAX, HEADER_BYTES, ActivityRing
from wristlet.strap.flash import ERASED, DiskFlash, FlashError
from wristlet.wire.strap.activity_log import (
    Anchor,
    Boot,
    Kind,
    Minute,
    Position,
    Record,
    encode_records,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SECTORS, SECTOR_BYTES = 4, 1024


def opened(disk: MemoryDisk, seed: int = 0, sectors: int = SECTORS) -> ActivityRing:
    env = SimEnv(seed, disk=disk)
    return ActivityRing(DiskFlash.create(env.disk, "/flash", sectors, SECTOR_BYTES), env.random)


def fresh(sectors: int = SECTORS) -> tuple[MemoryDisk, ActivityRing]:
    disk = MemoryDisk()
    return disk, opened(disk, sectors=sectors)


def numbered(first: int, count: int) -> list[Record]:
    """Minutes that say which they are."""
    return [
        Minute(steps=number % 60_000, moving_s=30, count=number % 60_000 + 1, kind=Kind.WALKING)
        for number in range(first, first + count)
    ]


def everything(ring: ActivityRing, first: int = 0, bytes_max: int = 4096) -> dict[int, Record]:
    """All records by number, read page after page as a phone does."""
    found: dict[int, Record] = {}
    while (page := ring.read(first, bytes_max)).records:
        assert page.first >= first
        assert page.extent == ring.extent
        found.update(enumerate(page.records, page.first))
        first = page.first + len(page.records)
    assert page.first == ring.extent.end
    return found


def test_records_come_back_exactly_and_after_reopening() -> None:
    disk, ring = fresh()
    row = [Boot(1), *numbered(0, 5), Anchor(1_000_000, 60), *numbered(5, 40)]
    for start in range(0, len(row), 3):
        ring.append(row[start : start + 3])
    for again in (ring, opened(disk, 7)):
        assert everything(again) == dict(enumerate(row))
        assert again.extent == ring.extent
        assert again.position == ring.position


@pytest.mark.slow
@given(st.lists(activity_values.BLOCKS, max_size=8), st.integers(64, 4096))
def test_any_records_come_back_in_pages_of_any_size(
    blocks: list[tuple[Record, ...]], bytes_max: int
) -> None:
    disk, ring = fresh(sectors=8)
    for block in blocks:
        ring.append(block)
    row = dict(enumerate(record for block in blocks for record in block))
    assert everything(opened(disk), bytes_max=bytes_max) == row


@pytest.mark.slow
@given(st.integers(0, 400), st.integers(64, 500))
def test_a_page_begins_at_the_exact_record_and_keeps_to_its_size(
    first: int, bytes_max: int
) -> None:
    _, ring = fresh()
    row: list[Record] = [Boot(1), Anchor(1_000_000, 60), *numbered(0, 300)]
    ring.append(row)
    page = ring.read(first, bytes_max)
    assert page.first == min(first, len(row))
    assert page.records == tuple(row[first : first + len(page.records)])
    assert len(encode_records(page.records)) <= bytes_max
    place = Position()
    for record in row[:first]:
        place = place.after(record)
    assert page.position == place


def test_the_oldest_page_goes_first_and_the_extent_says_so() -> None:
    disk, ring = fresh()
    row = numbered(0, 2000)
    for start in range(0, len(row), 5):
        ring.append(row[start : start + 5])
    extent = ring.extent
    assert 0 < extent.oldest < extent.end == 2000
    kept = everything(ring)
    assert kept == {number: row[number] for number in range(extent.oldest, 2000)}
    assert ring.read(0, 4096).first == extent.oldest
    assert everything(opened(disk)) == kept


def test_wear_is_level() -> None:
    disk, ring = fresh()
    erased = [0] * SECTORS
    disk.trace.clear()
    for start in range(0, 4000, 5):
        ring.append(numbered(start, 5))
    for step in disk.trace:
        if step.name == "pwrite" and step.size == SECTOR_BYTES:
            erased[step.offset // SECTOR_BYTES] += 1
    assert max(erased) - min(erased) <= 1
    assert min(erased) > 3


def test_large_appends_are_split_into_frames() -> None:
    _, ring = fresh(sectors=16)
    row = [Minute(60_000, 59, 60_000, 255, Kind(number % 5), seconds=59) for number in range(300)]
    ring.append(row)
    assert everything(ring) == dict(enumerate(row))


def test_the_positions_of_pages_survive_the_loss_of_those_before() -> None:
    disk, ring = fresh()
    ring.append((Boot(1), Anchor(1_767_225_600, 540)))
    for start in range(0, 3000, 5):
        ring.append(numbered(start, 5))
    page = opened(disk).read(0, 64)
    assert page.first > 2
    assert page.position.utc_s == 1_767_225_600 + (page.first - 2) * 60


def test_two_logs_have_different_ids() -> None:
    assert fresh()[1].extent.log_id != opened(MemoryDisk(), 5).extent.log_id


def test_a_new_log_has_the_known_bytes() -> None:
    row = vectors.load("strap/activity")["flash"][0]

    class Known:
        def bytes(self, size: int) -> bytes:
            return bytes.fromhex(row["log_id"])[:size]

    disk = MemoryDisk()
    ring = ActivityRing(DiskFlash.create(disk, "/flash", 3), Known())
    ring.append((Boot(1), Anchor(1_767_225_600, 540)))
    ring.append((Minute(), Minute(110, 60, 1275, 0, Kind.WALKING)))
    known = bytes.fromhex(row["hex"])
    assert disk.content()["/flash"][: len(known)] == known
    assert not disk.content()["/flash"][len(known) :].strip(bytes([ERASED]))


# Power cuts


APPENDS = 12


def work(ring: ActivityRing, done: list[int]) -> None:
    """Append until the ring has gone round; `done` counts the records that are durable."""
    for start in range(done[0], done[0] + APPENDS * 20, 20):
        ring.append(numbered(start, 20))
        done[0] = start + 20


def check_after_a_cut(image: MemoryDisk, durable: int, tried: int) -> None:
    """What was durable and not overwritten is there, nothing is invented, and it goes on."""
    ring = opened(image, 3)
    extent = ring.extent
    assert durable <= extent.end <= tried
    kept = everything(ring)
    truth = numbered(0, tried)
    assert kept == {number: truth[number] for number in range(extent.oldest, extent.end)}
    ring.append(numbered(extent.end, 7))
    assert everything(opened(image, 4))[extent.end + 6] == numbered(extent.end + 6, 1)[0]


@pytest.mark.slow
@pytest.mark.parametrize("before", [0, 160])
def test_a_power_cut_at_every_step_loses_no_durable_record(before: int) -> None:
    """Before every disk step, with every image that a cut may leave there."""
    disk, ring = fresh()
    done = [0]
    while done[0] < before:
        ring.append(numbered(done[0], 20))
        done[0] += 20
    base, durable_before = disk.copy(), done[0]
    images = steps = 0
    while True:
        steps += 1
        trial, done = base.copy(), [durable_before]
        ring = opened(trial)
        trial.kill_at(steps, kept=steps * 37 % 300)
        try:
            work(ring, done)
        except SimulatedCrash:
            pass
        else:
            break
        trial.restart()
        for image in trial.images(limit=40, seed=steps):
            images += 1
            check_after_a_cut(image, done[0], done[0] + 20)
    assert steps > 2 * APPENDS
    assert images > steps


def test_a_cut_while_the_first_page_is_made_leaves_a_log_that_works() -> None:
    for step in range(1, 9):
        disk = MemoryDisk()
        disk.kill_at(step, kept=13)
        try:
            opened(disk)
        except SimulatedCrash:
            disk.restart()
            for image in disk.images():
                ring = opened(image, 3)
                ring.append(numbered(0, 3))
                assert everything(opened(image, 4)) == dict(enumerate(numbered(0, 3)))


def test_a_torn_frame_closes_its_page_and_is_not_believed() -> None:
    disk, ring = fresh()
    ring.append(numbered(0, 5))
    disk.kill_at(1, kept=9)
    with pytest.raises(SimulatedCrash):
        ring.append(numbered(5, 5))
    disk.restart()
    again = opened(disk, 1)
    assert again.extent.end == 5
    again.append(numbered(5, 2))
    assert everything(opened(disk, 2)) == dict(enumerate(numbered(0, 7)))


@pytest.mark.slow
def test_every_flipped_bit_costs_at_most_records_never_truth() -> None:
    disk, ring = fresh(sectors=2)
    row = [Boot(1), Anchor(1_000_000, 60), *numbered(0, 12)]
    for start in range(0, len(row), 4):
        ring.append(row[start : start + 4])
    size = HEADER_BYTES + 120
    for bit in range(8 * size):
        image = disk.copy()
        byte = image.read("/flash", bit // 8, 1)[0] ^ (1 << bit % 8)
        image.pwrite("/flash", bit // 8, bytes([byte]))
        found = opened(image, 9)
        if found.extent.log_id == ring.extent.log_id:
            assert all(row[number] == record for number, record in everything(found).items())


def test_a_hole_is_passed_over_with_its_number() -> None:
    disk, ring = fresh()
    while ring.extent.end < 300 or len(ring._pages) < 3:
        ring.append(numbered(ring.extent.end, 10))
    first, middle = ring._pages[0], ring._pages[1]
    assert middle.first == first.first + first.count
    disk.pwrite("/flash", middle.sector * SECTOR_BYTES + 3, b"\x00")
    again = opened(disk, 5)
    page = again.read(middle.first, 4096)
    assert page.first == middle.first + middle.count
    assert page.records[0] == numbered(page.first, 1)[0]


def test_a_failing_flash_is_reported() -> None:
    disk, ring = fresh()
    disk.fail_at(1, OSError(28, "full"))
    with pytest.raises(FlashError):
        ring.append(numbered(0, 1))


# Size budget


def worst_minutes(count: int) -> Sequence[Record]:
    """Minutes that take as many bytes as any can."""
    return [
        Minute(300, 60, 60_000, 70 + number % 2 * 90, Kind(2 + number % 2))
        for number in range(count)
    ]


@pytest.mark.slow
def test_two_weeks_fit_at_the_worst() -> None:
    """64 sectors of 4 KiB hold 14 days even of the largest minutes, five to a frame."""
    disk = MemoryDisk()
    ring = ActivityRing(DiskFlash.create(disk, "/flash", 64), SimEnv(0).random)
    row = worst_minutes(5)
    minutes = 14 * 1440
    for _ in range(minutes // 5):
        ring.append(row)
    assert ring.extent.oldest == 0
    for _ in range(minutes // 5):
        ring.append(row)
    extent = ring.extent
    assert extent.end - extent.oldest >= minutes


def test_the_frame_size_byte_never_looks_erased() -> None:
    assert FRAME_BYTES_MAX < ERASED
