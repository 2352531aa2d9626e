"""A disk in memory that records, fails, dies and shows what a power cut may leave.

The rules of what survives: a write not yet synced may be missing, alone or with
any others; the last one of a file may be torn between sectors; a name change
may be missing until its directory is synced; what a failed sync covered may be
lost for good even if a later sync succeeds.
"""

from __future__ import annotations

import os
import posixpath
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

from wristlet.env.base import StrPath

SECTOR_SIZE = 512


class SimulatedCrash(BaseException):
    """The process died here: `except Exception` must not catch a death."""


@dataclass(frozen=True, slots=True)
class Step:
    """One changing primitive: its name, its path and the bytes or size it is about."""

    name: str
    path: str
    offset: int = 0
    size: int = 0


@dataclass(slots=True, eq=False)
class _File:
    """An inode: what readers see and what a power cut cannot take."""

    live: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass(slots=True, eq=False)
class _FileChange:
    """A write (data) or truncation (data None) that is not durable yet."""

    file: _File
    offset: int
    data: bytes | None
    doubtful: bool = False  # a sync over it failed: the cache may have dropped it


@dataclass(slots=True, eq=False)
class _NameChange:
    """A change in one directory: names bound to a file, to a directory (None) or removed."""

    directory: str
    bound: tuple[tuple[str, _File | None], ...] = ()
    removed: tuple[str, ...] = ()


_Change = _FileChange | _NameChange
_Names = dict[str, _File | None]


@dataclass(slots=True)
class _Fault:
    countdown: int
    error: BaseException
    kept: int


