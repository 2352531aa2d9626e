"""State of one secure element: text keys, byte values, one durable record per command.

    Store         in memory only, for fleets and benches: same behaviour, nothing survives
    SealedStore   encrypted, authenticated, append-only file; see `wristlet.se.journal`

A store that met an input/output error is dead: what is on the disk is not known, so nothing is
read or written any more until it is opened anew.
"""

from __future__ import annotations

import hmac
import posixpath
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from sys import intern
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wristlet.env.base import replace_file
from wristlet.se import journal
from wristlet.se.journal import StoreCorruptError
from wristlet.wire.typing import override

if TYPE_CHECKING:
    from wristlet.crypto.seal import SealKey
    from wristlet.env.base import Env

__all__ = ["RollbackCounter", "SealedStore", "Store", "StoreCorruptError", "StoreDeadError"]

T = TypeVar("T")
Args = TypeVarTuple("Args")

STATE_FILE: Final = "state"
COUNTER_FILE: Final = "counter"
FRESH_FILE: Final = "state.new"
COUNTER_KEY: Final = "sys/counter"
JOURNAL_SPACE: Final = 48 * 1024
PAGE_SIZE: Final = 4096
ID_SIZE: Final = 16
_COUNTER_KEY_SIZE: Final = 32


class StoreDeadError(RuntimeError):
    """An earlier write failed; open the secure element again to find out what is on the disk."""


class Store:
    """Volatile store and base of the sealed one; one command at a time."""

    __slots__ = (
        "_data",
        "_kept",
        "_pending",
        "_touched",
        "_watched",
        "_watching",
        "dirty",
        "generation",
    )

    def __init__(self, data: dict[str, bytes] | None = None) -> None:
        self._data: dict[str, bytes] = {} if data is None else data
        self._pending: dict[str, bytes | None] | None = None
        self._touched = False
        self.dirty = False
        """The running command has asked for a durable record: `flush` or `rollback` is due."""
        self._kept: dict[Hashable, Any] | None = None
        self._watched: set[str] | None = None
        self._watching = False
        self.generation = 1
        """What came from `kept` holds as long as this number stays."""

    def get(self, key: str) -> bytes | None:
        """Return a value, with the writes of the running command; None if there is none."""
        if self._watching:
            self._watch(key)
        pending = self._pending
        if pending is not None and key in pending:
            return pending[key]
        return self._data.get(key)

    def kept(self, name: Hashable, make: Callable[[*Args], T], *args: *Args) -> T:
        """Return what `make(*args)` makes of this store's values, made once and kept.

        For what is dear to make again at each command. The values that `make` reads by `get` are
        watched: when one of them changes, everything kept is forgotten. It must depend on nothing
        else but its name. A refusal (an exception) and None are not kept, nor anything made
        while the running command has written.
        """
        if self._pending is not None:
            self.forget()
            return make(*args)
        if self._kept is None:
            self._kept = {}
        found: T | None = self._kept.get(name)
        if found is not None:
            return found
        outer, self._watching = self._watching, True
        try:
            made = self._kept[name] = make(*args)
        finally:
            self._watching = outer
        return made

    def forget(self) -> None:
        """Drop all that was kept."""
        self._kept = None
        self._watched = None
        self.generation += 1

    def _watch(self, key: str) -> None:
        if self._watched is None:
            self._watched = set()
        self._watched.add(intern(key))

    def put(self, key: str, value: bytes) -> None:
        """Set a value when the command ends."""
        if self._pending is None:
            self._pending = {}
            self.dirty = True
        self._pending[intern(key)] = bytes(value)

    def delete(self, key: str) -> None:
        """Remove a value when the command ends; nothing happens if there is none."""
        if self.get(key) is None:
            return
        if self._pending is None:
            self._pending = {}
            self.dirty = True
        self._pending[key] = None

    def keys(self, prefix: str) -> list[str]:
        """Return the sorted keys that begin with `prefix`; nothing kept may depend on them."""
        if self._watching:
            raise RuntimeError("what is kept must not depend on a list of keys")
        names = {key for key in self._data if key.startswith(prefix)}
        for key, value in (self._pending or {}).items():
            if value is None:
                names.discard(key)
            elif key.startswith(prefix):
                names.add(key)
        return sorted(names)

    def touch(self) -> None:
        """Let the rollback counter move with the next durable write."""
        self._touched = self.dirty = True

    def flush(self) -> None:
        """Make all writes so far durable in one record."""
        if not self.dirty:
            return
        changes = {} if self._pending is None else self._pending
        self._persist(changes, touched=self._touched)
        journal.apply_changes(self._data, changes)
        if self._watched is not None and not self._watched.isdisjoint(changes):
            self.forget()
        self._pending = None
        self._touched = self.dirty = False

    def rollback(self) -> None:
        """Forget the writes since the last durable record."""
        self._pending = None
        self._touched = self.dirty = False

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """Bracket one command: one durable record at the end, nothing after an exception."""
        try:
            yield self
            self.flush()
        finally:
            self.rollback()

    def snapshot(self) -> dict[str, bytes]:
        """Return a copy of the durable state (tests and tools)."""
        return dict(self._data)

    def _persist(self, changes: dict[str, bytes | None], *, touched: bool) -> None:
        """Make one record durable; the volatile store has nothing to do."""


