"""Integers and decimal digits as bytes."""

from __future__ import annotations

from wristlet.wire.errors import DecodeError, EncodeError


def to_bytes(value: int, size: int, name: str) -> bytes:
    """Return an unsigned big-endian integer; `EncodeError` naming the field if it does not fit."""
    if not 0 <= value < 1 << 8 * size:
        raise EncodeError(f"does not fit {size} bytes", path=(name,))
    return value.to_bytes(size, "big")


def sized(raw: bytes, size: int, name: str) -> bytes:
    """Return `raw` if it has `size` bytes, else raise `DecodeError` naming the field."""
    if len(raw) != size:
        raise DecodeError(f"has {len(raw)} bytes instead of {size}", path=(name,))
    return raw


def from_bytes(raw: bytes, size: int, name: str) -> int:
    """Read an unsigned big-endian integer of exactly `size` bytes."""
    return int.from_bytes(sized(raw, size, name), "big")


def is_decimal(digits: str) -> bool:
    """Tell whether the text is empty or made of the ASCII digits only."""
    return digits.isascii() and (digits.isdigit() or not digits)


def bcd_encode(digits: str, size: int, name: str) -> bytes:
    """Return `size` bytes of packed digits, zeros at the left (EMV format n)."""
    if not is_decimal(digits):
        raise EncodeError("is not made of decimal digits", path=(name,))
    if len(digits) > 2 * size:
        raise EncodeError(f"has more than {2 * size} digits", path=(name,))
    return bytes.fromhex(digits.rjust(2 * size, "0"))


def bcd_decode(raw: bytes, name: str) -> str:
    """Return two digits per byte; `DecodeError` for a nibble above 9."""
    digits = raw.hex()
    if not is_decimal(digits):
        raise DecodeError("is not packed decimal", path=(name,))
    return digits
