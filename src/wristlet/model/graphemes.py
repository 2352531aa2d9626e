"""Cuts texts to bytes without taking apart what a reader sees as one sign.

A sign (grapheme cluster: a letter with its marks, a flag, a family of emoji) stays whole or goes
whole. Source: Unicode Standard Annex 29, Text Segmentation, by `wcwidth`.
"""

from __future__ import annotations

from typing import Final

import wcwidth

ELLIPSIS: Final = "…"
_ELLIPSIS_BYTES: Final = len(ELLIPSIS.encode())
_SURROGATES: Final = dict.fromkeys(range(55296, 57344), 65533)


def sound(text: str) -> str:
    """Return a text that has UTF-8: half surrogate pairs become the replacement character."""
    return text.translate(_SURROGATES)


def cut_bytes(text: str, bytes_max: int) -> str:
    """Return at most so many bytes of UTF-8, ending in an ellipsis when something was left out.

    Never ends inside a sign; where not even the ellipsis fits, the result is as many whole signs
    as do. Raises ValueError for a negative limit.
    """
    if bytes_max < 0:
        raise ValueError(f"bytes_max: must be 0 or more, got {bytes_max}")
    text = sound(text)
    if len(text) <= bytes_max and len(text.encode()) <= bytes_max:
        return text
    has_room = bytes_max >= _ELLIPSIS_BYTES
    room = bytes_max - (_ELLIPSIS_BYTES if has_room else 0)
    # One code point more than there are bytes never fits, so nothing behind it matters.
    head, used = [], 0
    for sign in wcwidth.iter_graphemes(text[: room + 1]):
        used += len(sign.encode())
        if used > room:
            break
        head.append(sign)
    kept = "".join(head)
    return kept.rstrip() + ELLIPSIS if has_room else kept