class RollbackCounter:
    """A number in a file of its own that only grows; restoring the state alone is noticed.

    Two slots in different sectors are written in turn: store id(16), value(8), HMAC-SHA256(32).
    """

    SLOT_SIZE: Final = 512

    __slots__ = ("_disk", "_key", "_path", "_store_id")

    def __init__(self, env: Env, path: str, key: bytes, store_id: bytes) -> None:
        self._disk = env.disk
        self._path = path
        self._key = key
        self._store_id = store_id

    def create(self, value: int) -> None:
        """Make the file with a first value, over what a creation that was cut off left."""
        slots = [self._slot(value), bytes(56)]
        if value % 2:
            slots.reverse()
        data = b"".join(slot.ljust(self.SLOT_SIZE, b"\0") for slot in slots)
        replace_file(self._disk, self._path, data)

    def read(self) -> int:
        """Return the highest value that is authentic; raises `StoreCorruptError` if none is."""
        try:
            data = self._disk.read(self._path)
        except FileNotFoundError:
            raise StoreCorruptError("the rollback counter is missing") from None
        values = []
        for start in (0, self.SLOT_SIZE):
            value = int.from_bytes(data[start + 16 : start + 24], "big")
            if hmac.compare_digest(data[start : start + 56], self._slot(value)):
                values.append(value)
        if not values:
            raise StoreCorruptError("the rollback counter was changed or is another device's")
        return max(values)

    def write(self, value: int) -> None:
        """Set a new value durably, in the slot that does not hold the present one."""
        self._disk.write_durably(self._path, self.SLOT_SIZE * (value % 2), self._slot(value))

    def _slot(self, value: int) -> bytes:
        body = self._store_id + value.to_bytes(8, "big")
        return body + hmac.digest(self._key, body, "sha256")


