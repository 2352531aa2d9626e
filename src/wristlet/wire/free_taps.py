"""What a card still allows without the PIN, as the cardholder applet tells an enrolled phone.

GET DATA `DF54` with `4F` (the instance) through the phone's channel; the answer is one `DF54`
object of 13 bytes: taps left (1), amount left (4), taps at most (1), amount at most (4), currency
(ISO 4217 numeric, BCD, 2), flags (80: every tap asks for the PIN). Amounts in minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from wristlet.wire import ber, numbers
from wristlet.wire.errors import DecodeError

TAG_FREE_TAPS: Final = 0xDF54
TAG_INSTANCE: Final = 0x4F
BODY_BYTES: Final = 13
_ALWAYS_PIN: Final = 0x80
_PATH: Final = ("free_taps",)


@dataclass(frozen=True, slots=True)
class FreeTaps:
    """One card's counters of taps without PIN; `currency` is the numeric code as 4 digits."""

    taps_left: int
    amount_left_minor: int
    taps_max: int
    amount_max_minor: int
    currency: str
    always_pin: bool

    def encode(self) -> bytes:
        """Return the DF54 object; EncodeError for a number that does not fit."""
        body = (
            numbers.to_bytes(self.taps_left, 1, "taps_left")
            + numbers.to_bytes(self.amount_left_minor, 4, "amount_left_minor")
            + numbers.to_bytes(self.taps_max, 1, "taps_max")
            + numbers.to_bytes(self.amount_max_minor, 4, "amount_max_minor")
            + bytes.fromhex(self.currency.zfill(4))
            + bytes((_ALWAYS_PIN if self.always_pin else 0,))
        )
        return ber.encode(TAG_FREE_TAPS, body)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the DF54 object."""
        body = numbers.sized(ber.require(data, TAG_FREE_TAPS), BODY_BYTES, "DF54")
        currency = body[10:12].hex()
        if not currency.isdecimal():
            raise DecodeError("the currency is not BCD", offset=10, path=_PATH)
        if body[12] & ~_ALWAYS_PIN:
            raise DecodeError("unknown flags", offset=12, path=_PATH)
        return cls(
            taps_left=body[0],
            amount_left_minor=int.from_bytes(body[1:5], "big"),
            taps_max=body[5],
            amount_max_minor=int.from_bytes(body[6:10], "big"),
            currency=currency,
            always_pin=bool(body[12]),
        )


def question(instance_aid: bytes) -> bytes:
    """Return the data of the GET DATA that asks for one instance."""
    return ber.encode(TAG_INSTANCE, instance_aid)
