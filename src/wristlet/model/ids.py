"""Identifiers of the API: a prefix that says what it is, then time, then chance.

They sort by creation time, which keeps new rows of a database together.
"""

from __future__ import annotations

from typing import Final

RANDOM_SIZE: Final = 10
BODY_LENGTH: Final = 26
# Crockford's base 32: no I, L, O, U; ascending in ASCII, so text sorts like the number.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_LIMIT: Final = 1 << 48


def new_id(prefix: str, now_ms: int, random_bytes: bytes) -> str:
    """Return `prefix_` and 26 characters: 48 bits of Unix milliseconds, then 80 of chance.

    `random_bytes` are 10; ValueError if they are not or the time has no 48 bits.
    """
    if len(random_bytes) != RANDOM_SIZE:
        raise ValueError(f"an id needs {RANDOM_SIZE} random bytes, got {len(random_bytes)}")
    if not 0 <= now_ms < _TIME_LIMIT:
        raise ValueError("the time of an id must be Unix milliseconds below 2^48")
    number = now_ms << (8 * RANDOM_SIZE) | int.from_bytes(random_bytes, "big")
    body = "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
    return f"{prefix}_{body}"


def id_time_ms(identifier: str) -> int:
    """Return when an id was made, Unix milliseconds; ValueError if it is none."""
    body = identifier.rpartition("_")[2]
    if len(body) != BODY_LENGTH or any(character not in _ALPHABET for character in body):
        raise ValueError("this is not an id: expected a prefix, `_` and 26 base-32 characters")
    number = 0
    for character in body:
        number = number << 5 | _ALPHABET.index(character)
    return number >> (8 * RANDOM_SIZE)
