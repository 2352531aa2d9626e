"""Money as integer minor units with its ISO 4217 currency."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


class CurrencyError(ValueError):
    """A currency is not known, or two amounts have different ones."""


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency of ISO 4217: `minor_digits` after the decimal point."""

    alpha: str
    numeric: str
    minor_digits: int


# ISO 4217 codes and minor units of the currencies that the sandbox knows.
CURRENCIES: Final = MappingProxyType(
    {
        currency.alpha: currency
        for currency in (
            Currency("AED", "784", 2),
            Currency("AUD", "036", 2),
            Currency("BRL", "986", 2),
            Currency("CAD", "124", 2),
            Currency("CHF", "756", 2),
            Currency("CNY", "156", 2),
            Currency("CZK", "203", 2),
            Currency("DKK", "208", 2),
            Currency("EUR", "978", 2),
            Currency("GBP", "826", 2),
            Currency("HKD", "344", 2),
            Currency("HUF", "348", 2),
            Currency("IDR", "360", 2),
            Currency("INR", "356", 2),
            Currency("JPY", "392", 0),
            Currency("KRW", "410", 0),
            Currency("KWD", "414", 3),
            Currency("MXN", "484", 2),
            Currency("NOK", "578", 2),
            Currency("NZD", "554", 2),
            Currency("PLN", "985", 2),
            Currency("SEK", "752", 2),
            Currency("SGD", "702", 2),
            Currency("THB", "764", 2),
            Currency("TWD", "901", 2),
            Currency("USD", "840", 2),
            Currency("ZAR", "710", 2),
        )
    }
)
_BY_NUMERIC: Final = MappingProxyType({c.numeric: c for c in CURRENCIES.values()})


@dataclass(frozen=True, slots=True)
class Money:
    """An amount: `amount_minor` may be negative in a ledger; `currency` is alphabetic."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in CURRENCIES:
            raise CurrencyError(f"currency {self.currency!r} is not one of {', '.join(CURRENCIES)}")

    def __add__(self, other: Money) -> Money:
        """Add an amount of the same currency; CurrencyError for another one."""
        self._same_currency(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Take away an amount of the same currency; CurrencyError for another one."""
        self._same_currency(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    @property
    def numeric(self) -> str:
        """The three-digit currency code, as in tag 5F2A and DE 49."""
        return CURRENCIES[self.currency].numeric

    def __str__(self) -> str:
        """Return the amount in major units: `1,234.50 EUR`, `500 JPY`."""
        digits = CURRENCIES[self.currency].minor_digits
        sign = "-" if self.amount_minor < 0 else ""
        whole, rest = divmod(abs(self.amount_minor), 10**digits)
        fraction = f".{rest:0{digits}d}" if digits else ""
        return f"{sign}{whole:,}{fraction} {self.currency}"

    def _same_currency(self, other: Money) -> None:
        if other.currency != self.currency:
            raise CurrencyError(f"cannot join {other.currency} with {self.currency}")


def alpha_code(numeric: str) -> str:
    """Return `EUR` for `978`; CurrencyError if unknown."""
    currency = _BY_NUMERIC.get(numeric)
    if currency is None:
        raise CurrencyError(f"currency number {numeric!r} is not known; add it to CURRENCIES")
    return currency.alpha


def numeric_code(alpha: str) -> str:
    """Return `978` for `EUR`; CurrencyError if unknown."""
    return Money(0, alpha).numeric
