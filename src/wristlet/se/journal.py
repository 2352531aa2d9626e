"""Bytes of the sealed store: one file = header, snapshot record, journal records, zeros.

    file    header(128) | record 0 = snapshot | record 1 | ... | zeros up to the announced size
    record  magic(4) length(4) sequence(4) crc32(4) | nonce(12) | AES-256-GCM | tag(16) | mark(8)

Each file has a random key of its own, sealed in its header. The additional data of a record are
its own 16-byte head and the tag of the record before it (record 0: the file's header), so that
nothing can be changed, left out, inserted or moved. Records are aligned to 16
bytes; the file has its full size, zero filled and synced, before it gets its name, so a commit is
one write into space that exists.

A crash can leave the last record torn: some of its 512-byte sectors are still zero, or everything
from some byte on is. `scan` drops such a tail and refuses whatever a torn write cannot explain.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wristlet.crypto.errors import SealError
from wristlet.crypto.seal import SealKey, open_sealed, seal

FILE_MAGIC: Final = b"WRSTLTS1"
RECORD_MAGIC: Final = b"\xa7R\xe3\x9c"
MARK: Final = bytes.fromhex("C35AA53C9669F0B7")
HEADER_SIZE: Final = 128
FILE_KEY_SIZE: Final = 32
HEAD_SIZE: Final = 16
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
SECTOR_SIZE: Final = 512
ALIGNMENT: Final = 16
FIXED_SIZE: Final = HEAD_SIZE + NONCE_SIZE + TAG_SIZE + len(MARK)
RECORD_SIZE_MAX: Final = 1 << 20
KEY_SIZE_MAX: Final = 255
VALUE_SIZE_MAX: Final = 0xFFFFFE
_KEY_END: Final = 32 + 6 + 12 + FILE_KEY_SIZE + 16
_DELETED: Final = 0xFFFFFF
_MARK_BITS_MAX: Final = 8

Changes = Mapping[str, bytes | None]


class StoreCorruptError(ValueError):
    """The sealed file is not what was written; the text says which check failed, never values."""


def encode_changes(changes: Changes) -> bytes:
    """Encode puts and deletes (None): key length(1) key value length(3, FFFFFF = gone) value."""
    parts: list[bytes] = []
    for key, value in changes.items():
        parts.append(_encode_key(key))
        if value is None:
            parts.append(_DELETED.to_bytes(3, "big"))
        elif len(value) > VALUE_SIZE_MAX:
            raise ValueError(f"state value {key} is too long")
        else:
            parts.append(len(value).to_bytes(3, "big") + value)
    return b"".join(parts)


@lru_cache(maxsize=1024)
def _encode_key(key: str) -> bytes:
    name = key.encode()
    if not 1 <= len(name) <= KEY_SIZE_MAX:
        raise ValueError("a state key has 1 to 255 bytes")
    return bytes((len(name),)) + name


def decode_changes(data: bytes) -> dict[str, bytes | None]:
    """Read what `encode_changes` wrote; a zero key length begins the padding."""
    changes: dict[str, bytes | None] = {}
    position = 0
    while position < len(data) and data[position]:
        end = position + 1 + data[position]
        key = data[position + 1 : end].decode()
        length = int.from_bytes(data[end : end + 3], "big")
        position = end + 3
        if length == _DELETED:
            changes[key] = None
        else:
            changes[key] = data[position : position + length]
            position += length
    return changes


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Plain start of the file: its size, the id of the store it belongs to and its sealed key."""

    size: int
    store_id: bytes
    sealed_key: bytes

    def encode(self) -> bytes:
        """Return the 128 bytes."""
        return (self.context + self.sealed_key).ljust(HEADER_SIZE, b"\0")

    @property
    def context(self) -> bytes:
        """What the file key is sealed for: everything before it."""
        return FILE_MAGIC + self.size.to_bytes(8, "big") + self.store_id

    @classmethod
    def make(
        cls, size: int, store_id: bytes, seal_key: SealKey, file_key: bytes, nonce: bytes
    ) -> FileHeader:
        """Make the header of a new file with its own random key (32 bytes)."""
        bare = cls(size, store_id, b"")
        return cls(size, store_id, seal(seal_key, file_key, bare.context, nonce))

    @classmethod
    def parse(cls, data: bytes) -> FileHeader:
        """Read the header of a whole file; raises `StoreCorruptError`."""
        if len(data) < HEADER_SIZE or data[:8] != FILE_MAGIC:
            raise StoreCorruptError("the file does not begin as a store of this version")
        header = cls(int.from_bytes(data[8:16], "big"), data[16:32], data[32:_KEY_END])
        if header.size != len(data):
            raise StoreCorruptError("the file does not have the size it was made with")
        if data[_KEY_END:HEADER_SIZE].strip(b"\0"):
            raise StoreCorruptError("the header has data where there should be none")
        return header


def file_cipher(seal_key: SealKey, header: FileHeader) -> AESGCM:
    """Unseal the key of one file; raises `StoreCorruptError`."""
    try:
        return AESGCM(open_sealed(seal_key, header.sealed_key, header.context))
    except SealError:
        raise StoreCorruptError(
            "the file key does not open: wrong sealing key or changed"
        ) from None


def seal_record(
    cipher: AESGCM, sequence: int, previous: bytes, nonce: bytes, text: bytes
) -> tuple[bytes, bytes]:
    """Return one encoded record and its tag; `previous` is what the record is chained to."""
    padding = -(len(text) + FIXED_SIZE) % ALIGNMENT
    size = FIXED_SIZE + len(text) + padding
    if size > RECORD_SIZE_MAX:
        raise ValueError("the record is larger than a store can hold")
    head = _head(size, sequence)
    sealed = cipher.encrypt(nonce, text + bytes(padding), previous + head)
    return head + nonce + sealed + MARK, sealed[-TAG_SIZE:]


