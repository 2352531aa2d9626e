"""Data object lists: what the card asks the terminal for, and the data that answer them.

Source: EMV 4.3 Book 3, Rules for Using a Data Object List.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from wristlet.wire import ber, numbers
from wristlet.wire.emv import tags
from wristlet.wire.errors import DecodeError

_NUMERIC: Final = "n"
_COMPRESSED_NUMERIC: Final = "cn"


@dataclass(frozen=True, slots=True)
class DolEntry:
    """One wanted object: its tag and how many bytes of it."""

    tag: int
    length: int


def parse(dol: bytes) -> tuple[DolEntry, ...]:
    """Read tags and one-byte lengths."""
    entries: list[DolEntry] = []
    position = 0
    while position < len(dol):
        tag, position = ber.read_tag(dol, position)
        if position >= len(dol):
            raise DecodeError(f"tag {tag:02X} has no length", offset=position, path=("dol",))
        entries.append(DolEntry(tag, dol[position]))
        position += 1
    return tuple(entries)


def encode(entries: Iterable[DolEntry]) -> bytes:
    """Return the list itself."""
    return b"".join(
        ber.tag_bytes(entry.tag) + numbers.to_bytes(entry.length, 1, "length") for entry in entries
    )


def size(dol: bytes) -> int:
    """Return how many bytes of data the list asks for."""
    return sum(entry.length for entry in parse(dol))


def build(dol: bytes, *sources: Mapping[int, bytes]) -> bytes:
    """Return the data asked for; of several sources the first that has the tag wins.

    Unknown and constructed objects become zeros; others are cut or padded by their format.
    """
    return b"".join(_fit(entry, _lookup(entry.tag, sources)) for entry in parse(dol))


def split(dol: bytes, data: bytes) -> dict[int, bytes]:
    """Cut data by the list; of repeated tags the first counts.

    Raises `DecodeError` if the data are shorter or longer than the list asks for.
    """
    entries = parse(dol)
    wanted = sum(entry.length for entry in entries)
    if len(data) != wanted:
        raise DecodeError(f"{wanted} bytes are asked for and {len(data)} came", path=("dol",))
    values: dict[int, bytes] = {}
    position = 0
    for entry in entries:
        end = position + entry.length
        values.setdefault(entry.tag, data[position:end])
        position = end
    return values


def _lookup(tag: int, sources: tuple[Mapping[int, bytes], ...]) -> bytes | None:
    if ber.is_constructed(tag):
        return None
    for source in sources:
        if tag in source:
            return source[tag]
    return None


def _fit(entry: DolEntry, value: bytes | None) -> bytes:
    length = entry.length
    if value is None:
        return bytes(length)
    if len(value) == length:
        return value
    kind = tags.format_of(entry.tag)
    if len(value) > length:
        return value[len(value) - length :] if kind == _NUMERIC else value[:length]
    if kind == _NUMERIC:
        return value.rjust(length, b"\x00")
    return value.ljust(length, b"\xff" if kind == _COMPRESSED_NUMERIC else b"\x00")
