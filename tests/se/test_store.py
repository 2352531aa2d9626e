"""The sealed store: atomic under kill and power loss, any change detected."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from wristlet.crypto.seal import SealKey
from wristlet.env.base import ensure_dir
from wristlet.env.sim import MemoryDisk, SimEnv, SimulatedCrash
from wristlet.se import journal
from wristlet.se import store as store_module
from wristlet.se.store import SealedStore, Store, StoreCorruptError, StoreDeadError

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = SealKey(bytes(range(32)))
FIRST = {"a": b"one", "b": b"two" * 9}


def fresh(disk: MemoryDisk | None = None, seed: int = 0) -> tuple[SimEnv, SealedStore]:
    env = SimEnv(seed, disk=disk)
    ensure_dir(env.disk, "/se")
    return env, SealedStore.create(env, "/se", KEY, dict(FIRST))


def reopened(disk: MemoryDisk, seed: int = 99) -> SealedStore:
    return SealedStore.open(SimEnv(seed, disk=disk), "/se", KEY)


def plain(store: Store) -> dict[str, bytes]:
    state = store.snapshot()
    state.pop(store_module.COUNTER_KEY, None)
    return state


def put_many(store: Store, **values: bytes) -> None:
    with store.transaction():
        for key, value in values.items():
            store.put(key, value)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one page, so that every bit can be turned."""
    monkeypatch.setattr(store_module, "JOURNAL_SPACE", 1024)
    monkeypatch.setattr(store_module, "PAGE_SIZE", 512)


def test_state_survives_and_deletes_stay_deleted() -> None:
    env, store = fresh()
    put_many(store, c=b"three", a=b"uno")
    with store.transaction():
        store.delete("b")
    assert plain(reopened(env.disk)) == {"a": b"uno", "c": b"three"}


def test_one_commit_is_one_write_and_one_sync() -> None:
    env, store = fresh()
    env.disk.trace.clear()
    put_many(store, a=b"1", b=b"2", c=b"3" * 700)
    assert [step.name for step in env.disk.trace] == ["pwrite", "datasync"]


def test_a_commit_without_writes_touches_no_disk() -> None:
    env, store = fresh()
    env.disk.trace.clear()
    with store.transaction():
        assert store.get("a") == b"one"
    assert not env.disk.trace


def test_touch_moves_the_counter_after_the_record() -> None:
    env, store = fresh()
    before = store.counter_value
    env.disk.trace.clear()
    with store.transaction():
        store.put("a", b"x")
        store.touch()
    assert [(s.name, s.path) for s in env.disk.trace] == [
        ("pwrite", "/se/state"),
        ("datasync", "/se/state"),
        ("pwrite", "/se/counter"),
        ("datasync", "/se/counter"),
    ]
    assert store.counter_value == before + 1


def test_an_exception_undoes_all_but_what_was_flushed() -> None:
    env, store = fresh()
    with contextlib.suppress(KeyError), store.transaction():
        store.put("a", b"kept")
        store.flush()
        store.put("b", b"lost")
        raise KeyError
    assert store.get("a") == b"kept"
    assert store.get("b") == FIRST["b"]
    assert plain(reopened(env.disk)) == {**FIRST, "a": b"kept"}


def test_reads_see_the_running_command() -> None:
    _, store = fresh()
    store.put("ab", b"1")
    store.delete("a")
    assert store.get("a") is None
    assert store.keys("a") == ["ab"]
    store.rollback()
    assert store.keys("a") == ["a"]


def test_a_full_journal_is_compacted_and_loses_nothing(small: None) -> None:
    env, store = fresh()
    for number in range(200):
        put_many(store, a=b"%d" % number)
    assert plain(reopened(env.disk))["a"] == b"199"
    assert any(step.name == "rename" for step in env.disk.trace)


def test_another_key_does_not_open() -> None:
    env, _ = fresh()
    with pytest.raises(StoreCorruptError):
        SealedStore.open(SimEnv(1, disk=env.disk), "/se", SealKey(bytes(32)))


def test_nothing_readable_on_the_disk() -> None:
    env, store = fresh()
    put_many(store, secret=b"canary-value-123")
    for content in env.disk.content().values():
        assert b"canary-value-123" not in content
        assert b"secret" not in content


