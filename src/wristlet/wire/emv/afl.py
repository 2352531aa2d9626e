"""Application File Locator: which records to read, and which of them ODA covers.

Source: EMV 4.3 Book 3, Read Application Data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from wristlet.wire.errors import DecodeError, EncodeError

SFI_MAX: Final = 30
_ENTRY_BYTES: Final = 4
_RECORD_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class AflEntry:
    """Records `first` to `last` of one file; the first `oda_records` are signed."""

    sfi: int
    first: int
    last: int
    oda_records: int = 0

    def records(self) -> Iterator[tuple[int, bool]]:
        """Yield each record number and whether ODA covers it."""
        for number in range(self.first, self.last + 1):
            yield number, number < self.first + self.oda_records


def _problem(entry: AflEntry) -> str | None:
    if not 1 <= entry.sfi <= SFI_MAX:
        return "a file identifier is 1 to 30"
    if not 1 <= entry.first <= entry.last <= _RECORD_MAX:
        return "record numbers do not ascend from 1"
    if not 0 <= entry.oda_records <= entry.last - entry.first + 1:
        return "more records are signed than listed"
    return None


def parse(raw: bytes) -> tuple[AflEntry, ...]:
    """Read all entries; `DecodeError` for one that breaks the rules of the standard."""
    if len(raw) % _ENTRY_BYTES:
        raise DecodeError("is no multiple of 4 bytes", offset=len(raw), path=("94",))
    entries: list[AflEntry] = []
    for offset in range(0, len(raw), _ENTRY_BYTES):
        first_byte, first, last, signed = raw[offset : offset + _ENTRY_BYTES]
        entry = AflEntry(first_byte >> 3, first, last, signed)
        problem = "reserved bits are set" if first_byte & 0x07 else _problem(entry)
        if problem is not None:
            raise DecodeError(problem, offset=offset, path=("94",))
        entries.append(entry)
    return tuple(entries)


def encode(entries: Iterable[AflEntry]) -> bytes:
    """Return the locator."""
    parts: list[bytes] = []
    for entry in entries:
        problem = _problem(entry)
        if problem is not None:
            raise EncodeError(problem, path=("94",))
        parts.append(bytes((entry.sfi << 3, entry.first, entry.last, entry.oda_records)))
    return b"".join(parts)