class MemoryDisk:
    """`wristlet.env.base.Disk` in memory, with faults and power-loss images."""

    def __init__(self) -> None:
        self.trace: list[Step] = []
        self.hook: Callable[[Step], None] | None = None
        self._names: _Names = {"/": None, ".": None}
        self._durable_names: _Names = dict(self._names)
        self._pending: list[_Change] = []
        self._faults: list[_Fault] = []
        self._read_fault: _Fault | None = None
        self._dead = False

    # Faults

    def fail_at(self, count: int, error: OSError, *, kept: int = 0) -> None:
        """Let the `count`-th changing primitive from now (1 = next) raise `error`.

        A `pwrite` still writes its first `kept` bytes (a full disk does that).
        """
        self._faults.append(_Fault(count, error, kept))

    def fail_read_at(self, count: int, error: OSError) -> None:
        """Let the `count`-th `read` from now raise `error`."""
        self._read_fault = _Fault(count, error, 0)

    def kill_at(self, count: int, *, kept: int = 0) -> None:
        """Die at the `count`-th changing primitive from now, before it has an effect.

        A `pwrite` still writes its first `kept` bytes. From then on every call
        raises `SimulatedCrash` until `restart`.
        """
        self._faults.append(_Fault(count, SimulatedCrash(f"killed at step {count}"), kept))

    def restart(self) -> None:
        """Come back after a process kill: all faults gone, the page cache intact."""
        self._dead = False
        self._faults.clear()
        self._read_fault = None

    # Disk

    def read(self, path: StrPath, offset: int = 0, size: int | None = None) -> bytes:
        """Return up to `size` bytes (all when None) from `offset`."""
        self._alive()
        fault = self._read_fault
        if fault is not None:
            fault.countdown -= 1
            if fault.countdown == 0:
                self._read_fault = None
                raise fault.error
        live = self._file(path).live
        return bytes(live[offset:] if size is None else live[offset : offset + size])

    def exists(self, path: StrPath) -> bool:
        """Say whether the name is taken."""
        self._alive()
        return _key(path) in self._names

    def size(self, path: StrPath) -> int:
        """Return the length in bytes."""
        self._alive()
        return len(self._file(path).live)

    def listdir(self, path: StrPath) -> list[str]:
        """Return the names, sorted."""
        self._alive()
        key = self._directory(path)
        roots = ("/", ".")
        return sorted(
            posixpath.basename(name)
            for name in self._names
            if name not in roots and _parent(name) == key
        )

    def create(self, path: StrPath) -> None:
        """Make an empty file."""
        key = self._vacant(path)
        self._step(Step("create", key))
        self._change_names(_NameChange(_parent(key), bound=((key, _File()),)))

    def mkdir(self, path: StrPath) -> None:
        """Make one directory."""
        key = self._vacant(path)
        self._step(Step("mkdir", key))
        self._change_names(_NameChange(_parent(key), bound=((key, None),)))

    def pwrite(self, path: StrPath, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset`."""
        file = self._file(path)
        fault = self._record(Step("pwrite", _key(path), offset, len(data)))
        written = bytes(data if fault is None else data[: fault.kept])
        if written:
            self._change_file(_FileChange(file, offset, written))
        if fault is not None:
            raise fault.error

    def truncate(self, path: StrPath, size: int) -> None:
        """Cut or zero-extend."""
        file = self._file(path)
        self._step(Step("truncate", _key(path), size=size))
        self._change_file(_FileChange(file, size, None))

    def write_durably(self, path: StrPath, offset: int, data: bytes) -> None:
        """`pwrite`, then `datasync`: two steps, as a crash sees them."""
        self.pwrite(path, offset, data)
        self.datasync(path)

    def datasync(self, path: StrPath) -> None:
        """Make content and length durable."""
        self._sync_file("datasync", path)

    def sync(self, path: StrPath) -> None:
        """Make content, length and metadata durable."""
        self._sync_file("sync", path)

    def rename(self, source: StrPath, target: StrPath) -> None:
        """Rename over whatever file is there."""
        file, old, new = self._file(source), _key(source), _key(target)
        self._directory(_parent(new))
        if new in self._names and self._names[new] is None:
            raise IsADirectoryError(f"{new} is a directory")
        self._step(Step("rename", new))
        if old == new:
            return
        if _parent(old) == _parent(new):
            self._change_names(_NameChange(_parent(new), ((new, file),), (old,)))
        else:
            self._change_names(_NameChange(_parent(new), ((new, file),)))
            self._change_names(_NameChange(_parent(old), removed=(old,)))

    def unlink(self, path: StrPath) -> None:
        """Remove a file's name."""
        self._file(path)
        key = _key(path)
        self._step(Step("unlink", key))
        self._change_names(_NameChange(_parent(key), removed=(key,)))

    def sync_dir(self, path: StrPath) -> None:
        """Make the names in a directory durable."""
        key = self._directory(path)
        self._step(Step("sync_dir", key))
        for change in self._pending:
            if isinstance(change, _NameChange) and change.directory == key:
                _apply_names(self._durable_names, change)
        self._pending = [
            change
            for change in self._pending
            if not (isinstance(change, _NameChange) and change.directory == key)
        ]

    # After a cut

    def content(self) -> dict[str, bytes]:
        """Return all files by path, as readers see them."""
        return {
            name: bytes(file.live) for name, file in sorted(self._names.items()) if file is not None
        }

    def copy(self) -> MemoryDisk:
        """Return another disk with the same visible content, all of it durable."""
        return _image(self._names, {id(f): bytes(f.live) for f in self._names.values() if f})

    def images(self, *, limit: int = 2048, seed: int = 0) -> Iterator[MemoryDisk]:
        """Yield what a power cut now may leave, each image once.

        All of them when there are at most `limit`; else the telling ones
        (nothing, everything, each change alone, each one missing, each tear)
        and a sample drawn by `seed` up to `limit`.
        """
        seen: set[tuple[tuple[str, bytes | None], ...]] = set()
        for fates in self._fates(limit, seed):
            image = self._cut(fates)
            key = tuple(
                (name, None if file is None else file.durable)
                for name, file in sorted(image._names.items())
            )
            if key not in seen:
                seen.add(key)
                yield image

    def _fates(self, limit: int, seed: int) -> Iterator[tuple[int, ...]]:
        """Yield one fate per pending change: 0 missing, 1 there, 2.. partly there."""
        counts = [len(self._variants(change)) + 1 for change in self._pending]
        total = 1
        for count in counts:
            total *= count
        if total <= limit:
            yield from product(*(range(count) for count in counts))
            return
        nothing, everything = [0] * len(counts), [1] * len(counts)
        yield tuple(nothing)
        yield tuple(everything)
        for index, count in enumerate(counts):
            for base in (nothing, everything):
                for fate in range(count):
                    yield (*base[:index], fate, *base[index + 1 :])
        draw = random.Random(seed)  # noqa: S311 - picks test cases, no secret
        for _ in range(limit):
            yield tuple(draw.randrange(count) for count in counts)

    def _variants(self, change: _Change) -> list[bytes | None]:
        """Return the forms in which a change may have reached the disk (the first: whole)."""
        if isinstance(change, _NameChange) or change.data is None:
            return [None]
        forms: list[bytes | None] = [change.data]
        last = next(
            other
            for other in reversed(self._pending)
            if isinstance(other, _FileChange) and other.file is change.file
        )
        if last is change:
            first = SECTOR_SIZE - change.offset % SECTOR_SIZE
            forms.extend(change.data[:cut] for cut in range(first, len(change.data), SECTOR_SIZE))
        if change.offset + len(change.data) > len(change.file.durable):
            forms.append(bytes(len(change.data)))  # the length arrived, the sectors did not
        return forms

    def _cut(self, fates: tuple[int, ...]) -> MemoryDisk:
        names = dict(self._durable_names)
        contents: dict[int, bytearray] = {}
        for change, fate in zip(self._pending, fates, strict=True):
            if fate == 0:
                continue
            if isinstance(change, _NameChange):
                _apply_names(names, change)
                continue
            content = contents.setdefault(id(change.file), bytearray(change.file.durable))
            _apply_content(content, change.offset, self._variants(change)[fate - 1])
        whole = {
            id(file): bytes(contents.get(id(file), file.durable))
            for file in names.values()
            if file is not None
        }
        return _image(names, whole)

    # Inside

    def _alive(self) -> None:
        if self._dead:
            raise SimulatedCrash("the process is dead; call restart()")

    def _step(self, step: Step) -> None:
        """Record one changing primitive and let a due fault strike."""
        fault = self._record(step)
        if fault is not None:
            raise fault.error

    def _record(self, step: Step) -> _Fault | None:
        """Record one changing primitive and return the fault that strikes it."""
        self._alive()
        self.trace.append(step)
        if self.hook is not None:
            self.hook(step)
        for fault in self._faults:
            fault.countdown -= 1
        due = next((fault for fault in self._faults if fault.countdown == 0), None)
        if due is not None:
            self._faults.remove(due)
            self._dead = isinstance(due.error, SimulatedCrash)
        return due

    def _sync_file(self, name: str, path: StrPath) -> None:
        file = self._file(path)
        mine = [c for c in self._pending if isinstance(c, _FileChange) and c.file is file]
        try:
            self._step(Step(name, _key(path)))
        except OSError:
            for change in mine:
                change.doubtful = True
            raise
        content = bytearray(file.durable)
        for change in mine:
            if not change.doubtful:
                _apply_content(content, change.offset, change.data)
        file.durable = bytes(content)
        self._pending = [c for c in self._pending if not any(c is other for other in mine)]

    def _change_file(self, change: _FileChange) -> None:
        _apply_content(change.file.live, change.offset, change.data)
        self._pending.append(change)

    def _change_names(self, change: _NameChange) -> None:
        _apply_names(self._names, change)
        self._pending.append(change)

    def _file(self, path: StrPath) -> _File:
        key = _key(path)
        if key not in self._names:
            raise FileNotFoundError(f"{key} does not exist")
        file = self._names[key]
        if file is None:
            raise IsADirectoryError(f"{key} is a directory")
        return file

    def _directory(self, path: StrPath) -> str:
        key = _key(path)
        if key not in self._names:
            raise FileNotFoundError(f"{key} does not exist")
        if self._names[key] is not None:
            raise NotADirectoryError(f"{key} is a file")
        return key

    def _vacant(self, path: StrPath) -> str:
        key = _key(path)
        if key in self._names:
            raise FileExistsError(f"{key} exists")
        self._directory(_parent(key))
        return key


def _key(path: StrPath) -> str:
    return posixpath.normpath(os.fspath(path))


def _parent(key: str) -> str:
    return posixpath.dirname(key) or "."


def _apply_content(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write `data` at `offset`; None cuts or zero-extends to `offset`."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


def _apply_names(names: _Names, change: _NameChange) -> None:
    for name in change.removed:
        names.pop(name, None)
    names.update(change.bound)


def _image(names: _Names, contents: dict[int, bytes]) -> MemoryDisk:
    """Return a freshly booted disk; names below a lost directory are out of reach."""
    disk = MemoryDisk()
    for name in sorted(names):  # a directory sorts before what is in it
        if name in disk._names or disk._names.get(_parent(name), _LOST) is not None:
            continue
        file = names[name]
        if file is None:
            disk._names[name] = None
        else:
            content = contents[id(file)]
            disk._names[name] = _File(bytearray(content), content)
    disk._durable_names = dict(disk._names)
    return disk


_LOST = _File()
