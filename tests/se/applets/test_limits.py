"""The decision about one tap as a table: one row per tap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.payment_cards import text_table
from wristlet.se.applets.payment.limits import (
    Counters,
    Cvm,
    LeaseView,
    Limits,
    Tap,
    counted,
    lease_pays,
)

EUR, USD = b"\x09\x78", b"\x08\x40"

# Product: 3 taps and 50.00 without lease, EUR. Used so far: `taps` and `sum` since unlock 7.
TABLE = """
cvm    amount currency always lease     taps sum  | verdict lease_pays taps sum
none     1000 EUR      no     none         0    0 | counted          0    1 1000
none     1000 EUR      no     none         2 4000 | counted          0    3 5000
none     1001 EUR      no     none         2 4000 | unlock           0    2 4000
none        1 EUR      no     none         3   10 | unlock           0    3   10
none     5001 EUR      no     none         0    0 | unlock           0    0    0
none        0 EUR      no     none         0    0 | counted          0    1    0
none     1000 EUR      no     stale        3 5000 | counted          0    1 1000
none     1000 EUR      no     2000         2 4000 | lease         1000    2 4000
none     2000 EUR      no     2000         2 4000 | lease         2000    2 4000
none     2001 EUR      no     2000         0    0 | counted          0    1 2001
none     2001 EUR      no     2000         3    0 | unlock           0    3    0
device   1000 EUR      no     none         0    0 | unlock           0    0    0
device   1000 EUR      no     2000         0    0 | lease         1000    0    0
device   2001 EUR      no     2000         0    0 | unlock           0    0    0
other    1000 EUR      no     none         0    0 | unlock           0    0    0
other    1000 EUR      no     2000         0    0 | lease         1000    0    0
none        1 EUR      yes    none         0    0 | unlock           0    0    0
none        1 EUR      yes    2000         0    0 | lease            1    0    0
none        1 USD      no     none         0    0 | unlock           0    0    0
none        1 USD      no     2000         0    0 | lease         2000    0    0
none   999999 USD      no     2000         0    0 | lease         2000    0    0
device 999999 USD      no     none         0    0 | unlock           0    0    0
"""


def lease_of(word: str) -> LeaseView:
    if word == "none":
        return LeaseView(False, 0, 7)
    if word == "stale":
        return LeaseView(False, 0, 8)
    return LeaseView(True, int(word), 7)


@pytest.mark.parametrize(("asked", "expected"), text_table(TABLE))
def test_decisions(asked: str, expected: str) -> None:
    cvm, amount, currency, always, lease, taps, total = asked.split()
    verdict, pays, taps_after, total_after = expected.split()
    limits = Limits(3, 5_000, EUR, always == "yes")
    tap = Tap(int(amount), EUR if currency == "EUR" else USD, Cvm(cvm))
    view = lease_of(lease)
    paid = lease_pays(tap, limits, view)
    if verdict == "lease":
        assert paid == int(pays)
        return
    assert paid is None
    moved = counted(tap, limits, Counters(41, 7, int(taps), int(total)), view.unlock_counter)
    if verdict == "unlock":
        assert moved is None
    else:
        assert moved == Counters(41, view.unlock_counter, int(taps_after), int(total_after))


@given(
    st.lists(st.integers(0, 3_000), max_size=30),
    st.integers(0, 10),
    st.integers(0, 20_000),
)
def test_without_lease_neither_taps_nor_sum_pass_the_product(
    amounts: list[int], taps_max: int, sum_max: int
) -> None:
    limits = Limits(taps_max, sum_max, EUR, cdcvm_always=False)
    counters, paid = Counters(), []
    for amount in amounts:
        moved = counted(Tap(amount, EUR, Cvm.NONE), limits, counters, unlock_counter=0)
        if moved is not None:
            paid.append(amount)
            counters = moved
    assert len(paid) <= taps_max
    assert sum(paid) <= sum_max


@given(
    st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 255), st.integers(0, 0xFFFFFFFF)
)
def test_counters_survive_storage(atc: int, unlocks: int, taps: int, total: int) -> None:
    counters = Counters(atc, unlocks, taps, total)
    assert Counters.decode(counters.encode()) == counters
    assert len(counters.encode()) == 9


def test_a_card_that_never_tapped_has_zero_counters() -> None:
    assert Counters.decode(None) == Counters(0, 0, 0, 0)
