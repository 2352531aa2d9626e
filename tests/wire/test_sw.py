"""Every status word gets a sentence; counters are read from it."""

from __future__ import annotations

import pytest

from wristlet.wire.sw import SW, describe, tries_left


def test_every_known_word_has_a_sentence_of_its_own() -> None:
    texts = {describe(word) for word in SW}
    assert len(texts) == len(SW)
    assert all(text.endswith(".") for text in texts)


def test_every_word_at_all_has_a_sentence() -> None:
    assert all(describe(word) for word in range(0x10000))


@pytest.mark.parametrize(
    ("word", "part"),
    [
        (0x6110, "16 more bytes"),
        (0x6100, "256 more bytes"),
        (0x6C20, "Le 32"),
        (0x63C0, "no tries left"),
        (0x63C1, "1 try left"),
        (0x63C3, "3 tries left"),
        (0x6A99, "wrong"),
        (0x1234, "unknown"),
    ],
)
def test_numbers_are_read_out_of_the_word(word: int, part: str) -> None:
    assert part in describe(word)


@pytest.mark.parametrize(
    ("word", "left"), [(0x63C2, 2), (0x6983, 0), (0x9000, None), (0x6300, None)]
)
def test_tries_left(word: int, left: int | None) -> None:
    assert tries_left(word) == left
