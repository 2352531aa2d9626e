"""What outlives a flat battery: settings in one file, everything else in another.

Each file is a message of the strap's wire and its CRC-32; it is replaced as a whole, so that a
crash leaves the old or the new one. A file that fits neither (worn out flash) is not guessed at:
the strap starts with defaults and says so.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from wristlet.env.base import Disk, ensure_dir, replace_file
from wristlet.strap.body import Body
from wristlet.strap.clock import Setting
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import settings as settings_wire
from wristlet.wire.strap.fields import U16, U32, Choice, Family, Flag, Many, Part, Uint, Wire
from wristlet.wire.strap.settings import CurrentSettings, Settings
from wristlet.wire.strap.state import TAPS_MAX, Mode, Tap
from wristlet.wire.strap.time import DRIFT_MAX_MS, UTC, Sint, Zone

SETTINGS_FILE, BODY_FILE = "settings", "body"
CRC_BYTES: Final = 4
CHARGE_MAX: Final = Uint((1 << 48) - 1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """The strap's own state; `charge_nah` is as of the last change of a percent."""

    mode: Annotated[Mode, Wire(0x01, Choice(Mode), "")] = Mode.NORMAL
    mode_before: Annotated[Mode, Wire(0x02, Choice(Mode), "before the shutdown")] = Mode.NORMAL
    charge_nah: Annotated[int, Wire(0x03, CHARGE_MAX, "")] = 0
    reserve_used: Annotated[int, Wire(0x04, U16, "taps since the shutdown")] = 0
    tap_number: Annotated[int, Wire(0x05, U32, "taps counted")] = 0
    card_tap_number: Annotated[int, Wire(0x06, U16, "the secure element's last one")] = 0
    taps: Annotated[tuple[Tap, ...], Wire(0x07, Many(Part(Tap), TAPS_MAX), "")] = ()
    correction_ms: Annotated[int, Wire(0x08, Sint(DRIFT_MAX_MS), "of the clock")] = 0
    zone: Annotated[Zone, Wire(0x09, Part(Zone), "")] = UTC
    is_time_set: Annotated[bool, Wire(0x0A, Flag(), "")] = False

    @property
    def clock(self) -> Setting:
        """How the clock was set."""
        return Setting(self.correction_ms, self.zone, self.is_time_set)


KEPT: Final[Family[Kept]] = Family("strap file", {0x01: Kept})


def kept_of(body: Body, clock: Setting, charge_nah: int) -> Kept:
    """Return what is kept of a strap."""
    return Kept(
        mode=body.mode,
        mode_before=body.mode_before,
        charge_nah=charge_nah,
        reserve_used=body.reserve_used,
        tap_number=body.tap_number,
        card_tap_number=body.card_tap_number,
        taps=body.taps,
        correction_ms=clock.correction_ms,
        zone=clock.zone,
        is_time_set=clock.is_set,
    )


def body_of(kept: Kept, percent: int) -> Body:
    """Return the strap as it was; what its sensors say is learned anew."""
    return Body(
        mode=kept.mode,
        mode_before=kept.mode_before,
        percent=percent,
        reserve_used=kept.reserve_used,
        tap_number=kept.tap_number,
        card_tap_number=kept.card_tap_number,
        taps=kept.taps,
    )


class KeptFiles:
    """The two files in the strap's folder."""

    __slots__ = ("_disk", "_folder")

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = folder
        ensure_dir(disk, folder)

    def settings(self) -> tuple[CurrentSettings, bool]:
        """Return the settings, and whether a file was there that could not be read."""
        fresh = CurrentSettings(0, Settings())
        return self._load(SETTINGS_FILE, settings_wire.ANSWERS, fresh)

    def body(self, fresh: Kept) -> tuple[Kept, bool]:
        """Return the strap's state (`fresh` the first time), and whether it could not be read."""
        return self._load(BODY_FILE, KEPT, fresh)

    def save_settings(self, current: CurrentSettings) -> None:
        """Make settings durable; raises OSError."""
        self._save(SETTINGS_FILE, settings_wire.ANSWERS.encode(current))

    def save_body(self, kept: Kept) -> None:
        """Make the state durable; raises OSError."""
        self._save(BODY_FILE, KEPT.encode(kept))

    def used_bytes(self) -> int:
        """Return what all files of the folder take."""
        paths = (f"{self._folder}/{name}" for name in self._disk.listdir(self._folder))
        return sum(self._disk.size(path) for path in paths if not self._is_folder(path))

    def _is_folder(self, path: str) -> bool:
        try:
            self._disk.listdir(path)
        except NotADirectoryError:
            return False
        return True

    def _load(self, name: str, family: Family[T], fresh: T) -> tuple[T, bool]:
        path = f"{self._folder}/{name}"
        if not self._disk.exists(path):
            return fresh, False
        raw = self._disk.read(path)
        body, check = raw[:-CRC_BYTES], raw[-CRC_BYTES:]
        try:
            if zlib.crc32(body).to_bytes(CRC_BYTES, "big") != check:
                return fresh, True
            return family.decode(body), False
        except DecodeError:
            return fresh, True

    def _save(self, name: str, body: bytes) -> None:
        check = zlib.crc32(body).to_bytes(CRC_BYTES, "big")
        replace_file(self._disk, f"{self._folder}/{name}", body + check)
