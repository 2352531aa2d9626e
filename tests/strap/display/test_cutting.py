"""Texts cut to cells: no sign torn, no width exceeded, Japanese line ends kept."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.vectors import load
from wristlet.strap.display import cutting
from wristlet.strap.display.breaking import NEVER_BEGIN, NEVER_END

KNOWN = load("text")
EMOJI = [
    "".join(chr(int(code, 16)) for code in sequence.split())
    for sequence in KNOWN["emoji"]["sequences"]
]
FAMILY, FLAG, TONE, KEYCAP = "👨‍👩‍👧‍👦", "🇯🇵", "👍🏽", "1️⃣"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
ANY_TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [*EMOJI[::37], "あ", "漢", "ー", "。", "「", "é", "a", " ", "\n", "ﾊﾟ", "9"]
        ),
        max_size=30,
    ).map("".join),
)
WIDTHS = st.integers(0, 24)


def _from_hex(codes: str) -> str:
    return "".join(chr(int(code, 16)) for code in codes.split())


def test_a_cut_falls_only_where_unicode_allows_it() -> None:
    for case in KNOWN["grapheme_break"]["clusters"]:
        parts = [_from_hex(part) for part in case]
        prefixes = ["".join(parts[:count]) for count in range(len(parts) + 1)]
        allowed = {"".join(cutting.clusters(prefix)) for prefix in prefixes}
        for width in range(8):
            shown = cutting.cut(prefixes[-1], width).removesuffix(cutting.ELLIPSIS)
            assert shown in allowed, case
        if all(part.isprintable() and not part[0].isspace() for part in parts):
            assert list(cutting.clusters(prefixes[-1])) == parts, case


def test_every_known_emoji_is_one_sign_of_two_cells() -> None:
    torn = [emoji for emoji in EMOJI if list(cutting.clusters(emoji)) != [emoji]]
    assert (torn, {cutting.cells(emoji) for emoji in EMOJI}) == ([], {2})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", 0),
        ("Café", 4),
        ("Cafe\u0301", 4),
        ("寿司", 4),
        ("ｶﾀｶﾅ", 4),
        ("가각", 4),
        (FAMILY + FLAG + TONE + KEYCAP + ENGLAND, 10),
        ("☂", 1),
        ("☂\ufe0f", 2),
        ("\u0301", 1),
        ("a\u200bb\u00adc", 3),
        ("two\nlines", 9),
        ("e" + "\u0301" * 500, 1),
    ],
)
def test_cells(text: str, wanted: int) -> None:
    assert cutting.cells(text) == wanted


@pytest.mark.parametrize(
    ("text", "width", "wanted"),
    [
        ("Boulangerie", 16, "Boulangerie"),
        ("Boulangerie", 11, "Boulangerie"),
        ("Boulangerie", 10, "Boulanger…"),
        ("Boulangerie", 1, "…"),
        ("Boulangerie", 0, ""),
        ("", 0, ""),
        ("Blue Bottle", 6, "Blue…"),
        ("珈琲店あおば", 12, "珈琲店あおば"),
        ("珈琲店あおば", 11, "珈琲店あお…"),
        ("珈琲店あおば", 10, "珈琲店あ…"),
        ("珈", 1, "…"),
        (f"Hi {FAMILY}{FLAG}", 7, f"Hi {FAMILY}{FLAG}"),
        (f"Hi {FAMILY}{FLAG}", 6, f"Hi {FAMILY}…"),
        (f"Hi {FAMILY}{FLAG}", 5, "Hi…"),
        ("ab\u202ecd\u0007\u2066e", 9, "abcde"),
        ("one\r\n\ttwo\u3000three", 20, "one two three"),
        ("lone \ud83d half", 11, "lone \ufffd half"),
    ],
)
def test_cut(text: str, width: int, wanted: str) -> None:
    assert cutting.cut(text, width) == wanted


@pytest.mark.parametrize(
    ("text", "width", "wanted"),
    [
        ("Dinner at eight? Anna", 16, ("Dinner at eight?", "Anna")),
        ("Dinner at eight o'clock tonight, Anna", 16, ("Dinner at eight", "o'clock tonight…")),
        ("Donaudampfschifffahrt", 16, ("Donaudampfschiff", "fahrt")),
        ("First\n\nSecond\nThird", 10, ("First", "Second Th…")),
        ("明日の打ち合わせは十時からです。", 16, ("明日の打ち合わせ", "は十時からです。")),
        ("「わかりました。」と言った", 16, ("「わかりまし", "た。」と言った")),
        ("新宿の「珈琲店」に集合", 8, ("新宿の", "「珈琲…")),
        ("会議はコンピューター室", 14, ("会議は", "コンピュータ…")),
        ("新宿駅前コンビニ", 12, ("新宿駅前", "コンビニ")),
        ("お代は合計１２３４円", 16, ("お代は", "合計１２３４円")),
        ("お待ちください。順番が来ました", 18, ("お待ちください。", "順番が来ました")),
        ("本日１２時３０分です", 10, ("本日１２時", "３０分です")),
        ("", 16, ()),
        (" \n ", 16, ()),
        ("漢字", 1, ("…", "…")),
        ("text", 0, ()),
    ],
)
def test_wrap(text: str, width: int, wanted: tuple[str, ...]) -> None:
    assert cutting.wrap(text, width, 2) == wanted


def test_scroll_shows_begin_and_end() -> None:
    assert cutting.scroll("abcdef", 4) == ("abcd", "bcde", "cdef")
    assert cutting.scroll("abc", 4) == ("abc",)
    assert cutting.scroll("珈琲店", 5) == ("珈琲", "琲店")
    assert cutting.scroll("", 5) == ()


@given(ANY_TEXT, WIDTHS)
def test_cut_is_a_prefix_that_fits(text: str, width: int) -> None:
    whole = "".join(cutting.clusters(text))
    shown = cutting.cut(text, width)
    assert cutting.cells(shown) <= width
    if cutting.cells(text) <= width:
        assert shown == whole
    elif width:
        assert shown.endswith(cutting.ELLIPSIS)
        assert whole.startswith(shown.removesuffix(cutting.ELLIPSIS))


@given(ANY_TEXT, WIDTHS, st.integers(0, 4))
def test_wrapped_lines_fit_and_lose_nothing_before_the_end(
    text: str, width: int, lines: int
) -> None:
    shown = cutting.wrap(text, width, lines)
    assert len(shown) <= lines
    assert all(line and cutting.cells(line) <= width for line in shown)
    if width >= 2:
        whole = "".join("".join(cutting.clusters(text)).split())
        got = "".join("".join(shown).split())
        cut_short = got != whole
        assert whole.startswith(got.removesuffix(cutting.ELLIPSIS)) or not lines
        assert not cut_short or not lines or got.endswith(cutting.ELLIPSIS)


@given(st.text("あいうえおっーゃ漢字語。、「」（）", min_size=1, max_size=40), st.integers(8, 24))
def test_japanese_lines_begin_and_end_with_what_may(text: str, width: int) -> None:
    plain = "漢".join(text)  # between two signs there is always a place to break
    shown = cutting.wrap(plain, width, 200)
    assert "".join(shown) == plain
    for above, below in pairwise(shown):
        assert below[0] not in NEVER_BEGIN
        assert above[-1] not in NEVER_END


@given(ANY_TEXT, st.integers(2, 12))
def test_scroll_windows_fit_and_cover(text: str, width: int) -> None:
    signs = list(cutting.clusters(text))
    windows = cutting.scroll(text, width)
    assert all(cutting.cells(window) <= width for window in windows)
    assert {s for s in signs if s.strip()} <= {s for w in windows for s in cutting.clusters(w)}


@pytest.mark.parametrize("width", [-1, -16])
def test_a_negative_width_is_refused(width: int) -> None:
    for call in (
        lambda: cutting.cut("a", width),
        lambda: cutting.wrap("a", width, 2),
        lambda: cutting.scroll("a", width),
    ):
        with pytest.raises(ValueError, match="must be 0 or more"):
            call()
