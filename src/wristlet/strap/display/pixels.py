"""A frame as pixels: the display's own framebuffer, and PNG.

Glyphs come from a font in the `.hex` format of GNU Unifont (8 or 16 by 16 pixels): half-width
signs are 8 pixels wide, full-width ones 16, which are exactly the cells of a row. Marks are laid
over their letter; flags show the two letters of their country; emoji that the font does not have
show a plain sign of their kind.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Iterator
from typing import Final, TypeAlias

from wristlet.env.base import Disk, StrPath
from wristlet.strap.display import cutting
from wristlet.strap.display.faces import CELL_HEIGHT_PX, CELL_WIDTH_PX, Frame

FONT_PATH: Final = "/usr/share/unifont/unifont_jp.hex"
"""Where the Debian package `unifont` puts it; this one draws kanji as Japan writes them."""

Rows: TypeAlias = tuple[int, ...]
_NARROW, _WIDE = CELL_WIDTH_PX, 2 * CELL_WIDTH_PX
_TOFU: Final = (0, 0x7E, *(0x42,) * 12, 0x7E, 0)
_FLAG_FIRST, _FLAG_LAST = 0x1F1E6, 0x1F1FF
_LEFT_OUT: Final = frozenset((0x200D, 0xFE0E, 0xFE0F, 0x20E3))
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_STAND_INS: Final = (
    (0x1F600, 0x1F60F, "☺"),
    (0x1F610, 0x1F62F, "☹"),
    (0x1F630, 0x1F637, "☹"),
    (0x1F638, 0x1F64F, "☺"),
    (0x1F493, 0x1F49F, "♥"),
    (0x1F90D, 0x1F90E, "♥"),
    (0x1F3B5, 0x1F3B6, "♫"),
    (0x1F4DE, 0x1F4F2, "☎"),
    (0x1F4E7, 0x1F4EC, "✉"),
    (0x1F31E, 0x1F31F, "☀"),
    (0x1F327, 0x1F328, "☂"),
    (0x1F466, 0x1F478, "☻"),
)
"""Kinds of emoji that a plain sign can stand for; all others show a full square."""
_ANY_EMOJI: Final = "▣"


class HexFont:
    """Glyphs by code point; rows of 8 or 16 bits, most significant at the left."""

    def __init__(self, data: bytes) -> None:
        """Take the file's text; glyphs are looked up when they are first drawn."""
        self._data = b"\n" + data
        self._kept: dict[int, tuple[int, Rows] | None] = {}

    @classmethod
    def load(cls, disk: Disk, path: StrPath = FONT_PATH) -> HexFont:
        """Read a font; OSError names the package when it is not there."""
        if not disk.exists(path):
            raise FileNotFoundError(f"the font {path} is not there; install the package unifont")
        return cls(disk.read(path))

    def glyph(self, code: int) -> tuple[int, Rows] | None:
        """Return a glyph's width in pixels and its 16 rows; None when the font has none."""
        if code not in self._kept:
            self._kept[code] = self._find(code)
        return self._kept[code]

    def _find(self, code: int) -> tuple[int, Rows] | None:
        mark = b"\n%04X:" % code
        at = self._data.find(mark)
        if at < 0:
            return None
        end = self._data.find(b"\n", at + 1)
        text = self._data[at + len(mark) : end if end >= 0 else None].strip()
        digits = len(text) // CELL_HEIGHT_PX
        if digits not in (2, 4):
            return None
        rows = (int(text[start : start + digits], 16) for start in range(0, len(text), digits))
        return digits * 4, tuple(rows)


