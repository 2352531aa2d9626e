"""The log crosses the link exactly once, whatever is lost, doubled or cut off."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from support.activity_phone import Link, PhoneOnFile, done, endpoint_of, placed
from wristlet.companion.activity.store import ActivityLogError, Gap
from wristlet.companion.activity.sync import ActivitySync, Synced
from wristlet.env.sim import MemoryDisk, SimEnv, SimulatedCrash
from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.activity.endpoint import ActivityEndpoint
from wristlet.strap.activity.ring import ActivityRing
from wristlet.strap.flash import DiskFlash
from wristlet.wire.strap.activity import AskExtent, Extent, Page, ReadLog
from wristlet.wire.strap.activity_log import Anchor, Boot, Minute, Record, Skipped
from wristlet.wire.strap.concerns import Concern

NOON_S = 1_767_268_800


def ring_on(disk: MemoryDisk, seed: int = 0, sectors: int = 3) -> ActivityRing:
    env = SimEnv(seed, disk=disk)
    return ActivityRing(DiskFlash.create(env.disk, "/flash", sectors, 512), env.random)


def walked(first: int, count: int) -> list[Record]:
    return [Minute(steps=number + 1, moving_s=30) for number in range(first, first + count)]


@pytest.fixture
def phone(tmp_path: Path) -> PhoneOnFile:
    return PhoneOnFile(tmp_path)


def test_a_sync_brings_everything_and_the_next_one_only_what_is_new(phone: PhoneOnFile) -> None:
    ring = ring_on(MemoryDisk(), sectors=16)
    ring.append([Boot(1), Anchor(NOON_S, 60), *walked(0, 300)])
    sync = ActivitySync(phone.store, "strap", page_bytes=100)
    assert done(sync.run(Link(endpoint_of(ring)))) == Synced(302, 0)
    assert done(sync.run(Link(endpoint_of(ring)))) == Synced(0, 0)
    ring.append(walked(300, 2))
    assert done(sync.run(Link(endpoint_of(ring)))) == Synced(2, 0)
    assert [row[3] for row in phone.rows()] == list(range(1, 303))
    phone.close()


@pytest.mark.parametrize("fate", ["request lost", "answer lost"])
def test_a_cut_at_every_exchange_is_gone_on_from(phone: PhoneOnFile, fate: str) -> None:
    ring = ring_on(MemoryDisk(), sectors=16)
    ring.append([Boot(1), *walked(0, 200)])
    sync = ActivitySync(phone.store, "strap", page_bytes=64)
    cuts = 0
    while True:
        try:
            done(sync.run(Link(endpoint_of(ring), ["ok", "ok", fate])))
            break
        except LinkLost:
            cuts += 1
            phone.die()
            sync = ActivitySync(phone.store, "strap", page_bytes=64)
    assert cuts > 10
    assert [row[3] for row in phone.rows()] == list(range(1, 201))
    phone.close()


def test_what_was_overwritten_is_a_gap_with_its_size(phone: PhoneOnFile) -> None:
    ring = ring_on(MemoryDisk())
    ring.append([Boot(1), Anchor(NOON_S, 60), *walked(0, 10)])
    sync = ActivitySync(phone.store, "strap")
    done(sync.run(Link(endpoint_of(ring))))
    for start in range(10, 1010, 10):
        ring.append(walked(start, 10))
    oldest = ring.extent.oldest
    assert oldest > 12
    assert done(sync.run(Link(endpoint_of(ring)))) == Synced(1012 - oldest, oldest - 12)
    assert done(phone.store.gaps()) == [
        Gap(ring.extent.log_id, 12, oldest, NOON_S + (oldest - 2) * 60, 60)
    ]
    phone.close()


def test_a_page_taken_again_or_overlapping_adds_only_what_is_missing(phone: PhoneOnFile) -> None:
    ring = ring_on(MemoryDisk(), sectors=16)
    ring.append([Boot(1), Anchor(NOON_S, 60), *walked(0, 20)])
    early = ring.read(0, 80)
    assert 2 < len(early.records) < 22
    assert done(phone.store.take("strap", early)).records == len(early.records)
    again = done(phone.store.take("strap", early))
    assert (again.records, again.next_record) == (0, len(early.records))
    rest = done(phone.store.take("strap", ring.read(1, 4096)))
    assert (rest.records, rest.lost) == (22 - len(early.records), 0)
    assert done(phone.store.take("strap", early)).next_record == 22
    assert done(phone.store.next_record(ring.extent.log_id)) == 22
    assert [row[3] for row in phone.rows()] == list(range(1, 21))
    phone.close()


def test_a_clock_that_was_set_in_a_gap_still_places_what_came_before(phone: PhoneOnFile) -> None:
    ring = ring_on(MemoryDisk())
    ring.append([Boot(1), *walked(0, 10)])
    sync = ActivitySync(phone.store, "strap")
    done(sync.run(Link(endpoint_of(ring))))
    ring.append([Anchor(NOON_S, 60)])
    for start in range(10, 1010, 10):
        ring.append(walked(start, 10))
    assert done(sync.run(Link(endpoint_of(ring)))).lost > 1
    assert [row[2] for row in phone.rows()[:10]] == [
        NOON_S - 60 * left for left in range(10, 0, -1)
    ]
    phone.close()


def test_a_strap_is_forgotten_alone_and_wholly(phone: PhoneOnFile) -> None:
    rings = {"old": ring_on(MemoryDisk(), 1), "new": ring_on(MemoryDisk(), 2)}
    for name, ring in rings.items():
        for start in range(0, 600, 10):
            ring.append(walked(start, 10))
        done(ActivitySync(phone.store, name).run(Link(endpoint_of(ring))))
    done(phone.store.forget("old"))
    kept = rings["new"].extent
    assert {row[0] for row in phone.rows()} == {kept.log_id}
    assert {gap.log_id for gap in done(phone.store.gaps())} == {kept.log_id}
    assert done(phone.store.next_record(rings["old"].extent.log_id)) == 0
    assert done(phone.store.next_record(kept.log_id)) == 600
    phone.close()


def test_a_reset_log_is_another_log(phone: PhoneOnFile) -> None:
    for seed in (1, 2):
        ring = ring_on(MemoryDisk(), seed)
        ring.append([Boot(1), *walked(0, 5)])
        sync = ActivitySync(phone.store, "strap")
        assert done(sync.run(Link(endpoint_of(ring)))) == Synced(6, 0)
    assert len(phone.rows()) == 10
    phone.close()


def test_a_log_that_went_back_is_refused(phone: PhoneOnFile) -> None:
    disk = MemoryDisk()
    ring = ring_on(disk)
    ring.append(walked(0, 5))
    earlier = disk.copy()
    ring.append(walked(5, 5))
    sync = ActivitySync(phone.store, "strap")
    done(sync.run(Link(endpoint_of(ring))))
    with pytest.raises(ActivityLogError, match="ends before"):
        done(sync.run(Link(endpoint_of(ring_on(earlier)))))
    page = ring_on(earlier).read(0, 4096)
    with pytest.raises(ActivityLogError, match="ends before"):
        done(phone.store.take("strap", page))
    phone.close()


class Hostile:
    """A strap that answers reads with whatever it likes."""

    def __init__(self, extent: Extent, answer: bytes) -> None:
        self._extent = extent
        self._answer = answer

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        return self._extent.encode() if message == AskExtent().encode() else self._answer


def test_strange_answers_are_refused_and_store_nothing(phone: PhoneOnFile) -> None:
    ring = ring_on(MemoryDisk())
    ring.append(walked(0, 5))
    good, extent = ring.read(0, 4096), ring.extent
    other = Extent(bytes(8), 0, 5)
    answers = [
        b"",
        b"\x03nonsense",
        replace(good, extent=other).encode(),
        Page(extent, 0, good.position, ()).encode(),
    ]
    for answer in answers:
        with pytest.raises(ActivityLogError):
            done(ActivitySync(phone.store, "strap").run(Hostile(extent, answer)))
    assert phone.rows() == []
    phone.close()


def test_the_endpoint_refuses_what_it_does_not_understand() -> None:
    ring = ring_on(MemoryDisk())
    endpoint = endpoint_of(ring)
    for message in (b"", b"\x09", ReadLog(1).encode(), ReadLog(0).encode() + b"x"):
        with pytest.raises(StrapRefused):
            done(endpoint.handle(message))


def test_a_connection_brings_news_of_what_waits() -> None:
    ring = ring_on(MemoryDisk())
    ring.append(walked(0, 5))
    news: list[tuple[Concern, bytes]] = []
    endpoint = ActivityEndpoint(ring, lambda concern, message: news.append((concern, message)))
    endpoint.connected()
    assert [(concern, Extent.decode(body)) for concern, body in news] == [
        (Concern.ACTIVITY, ring.extent)
    ]
    assert endpoint.waiting == 5
    done(endpoint.handle(ReadLog(3).encode()))
    endpoint.disconnected()
    assert endpoint.waiting == 2


FATES = st.lists(
    st.sampled_from(["ok", "ok", "ok", "request lost", "answer lost", "twice"]), max_size=6
)


class ExactlyOnce(RuleBasedStateMachine):
    """A strap with two phones; links are cut and doubled, everything loses power.

    `truth` is every record the strap ever made durable, by its number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.disk = MemoryDisk()
        self.ring = ring_on(self.disk)
        self.truth: dict[int, Record] = {}
        self.boots = 0
        self.steps = 0
        self.now_s = NOON_S

    @initialize()
    def begin(self) -> None:
        folder = Path(self.folder.name)
        self.phones = [PhoneOnFile(folder, "first"), PhoneOnFile(folder, "second")]
        self.start()

    def teardown(self) -> None:
        for phone in self.phones:
            phone.close()
        self.folder.cleanup()

    def start(self) -> None:
        self.boots += 1
        self.append([Boot(self.boots)])

    def append(self, records: list[Record]) -> None:
        first = self.ring.extent.end
        self.truth.update(enumerate(records, first))
        self.ring.append(records)

    @rule(count=st.integers(1, 60))
    def record(self, count: int) -> None:
        row: list[Record] = []
        for _ in range(count):
            self.steps += 1
            row.append(Minute(steps=self.steps % 60_000 + 1, moving_s=20))
        self.append(row)

    @rule(jump_s=st.integers(-100_000, 100_000), zone_min=st.sampled_from([-300, 0, 60, 540]))
    def set_clock(self, jump_s: int, zone_min: int) -> None:
        self.now_s += jump_s
        self.append([Anchor(self.now_s, zone_min)])

    @rule(seconds=st.integers(1, 9999))
    def skip(self, seconds: int) -> None:
        self.append([Skipped(seconds)])

    @rule(step=st.integers(1, 6), kept=st.integers(0, 200), which=st.integers(0, 30))
    def strap_loses_power(self, step: int, kept: int, which: int) -> None:
        """In the middle of an append, or right after it."""
        self.disk.kill_at(step, kept=kept)
        with contextlib.suppress(SimulatedCrash):
            self.record(40)
        self.disk.restart()
        images = list(self.disk.images(limit=16, seed=which))
        self.disk = images[which % len(images)]
        self.ring = ring_on(self.disk, which + 1)
        end = self.ring.extent.end
        self.truth = {number: record for number, record in self.truth.items() if number < end}
        self.start()

    @rule(which=st.integers(0, 1), fates=FATES, page_bytes=st.integers(64, 600))
    def sync(self, which: int, fates: list[str], page_bytes: int) -> None:
        phone = self.phones[which]
        link = Link(endpoint_of(self.ring), fates)
        try:
            done(ActivitySync(phone.store, "strap", page_bytes).run(link))
        except LinkLost:
            return
        assert done(phone.store.next_record(self.ring.extent.log_id)) == self.ring.extent.end

    @rule(which=st.integers(0, 1), first=st.integers(0, 3000))
    def a_page_comes_again(self, which: int, first: int) -> None:
        phone = self.phones[which]
        have = done(phone.store.next_record(self.ring.extent.log_id))
        page = self.ring.read(min(first, have), 300)
        taken = done(phone.store.take("strap", page))
        assert taken.next_record >= have

    @precondition(lambda self: hasattr(self, "phones"))
    @rule(which=st.integers(0, 1))
    def phone_dies(self, which: int) -> None:
        self.phones[which].die()

    @invariant()
    def each_phone_has_each_record_once(self) -> None:
        log_id = self.ring.extent.log_id
        for phone in getattr(self, "phones", []):
            have = done(phone.store.next_record(log_id))
            lost = {
                number for gap in done(phone.store.gaps()) for number in range(gap.first, gap.end)
            }
            rows = {number: steps for _, number, _, steps in phone.rows()}
            assert len(phone.rows()) == len(rows)
            assert not lost & rows.keys()
            assert rows == {
                number: record.steps
                for number, record in self.truth.items()
                if number < have and number not in lost and isinstance(record, Minute)
            }
            self.times_are_those_of_the_strap(phone, have, lost)

    def times_are_those_of_the_strap(self, phone: PhoneOnFile, have: int, lost: set[int]) -> None:
        """A minute's time is that of the clock in force; before any, of the next one."""
        known = {number: record for number, record in self.truth.items() if number < have}
        truth = placed(known)
        for _, number, utc_s, _ in phone.rows():
            if utc_s is not None and not lost:
                assert utc_s == truth[number]
            elif not lost:
                assert truth[number] is None


TestExactlyOnce = ExactlyOnce.TestCase
TestExactlyOnce.settings = settings(stateful_step_count=25, deadline=None)
TestExactlyOnce = pytest.mark.slow(TestExactlyOnce)
