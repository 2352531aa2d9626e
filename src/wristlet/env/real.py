"""The real environment: the machine's clock, randomness and file system."""

from __future__ import annotations

import asyncio
import builtins
import os
import time
from pathlib import Path

from wristlet.env.base import Env, StrPath

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700

# Not every POSIX system has fdatasync; fsync does the same and more.
_datasync = getattr(os, "fdatasync", os.fsync)


class RealClock:
    """The machine's clock."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_us(self) -> int:
        """Return monotonic microseconds."""
        return time.monotonic_ns() // 1_000

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(max(duration_ms, 0) / 1000)


class RealRandom:
    """The kernel's random generator, safe across forks."""

    __slots__ = ()

    def bytes(self, size: int) -> builtins.bytes:
        """Return `size` bytes."""
        return os.urandom(size)


class RealDisk:
    """The file system, one system call per step.

    No descriptor is kept between steps: thousands of secure elements in one
    process cost none, and opening is small beside a sync.
    """

    __slots__ = ()

    def read(self, path: StrPath, offset: int = 0, size: int | None = None) -> bytes:
        """Return up to `size` bytes (all when None) from `offset`."""
        with Path(path).open("rb", buffering=0) as file:
            if offset:
                file.seek(offset)
            if size is None:
                return file.readall()
            parts = []
            while size > 0 and (part := file.read(size)):
                parts.append(part)
                size -= len(part)
            return b"".join(parts)

    def exists(self, path: StrPath) -> bool:
        """Say whether the name is taken."""
        return os.path.lexists(path)

    def size(self, path: StrPath) -> int:
        """Return the length in bytes."""
        return Path(path).stat().st_size

    def create(self, path: StrPath) -> None:
        """Make an empty file with mode 0600."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))

    def pwrite(self, path: StrPath, offset: int, data: bytes) -> None:
        """Write all of `data`; a short write is continued."""
        descriptor = os.open(path, os.O_WRONLY)
        try:
            _write_all(descriptor, offset, data)
        finally:
            os.close(descriptor)

    def write_durably(self, path: StrPath, offset: int, data: bytes) -> None:
        """Write all of `data`, then fdatasync, under one descriptor."""
        descriptor = os.open(path, os.O_WRONLY)
        try:
            _write_all(descriptor, offset, data)
            _datasync(descriptor)
        finally:
            os.close(descriptor)

    def datasync(self, path: StrPath) -> None:
        """fdatasync."""
        descriptor = os.open(path, os.O_WRONLY)
        try:
            _datasync(descriptor)
        finally:
            os.close(descriptor)

    def sync(self, path: StrPath) -> None:
        """fsync."""
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def truncate(self, path: StrPath, size: int) -> None:
        """Cut or zero-extend."""
        os.truncate(path, size)

    def rename(self, source: StrPath, target: StrPath) -> None:
        """Rename over whatever is there."""
        Path(source).replace(target)

    def unlink(self, path: StrPath) -> None:
        """Remove the name."""
        Path(path).unlink()

    def sync_dir(self, path: StrPath) -> None:
        """fsync of the directory."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def listdir(self, path: StrPath) -> list[str]:
        """Return the names, sorted."""
        return sorted(entry.name for entry in Path(path).iterdir())

    def mkdir(self, path: StrPath) -> None:
        """Make one directory with mode 0700."""
        Path(path).mkdir(DIRECTORY_MODE)


def _write_all(descriptor: int, offset: int, data: bytes) -> None:
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], offset + written)


def real_env() -> Env:
    """Return the environment of a running part."""
    return Env(clock=RealClock(), random=RealRandom(), disk=RealDisk())