class Bitmap:
    """Monochrome pixels, one integer a row, most significant bit at the left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [0] * height

    def lay(self, rows: Rows, width: int, x: int, y: int) -> None:
        """Lay a glyph over what is there; what lies outside is lost."""
        for offset, bits in enumerate(rows):
            shift = self.width - x - width
            moved = bits << shift if shift >= 0 else bits >> -shift
            if 0 <= y + offset < self.height:
                self.rows[y + offset] |= moved & ((1 << self.width) - 1)

    def is_lit(self, x: int, y: int) -> bool:
        """Tell whether a pixel is on."""
        return self.rows[y] >> (self.width - 1 - x) & 1 == 1

    def pages(self) -> bytes:
        """Return the framebuffer as controllers of such displays take it.

        Pages of 8 rows, one byte a column, least significant bit on top (as the SSD1306 has it).
        """
        out = bytearray()
        for top in range(0, self.height, 8):
            for x in range(self.width):
                lit = (self.is_lit(x, y) for y in range(top, min(top + 8, self.height)))
                out.append(sum(bit << place for place, bit in enumerate(lit)))
        return bytes(out)

    def png(self, *, scale: int = 1) -> bytes:
        """Return a greyscale PNG; raises ValueError for a scale below 1."""
        if scale < 1:
            raise ValueError("scale: must be 1 or more")
        body = bytearray()
        for y in range(self.height):
            row = b"".join(
                (b"\xff" if self.is_lit(x, y) else b"\0") * scale for x in range(self.width)
            )
            body += (b"\0" + row) * scale
        head = struct.pack(">IIBBBBB", self.width * scale, self.height * scale, 8, 0, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(body), 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )


def draw(frame: Frame, font: HexFont) -> Bitmap:
    """Draw a frame's rows; a frame without rows gives a bitmap without pixels."""
    picture = Bitmap(frame.columns * _NARROW, len(frame.rows) * CELL_HEIGHT_PX)
    for number, row in enumerate(frame.rows):
        x = 0
        for cluster in cutting.clusters(row):
            box = cutting.width_of(cluster) * _NARROW
            _draw_cluster(picture, font, cluster, x, number * CELL_HEIGHT_PX, box)
            x += box
    return picture


def _draw_cluster(picture: Bitmap, font: HexFont, cluster: str, x: int, y: int, box: int) -> None:
    composed = unicodedata.normalize("NFC", cluster)
    apart = unicodedata.normalize("NFD", cluster)
    signs = list(_signs(composed if font.glyph(ord(composed[0])) else apart))
    if len(signs) > 1 and all(_is_base(sign) for sign in signs):  # a flag: letters side by side
        for offset, sign in enumerate(signs[:2]):
            _draw_sign(picture, font, sign, x + offset * _NARROW, y, _NARROW)
        return
    for sign in signs:
        _draw_sign(picture, font, sign, x, y, box)


def _draw_sign(picture: Bitmap, font: HexFont, sign: str, x: int, y: int, box: int) -> None:
    width, rows = font.glyph(ord(sign)) or (_NARROW, _TOFU)
    if width > box:
        width, rows = _NARROW, tuple(_squeezed(bits) for bits in rows)
    picture.lay(rows, width, x + (box - width) // 2, y)


def _squeezed(bits: int) -> int:
    """Halve a row: two pixels become one."""
    return sum((bits >> 2 * place & 0b11 != 0) << place for place in range(_NARROW))


def _is_base(sign: str) -> bool:
    return not unicodedata.category(sign).startswith("M")


def _signs(cluster: str) -> Iterator[str]:
    """Yield what is drawn of a cluster: its letter and marks, or what stands in for an emoji."""
    codes = [ord(sign) for sign in cluster]
    flags = [code for code in codes if _FLAG_FIRST <= code <= _FLAG_LAST]
    if flags:
        yield from (chr(ord("A") + code - _FLAG_FIRST) for code in flags)
        return
    if codes[0] > 0xFFFF and unicodedata.category(chr(codes[0])) in ("So", "Sk", "Cn"):
        yield _stand_in(codes[0])
        return
    for code in codes[:1] if 0x200D in codes or 0xFE0F in codes else codes:
        if code not in _LEFT_OUT and code not in _SKIN_TONES:
            yield chr(code)


def _stand_in(code: int) -> str:
    found = (sign for first, last, sign in _STAND_INS if first <= code <= last)
    return next(found, _ANY_EMOJI)
