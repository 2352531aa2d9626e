"""Cuts texts to a width in cells: half-width signs take one cell, full-width signs and emoji two.

What a reader sees as one sign (a grapheme cluster: a letter with its marks, a flag, a family of
emoji) is never taken apart. Source: Unicode Standard Annexes 11 (East Asian Width) and 29 (Text
Segmentation), by `wcwidth`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

import wcwidth

from wristlet.strap.display.breaking import BreakKind, break_between

ELLIPSIS = "…"
CELLS_MAX = 2
CODE_POINTS_MAX = 20
"""The longest known emoji has 11 code points; a letter under a tower of marks gets no more."""

GOOD_BREAK_WITHIN_CELLS = 4
"""A line may end so much earlier when it then ends where a reader pauses."""

_LINE_BREAKS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_UNSEEN = frozenset("\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\ufeff")
_TURNS = frozenset(("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_REPLACEMENT = "\ufffd"
_JOINER = "\u200d"


def cells(text: str) -> int:
    """Return how many cells a text takes in one line, cleaned as `cut` cleans it."""
    return sum(map(width_of, clusters(text)))


def cut(text: str, width_cells: int) -> str:
    """Return the text in one line of at most `width_cells`, ending in an ellipsis when it is cut.

    Control signs, invisible signs and those that turn the writing direction are left out; every
    run of blanks and line breaks becomes one blank. Raises ValueError for a negative width.
    """
    if width_cells < 0:
        raise ValueError(f"width_cells: must be 0 or more, got {width_cells}")
    kept: list[str] = []
    used = beside_ellipsis = 0
    for cluster in clusters(text):
        used += width_of(cluster)
        if used > width_cells:
            head = "".join(kept[:beside_ellipsis]).rstrip()
            return head + ELLIPSIS if width_cells else ""
        kept.append(cluster)
        if used < width_cells:
            beside_ellipsis = len(kept)
    return "".join(kept)


def wrap(text: str, width_cells: int, lines: int) -> tuple[str, ...]:
    """Return the text in at most `lines` lines of at most `width_cells`, an ellipsis at a cut end.

    Lines end between words; in Japanese where the rules for line ends allow it, better at the end
    of a phrase; a word longer than a line is split. Line breaks of the text are kept, empty lines
    left out. Raises ValueError for a negative number.
    """
    if width_cells < 0 or lines < 0:
        raise ValueError(f"width_cells, lines: must be 0 or more, got {width_cells}, {lines}")
    made: list[str] = []
    paragraphs = [part for part in map(_clean, _LINE_BREAKS.split(text)) if part]
    for number, paragraph in enumerate(paragraphs):
        signs = _fitted(paragraph, width_cells, lines)
        start = 0
        while start < len(signs):
            end = _line_end(signs, start, width_cells)
            following = end + (end < len(signs) and signs[end] == " ")
            if len(made) + 1 >= lines or not width_cells:
                rest = " ".join(("".join(signs[start:]), *paragraphs[number + 1 :]))
                last = cut(rest, width_cells)
                return (*made, last) if last and lines else ()
            made.append("".join(signs[start:end]).rstrip())
            start = following
    return tuple(made)


def scroll(text: str, width_cells: int) -> tuple[str, ...]:
    """Return the windows that show a long line from its begin to its end, sign by sign.

    One window when the line fits. Raises ValueError for a negative width.
    """
    if width_cells < 0:
        raise ValueError(f"width_cells: must be 0 or more, got {width_cells}")
    signs = [_narrowed(sign, width_cells) for sign in clusters(text)]
    widths = [width_of(sign) for sign in signs]
    windows: list[str] = []
    end = used = 0
    for start, width in enumerate(widths):
        while end < len(signs) and used + widths[end] <= width_cells:
            used += widths[end]
            end += 1
        windows.append("".join(signs[start:end]))
        if end == len(signs) or not width_cells:
            break
        used -= width
    return tuple(windows) if width_cells else ()


def clusters(text: str) -> Iterator[str]:
    """Yield what a reader sees as single signs, in order, of the text in one line."""
    for cluster in wcwidth.iter_graphemes(_clean(text)):
        yield cluster if len(cluster) == 1 else cluster[:CODE_POINTS_MAX].rstrip(_JOINER) or _JOINER


def width_of(cluster: str) -> int:
    """Return how many cells one cluster takes, 1 or 2: a mark without a letter gets a cell too."""
    if len(cluster) > 1 and any(sign in _SKIN_TONES for sign in cluster):
        return CELLS_MAX
    return min(max(wcwidth.wcswidth(cluster), 1), CELLS_MAX)


def _fitted(paragraph: str, width_cells: int, lines: int) -> list[str]:
    """Return as many clusters as could be shown and a few more, none wider than a line."""
    enough = (width_cells + 1) * (lines + 1)
    return [_narrowed(sign, width_cells) for sign in islice(clusters(paragraph), enough)]


def _narrowed(sign: str, width_cells: int) -> str:
    return sign if width_of(sign) <= width_cells else ELLIPSIS


def _line_end(signs: list[str], start: int, width_cells: int) -> int:
    """Return where the line that begins at `start` ends best."""
    full, used = start, 0
    while full < len(signs) and used + width_of(signs[full]) <= width_cells:
        used += width_of(signs[full])
        full += 1
    if full == len(signs):
        return full
    allowed = None
    lost = 0
    for end in range(full, start, -1):
        kind = break_between(signs[end - 1], signs[end])
        if kind is BreakKind.GOOD and lost <= GOOD_BREAK_WITHIN_CELLS:
            return end
        if kind is not BreakKind.NONE and allowed is None:
            allowed = end
        if allowed is not None:
            lost += width_of(signs[end - 1])
    return allowed or max(full, start + 1)


def _clean(text: str) -> str:
    """Return one line without control signs and invisible signs, blanks single."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join("".join(map(_visible, text)).split())


def _visible(sign: str) -> str:
    """Return a sign as it may be shown: itself, a blank, a replacement or nothing."""
    if sign.isspace():
        return " "
    category = unicodedata.category(sign)
    if category == "Cs":
        return _REPLACEMENT
    unseen = category == "Cc" or sign in _UNSEEN or unicodedata.bidirectional(sign) in _TURNS
    return "" if unseen else sign