def _head(size: int, sequence: int) -> bytes:
    start = RECORD_MAGIC + size.to_bytes(4, "big") + sequence.to_bytes(4, "big")
    return start + zlib.crc32(start).to_bytes(4, "big")


@dataclass(slots=True)
class Scan:
    """What a file holds: state, where the next record goes, its sequence and chain value.

    `torn` tells that a tail was dropped and the file must be rewritten before it is used.
    """

    state: dict[str, bytes]
    end: int
    sequence: int
    previous: bytes
    torn: bool


def scan(data: bytes, header: FileHeader, cipher: AESGCM) -> Scan:
    """Verify a whole file and replay it; raises `StoreCorruptError` for all but a torn tail."""
    found = Scan({}, HEADER_SIZE, 0, header.encode(), torn=False)
    while True:
        size = _record_size(data, found.end, found.sequence)
        text = _open_record(cipher, data, found, size) if size else None
        if text is None:
            break
        apply_changes(found.state, decode_changes(text))
        stop = found.end + size
        found.previous = data[stop - len(MARK) - TAG_SIZE : stop - len(MARK)]
        found.end = stop
        found.sequence += 1
    if found.sequence == 0:
        raise StoreCorruptError("the snapshot cannot be opened")
    last = _last_nonzero(data, found.end)
    if last >= found.end:
        _require_torn(data, found, last)
        found.torn = True
    return found


def apply_changes(state: dict[str, bytes], changes: Changes) -> None:
    """Carry puts and deletes out on a plain dictionary."""
    for key, value in changes.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def _record_size(data: bytes, offset: int, sequence: int) -> int:
    """Return the size announced by an intact head at `offset`, 0 if there is none."""
    head = data[offset : offset + HEAD_SIZE]
    if len(head) < HEAD_SIZE or head[:4] != RECORD_MAGIC:
        return 0
    size = int.from_bytes(head[4:8], "big")
    fits = FIXED_SIZE <= size <= len(data) - offset and size % ALIGNMENT == 0
    return size if fits and head == _head(size, sequence) else 0


def _open_record(cipher: AESGCM, data: bytes, found: Scan, size: int) -> bytes | None:
    start = found.end
    body = start + HEAD_SIZE + NONCE_SIZE
    stop = start + size - len(MARK)
    if data[stop : start + size] != MARK:
        return None
    aad = found.previous + data[start : start + HEAD_SIZE]
    try:
        return cipher.decrypt(data[start + HEAD_SIZE : body], data[body:stop], aad)
    except InvalidTag:
        return None


def _last_nonzero(data: bytes, start: int) -> int:
    """Return the index of the last byte that is not zero, `start - 1` if there is none."""
    return start + len(data[start:].rstrip(b"\0")) - 1


def _require_torn(data: bytes, found: Scan, last: int) -> None:
    """Refuse a tail that one interrupted write of one record cannot have left."""
    start = found.end
    size = _record_size(data, start, found.sequence)
    if size:
        _require_torn_body(data, start, size, last)
        return
    head = data[start : start + HEAD_SIZE]
    if head.strip(b"\0"):
        written = last - start + 1
        if written >= HEAD_SIZE or head[:written] != _head_prefix(head, found.sequence, written):
            raise StoreCorruptError(f"the head of record {found.sequence} was changed")
        return
    _require_lost_head(data, start, last)


def _head_prefix(head: bytes, sequence: int, written: int) -> bytes:
    """Return how a head that was cut after `written` bytes must look."""
    size = int.from_bytes(head[4:8], "big")
    whole = RECORD_MAGIC + head[4:8] + sequence.to_bytes(4, "big")
    crc = _head(size, sequence)[12:]
    return (whole + crc)[:written]


def _require_torn_body(data: bytes, start: int, size: int, last: int) -> None:
    end = start + size
    if last >= end:
        raise StoreCorruptError("a record before the last one was changed")
    if last < end - 1:
        return
    if any(not data[a:b].strip(b"\0") for a, b in _sectors(start, end)):
        return
    raise StoreCorruptError("the last record was changed")


def _require_lost_head(data: bytes, start: int, last: int) -> None:
    """Allow later sectors of a record whose first one never reached the disk."""
    stop = last + 1
    pieces = list(_sectors(start, stop))
    first_a, first_b = pieces[0]
    if stop - start > RECORD_SIZE_MAX or data[first_a:first_b].strip(b"\0"):
        raise StoreCorruptError("there is data where no record can be")
    for a, b in pieces[1:]:
        piece = data[a:b]
        begins = bool(piece[:ALIGNMENT].strip(b"\0"))
        ends = bool(piece[-ALIGNMENT:].strip(b"\0")) if b < stop else _ends_record(data, stop)
        if piece.strip(b"\0") and not (begins and ends):
            raise StoreCorruptError("there is data where no record can be")


def _ends_record(data: bytes, stop: int) -> bool:
    """The data stop at the end of a record, or with a whole sector of one."""
    near = int.from_bytes(data[stop - len(MARK) : stop], "big") ^ int.from_bytes(MARK, "big")
    if near.bit_count() <= _MARK_BITS_MAX:
        return near == 0
    beyond = -stop % SECTOR_SIZE
    tail = data[stop - ALIGNMENT + beyond : stop + beyond]
    return beyond < ALIGNMENT and bool(tail.strip(b"\0"))


def _sectors(start: int, end: int) -> list[tuple[int, int]]:
    """Cut a range at sector borders."""
    cuts = [start, *range(start - start % SECTOR_SIZE + SECTOR_SIZE, end, SECTOR_SIZE), end]
    return list(pairwise(cuts))