class SealedStore(Store):
    """Store on disk; open with `open` or make with `create`."""

    __slots__ = (
        "_cipher",
        "_counter",
        "_counter_value",
        "_dead",
        "_directory",
        "_end",
        "_env",
        "_header",
        "_path",
        "_previous",
        "_seal_key",
        "_sequence",
    )

    def __init__(
        self,
        env: Env,
        directory: str,
        seal_key: SealKey,
        header: journal.FileHeader,
        cipher: AESGCM,
        found: journal.Scan,
        counter_path: str | None,
    ) -> None:
        """Hold what `create` or `open` gathered; nothing is read or written here."""
        super().__init__({intern(key): value for key, value in found.state.items()})
        self._env = env
        self._directory = directory
        self._path = posixpath.join(directory, STATE_FILE)
        self._seal_key = seal_key
        self._header = header
        self._cipher = cipher
        self._previous, self._sequence, self._end = found.previous, found.sequence, found.end
        raw = found.state[COUNTER_KEY]
        path = counter_path or posixpath.join(directory, COUNTER_FILE)
        self._counter = RollbackCounter(env, path, raw[:_COUNTER_KEY_SIZE], header.store_id)
        self._counter_value = int.from_bytes(raw[_COUNTER_KEY_SIZE:], "big")
        self._dead = False

    @classmethod
    def create(
        cls,
        env: Env,
        directory: str,
        seal_key: SealKey,
        state: dict[str, bytes],
        *,
        counter_path: str | None = None,
    ) -> SealedStore:
        """Make a new store in an existing directory; FileExistsError if one is there."""
        if env.disk.exists(posixpath.join(directory, STATE_FILE)):
            raise FileExistsError(f"{directory} holds a secure element already")
        counter = env.random.bytes(_COUNTER_KEY_SIZE) + (1).to_bytes(8, "big")
        found = journal.Scan({**state, COUNTER_KEY: counter}, 0, 0, b"", torn=False)
        bare = journal.FileHeader(0, env.random.bytes(ID_SIZE), b"")
        cipher = AESGCM(env.random.bytes(journal.FILE_KEY_SIZE))
        store = cls(env, directory, seal_key, bare, cipher, found, counter_path)
        store._counter.create(1)
        store._compact(store._data)
        return store

    @classmethod
    def open(
        cls, env: Env, directory: str, seal_key: SealKey, *, counter_path: str | None = None
    ) -> SealedStore:
        """Verify and open a store and move its rollback counter; raises `StoreCorruptError`."""
        try:
            data = env.disk.read(posixpath.join(directory, STATE_FILE))
        except FileNotFoundError:
            raise StoreCorruptError("there is no secure element in this directory") from None
        header = journal.FileHeader.parse(data)
        cipher = journal.file_cipher(seal_key, header)
        found = journal.scan(data, header, cipher)
        store = cls(env, directory, seal_key, header, cipher, found, counter_path)
        store._check_counter()
        if found.torn:
            store._guarded(lambda: store._compact(store._data))
        store.touch()
        store.flush()
        return store

    @property
    def counter_value(self) -> int:
        """Where the rollback counter stands."""
        return self._counter_value

    @override
    def get(self, key: str) -> bytes | None:
        if self._dead:
            raise StoreDeadError
        return super().get(key)

    def _check_counter(self) -> None:
        """Compare state and counter; the counter may lag by the one write a crash cut off."""
        mine = self._counter_value
        outside = self._counter.read()
        if outside == mine - 1:
            self._counter.write(mine)
        elif outside != mine:
            raise StoreCorruptError("the state and its rollback counter do not belong together")

    @override
    def _persist(self, changes: dict[str, bytes | None], *, touched: bool) -> None:
        if self._dead:
            raise StoreDeadError
        if touched:
            value = self._counter_value + 1
            key = self._data[COUNTER_KEY][:_COUNTER_KEY_SIZE]
            changes[COUNTER_KEY] = moved = key + value.to_bytes(8, "big")
            self._guarded(lambda: self._append(changes))
            self._guarded(lambda: self._counter.write(value))
            self._counter_value = value
            self._data[COUNTER_KEY] = moved
        else:
            self._guarded(lambda: self._append(changes))

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a writing step; after a failure the content of the disk is unknown."""
        self._dead = True
        try:
            step()
            self._dead = False
        except OSError as error:
            raise StoreDeadError from error
        finally:
            if self._dead:
                self.forget()

    def _append(self, changes: dict[str, bytes | None]) -> None:
        nonce = self._env.random.bytes(journal.NONCE_SIZE)
        text = journal.encode_changes(changes)
        record, tag = journal.seal_record(self._cipher, self._sequence, self._previous, nonce, text)
        if self._end + len(record) > self._header.size:
            state = dict(self._data)
            journal.apply_changes(state, changes)
            self._compact(state)
            return
        self._env.disk.write_durably(self._path, self._end, record)
        self._end += len(record)
        self._sequence += 1
        self._previous = tag

    def _compact(self, state: dict[str, bytes]) -> None:
        """Write the whole state into a new file with its own key and give it the name."""
        text = journal.encode_changes(state)
        room = journal.HEADER_SIZE + len(text) + journal.FIXED_SIZE + JOURNAL_SPACE
        size = -(-room // PAGE_SIZE) * PAGE_SIZE
        random = self._env.random
        file_key = random.bytes(journal.FILE_KEY_SIZE)
        header = journal.FileHeader.make(
            size, self._header.store_id, self._seal_key, file_key, random.bytes(journal.NONCE_SIZE)
        )
        cipher = AESGCM(file_key)
        start = header.encode()
        nonce = random.bytes(journal.NONCE_SIZE)
        record, tag = journal.seal_record(cipher, 0, start, nonce, text)
        content = (start + record).ljust(size, b"\0")
        disk = self._env.disk
        fresh = posixpath.join(self._directory, FRESH_FILE)
        if disk.exists(fresh):  # left behind by a crash
            disk.unlink(fresh)
        disk.create(fresh)
        disk.pwrite(fresh, 0, content)
        disk.sync(fresh)
        disk.rename(fresh, self._path)
        disk.sync_dir(self._directory)
        self._header, self._cipher, self._previous = header, cipher, tag
        self._sequence, self._end = 1, len(start) + len(record)
