"""BER-TLV data objects, the alphabet of EMV and GlobalPlatform.

Definite lengths only. Output is minimal; input may use longer lengths than
needed. A tag is the integer of its bytes: `9F02` is `0x9F02`.

Source: ISO/IEC 7816-4, BER-TLV data objects; EMV 4.3 Book 3, Annex B.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.typing import override

TAG_BYTES_MAX: Final = 4
LENGTH_BYTES_MAX: Final = 3
"""Bytes after the byte that counts them: values reach 16,777,215 bytes."""
DEPTH_MAX: Final = 16
_SHORT: Final = tuple(bytes((length,)) for length in range(0x80))

Item: TypeAlias = "tuple[int, bytes | Sequence[Item]]"


@dataclass(frozen=True, slots=True)
class Tlv:
    """One data object; its repr shows the length only, the value may be secret."""

    tag: int
    value: bytes

    @override
    def __repr__(self) -> str:
        return f"Tlv({self.tag:02X}, {len(self.value)} bytes)"

    def encode(self) -> bytes:
        """Return tag, length and value."""
        return encode(self.tag, self.value)


@lru_cache(maxsize=1024)
def tag_bytes(tag: int) -> bytes:
    """Return the bytes of a tag; `EncodeError` if it is none of one to four bytes."""
    if not 0 < tag < 1 << 8 * TAG_BYTES_MAX:
        raise EncodeError("a tag has one to four bytes and is not 0")
    raw = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    multi_byte = raw[0] & 0x1F == 0x1F
    follows = all(byte & 0x80 for byte in raw[1:-1]) and not (len(raw) > 1 and raw[-1] & 0x80)
    if multi_byte != (len(raw) > 1) or not follows:
        raise EncodeError(f"{tag:02X} is not a BER tag")
    return raw


@lru_cache(maxsize=1024)
def is_constructed(tag: int) -> bool:
    """Tell whether the tag announces nested objects (bit 6 of its first byte)."""
    return bool(tag_bytes(tag)[0] & 0x20)


def encode_length(length: int) -> bytes:
    """Return the shortest definite length field."""
    if length < 0x80:
        return bytes((length,))
    if length < 0x100:
        return bytes((0x81, length))
    if length < 0x10000:
        return b"\x82" + length.to_bytes(2, "big")
    if length < 0x1000000:
        return b"\x83" + length.to_bytes(3, "big")
    raise EncodeError("a value has at most 16777215 bytes")


def encode(tag: int, value: bytes) -> bytes:
    """Return one data object."""
    size = len(value)
    length = _SHORT[size] if size < 0x80 else encode_length(size)
    return tag_bytes(tag) + length + value


def join(objects: Mapping[int, bytes], leave_out: Container[int] = ()) -> bytes:
    """Return data objects in order, without those whose tags are left out."""
    return b"".join(
        [
            tag_bytes(tag)
            + (_SHORT[len(value)] if len(value) < 0x80 else encode_length(len(value)))
            + value
            for tag, value in objects.items()
            if tag not in leave_out
        ]
    )


def build(*items: Item) -> bytes:
    """Return data objects in order; a tuple or list as value nests further items.

    Raises `EncodeError` for a nested value under a primitive tag and beyond 16 levels.
    """
    return _build(items, 1)


def _build(items: Sequence[Item], depth: int) -> bytes:
    if depth > DEPTH_MAX:
        raise EncodeError(f"nested deeper than {DEPTH_MAX} levels")
    parts: list[bytes] = []
    for tag, value in items:
        if isinstance(value, bytes):
            parts.append(encode(tag, value))
        elif is_constructed(tag):
            parts.append(encode(tag, _build(value, depth + 1)))
        else:
            raise EncodeError(f"tag {tag:02X} is primitive and holds no objects")
    return b"".join(parts)


def header(data: bytes, offset: int = 0) -> tuple[int, int, int]:
    """Read tag and length at `offset`: `(tag, start of value, end of value)`.

    Raises `DecodeError` for tag 0, indefinite or oversized lengths and truncation.
    """
    size = len(data)
    if not 0 <= offset < size:
        raise DecodeError("a data object is missing", offset=offset)
    position = offset
    tag = data[position]
    position += 1
    if tag & 0x1F == 0x1F and position < size and data[position] < 0x80:
        tag = tag << 8 | data[position]
        position += 1
    elif tag == 0 or tag & 0x1F == 0x1F:
        tag, position = read_tag(data, offset)
    if position >= size:
        raise DecodeError(f"tag {tag:02X} has no length", offset=position)
    length = data[position]
    position += 1
    if length >= 0x80:
        length, position = _long_length(data, position - 1)
    end = position + length
    if end > size:
        raise DecodeError(
            f"tag {tag:02X} announces {length} bytes and {size - position} are left", offset=offset
        )
    return tag, position, end


def read_tag(data: bytes, offset: int = 0) -> tuple[int, int]:
    """Read the tag at `offset`; return it and the offset behind it."""
    if not 0 <= offset < len(data):
        raise DecodeError("a tag is missing", offset=offset)
    tag = data[offset]
    if tag == 0:
        raise DecodeError("tag 00 is no tag", offset=offset)
    if tag & 0x1F != 0x1F:
        return tag, offset + 1
    for position in range(offset + 1, offset + TAG_BYTES_MAX):
        if position >= len(data):
            raise DecodeError("a tag is cut off", offset=offset)
        tag = tag << 8 | data[position]
        if not data[position] & 0x80:
            return tag, position + 1
    raise DecodeError(f"a tag is longer than {TAG_BYTES_MAX} bytes", offset=offset)


def _long_length(data: bytes, offset: int) -> tuple[int, int]:
    count = data[offset] & 0x7F
    if not 1 <= count <= LENGTH_BYTES_MAX:
        problem = "a length is indefinite" if count == 0 else "a length has too many bytes"
        raise DecodeError(problem, offset=offset)
    end = offset + 1 + count
    if end > len(data):
        raise DecodeError("a length is cut off", offset=offset)
    return int.from_bytes(data[offset + 1 : end], "big"), end


def read_value(data: bytes, offset: int = 0) -> tuple[bytes, int]:
    """Read length and value without a tag; return the value and the offset behind it."""
    size = len(data)
    if not 0 <= offset < size:
        raise DecodeError("a length is missing", offset=offset)
    length, start = data[offset], offset + 1
    if length >= 0x80:
        length, start = _long_length(data, offset)
    end = start + length
    if end > size:
        raise DecodeError(f"{length} bytes are announced and {size - start} left", offset=offset)
    return data[start:end], end


def parse_tag_list(data: bytes) -> tuple[int, ...]:
    """Read tags that stand one behind the other without lengths (tag list 5C)."""
    tags: list[int] = []
    position = 0
    while position < len(data):
        tag, position = read_tag(data, position)
        tags.append(tag)
    return tuple(tags)


def parse_one(data: bytes, offset: int = 0) -> tuple[Tlv, int]:
    """Read the object that starts at `offset`; return it and the offset behind it."""
    tag, start, end = header(data, offset)
    return Tlv(tag, data[start:end]), end


def parse(data: bytes) -> tuple[Tlv, ...]:
    """Read the objects of one level; `00` between objects is skipped as EMV Annex B allows."""
    return tuple([Tlv(tag, data[start:end]) for tag, start, end in _level(data)])


def _level(data: bytes) -> list[tuple[int, int, int]]:
    """Read the headers of one level: tag, start and end of the value."""
    found: list[tuple[int, int, int]] = []
    position = 0
    size = len(data)
    while position < size:
        if data[position] == 0:
            position += 1
            continue
        one = header(data, position)
        found.append(one)
        position = one[2]
    return found


def find(data: bytes, *path: int) -> bytes | None:
    """Return the value of the first object under `path`, one tag per level; None if absent.

    Reading stops at the object found: what follows it is not checked.
    """
    value = data
    for depth, wanted in enumerate(path):
        inner = _find_here(value, wanted, path[:depth])
        if inner is None:
            return None
        value = inner
    return value


def _find_here(data: bytes, wanted: int, above: tuple[int, ...]) -> bytes | None:
    position = 0
    size = len(data)
    try:
        while position < size:
            if data[position] == 0:
                position += 1
                continue
            tag, start, position = header(data, position)
            if tag == wanted:
                return data[start:position]
    except DecodeError as error:
        raise DecodeError(error.message, offset=error.offset, path=_names(above)) from None
    return None


def require(data: bytes, *path: int) -> bytes:
    """Return the value as `find` does; `DecodeError` names the missing tag and its parents."""
    value = data
    for depth, wanted in enumerate(path):
        inner = _find_here(value, wanted, path[:depth])
        if inner is None:
            raise DecodeError(f"tag {wanted:02X} is missing", path=_names(path[:depth]))
        value = inner
    return value


def walk(data: bytes) -> Iterator[tuple[int, Tlv]]:
    """Yield every object with its depth (0 = outermost), parents first.

    Raises `DecodeError` with the path of tags when a constructed object holds
    something else, and beyond 16 levels.
    """
    yield from _walk(data, ())


def _walk(data: bytes, above: tuple[int, ...]) -> Iterator[tuple[int, Tlv]]:
    depth = len(above)
    if depth >= DEPTH_MAX:
        raise DecodeError(f"nested deeper than {DEPTH_MAX} levels", path=_names(above))
    try:
        objects = parse(data)
    except DecodeError as error:
        raise DecodeError(error.message, offset=error.offset, path=_names(above)) from None
    for tlv in objects:
        yield depth, tlv
        if is_constructed(tlv.tag):
            yield from _walk(tlv.value, (*above, tlv.tag))


def collect(data: bytes) -> dict[int, bytes]:
    """Return the primitive objects of all levels by tag; of several the first wins."""
    leaves: dict[int, bytes] = {}
    _collect(data, (), leaves)
    return leaves


def _collect(data: bytes, above: tuple[int, ...], leaves: dict[int, bytes]) -> None:
    if len(above) >= DEPTH_MAX:
        raise DecodeError(f"nested deeper than {DEPTH_MAX} levels", path=_names(above))
    position = 0
    size = len(data)
    try:
        while position < size:
            tag = data[position]
            if tag == 0:
                position += 1
                continue
            # One pass for the common case: a tag of one or two bytes and a length of one.
            constructed = tag & 0x20
            at = position + 1
            if tag & 0x1F == 0x1F and at < size and data[at] < 0x80:
                tag = tag << 8 | data[at]
                at += 1
            end = at + 1 + data[at] if at < size else 0
            if (tag & 0x1F == 0x1F and tag < 0x100) or not at < end <= size or data[at] >= 0x80:
                tag, at, end = header(data, position)
            else:
                at += 1
            position = end
            if constructed:
                _collect(data[at:end], (*above, tag), leaves)
            elif tag not in leaves:
                leaves[tag] = data[at:end]
    except DecodeError as error:
        if error.path:
            raise
        raise DecodeError(error.message, offset=error.offset, path=_names(above)) from None


def _names(tags: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{tag:02X}" for tag in tags)
