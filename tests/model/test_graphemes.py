"""Cutting to bytes: never inside what a reader sees as one sign."""

from __future__ import annotations

import pytest
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from wristlet.model.graphemes import ELLIPSIS, cut_bytes, sound

FAMILY = "👩‍👩‍👧‍👦"
SIGNS = {
    "family joined by ZWJ": FAMILY,
    "flag of two letters": "🇯🇵",
    "flag of tags": "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "keycap": "5️⃣",
    "skin tone": "👍🏽",
    "skin tones in a couple": "🧑🏻‍❤️‍💋‍🧑🏿",
    "letter with marks": "ẹ̀́",
    "kana with a dakuten of its own": "か\u3099",
    "half-width kana with half-width dakuten": "ｶﾞ",
    "Devanagari conjunct": "क्षि",
    "Hangul of three letters": "\u1112\u1161\u11ab",
}


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS.keys())
def test_a_sign_stays_whole_or_goes_whole(sign: str) -> None:
    size = len(sign.encode())
    text = "ab" + sign + "cd"
    for bytes_max in range(3, len(text.encode())):
        cut = cut_bytes(text, bytes_max)
        head = cut.removesuffix(ELLIPSIS)
        assert text.startswith(head)
        assert head in ("", "a", "ab", "ab" + sign, "ab" + sign + "c")
        assert (sign in cut) == (bytes_max >= 2 + size + 3)


def test_what_fits_is_not_touched() -> None:
    assert cut_bytes("  two  blanks  ", 15) == "  two  blanks  "
    assert cut_bytes("美咲", 6) == "美咲"
    assert cut_bytes("", 0) == ""


def test_the_ellipsis_stands_at_once_behind_the_last_word() -> None:
    assert cut_bytes("one two three", 7 + 4) == "one two…"


def test_where_no_ellipsis_fits_whole_signs_stay() -> None:
    assert cut_bytes("abc", 2) == "ab"
    assert cut_bytes("éa", 1) == ""


def test_a_tower_of_marks_that_does_not_fit_goes_whole() -> None:
    assert cut_bytes("a" + "b" + "\u0301" * 500, 100) == "a…"


def test_half_a_surrogate_pair_becomes_readable() -> None:
    assert sound("a\ud83d") == "a�"
    assert cut_bytes("a\ud83d", 100) == "a�"


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes_max: must be 0 or more"):
        cut_bytes("a", -1)


@given(st.text(max_size=20), st.integers(0, 60))
def test_the_limit_holds_and_borders_are_borders(text: str, bytes_max: int) -> None:
    cut = cut_bytes(text, bytes_max)
    assert len(cut.encode()) <= bytes_max
    whole = sound(text)
    if cut != whole:
        head = cut.removesuffix(ELLIPSIS) if bytes_max >= 3 else cut
        signs = list(wcwidth.iter_graphemes(whole))
        heads = {"".join(signs[:n]).rstrip() for n in range(len(signs) + 1)} | {""}
        assert head.rstrip() in heads
