"""Messages for people: every field by name, nothing that could be misused.

A card or token number keeps its last four digits; tracks, PIN and chip data
show their length only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wristlet.wire.iso8583.field import Value
from wristlet.wire.iso8583.table import FIELDS, HIDDEN

_NUMBER: Final = 2
_LAST_FOUR_FROM: Final = 12


def one_line(mti: str, fields: Mapping[int, Value]) -> str:
    """Return `<0100 2=****0011 3=000000 ...>`."""
    shown = " ".join(f"{number}={show(number, fields[number])}" for number in sorted(fields))
    return f"<{mti} {shown}>" if shown else f"<{mti}>"


def lines(mti: str, fields: Mapping[int, Value]) -> list[str]:
    """Return one line per field with its name, for traces and consoles."""
    out = [f"type {mti}"]
    for number in sorted(fields):
        name = FIELDS[number].name if number in FIELDS else "unknown"
        out.append(f"{number:>3} {name}: {show(number, fields[number])}")
    return out


def show(number: int, value: Value) -> str:
    """Return one field's value as it may be shown."""
    if number == _NUMBER and isinstance(value, str):
        plain = value[:]
        return f"****{plain[-4:]}" if len(plain) >= _LAST_FOUR_FROM else "****"
    if number in HIDDEN or number not in FIELDS:
        unit = "bytes" if isinstance(value, bytes) else "characters"
        return f"<{len(value)} {unit}>"
    return value.hex() if isinstance(value, bytes) else f"{value!r}"
