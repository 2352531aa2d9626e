"""Track 2 equivalent data, tag 57.

Source: EMV 4.3 Book 3, Annex A (Track 2 Equivalent Data); ISO/IEC 7813.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.masked import SecretDigits
from wristlet.wire.numbers import is_decimal
from wristlet.wire.typing import override

BYTES_MAX: Final = 19
PAN_DIGITS_MIN: Final = 8
PAN_DIGITS_MAX: Final = 19
_EXPIRY_DIGITS: Final = 4
_SERVICE_DIGITS: Final = 3
_SEPARATOR: Final = "D"
_FILLER: Final = "F"


@dataclass(frozen=True, slots=True)
class Track2:
    """Number, expiry (YYMM), service code and discretionary digits."""

    pan: SecretDigits
    expiry_yymm: str
    service_code: str
    discretionary: SecretDigits

    @override
    def __repr__(self) -> str:
        return f"Track2({self.pan!r}, {len(self.discretionary)} discretionary digits)"

    def encode(self) -> bytes:
        """Return the bytes of tag 57."""
        text = to_text(self)
        return bytes.fromhex(text + _FILLER if len(text) % 2 else text)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the bytes of tag 57."""
        if len(raw) > BYTES_MAX:
            raise DecodeError("is longer than 19 bytes", path=("57",))
        text = raw.hex().upper()
        return cls.from_text(text.removesuffix(_FILLER))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read digits with `D` between number and expiry, as DE 35 has them."""
        pan, separator, rest = text.partition(_SEPARATOR)
        service_at = _EXPIRY_DIGITS + _SERVICE_DIGITS
        if not separator:
            raise DecodeError("has no separator", path=("57",))
        track = cls(
            pan=SecretDigits(pan),
            expiry_yymm=rest[:_EXPIRY_DIGITS],
            service_code=rest[_EXPIRY_DIGITS:service_at],
            discretionary=SecretDigits(rest[service_at:]),
        )
        problem = _problem(track)
        if problem is not None:
            raise DecodeError(problem, path=("57",))
        return track


def parse(raw: bytes) -> Track2:
    """Read the bytes of tag 57."""
    return Track2.parse(raw)


def encode(track: Track2) -> bytes:
    """Return the bytes of tag 57."""
    return track.encode()


def to_text(track: Track2) -> str:
    """Return the plain digits with `D` between number and expiry, for DE 35 only."""
    problem = _problem(track)
    if problem is not None:
        raise EncodeError(problem, path=("57",))
    pan, discretionary = _plain(track.pan), _plain(track.discretionary)
    return f"{pan}{_SEPARATOR}{track.expiry_yymm}{track.service_code}{discretionary}"


def _plain(digits: str) -> str:
    return digits.reveal() if isinstance(digits, SecretDigits) else digits


def _problem(track: Track2) -> str | None:
    if not PAN_DIGITS_MIN <= len(track.pan) <= PAN_DIGITS_MAX or not is_decimal(track.pan):
        return "the number has not 8 to 19 digits"
    if len(track.expiry_yymm) != _EXPIRY_DIGITS or not is_decimal(track.expiry_yymm):
        return "the expiry has not 4 digits"
    if len(track.service_code) != _SERVICE_DIGITS or not is_decimal(track.service_code):
        return "the service code has not 3 digits"
    if not is_decimal(track.discretionary):
        return "the discretionary data are not digits"
    total = len(track.pan) + 1 + _EXPIRY_DIGITS + _SERVICE_DIGITS + len(track.discretionary)
    return "is longer than 37 digits" if total > 2 * BYTES_MAX - 1 else None
