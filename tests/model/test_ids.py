from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.model.ids import id_time_ms, new_id

times = st.integers(0, (1 << 48) - 1)
chances = st.binary(min_size=10, max_size=10)


def test_known_form() -> None:
    assert new_id("card", 0, bytes(10)) == "card_" + "0" * 26
    assert new_id("tok", (1 << 48) - 1, b"\xff" * 10) == "tok_7" + "Z" * 25


@given(times, chances)
def test_time_comes_back(now_ms: int, chance: bytes) -> None:
    assert id_time_ms(new_id("a_b", now_ms, chance)) == now_ms


@given(st.tuples(times, chances), st.tuples(times, chances))
def test_text_sorts_like_time(one: tuple[int, bytes], other: tuple[int, bytes]) -> None:
    assert (new_id("x", *one) < new_id("x", *other)) == (one < other)


@pytest.mark.parametrize(("now_ms", "size"), [(0, 9), (0, 11), (-1, 10), (1 << 48, 10)])
def test_bad_arguments_are_refused(now_ms: int, size: int) -> None:
    with pytest.raises(ValueError):
        new_id("x", now_ms, bytes(size))


@pytest.mark.parametrize("text", ["", "card_", "card_" + "0" * 25, "card_" + "I" * 26])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        id_time_ms(text)
