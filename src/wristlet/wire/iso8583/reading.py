"""The fast way to read: one closure per field or per run of fixed fields.

Neighbouring fields of fixed length are one step: their digits or characters are
checked together. Any doubt raises; the caller then takes the careful path of
`field`, which accepts exactly the same and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Final, TypeAlias

from wristlet.wire.iso8583.field import Field, Kind, Value
from wristlet.wire.masked import Secret, SecretDigits

# (found so far, message, the same as hex, offset) -> offset behind
Reader: TypeAlias = Callable[[dict[int, Value], bytes, str, int], int]

# The value of a packed byte; what is not two digits is above every field's length.
_PACKED: Final = tuple(
    byte // 16 * 10 + byte % 16 if byte // 16 < 10 and byte % 16 < 10 else 100_000
    for byte in range(256)
)


class DoubtError(ValueError):
    """The fast path met something that the careful path must look at."""


def readers(fields: list[Field]) -> tuple[Reader, ...]:
    """Return the steps that read these fields, which are in ascending order.

    They raise ValueError or IndexError in doubt, but not when bytes are missing
    at the end: then the offset returned lies behind the message.
    """
    steps: list[Reader] = []
    for (kind, variable), group in groupby(fields, key=_shape):
        if variable:
            steps.extend(_VARIABLE[kind](field) for field in group)
        elif kind is Kind.DIGITS:
            steps.append(_digits(list(group)))
        elif kind is Kind.CODE:
            steps.append(_texts(list(group)))
        else:
            steps.extend(_fixed_bytes(field) for field in group)
    return tuple(steps)


def _shape(field: Field) -> tuple[Kind, bool]:
    kind = Kind.CODE if field.kind is Kind.TEXT else field.kind
    return kind, field.prefix > 0


def _digits(fields: list[Field]) -> Reader:
    slices: list[tuple[int, slice]] = []
    zeros: list[int] = []  # where a 0 fills an odd number of digits
    at = 0
    for field in fields:
        if field.length % 2:
            zeros.append(at)
            at += 1
        slices.append((field.number, slice(at, at + field.length)))
        at += field.length
    size = at // 2

    def read(found: dict[int, Value], _: bytes, digits: str, at: int) -> int:
        end = at + size
        part = digits[2 * at : 2 * end]
        if not part.isdecimal():
            raise DoubtError
        for zero in zeros:
            if part[zero] != "0":
                raise DoubtError
        for number, where in slices:
            found[number] = part[where]
        return end

    return read


def _texts(fields: list[Field]) -> Reader:
    exact: list[tuple[int, slice]] = []
    filled: list[tuple[int, slice]] = []
    size = 0
    for field in fields:
        part = filled if field.kind is Kind.TEXT else exact
        part.append((field.number, slice(size, size + field.length)))
        size += field.length

    def read(found: dict[int, Value], raw: bytes, _: str, at: int) -> int:
        end = at + size
        text = raw[at:end].decode("ascii")
        if not text.isprintable():
            raise DoubtError
        for number, where in exact:
            found[number] = text[where]
        for number, where in filled:
            found[number] = text[where].rstrip()
        return end

    return read


def _fixed_bytes(field: Field) -> Reader:
    number, size, secret = field.number, field.length, field.secret

    def read(found: dict[int, Value], raw: bytes, _: str, at: int) -> int:
        end = at + size
        value = raw[at:end]
        found[number] = Secret(value) if secret else value
        return end

    return read


def _variable_digits(field: Field) -> Reader:
    number, longest, secret = field.number, field.length, field.secret

    def read(found: dict[int, Value], raw: bytes, digits: str, at: int) -> int:
        length = _PACKED[raw[at]]
        if not 0 < length <= longest:
            raise DoubtError
        end = at + 1 + (length + 1) // 2
        text = digits[2 * at + 2 : 2 * end]
        if not text.isdecimal():
            raise DoubtError
        if length % 2:
            if text[0] != "0":
                raise DoubtError
            text = text[1:]
        found[number] = SecretDigits(text) if secret else text
        return end

    return read


def _track(field: Field) -> Reader:
    number, longest = field.number, field.length

    def read(found: dict[int, Value], raw: bytes, digits: str, at: int) -> int:
        length = _PACKED[raw[at]]
        if not 0 < length <= longest:
            raise DoubtError
        end = at + 1 + (length + 1) // 2
        text = digits[2 * at + 2 : 2 * end]
        if length % 2:
            if text[-1] != "f":
                raise DoubtError
            text = text[:-1]
        if text[0] == "d" or not text.replace("d", "0", 1).isdecimal():
            raise DoubtError
        found[number] = SecretDigits(text.upper())
        return end

    return read


def _variable_bytes(field: Field) -> Reader:
    number, longest, prefix_size, secret = (
        field.number,
        field.length,
        field.prefix_size,
        field.secret,
    )

    def read(found: dict[int, Value], raw: bytes, _: str, at: int) -> int:
        length = _PACKED[raw[at]]
        if prefix_size == 2:
            length = length * 100 + _PACKED[raw[at + 1]]
        if not 0 < length <= longest:
            raise DoubtError
        at += prefix_size
        end = at + length
        value = raw[at:end]
        found[number] = Secret(value) if secret else value
        return end

    return read


def _variable_text(field: Field) -> Reader:
    number, secret = field.number, field.secret
    read_bytes = _variable_bytes(field)

    def read(found: dict[int, Value], raw: bytes, digits: str, at: int) -> int:
        end = read_bytes(found, raw, digits, at)
        text = found[number][:].decode("ascii")  # type: ignore[union-attr] # just set to bytes
        if not text.isprintable():
            raise DoubtError
        found[number] = SecretDigits(text) if secret else text
        return end

    return read


_VARIABLE: Final[dict[Kind, Callable[[Field], Reader]]] = {
    Kind.DIGITS: _variable_digits,
    Kind.TRACK: _track,
    Kind.CODE: _variable_text,
    Kind.BINARY: _variable_bytes,
}
