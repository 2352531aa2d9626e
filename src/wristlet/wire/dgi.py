"""Data groupings, the containers of personalisation data.

Source: EMV Card Personalization Specification, data grouping format; GPCS 2.3.1,
STORE DATA command with DGI structure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.typing import override

VALUE_BYTES_MAX: Final = 0xFFFF
_SHORT_LENGTH_MAX: Final = 0xFE
_LONG_LENGTH: Final = 0xFF


@dataclass(frozen=True, slots=True)
class Dgi:
    """One data grouping; its repr shows the length only, the value may be a key."""

    number: int
    value: bytes

    @override
    def __repr__(self) -> str:
        return f"Dgi({self.number:04X}, {len(self.value)} bytes)"

    def encode(self) -> bytes:
        """Return number, length and value."""
        return encode(self.number, self.value)


def encode(number: int, value: bytes) -> bytes:
    """Return one grouping: number (2 bytes), length (1, or `FF` and 2), value."""
    if not 0 <= number <= 0xFFFF:
        raise EncodeError("a DGI number has two bytes")
    size = len(value)
    if size > VALUE_BYTES_MAX:
        raise EncodeError(f"DGI {number:04X} holds at most {VALUE_BYTES_MAX} bytes")
    if size <= _SHORT_LENGTH_MAX:
        return number.to_bytes(2, "big") + bytes((size,)) + value
    return number.to_bytes(2, "big") + b"\xff" + size.to_bytes(2, "big") + value


def build(items: Iterable[Dgi]) -> bytes:
    """Return the groupings one behind the other."""
    return b"".join(encode(item.number, item.value) for item in items)


def parse(data: bytes) -> tuple[Dgi, ...]:
    """Read all groupings; a three-byte length is taken for short values too."""
    found: list[Dgi] = []
    position = 0
    size = len(data)
    while position < size:
        if size - position < 3:
            raise DecodeError("a DGI is cut off before its length", offset=position)
        number = data[position] << 8 | data[position + 1]
        length = data[position + 2]
        start = position + 3
        if length == _LONG_LENGTH:
            if size - start < 2:
                raise DecodeError(f"the length of DGI {number:04X} is cut off", offset=start)
            length = data[start] << 8 | data[start + 1]
            start += 2
        end = start + length
        if end > size:
            raise DecodeError(
                f"DGI {number:04X} announces {length} bytes and {size - start} are left",
                offset=position,
            )
        found.append(Dgi(number, data[start:end]))
        position = end
    return tuple(found)
