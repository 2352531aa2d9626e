"""Reads what a terminal sends: the command template and amounts."""

from __future__ import annotations

from typing import Final

from wristlet.se.applets.base import CardError
from wristlet.wire.sw import SW

_COMMAND_TEMPLATE: Final = 0x83


def command_data(data: bytes, size: int) -> bytes:
    """Strip the command template of GET PROCESSING OPTIONS; 6A80 if it does not hold `size` bytes.

    `size` is below 128, so the template's length is one byte.
    """
    if len(data) != size + 2 or data[0] != _COMMAND_TEMPLATE or data[1] != size:
        raise CardError(SW.WRONG_DATA)
    return data[2:]


def bcd_amount(field: bytes) -> int:
    """Read a numeric amount in minor units; 6A80 if a digit is none."""
    digits = field.hex()
    if not digits.isdecimal():
        raise CardError(SW.WRONG_DATA)
    return int(digits)