def test_an_io_error_kills_the_store_until_it_is_reopened() -> None:
    for count in (1, 2):
        env, store = fresh()
        env.disk.fail_at(count, OSError(28, "full"), kept=20)
        with pytest.raises(StoreDeadError):
            put_many(store, a=b"new")
        with pytest.raises(StoreDeadError):
            store.get("a")
        with pytest.raises(StoreDeadError):
            put_many(store, a=b"other")
        assert plain(reopened(env.disk))["a"] in {b"one", b"new"}


# Every change of the file is noticed


def tampered(disk: MemoryDisk, path: str, content: bytes) -> MemoryDisk:
    copy = disk.copy()
    copy.truncate(path, len(content))
    copy.pwrite(path, 0, content)
    return copy


def refused(disk: MemoryDisk) -> bool:
    try:
        reopened(disk)
    except StoreCorruptError:
        return True
    return False


def verify(content: bytes) -> None:
    header = journal.FileHeader.parse(content)
    journal.scan(content, header, journal.file_cipher(KEY, header))


def test_every_bit_flip_is_refused(small: None) -> None:
    env, store = fresh()
    for number in range(3):
        put_many(store, a=b"%d" % number * 20)
    whole = env.disk.content()["/se/state"]
    verify(whole)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(StoreCorruptError):
            verify(bytes(changed))


def test_every_truncation_is_refused(small: None) -> None:
    env, store = fresh()
    put_many(store, a=b"x" * 40)
    whole = env.disk.content()["/se/state"]
    for size in range(len(whole)):
        assert refused(tampered(env.disk, "/se/state", whole[:size])), size


def records(whole: bytes) -> list[tuple[int, int]]:
    found, at, sequence = [], journal.HEADER_SIZE, 0
    while size := journal._record_size(whole, at, sequence):
        found.append((at, at + size))
        at, sequence = at + size, sequence + 1
    return found


def test_swapped_removed_and_doubled_records_are_refused() -> None:
    env, store = fresh()
    for number in range(5):
        put_many(store, a=b"%02d" % number)
    whole = env.disk.content()["/se/state"]
    spans = records(whole)
    assert len(spans) == 6
    for i, (a, b) in enumerate(spans):
        for c, d in spans[i + 1 :]:
            swapped = whole[:a] + whole[c:d] + whole[b:c] + whole[a:b] + whole[d:]
            assert refused(tampered(env.disk, "/se/state", swapped))
        doubled = (whole[:b] + whole[a:b] + whole[b:])[: len(whole)]
        assert refused(tampered(env.disk, "/se/state", doubled))
        if i < len(spans) - 1:
            removed = whole[:a] + whole[b:] + bytes(b - a)
            assert refused(tampered(env.disk, "/se/state", removed))


