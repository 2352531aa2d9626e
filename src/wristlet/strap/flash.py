"""NOR flash as a strap has it: a bit is programmed once, sectors are erased whole."""

from __future__ import annotations

from typing import Final, Protocol

from wristlet.env.base import Disk, StrPath, replace_file

SECTOR_BYTES: Final = 4096
ERASED: Final = 0xFF


class FlashError(Exception):
    """The flash was used against its rules, or failed; restart the strap to recover."""


class Flash(Protocol):
    """What a log needs of a flash chip; each change is durable when the call returns."""

    @property
    def sectors(self) -> int:
        """How many sectors there are."""
        ...

    @property
    def sector_bytes(self) -> int:
        """The size of one sector."""
        ...

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes from `address`."""
        ...

    def program(self, address: int, data: bytes) -> None:
        """Write into erased bytes of one sector; raises FlashError."""
        ...

    def erase(self, sector: int) -> None:
        """Set a sector to FF; raises FlashError."""
        ...


class DiskFlash:
    """A flash chip whose cells are a file.

    After a failed change what lies in the cells is unknown, so every later call fails until the
    chip is opened anew and its content looked at.
    """

    def __init__(self, disk: Disk, path: StrPath, sector_bytes: int = SECTOR_BYTES) -> None:
        size = disk.size(path)
        if size == 0 or size % sector_bytes:
            raise FlashError(f"flash: {size} bytes are no whole sectors; create the flash anew")
        self._disk = disk
        self._path = path
        self._sector_bytes = sector_bytes
        self._sectors = size // sector_bytes
        self._dead = False

    @classmethod
    def create(
        cls, disk: Disk, path: StrPath, sectors: int, sector_bytes: int = SECTOR_BYTES
    ) -> DiskFlash:
        """Open the flash, making an erased one when there is none."""
        if not disk.exists(path):
            replace_file(disk, path, bytes([ERASED]) * (sectors * sector_bytes))
        return cls(disk, path, sector_bytes)

    @property
    def sectors(self) -> int:
        """How many sectors there are."""
        return self._sectors

    @property
    def sector_bytes(self) -> int:
        """The size of one sector."""
        return self._sector_bytes

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes from `address`."""
        self._alive()
        return self._disk.read(self._path, address, size)

    def program(self, address: int, data: bytes) -> None:
        """Write into erased bytes of one sector, durably; raises FlashError."""
        last = address + len(data) - 1
        if not data or address // self._sector_bytes != last // self._sector_bytes:
            raise FlashError("flash: a write must stay within one sector")
        if self.read(address, len(data)) != bytes([ERASED]) * len(data):
            raise FlashError("flash: a byte would be programmed twice; erase its sector first")
        self._change(address, data)

    def erase(self, sector: int) -> None:
        """Set a sector to FF, durably; raises FlashError."""
        self._alive()
        if not 0 <= sector < self._sectors:
            raise FlashError(f"flash: sector must be 0 to {self._sectors - 1}")
        self._change(sector * self._sector_bytes, bytes([ERASED]) * self._sector_bytes)

    def _change(self, address: int, data: bytes) -> None:
        try:
            self._disk.pwrite(self._path, address, data)
            self._disk.datasync(self._path)
        except OSError as error:
            self._dead = True
            raise FlashError("flash: a write failed; restart the strap") from error

    def _alive(self) -> None:
        if self._dead:
            raise FlashError("flash: an earlier write failed; restart the strap")
