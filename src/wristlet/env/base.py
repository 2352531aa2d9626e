"""The one door through which effects enter: clock, randomness and disk.

Hearts never call ``time``, ``os`` or ``secrets``; they take an `Env`. The real
one is `wristlet.env.real.real_env`, the one advanced and torn by tests is
`wristlet.env.sim.SimEnv`.
"""

from __future__ import annotations

import builtins
import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol, TypeAlias

StrPath: TypeAlias = str | os.PathLike[str]

REPLACEMENT_SUFFIX = ".new"


class Clock(Protocol):
    """Wall time, monotonic time and waiting."""

    def now_ms(self) -> int:
        """Return the wall time: Unix milliseconds, may jump."""
        ...

    def monotonic_us(self) -> int:
        """Return microseconds since an unknown start: never goes back."""
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait; 0 or less still lets other tasks run once."""
        ...


class Random(Protocol):
    """Randomness fit for keys."""

    # The method hides the type inside the class, hence `builtins.bytes`.
    def bytes(self, size: int) -> builtins.bytes:
        """Return `size` unpredictable bytes."""
        ...


class Disk(Protocol):
    """The file primitives that a crash can fall between.

    Each call is one step: a kill or power cut happens before or after it, or
    inside a `pwrite`. Nothing is durable before `sync`/`datasync` of the file
    and, for names, `sync_dir` of the directory. All raise `OSError`.
    """

    def read(self, path: StrPath, offset: int = 0, size: int | None = None) -> bytes:
        """Return up to `size` bytes (all when None) from `offset`."""
        ...

    def exists(self, path: StrPath) -> bool:
        """Say whether a file or directory has this name."""
        ...

    def size(self, path: StrPath) -> int:
        """Return the length of a file in bytes."""
        ...

    def create(self, path: StrPath) -> None:
        """Make an empty file for the owner only; FileExistsError if the name is taken."""
        ...

    def pwrite(self, path: StrPath, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset` of an existing file, extending it if needed."""
        ...

    def write_durably(self, path: StrPath, offset: int, data: bytes) -> None:
        """`pwrite`, then `datasync`, in one go; it can be cut off between the two."""
        ...

    def datasync(self, path: StrPath) -> None:
        """Make content and length durable. After an error the content is unknown: never retry."""
        ...

    def sync(self, path: StrPath) -> None:
        """Make content, length and metadata durable. After an error: as `datasync`."""
        ...

    def truncate(self, path: StrPath, size: int) -> None:
        """Cut or zero-extend an existing file."""
        ...

    def rename(self, source: StrPath, target: StrPath) -> None:
        """Give a file another name, replacing what had it, in one step."""
        ...

    def unlink(self, path: StrPath) -> None:
        """Remove a file's name."""
        ...

    def sync_dir(self, path: StrPath) -> None:
        """Make the names in a directory durable."""
        ...

    def listdir(self, path: StrPath) -> list[str]:
        """Return the names in a directory, sorted."""
        ...

    def mkdir(self, path: StrPath) -> None:
        """Make one directory for the owner only; FileExistsError if the name is taken."""
        ...


@dataclass(frozen=True, slots=True)
class Env:
    """All effects a part may have, handed in from outside."""

    clock: Clock
    random: Random
    disk: Disk


def replace_file(disk: Disk, path: StrPath, data: bytes) -> None:
    """Set a file's whole content so that a crash leaves the old or the new one, durably."""
    target = os.fspath(path)
    fresh = target + REPLACEMENT_SUFFIX
    if disk.exists(fresh):  # left behind by a crash
        disk.unlink(fresh)
    disk.create(fresh)
    disk.pwrite(fresh, 0, data)
    disk.sync(fresh)
    disk.rename(fresh, target)
    disk.sync_dir(parent(target))


def create_file(disk: Disk, path: StrPath, data: bytes) -> None:
    """Make a new file with content, durably; FileExistsError if the name is taken."""
    if disk.exists(path):
        raise FileExistsError(f"{os.fspath(path)} exists")
    replace_file(disk, path, data)


def ensure_dir(disk: Disk, path: StrPath) -> None:
    """Make a directory and its missing parents, durably."""
    text = os.fspath(path)
    if disk.exists(text):
        return
    above = parent(text)
    if above != text:
        ensure_dir(disk, above)
    disk.mkdir(text)
    disk.sync_dir(above)


def parent(path: StrPath) -> str:
    """Return the directory that holds `path`."""
    return str(PurePath(path).parent)
