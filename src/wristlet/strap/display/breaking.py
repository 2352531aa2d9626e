"""Where a line may end: between words, and in Japanese by its rules for line ends.

Some signs never begin a line (closing brackets, full stops, small kana), some never end one
(opening brackets, currency signs before digits). Runs of katakana and of digits stay whole. What is
left, between two full-width signs, may be broken; better so after a stop or where a new word is
likely to begin, that is where hiragana end. Background: JIS X 4051 (line composition rules for
Japanese documents), Unicode Standard Annex 14 (Line Breaking Algorithm); no full implementation of
either.
"""

from __future__ import annotations

import unicodedata
from enum import Enum, unique


@unique
class BreakKind(Enum):
    """What a line end between two signs is worth."""

    NONE = 0
    ALLOWED = 1
    GOOD = 2


STOPS = frozenset("、。，．！？!?」』）】〉》〕｝］…")
NEVER_BEGIN = STOPS | frozenset(
    ",.:;)]}%’”°℃・：；"
    "ーｰ゛゜ゝゞヽヾ々〻〜～"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶｧｨｩｪｫｬｭｮｯﾞﾟ｡､｣"
)
NEVER_END = frozenset("「『（【〈《〔｛［([{“‘¥￥$€£＃#@＠｢")
COUNTERS = frozenset("円％時分秒年月日個回枚本件人")
"""They stay with the digits before them."""


def break_between(before: str, after: str) -> BreakKind:
    """Tell what a line end between two neighbouring signs is worth."""
    left, right = before[-1], after[0]
    if before == " ":
        return BreakKind.NONE
    if after == " ":
        return BreakKind.GOOD
    if _stay_together(before[0], right):
        return BreakKind.NONE
    if left in STOPS and (is_wide(left) or is_wide(right)):
        return BreakKind.GOOD
    if left in "-‐/–—" and right.isalpha():
        return BreakKind.ALLOWED
    if not (is_wide(before[0]) or is_wide(right)):
        return BreakKind.NONE
    ends_phrase = _is_hiragana(before[0]) and not _is_hiragana(right)
    return BreakKind.GOOD if ends_phrase else BreakKind.ALLOWED


def _stay_together(left: str, right: str) -> bool:
    """Tell whether two signs belong on one line whatever their width."""
    if left in NEVER_END:
        return True
    if right in COUNTERS:
        return left.isdigit()
    if right in NEVER_BEGIN:
        return True
    if left.isdigit() and right.isdigit():
        return True
    return _is_katakana(left) and _is_katakana(right)


def is_wide(sign: str) -> bool:
    """Tell whether a sign is written full-width by its nature."""
    return unicodedata.east_asian_width(sign) in ("W", "F")


def _is_hiragana(sign: str) -> bool:
    return "\u3041" <= sign <= "\u309f"


def _is_katakana(sign: str) -> bool:
    return "\u30a1" <= sign <= "\u30ff" or "\uff66" <= sign <= "\uff9d"
