"""Bytes as Crockford's base 32: for what people read aloud and type.

No I, L, O and U among the digits; small letters, I and L for 1, O for 0, spaces and dashes are
read kindly. Source: Douglas Crockford, Base 32.
"""

from __future__ import annotations

from typing import Final

from wristlet.wire.errors import DecodeError

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS: Final = 5
_VALUES: Final = {
    **{character: value for value, character in enumerate(ALPHABET)},
    "I": 1,
    "L": 1,
    "O": 0,
}


def characters(size: int) -> int:
    """Return how many characters so many bytes take."""
    return -(-8 * size // _BITS)


def encode(data: bytes) -> str:
    """Return the characters, the first of them padded with zero bits in front."""
    number = int.from_bytes(data, "big")
    places = range(characters(len(data)) - 1, -1, -1)
    return "".join(ALPHABET[number >> (_BITS * place) & 31] for place in places)


def decode(text: str, size: int, name: str) -> bytes:
    """Read so many bytes; DecodeError names the field and the character at fault."""
    typed = text.upper().replace("-", "").replace(" ", "")
    if len(typed) != characters(size):
        raise DecodeError(
            f"{characters(size)} characters belong here, {len(typed)} came", path=(name,)
        )
    number = 0
    for place, character in enumerate(typed):
        if character not in _VALUES:
            raise DecodeError("a character that no code has", offset=place, path=(name,))
        number = number << _BITS | _VALUES[character]
    if number >> (8 * size):
        raise DecodeError("the first character is too high", offset=0, path=(name,))
    return number.to_bytes(size, "big")
