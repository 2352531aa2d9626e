"""A small map of texts to bytes on a disk: a batch of changes becomes durable whole or not at all.

    file    magic(8) | record | record | ...
    record  length(4) | crc32(4) | content: MessagePack map of key to value, nil = gone

A change is one write at the end and one sync. What a power cut leaves of the last record does not
check and is cut off at the next start. A file that has grown well above what it holds is written
anew beside the old one and takes its name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from wristlet.env.base import Disk, replace_file

MAGIC: Final = b"WRSTMAP1"
HEAD_SIZE: Final = 8
RECORD_SIZE_MAX: Final = 1 << 24
REWRITE_ABOVE: Final = 1 << 15
REWRITE_FACTOR: Final = 4

Changes = Mapping[str, bytes | None]


class DurableMapError(Exception):
    """The file is no such map, or its content cannot be opened."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Seals what is written and opens what is read, for a map that others must not read."""

    close: Callable[[bytes], bytes]
    open: Callable[[bytes], bytes]


PLAIN: Final = Guard(bytes, bytes)


class DurableMap:
    """The map under one path; its directory must exist."""

    def __init__(self, disk: Disk, path: str, guard: Guard = PLAIN) -> None:
        self._disk = disk
        self._path = path
        self._guard = guard
        self._values: dict[str, bytes] = {}
        self._end = 0
        self._live = 0
        # Without a file, and after a failed write or sync, only a whole new file can be trusted.
        self._must_rewrite = not disk.exists(path)
        if not self._must_rewrite:
            self._load()

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, None without one."""
        return self._values.get(key)

    def items(self, prefix: str = "") -> list[tuple[str, bytes]]:
        """Return keys that begin so with their values, in order of the keys."""
        return sorted(item for item in self._values.items() if item[0].startswith(prefix))

    def change(self, changes: Changes) -> None:
        """Set and remove (None) keys durably, all or none; raises OSError, then nothing changed."""
        if not changes:
            return
        after = {**self._values, **{k: v for k, v in changes.items() if v is not None}}
        for key, value in changes.items():
            if value is None:
                after.pop(key, None)
        if self._must_rewrite or self._end > max(REWRITE_ABOVE, REWRITE_FACTOR * self._live):
            self._rewrite(after)
        else:
            self._append(_record(dict(changes), self._guard))
        self._values = after

    def _append(self, record: bytes) -> None:
        self._must_rewrite = True
        self._disk.pwrite(self._path, self._end, record)
        self._disk.datasync(self._path)
        self._must_rewrite = False
        self._end += len(record)

    def _rewrite(self, values: Mapping[str, bytes]) -> None:
        self._must_rewrite = True
        content = MAGIC + _record(dict(values), self._guard)
        replace_file(self._disk, self._path, content)
        self._must_rewrite = False
        self._end = self._live = len(content)

    def _load(self) -> None:
        content = self._disk.read(self._path)
        if not content.startswith(MAGIC):
            raise DurableMapError(f"{self._path} is no map of this program; move it away")
        at = len(MAGIC)
        while (found := _read_record(content, at)) is not None:
            payload, at = found
            for key, value in _changes(self._guard, payload, self._path).items():
                if value is None:
                    self._values.pop(key, None)
                else:
                    self._values[key] = value
        if at < len(content):  # else its rest could be read behind the next record
            self._disk.truncate(self._path, at)
            self._disk.datasync(self._path)
        self._end = at
        self._live = len(MAGIC) + len(_record(dict(self._values), self._guard))


def _record(changes: dict[str, bytes | None] | dict[str, bytes], guard: Guard) -> bytes:
    payload = guard.close(msgspec.msgpack.encode(changes))
    return len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload


def _read_record(content: bytes, at: int) -> tuple[bytes, int] | None:
    """Return a record's content and end; None when none checks there."""
    length = int.from_bytes(content[at : at + 4], "big")
    start, end = at + HEAD_SIZE, at + HEAD_SIZE + length
    if not 0 < length <= RECORD_SIZE_MAX or end > len(content):
        return None
    payload = content[start:end]
    if zlib.crc32(payload) != int.from_bytes(content[at + 4 : start], "big"):
        return None
    return payload, end


def _changes(guard: Guard, payload: bytes, path: str) -> dict[str, bytes | None]:
    try:
        return msgspec.msgpack.decode(guard.open(payload), type=dict[str, bytes | None])
    except ValueError as error:
        message = f"{path} cannot be opened: another key, or damaged; move it away"
        raise DurableMapError(message) from error
