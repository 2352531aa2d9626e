"""What to do for a set of fields, worked out once per set and kept."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from wristlet.wire.iso8583.field import Field, Value
from wristlet.wire.iso8583.reading import DoubtError, Reader, readers
from wristlet.wire.iso8583.table import FIELDS, MAC_PRIMARY, MAC_SECONDARY
from wristlet.wire.iso8583.writing import Writer, writers

# Bounded: who sends strange bitmaps must not fill the memory.
PLANS_KEPT: Final = 1024

# The fields with no values yet (a copy of it need not grow) and the steps to read them.
ReadPlan: TypeAlias = tuple[dict[int, Value], tuple[Reader, ...]]


def numbers_of(bitmap: bytes) -> tuple[int, ...]:
    """Return the field numbers that a bitmap of 8 or 16 bytes announces, without 1."""
    bits = int.from_bytes(bitmap, "big")
    size = len(bitmap) * 8
    return tuple(n for n in range(2, size + 1) if bits >> (size - n) & 1)


def bitmap_of(numbers: Iterable[int]) -> bytes:
    """Return the bitmap for field numbers: 8 bytes, 16 when one is above 64."""
    bits = sum(1 << (128 - number) for number in numbers)
    if bits & ((1 << 64) - 1):
        return (bits | 1 << 127).to_bytes(16, "big")
    return (bits >> 64).to_bytes(8, "big")


@lru_cache(PLANS_KEPT)
def plan_to_read(bitmap: bytes) -> ReadPlan:
    """Return the plan for a message with this bitmap; DoubtError for an unknown field."""
    return _read_plan(numbers_of(bitmap))


@lru_cache(PLANS_KEPT)
def plan_to_scan(bitmap: bytes, wanted: frozenset[int]) -> ReadPlan:
    """Return the plan to read as far as the last wanted field."""
    numbers = numbers_of(bitmap)
    last = max((number for number in numbers if number in wanted), default=0)
    return _read_plan(tuple(number for number in numbers if number <= last))


@lru_cache(PLANS_KEPT)
def plan_to_write(given: tuple[int, ...], with_mac: bool) -> tuple[bytes, tuple[Writer, ...]]:
    """Return the bitmap and the steps that write fields given in any order.

    With a MAC its bit is set in the bitmap and no step is made for it. DoubtError
    for an unknown field.
    """
    numbers = sorted(given)
    announced = numbers
    if with_mac:
        numbers = [n for n in numbers if n not in (MAC_PRIMARY, MAC_SECONDARY)]
        secondary = bool(numbers) and numbers[-1] > MAC_PRIMARY
        announced = [*numbers, MAC_SECONDARY if secondary else MAC_PRIMARY]
    steps = writers(_fields(numbers))
    return bitmap_of(announced), steps


def read_fields(raw: bytes, digits: str, at: int, plan: ReadPlan) -> tuple[dict[int, Value], int]:
    """Read fields from offset `at` of a message, given also as hex; return the offset behind.

    ValueError or IndexError mean doubt. The caller checks the offset: bytes that
    are missing at the end show only there.
    """
    empty, steps = plan
    found = empty.copy()
    for read in steps:
        at = read(found, raw, digits, at)
    return found, at


def _read_plan(numbers: tuple[int, ...]) -> ReadPlan:
    return dict.fromkeys(numbers, b""), readers(_fields(numbers))


def _fields(numbers: Iterable[int]) -> list[Field]:
    try:
        return [FIELDS[number] for number in numbers]
    except KeyError:
        raise DoubtError from None
