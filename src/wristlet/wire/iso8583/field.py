"""The kinds of fields, and how one field is read and written with every check.

This is the careful path: it names what is wrong. `plan` is the fast one and must
accept exactly the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.masked import Secret, SecretDigits

Value: TypeAlias = str | bytes


class Kind(Enum):
    """What a field holds and how it travels."""

    DIGITS = "n"  # str of digits; packed two to a byte, a 0 before an odd number
    TRACK = "z"  # str of digits with one D; packed, an F behind an odd number
    CODE = "an"  # str of printable ASCII; a fixed length is exact
    TEXT = "ans"  # as CODE; a fixed length is filled with spaces, which are cut on reading
    BINARY = "b"  # bytes


PACKED: Final = frozenset({Kind.DIGITS, Kind.TRACK})


@dataclass(frozen=True, slots=True)
class Field:
    """One data element: its length (or greatest length) in digits, characters or bytes.

    `prefix` is the number of digits of the length before a variable field, 0 for
    a fixed one. A `secret` value is wrapped in a masked type and never printed.
    """

    number: int
    name: str
    kind: Kind
    length: int
    prefix: int = 0
    secret: bool = False

    @property
    def prefix_size(self) -> int:
        """The bytes of the length prefix."""
        return (self.prefix + 1) // 2

    @property
    def label(self) -> str:
        """The name used in errors."""
        return f"field {self.number} ({self.name})"

    def size(self, length: int) -> int:
        """The bytes that a content of `length` takes."""
        return (length + 1) // 2 if self.kind in PACKED else length


def read(field: Field, raw: bytes, offset: int) -> tuple[Value, int]:
    """Return a field's value and the offset behind it; DecodeError names what is wrong."""
    length, start = _read_length(field, raw, offset)
    end = start + field.size(length)
    if end > len(raw):
        raise _wrong(field, f"needs {end - start} bytes, {len(raw) - start} are left", offset)
    content = raw[start:end]
    if field.kind is Kind.BINARY:
        return wrap(field, content), end
    if field.kind in PACKED:
        return wrap(field, _unpack(field, content, length, start)), end
    if not _is_printable(content):
        raise _wrong(field, "holds a byte that is not printable ASCII", start)
    text = content.decode("ascii")
    filled = field.kind is Kind.TEXT and not field.prefix
    return wrap(field, text.rstrip(" ") if filled else text), end


def write(field: Field, value: object) -> bytes:
    """Return a field's bytes with its length; EncodeError names what is wrong."""
    expected = bytes if field.kind is Kind.BINARY else str
    if not isinstance(value, expected):
        raise EncodeError(
            f"is {type(value).__name__}, must be {expected.__name__}", path=(field.label,)
        )
    length = len(value)
    if field.prefix:
        if not 1 <= length <= field.length:
            raise EncodeError(
                f"has length {length}, must be 1 to {field.length}", path=(field.label,)
            )
    elif length != field.length and not (field.kind is Kind.TEXT and length < field.length):
        raise EncodeError(f"has length {length}, must be {field.length}", path=(field.label,))
    return _write_length(field, length) + _pack(field, value)


def wrap(field: Field, value: Value) -> Value:
    """Put a secret value into its masked type."""
    if not field.secret:
        return value
    return SecretDigits(value) if isinstance(value, str) else Secret(value)


def _read_length(field: Field, raw: bytes, offset: int) -> tuple[int, int]:
    if not field.prefix:
        return field.length, offset
    start = offset + field.prefix_size
    digits = raw[offset:start].hex()
    if start > len(raw):
        raise _wrong(field, "ends inside its length", offset)
    if not digits.isdecimal():
        raise _wrong(field, "has a length that is not digits", offset)
    length = int(digits)
    if not 1 <= length <= field.length:
        raise _wrong(field, f"has length {length}, must be 1 to {field.length}", offset)
    return length, start


def _write_length(field: Field, length: int) -> bytes:
    return bytes.fromhex(f"{length:0{field.prefix_size * 2}d}") if field.prefix else b""


def _unpack(field: Field, content: bytes, length: int, offset: int) -> str:
    digits = content.hex()
    if field.kind is Kind.TRACK:
        if length % 2:
            if digits[-1] != "f":
                raise _wrong(field, "has no F behind an odd number of digits", offset)
            digits = digits[:-1]
        if not is_track(digits.upper()):
            raise _wrong(field, "is not digits with at most one separator D", offset)
        return digits.upper()
    if length % 2:
        if digits[0] != "0":
            raise _wrong(field, "has no 0 before an odd number of digits", offset)
        digits = digits[1:]
    if not digits.isdecimal():
        raise _wrong(field, "holds a nibble that is not a digit", offset)
    return digits


def _pack(field: Field, value: Value) -> bytes:
    if isinstance(value, bytes):
        return bytes(value)
    plain = value.reveal() if isinstance(value, SecretDigits) else value
    if field.kind is Kind.TRACK:
        digits = plain.replace("=", "D", 1)
        if not is_track(digits):
            raise EncodeError("is not digits with at most one separator D", path=(field.label,))
        return bytes.fromhex(digits + "F" * (len(digits) % 2))
    if field.kind is Kind.DIGITS:
        if not (plain.isascii() and plain.isdecimal()):
            raise EncodeError("holds what is not a digit", path=(field.label,))
        return bytes.fromhex("0" * (len(plain) % 2) + plain)
    if not (plain.isascii() and plain.isprintable()):
        raise EncodeError("holds what is not printable ASCII", path=(field.label,))
    return (plain if field.prefix else plain.ljust(field.length)).encode("ascii")


def is_track(digits: str) -> bool:
    """Say whether this is a track 2 in upper case: digits, at most one D and not first."""
    return digits.isascii() and digits[0] != "D" and digits.replace("D", "0", 1).isdecimal()


def _is_printable(content: bytes) -> bool:
    return content.isascii() and content.decode("ascii").isprintable()


def _wrong(field: Field, message: str, offset: int) -> DecodeError:
    return DecodeError(message, offset=offset, path=(field.label,))
