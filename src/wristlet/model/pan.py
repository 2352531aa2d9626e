"""Card numbers and token numbers: checked on creation, never shown whole."""

from __future__ import annotations

from typing import ClassVar, Final, Self

from wristlet.wire.masked import SecretDigits
from wristlet.wire.typing import override

DPAN_PREFIX: Final = "9998"

# ISO/IEC 7812-1 allows up to 19 digits; no issuer uses fewer than 12.
LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 19

# What doubling does to a digit, with the digits of the product added up.
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


class PanError(ValueError):
    """A number cannot be a card number; the text names the field, never the digits."""


class Pan(SecretDigits):
    """The number of a card (FPAN): 12 to 19 digits with a right check digit."""

    __slots__ = ()

    field: ClassVar[str] = "card number"

    def __new__(cls, digits: str) -> Self:
        """Check the digits; PanError names what is wrong."""
        plain = digits.reveal() if isinstance(digits, SecretDigits) else digits
        if not (plain.isascii() and plain.isdigit()):
            raise PanError(f"{cls.field}: only digits 0 to 9 are allowed")
        if not LENGTH_MIN <= len(plain) <= LENGTH_MAX:
            raise PanError(
                f"{cls.field}: {len(plain)} digits, must be {LENGTH_MIN} to {LENGTH_MAX}"
            )
        if luhn_digit(plain[:-1]) != plain[-1]:
            raise PanError(f"{cls.field}: the check digit does not fit; check for typing errors")
        cls._check(plain)
        return super().__new__(cls, plain)

    @classmethod
    def _check(cls, plain: str) -> None:
        """Refuse what only a subclass refuses."""

    @property
    def last4(self) -> str:
        """The last four digits, which may be shown."""
        return self.reveal()[-4:]

    @property
    def bin6(self) -> str:
        """The first six digits, which name the issuer."""
        return self.reveal()[:6]

    @classmethod
    def complete(cls, digits: str) -> Self:
        """Return the number made of `digits` and their check digit."""
        return cls(digits + luhn_digit(digits))


class Dpan(Pan):
    """The number of a token (DPAN), in the range of the token service."""

    __slots__ = ()

    field: ClassVar[str] = "token number"

    @classmethod
    @override
    def _check(cls, plain: str) -> None:
        if not plain.startswith(DPAN_PREFIX):
            raise PanError(f"{cls.field}: must start with {DPAN_PREFIX}")


def luhn_digit(digits: str) -> str:
    """Return the check digit that belongs behind `digits`.

    Source: ISO/IEC 7812-1, Luhn formula for computing the modulus 10 check digit.
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit)
        total += value if position % 2 else _DOUBLED[value]
    return str(-total % 10)
