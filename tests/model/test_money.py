from __future__ import annotations

import pytest

from wristlet.model.money import CURRENCIES, CurrencyError, Money, alpha_code, numeric_code


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(123450, "EUR"), "1,234.50 EUR"),
        (Money(500, "JPY"), "500 JPY"),
        (Money(1234, "KWD"), "1.234 KWD"),
        (Money(-5, "USD"), "-0.05 USD"),
        (Money(0, "EUR"), "0.00 EUR"),
    ],
)
def test_prints_major_units(money: Money, text: str) -> None:
    assert str(money) == text


def test_adds_only_the_same_currency() -> None:
    assert Money(1, "EUR") + Money(2, "EUR") == Money(3, "EUR")
    assert Money(1, "EUR") - Money(2, "EUR") == Money(-1, "EUR")
    with pytest.raises(CurrencyError):
        Money(1, "EUR") + Money(2, "USD")
    with pytest.raises(CurrencyError):
        Money(1, "EUR") - Money(2, "USD")


def test_codes_go_both_ways() -> None:
    for alpha, currency in CURRENCIES.items():
        assert currency.alpha == alpha
        assert len(currency.numeric) == 3
        assert alpha_code(currency.numeric) == alpha
        assert numeric_code(alpha) == currency.numeric
        assert Money(1, alpha).numeric == currency.numeric
    assert len({currency.numeric for currency in CURRENCIES.values()}) == len(CURRENCIES)


@pytest.mark.parametrize("function", [alpha_code, numeric_code])
def test_unknown_currencies_are_refused(function: object) -> None:
    assert callable(function)
    with pytest.raises(CurrencyError):
        function("QQQ")
