"""What the secure element tells the strap about the last tap: no amount, no number, no counter
that a cryptogram carries.

The wired interface gives it to everyone, so that the strap can say at once what happened and how
much is left before the wearer must enter the PIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final, Self

from wristlet.wire import numbers
from wristlet.wire.errors import DecodeError, EncodeError

TAG_TAP_REPORT: Final = 0xDF52
NUMBER_MASK: Final = 0xFFFF
TAPS_UNKNOWN: Final = 0xFF
AMOUNT_UNKNOWN: Final = 0xFFFF_FFFF

_HEAD_BYTES: Final = 15
_FLAG_LEASE: Final = 0x80
_FLAG_WORN: Final = 0x40
_FLAG_FIELD: Final = 0x20
_FLAGS: Final = _FLAG_LEASE | _FLAG_WORN | _FLAG_FIELD


@unique
class TapOutcome(IntEnum):
    """What the terminal was given."""

    NONE = 0x00
    """No tap since the secure element got power."""
    NO_CARD = 0x01
    """No card is active."""
    UNFINISHED = 0x02
    """The terminal began and went away before it had a cryptogram."""
    SENT = 0x03
    """A cryptogram that asks the bank; whether it approves is known later."""
    DECLINED = 0x04
    """A cryptogram that declines."""
    SEE_PHONE = 0x05
    """The wearer must enter the PIN first."""
    REFUSED = 0x06
    """The card and the terminal have no way in common, or the card is used up."""


@dataclass(frozen=True, slots=True)
class TapReport:
    """The last tap and what is left; `number` counts taps since power-up and wraps.

    `free_taps_left` and `free_amount_left_minor` are what the tapped card may still pay without
    the PIN (FF, FFFFFFFF when no card was tapped); `taps_left` and `amount_left_minor` are the
    lease's. `aid` is the tapped instance or empty.
    """

    number: int
    outcome: TapOutcome
    aid: bytes = b""
    in_field: bool = False
    is_worn: bool = False
    lease_valid: bool = False
    taps_left: int = 0
    amount_left_minor: int = 0
    free_taps_left: int = TAPS_UNKNOWN
    free_amount_left_minor: int = AMOUNT_UNKNOWN

    def encode(self) -> bytes:
        """Return number(2), outcome, flags, lease taps and amount(4), free ones, AID with length.

        Raises EncodeError for what does not fit.
        """
        if len(self.aid) > 16:
            raise EncodeError("has at most 16 bytes", path=("tap_report", "aid"))
        flags = _FLAG_LEASE if self.lease_valid else 0
        flags |= _FLAG_WORN if self.is_worn else 0
        flags |= _FLAG_FIELD if self.in_field else 0
        return b"".join(
            (
                numbers.to_bytes(self.number, 2, "number"),
                bytes((self.outcome, flags)),
                numbers.to_bytes(self.taps_left, 1, "taps_left"),
                numbers.to_bytes(self.amount_left_minor, 4, "amount_left_minor"),
                numbers.to_bytes(self.free_taps_left, 1, "free_taps_left"),
                numbers.to_bytes(self.free_amount_left_minor, 4, "free_amount_left_minor"),
                bytes((len(self.aid),)),
                self.aid,
            )
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read `encode`'s bytes; raises DecodeError."""
        if len(raw) < _HEAD_BYTES or len(raw) != _HEAD_BYTES + raw[_HEAD_BYTES - 1]:
            raise DecodeError("has another length", path=("tap_report",))
        if raw[_HEAD_BYTES - 1] > 16 or raw[3] & ~_FLAGS:
            raise DecodeError("holds a long AID or unknown flags", path=("tap_report",))
        try:
            outcome = TapOutcome(raw[2])
        except ValueError:
            raise DecodeError("an unknown outcome", offset=2, path=("tap_report",)) from None
        return cls(
            number=int.from_bytes(raw[:2], "big"),
            outcome=outcome,
            aid=raw[_HEAD_BYTES:],
            in_field=raw[3] & _FLAG_FIELD != 0,
            is_worn=raw[3] & _FLAG_WORN != 0,
            lease_valid=raw[3] & _FLAG_LEASE != 0,
            taps_left=raw[4],
            amount_left_minor=int.from_bytes(raw[5:9], "big"),
            free_taps_left=raw[9],
            free_amount_left_minor=int.from_bytes(raw[10:14], "big"),
        )