def test_a_blanked_sector_before_the_last_record_is_refused() -> None:
    env, store = fresh()
    put_many(store, a=bytes(range(256)) * 8)
    put_many(store, b=b"behind it")
    whole = env.disk.content()["/se/state"]
    start, end = records(whole)[1]
    for sector in range(start // 512 + 1, end // 512):
        blanked = whole[: 512 * sector] + bytes(512) + whole[512 * sector + 512 :]
        assert refused(tampered(env.disk, "/se/state", blanked))


def test_a_record_of_another_device_is_refused() -> None:
    env_a, store_a = fresh(seed=1)
    env_b, store_b = fresh(seed=2)
    for store in (store_a, store_b):
        put_many(store, a=b"same length")
    mine, other = (env.disk.content()["/se/state"] for env in (env_a, env_b))
    a, b = records(mine)[1]
    assert refused(tampered(env_a.disk, "/se/state", mine[:a] + other[a:b] + mine[b:]))
    assert refused(tampered(env_a.disk, "/se/state", other))


def test_restoring_an_old_state_is_noticed_after_a_touch() -> None:
    env, store = fresh()
    old = env.disk.content()["/se/state"]
    with store.transaction():
        store.put("a", b"fewer tries")
        store.touch()
    assert refused(tampered(env.disk, "/se/state", old))


def test_restoring_an_old_state_is_noticed_after_a_power_up() -> None:
    env, _ = fresh()
    old = env.disk.content()["/se/state"]
    reopened(env.disk)
    assert refused(tampered(env.disk, "/se/state", old))


def test_restoring_an_old_counter_is_noticed() -> None:
    env, store = fresh()
    old = env.disk.content()["/se/counter"]
    for _ in range(2):
        with store.transaction():
            store.touch()
    assert refused(tampered(env.disk, "/se/counter", old))
    env.disk.unlink("/se/counter")
    assert refused(env.disk)


# Crashes

Script = list[dict[str, bytes]]
SCRIPT: Script = [
    {"a": b"1" * 30},
    {"b": b"2" * 700, "c": b"3"},
    {"a": b"4" * 1200},
    {"c": b"5" * 300, "d": b"6" * 300},
]


def run_script(store: SealedStore) -> list[dict[str, bytes]]:
    """Carry SCRIPT out; every second command touches the counter. Gives the states passed."""
    states = [plain(store)]
    for number, values in enumerate(SCRIPT):
        with store.transaction():
            for key, value in values.items():
                store.put(key, value)
            if number % 2:
                store.touch()
        states.append(plain(store))
    return states


def all_states() -> tuple[list[dict[str, bytes]], int]:
    env, store = fresh()
    env.disk.trace.clear()
    states = run_script(store)
    return states, len(env.disk.trace)


def survivors(
    count: int, kept: int, recover: Callable[[MemoryDisk, list[dict[str, bytes]]], None]
) -> None:
    """Kill SCRIPT at one primitive and hand the disk and the two legal states on."""
    env, store = fresh()
    env.disk.kill_at(count, kept=kept)
    passed = [plain(store)]
    with contextlib.suppress(SimulatedCrash):
        for number, values in enumerate(SCRIPT):
            with store.transaction():
                for key, value in values.items():
                    store.put(key, value)
                if number % 2:
                    store.touch()
            passed.append(plain(store))
    env.disk.restart()
    states, _ = all_states()
    recover(env.disk, states[len(passed) - 1 : len(passed) + 1])


@pytest.mark.parametrize("kept", [0, 1, 5, 15, 16, 17, 40, 400, 513])
def test_killed_at_every_primitive(small: None, kept: int) -> None:
    _, total = all_states()

    def check(disk: MemoryDisk, legal: list[dict[str, bytes]]) -> None:
        state = plain(reopened(disk))
        assert state in legal
        assert plain(reopened(disk, seed=7)) == state

    for count in range(1, total + 1):
        survivors(count, kept, check)


def test_killed_again_at_every_primitive_of_the_recovery(small: None) -> None:
    _, total = all_states()

    def check(disk: MemoryDisk, legal: list[dict[str, bytes]]) -> None:
        for second in range(1, 40):
            again = disk.copy()
            again.kill_at(second, kept=33)
            with contextlib.suppress(SimulatedCrash):
                reopened(again)
                break
            again.restart()
            assert plain(reopened(again, seed=5)) in legal
        else:
            raise AssertionError("the recovery never came to an end")

    for count in range(1, total + 1):
        survivors(count, 40, check)


def test_every_power_loss_image_opens_to_an_old_or_new_state(small: None) -> None:
    states, total = all_states()
    seen = 0
    for count in range(1, total + 1):
        env, store = fresh()
        env.disk.kill_at(count, kept=10_000)
        with contextlib.suppress(SimulatedCrash):
            run_script(store)
        env.disk.restart()
        for image in env.disk.images(limit=64):
            seen += 1
            assert plain(reopened(image)) in states
    assert seen > 40


def test_any_subset_of_sectors_of_the_last_record_may_be_missing() -> None:
    env, store = fresh()
    before = plain(store)
    old = env.disk.content()["/se/state"]
    put_many(store, a=bytes(range(256)) * 8)
    new = env.disk.content()["/se/state"]
    after = plain(store)
    start, end = records(new)[-1]
    sectors = range(start // 512, (end - 1) // 512 + 1)
    for mask in range(1 << len(sectors)):
        content = bytearray(old)
        for index, sector in enumerate(sectors):
            if mask >> index & 1:
                content[512 * sector : 512 * sector + 512] = new[512 * sector : 512 * sector + 512]
        state = plain(reopened(tampered(env.disk, "/se/state", bytes(content))))
        assert state == (after if mask == (1 << len(sectors)) - 1 else before)


class StoreMachine(RuleBasedStateMachine):
    """The store against a dictionary, with kills, power cuts and refusals in between."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, bytes] = {}
        self.seed = 1000

    @initialize()
    def make(self) -> None:
        self.env, self.store = fresh()
        self.model = dict(FIRST)

    keys = st.sampled_from(["a", "b", "c", "inst/1/x", "inst/2/x"])
    values = st.binary(max_size=600)
    writes = st.dictionaries(keys, st.one_of(st.none(), values), max_size=4)

    def _apply(self, writes: dict[str, bytes | None]) -> None:
        for key, value in writes.items():
            if value is None:
                self.store.delete(key)
            else:
                self.store.put(key, value)

    @rule(writes=writes, touch=st.booleans())
    def commit(self, writes: dict[str, bytes | None], touch: bool) -> None:
        with self.store.transaction():
            self._apply(writes)
            if touch:
                self.store.touch()
        journal.apply_changes(self.model, writes)

    @rule(first=writes, second=writes)
    def refuse_after_flush(
        self, first: dict[str, bytes | None], second: dict[str, bytes | None]
    ) -> None:
        with contextlib.suppress(KeyError), self.store.transaction():
            self._apply(first)
            self.store.flush()
            self._apply(second)
            raise KeyError
        journal.apply_changes(self.model, first)

    @rule(writes=writes, touch=st.booleans(), at=st.integers(1, 8), kept=st.integers(0, 900))
    def killed(self, writes: dict[str, bytes | None], touch: bool, at: int, kept: int) -> None:
        self.env.disk.kill_at(at, kept=kept)
        with contextlib.suppress(SimulatedCrash):
            with self.store.transaction():
                self._apply(writes)
                if touch:
                    self.store.touch()
            journal.apply_changes(self.model, writes)
            return self._reopen(self.env.disk)
        return self._reopen(self.env.disk, writes)

    @rule(pick=st.integers(0, 1000))
    def power_cut(self, pick: int) -> None:
        images = list(self.env.disk.images(limit=16))
        self._reopen(images[pick % len(images)])

    def _reopen(self, disk: MemoryDisk, writes: dict[str, bytes | None] | None = None) -> None:
        disk.restart()
        self.seed += 1
        self.env = SimEnv(self.seed, disk=disk)
        self.store = SealedStore.open(self.env, "/se", KEY)
        if writes is not None:
            new = dict(self.model)
            journal.apply_changes(new, writes)
            assert plain(self.store) in (self.model, new)
            self.model = plain(self.store)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "store"):
            assert plain(self.store) == self.model
            assert self.store.keys("inst/") == sorted(k for k in self.model if k[:5] == "inst/")


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_volatile_store_behaves_alike() -> None:
    store = Store(dict(FIRST))
    put_many(store, c=b"3")
    with contextlib.suppress(KeyError), store.transaction():
        store.put("a", b"lost")
        raise KeyError
    assert plain(store) == {**FIRST, "c": b"3"}


def test_what_is_kept_is_made_again_when_a_value_it_read_changes() -> None:
    store, made = Store({"a": b"1", "other": b"1"}), []

    def make() -> bytes:
        made.append(store.get("a"))
        return b"made of " + (store.get("a") or b"nothing")

    assert store.kept("name", make) is store.kept("name", make)
    with store.transaction():
        store.put("other", b"2")
    before = store.generation
    assert store.kept("name", make) == b"made of 1"
    assert made == [b"1"]
    with store.transaction():
        store.put("a", b"2")
        assert store.kept("name", make) == b"made of 2"
    assert store.generation > before
    assert store.kept("name", make) == b"made of 2"
    with store.transaction():
        store.delete("a")
    assert store.kept("name", make) == b"made of nothing"


def test_what_a_rolled_back_command_made_is_not_kept() -> None:
    store = Store({"a": b"1"})
    store.put("a", b"2")
    assert store.kept("name", store.get, "a") == b"2"
    store.rollback()
    assert store.kept("name", store.get, "a") == b"1"


def test_a_value_that_was_missing_is_watched_too() -> None:
    store = Store()
    assert store.kept("name", lambda: store.get("a") or b"none") == b"none"
    with store.transaction():
        store.put("a", b"1")
    assert store.kept("name", lambda: store.get("a") or b"none") == b"1"


def test_nothing_kept_depends_on_a_list_of_keys() -> None:
    store = Store({"a": b"1"})
    with pytest.raises(RuntimeError, match="list of keys"):
        store.kept("name", store.keys, "a")
    assert store.keys("a") == ["a"]
