"""The fast way to write, the mirror of `reading`: in doubt it raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias

from wristlet.wire.iso8583.field import Field, Kind, Value
from wristlet.wire.iso8583.reading import DoubtError

Writer: TypeAlias = Callable[[Mapping[int, Value]], bytes]

_PREFIXES: Final = {
    1: tuple(bytes.fromhex(f"{length:02d}") for length in range(100)),
    2: tuple(bytes.fromhex(f"{length:04d}") for length in range(1000)),
}


def writers(fields: list[Field]) -> tuple[Writer, ...]:
    """Return the steps that write these fields, which are in ascending order.

    They raise ValueError, TypeError or AttributeError in doubt.
    """
    steps: list[Writer] = []
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


def _values_of(fields: list[Field]) -> Callable[[Mapping[int, Value]], tuple[Any, ...]]:
    """Return what takes the values of these fields out of a message at once."""
    numbers = [field.number for field in fields]
    if len(numbers) > 1:
        return itemgetter(*numbers)
    number = numbers[0]
    return lambda values: (values[number],)


def _digits(fields: list[Field]) -> Writer:
    values_of = _values_of(fields)
    lengths = tuple(field.length for field in fields)
    gaps: list[int] = []  # where a 0 fills an odd number of digits, counted with the zeros
    for index, field in enumerate(fields):
        if field.length % 2:
            gaps.append(index + len(gaps))

    def write(values: Mapping[int, Value]) -> bytes:
        parts = values_of(values)
        if tuple(map(len, parts)) != lengths:
            raise DoubtError
        if gaps:
            spaced = list(parts)
            for gap in gaps:
                spaced.insert(gap, "0")
            digits = "".join(spaced)
        else:
            digits = "".join(parts)
        if not digits.isdecimal():
            raise DoubtError
        return bytes.fromhex(digits)

    return write


def _texts(fields: list[Field]) -> Writer:
    values_of = _values_of(fields)
    lengths = tuple(field.length for field in fields)

    def fill(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        filled = tuple(
            part.ljust(field.length) if field.kind is Kind.TEXT else part
            for part, field in zip(parts, fields, strict=True)
        )
        if tuple(map(len, filled)) != lengths:
            raise DoubtError
        return filled

    def write(values: Mapping[int, Value]) -> bytes:
        parts = values_of(values)
        if tuple(map(len, parts)) != lengths:
            parts = fill(parts)
        text = "".join(parts)
        if not text.isprintable():
            raise DoubtError
        return text.encode("ascii")

    return write


def _fixed_bytes(field: Field) -> Writer:
    number, size = field.number, field.length

    def write(values: Mapping[int, Value]) -> bytes:
        value = values[number]
        if not isinstance(value, bytes) or len(value) != size:
            raise DoubtError
        return value

    return write


def _variable_digits(field: Field) -> Writer:
    number, longest, prefixes = field.number, field.length, _PREFIXES[field.prefix_size]

    def write(values: Mapping[int, Value]) -> bytes:
        text = _plain(values[number])
        length = len(text)
        if not (0 < length <= longest and text.isdecimal()):
            raise DoubtError
        return prefixes[length] + bytes.fromhex("0" + text if length % 2 else text)

    return write


def _track(field: Field) -> Writer:
    number, longest, prefixes = field.number, field.length, _PREFIXES[field.prefix_size]

    def write(values: Mapping[int, Value]) -> bytes:
        text = _plain(values[number]).replace("=", "D", 1)
        length = len(text)
        if not 0 < length <= longest or text[0] == "D":
            raise DoubtError
        if not text.replace("D", "0", 1).isdecimal():
            raise DoubtError
        return prefixes[length] + bytes.fromhex(text + "F" if length % 2 else text)

    return write


def _variable_bytes(field: Field) -> Writer:
    number, longest, prefixes = field.number, field.length, _PREFIXES[field.prefix_size]

    def write(values: Mapping[int, Value]) -> bytes:
        value = values[number]
        if not isinstance(value, bytes) or not 0 < len(value) <= longest:
            raise DoubtError
        return prefixes[len(value)] + value

    return write


def _variable_text(field: Field) -> Writer:
    number, longest, prefixes = field.number, field.length, _PREFIXES[field.prefix_size]

    def write(values: Mapping[int, Value]) -> bytes:
        text = _plain(values[number])
        if not (0 < len(text) <= longest and text.isprintable()):
            raise DoubtError
        return prefixes[len(text)] + text.encode("ascii")

    return write


def _plain(value: Value) -> str:
    """Return text as plain `str`, masked or not: a slice of a masked one is plain."""
    if not isinstance(value, str):
        raise DoubtError
    return value[:]


_VARIABLE: Final[dict[Kind, Callable[[Field], Writer]]] = {
    Kind.DIGITS: _variable_digits,
    Kind.TRACK: _track,
    Kind.CODE: _variable_text,
    Kind.BINARY: _variable_bytes,
}
