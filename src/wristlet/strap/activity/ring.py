"""The activity log on flash: a ring of pages, the oldest erased first.

A page is one flash sector. It begins with a header (which log, which page, which record comes
first and where that stands, CRC-32) and goes on with frames, each a size byte, a block of records
and a CRC-32 that also covers page number and place. A frame is programmed in one go, so a power
cut leaves it whole or unreadable, never half believed; a page with an unreadable tail is closed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wristlet.env.base import Random
from wristlet.strap.flash import ERASED, Flash
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap.activity import (
    LOG_ID_BYTES,
    POSITION_BYTES,
    Extent,
    Page,
    decode_position,
    encode_position,
)
from wristlet.wire.strap.activity_log import Position, Record, decode_records, encode_records

MAGIC: Final = b"WA"
VERSION: Final = 1
FRAME_BYTES_MAX: Final = 200
"""Of records; a size byte of FF would look like erased flash."""
CRC_BYTES: Final = 4

_HEADER: Final = struct.Struct(f">2sB{LOG_ID_BYTES}sII")
HEADER_BYTES: Final = _HEADER.size + POSITION_BYTES + CRC_BYTES


@dataclass(slots=True)
class _LogPage:
    """A readable page: its place, its numbers, and how far it is filled."""

    sector: int
    log_id: bytes
    number: int
    first: int
    position: Position
    count: int = 0
    used: int = HEADER_BYTES
    clean: bool = True


class ActivityRing:
    """One log on one flash; opening it finds what a power cut left."""

    def __init__(self, flash: Flash, random: Random) -> None:
        """Open the log, or begin a new one on a flash that has none."""
        self._flash = flash
        self._pages = self._found()
        if self._pages:
            self._position = self._walk(self._pages[-1])
        else:
            self._position = Position()
            self._begin_page(0, random.bytes(LOG_ID_BYTES), 1, 0)

    @property
    def extent(self) -> Extent:
        """Which records can be read."""
        last = self._pages[-1]
        return Extent(last.log_id, self._pages[0].first, last.first + last.count)

    @property
    def position(self) -> Position:
        """Where the next record will stand."""
        return self._position

    def append(self, records: Sequence[Record]) -> None:
        """Make records durable, in as many frames as they need; raises FlashError."""
        start = 0
        while start < len(records):
            size = len(records) - start
            block = encode_records(records[start : start + size])
            while len(block) > FRAME_BYTES_MAX:
                size = max(1, size * FRAME_BYTES_MAX // len(block) - 1)
                block = encode_records(records[start : start + size])
            self._append_frame(block, records[start : start + size])
            start += size

    def read(self, first: int, bytes_max: int) -> Page:
        """Return records from `first` on, or from the next readable one when that is gone."""
        extent = self.extent
        wanted = min(max(first, extent.oldest), extent.end)
        page = self._page_with(wanted)
        if page is None:
            return Page(extent, extent.end, self._position, ())
        number, position = page.first, page.position
        chosen: list[Record] = []
        start, where, room = max(wanted, page.first), page.position, bytes_max
        for block in self._blocks(page):
            records = decode_records(block)
            for record in records:
                if number == start:
                    where = position
                if number >= start:
                    # Alone a record may lack the state byte that it has in a row.
                    room -= len(encode_records((record,))) + 1
                    if room < 0:
                        return Page(extent, start, where, tuple(chosen))
                    chosen.append(record)
                number, position = number + 1, position.after(record)
        return Page(extent, start, where, tuple(chosen))

    # Writing

    def _append_frame(self, block: bytes, records: Sequence[Record]) -> None:
        page = self._pages[-1]
        if not page.clean or page.used + 1 + len(block) + CRC_BYTES > self._flash.sector_bytes:
            end = page.first + page.count
            self._begin_page(
                (page.sector + 1) % self._flash.sectors, page.log_id, page.number + 1, end
            )
            page = self._pages[-1]
        frame = bytes([len(block)]) + block
        frame += _frame_crc(page.number, page.used, frame)
        self._flash.program(self._address(page) + page.used, frame)
        page.used += len(frame)
        page.count += len(records)
        for record in records:
            self._position = self._position.after(record)

    def _begin_page(self, sector: int, log_id: bytes, number: int, first: int) -> None:
        """Erase the sector, which holds the oldest page when the ring is full, and head it."""
        self._pages = [page for page in self._pages if page.sector != sector]
        self._flash.erase(sector)
        header = _HEADER.pack(MAGIC, VERSION, log_id, number, first)
        header += encode_position(self._position)
        header += zlib.crc32(header).to_bytes(CRC_BYTES, "big")
        self._flash.program(sector * self._flash.sector_bytes, header)
        self._pages.append(_LogPage(sector, log_id, number, first, self._position))

    # Reading

    def _address(self, page: _LogPage) -> int:
        return page.sector * self._flash.sector_bytes

    def _page_with(self, number: int) -> _LogPage | None:
        """Return the page that holds a record, or the next one that holds any."""
        return next(
            (page for page in self._pages if page.count and page.first + page.count > number), None
        )

    def _blocks(self, page: _LogPage) -> list[bytes]:
        """Return the readable blocks of a page in order."""
        content = self._flash.read(self._address(page), page.used)
        at, found = HEADER_BYTES, []
        while at < page.used:
            size = content[at]
            found.append(content[at + 1 : at + 1 + size])
            at += 1 + size + CRC_BYTES
        return found

    def _found(self) -> list[_LogPage]:
        """Return the readable pages of the newest log, oldest first."""
        headed = [page for sector in range(self._flash.sectors) if (page := self._headed(sector))]
        if not headed:
            return []
        log_id = max(headed, key=lambda page: page.number).log_id
        pages = sorted(
            (page for page in headed if page.log_id == log_id), key=lambda page: page.number
        )
        for page in pages:
            self._walk(page)
        return pages

    def _headed(self, sector: int) -> _LogPage | None:
        """Read the header of a sector; None when it is no page."""
        header = self._flash.read(sector * self._flash.sector_bytes, HEADER_BYTES)
        body, crc = header[:-CRC_BYTES], header[-CRC_BYTES:]
        if zlib.crc32(body).to_bytes(CRC_BYTES, "big") != crc:
            return None
        magic, version, log_id, number, first = _HEADER.unpack_from(body)
        if (magic, version) != (MAGIC, VERSION):
            return None
        try:
            position = decode_position(body[_HEADER.size :])
        except DecodeError:
            return None
        return _LogPage(sector, log_id, number, first, position)

    def _walk(self, page: _LogPage) -> Position:
        """Count the readable frames of a page; return where the record behind them stands."""
        content = self._flash.read(self._address(page), self._flash.sector_bytes)
        at, count, position = HEADER_BYTES, 0, page.position
        while at < len(content) and content[at] != ERASED:
            end = at + 1 + content[at]
            if _frame_crc(page.number, at, content[at:end]) != content[end : end + CRC_BYTES]:
                break
            try:
                records = decode_records(content[at + 1 : end])
            except DecodeError:
                break
            for record in records:
                position = position.after(record)
            at, count = end + CRC_BYTES, count + len(records)
        page.count, page.used = count, at
        page.clean = not content[at:].strip(bytes([ERASED]))
        return position


def _frame_crc(page_number: int, at: int, frame: bytes) -> bytes:
    place = page_number.to_bytes(4, "big") + at.to_bytes(2, "big")
    return zlib.crc32(place + frame).to_bytes(CRC_BYTES, "big")
