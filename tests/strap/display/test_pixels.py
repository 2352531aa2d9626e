"""Pixels: a tiny font made here for what must always hold, the real one where it is installed."""

from __future__ import annotations

import struct
import zlib

import pytest

from support.packages import needs
from wristlet.env.real import real_env
from wristlet.env.sim import MemoryDisk
from wristlet.strap.display import faces, pixels
from wristlet.strap.display.faces import OledFace
from wristlet.strap.display.pixels import Bitmap, HexFont, draw
from wristlet.strap.signals import Signal

FULL, LEFT = "FF" * 16, "80" * 16
FONT = HexFont(
    (
        f"0041:{LEFT}\n0042:{FULL}\n0301:{'18' + '00' * 15}\n2460:{'C000' * 16}\n"
        f"25A3:{'FFFF' * 16}\n263A:{'8001' * 16}\n3042:{'8001' * 16}\nFFFD:12\n"
    ).encode()
)


def rows(text: str, columns: int = 4) -> list[str]:
    """First pixel row of each text row as `#` and `.`."""
    frame = faces.frame_of(Signal((text,)), OledFace(columns, 1))
    picture = draw(frame, FONT)
    return [
        "".join("#" if picture.is_lit(x, y) else "." for x in range(picture.width)) for y in (0, 8)
    ]


@pytest.mark.parametrize(
    ("text", "first", "eighth"),
    [
        ("AB", "#.......########................", "#.......########................"),
        ("あA", "#..............##...............", "#..............##..............."),
        ("A\u0301", "#..##...........................", "#..............................."),
        ("①", "#...............................", "#..............................."),
        ("🇦🇧", "#.......########................", "#.......########................"),
        ("😀", "#..............#................", "#..............#................"),
        ("🦖", "################................", "################................"),
        ("ж", "................................", ".#....#........................."),
    ],
)
def test_where_the_pixels_are(text: str, first: str, eighth: str) -> None:
    assert rows(text) == [first, eighth]


def test_the_framebuffer_is_laid_out_in_pages() -> None:
    picture = draw(faces.frame_of(Signal(("B", "A")), OledFace(2, 2)), FONT)
    raw = picture.pages()
    assert len(raw) == 16 * 32 // 8
    assert raw[:8] == b"\xff" * 8
    assert raw[8:16] == bytes(8)
    assert raw[32:40] == b"\xff" + bytes(7)
    slope = Bitmap(2, 9)
    slope.lay((0b10, 0b10, 0b01, 0, 0, 0, 0, 0, 0b11), 2, 0, 0)
    assert slope.pages() == bytes((0b011, 0b100, 1, 1))


def test_png_holds_the_pixels() -> None:
    picture = Bitmap(3, 2)
    picture.lay((0b101, 0b010), 3, 0, 0)
    raw = picture.png(scale=2)
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", raw[16:24]) == (6, 4)
    length = int.from_bytes(raw[33:37], "big")
    assert raw[37:41] == b"IDAT"
    body = zlib.decompress(raw[41 : 41 + length])
    lines = [body[start + 1 : start + 7] for start in range(0, 28, 7)]
    assert lines[0] == b"\xff\xff\0\0\xff\xff"
    assert lines[3] == b"\0\0\xff\xff\0\0"
    with pytest.raises(ValueError, match="scale"):
        picture.png(scale=0)


def test_what_lies_outside_is_lost() -> None:
    picture = Bitmap(4, 2)
    picture.lay((0xFF,) * 16, 8, -2, 1)
    assert picture.rows == [0, 0b1111]


def test_a_missing_font_names_the_package() -> None:
    with pytest.raises(FileNotFoundError, match="install the package unifont"):
        HexFont.load(MemoryDisk())


def test_a_glyph_of_another_size_counts_as_missing() -> None:
    assert FONT.glyph(0xFFFD) is None


@pytest.mark.outside
def test_the_real_font_draws_latin_and_japanese() -> None:
    needs("unifont")
    font = HexFont.load(real_env().disk)
    for sign in "AZaz09¥€éßÿあアｱ漢珈琲承認、。「」ー〜★":
        assert font.glyph(ord(sign)) is not None, sign
    frame = faces.frame_of(Signal(("珈琲店 Café", "¥480 承認")), OledFace())
    picture = draw(frame, font)
    lit = [sum(picture.is_lit(x, y) for x in range(128)) for y in range(32)]
    assert sum(lit) > 400
    assert len(picture.pages()) == 512
    assert pixels.FONT_PATH.endswith(".hex")
