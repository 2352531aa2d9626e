"""Puts the activity log into the firmware: samples in, the wrist's verdict and records out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from wristlet.env.base import Env, ensure_dir, parent
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.activity.endpoint import ActivityEndpoint
from wristlet.strap.activity.recorder import ActivityRecorder
from wristlet.strap.activity.ring import ActivityRing
from wristlet.strap.battery import Load
from wristlet.strap.firmware import Firmware
from wristlet.strap.flash import DiskFlash, FlashError
from wristlet.wire.strap.concerns import Concern

RATE_HZ: Final = 25
SECTORS: Final = 64
"""256 KiB: fourteen days at least, however lively."""
CLOCK_EVERY_MS: Final = 3_600_000
"""So often the recorder hears the strap's clock: the accelerometer's own drifts."""
_SECONDS_PER_MINUTE: Final = 60


class Sensors:
    """What accelerometer and heart sensor of one strap say, on its way into the log.

    After a fault of the flash nothing more is recorded until the strap starts anew; payments and
    messages go on.
    """

    def __init__(self, firmware: Firmware, recorder: ActivityRecorder, env: Env) -> None:
        self._firmware = firmware
        self._recorder = recorder
        self._clock = env.clock
        self._clock_told_us = -CLOCK_EVERY_MS * 1_000
        self._heart_is_on = False
        self._has_failed = False

    def samples(self, xyz: Sequence[int]) -> None:
        """Take samples, x, y, z by turns in thousandths of g; raises StrapRefused."""
        self._guarded(lambda: self._feed(xyz))

    def heart(self, bpm: int | None, *, contact: bool = True) -> None:
        """Take a heart rate, None while there is none, and whether skin is touched."""
        is_on = contact or bpm is not None
        if is_on is not self._heart_is_on:
            self._heart_is_on = is_on
            self._firmware.draws(Load.HEART, is_on=is_on)
        self._guarded(lambda: self._recorder.heart(bpm, contact=contact))

    def clock_set(self) -> None:
        """Lay the strap's clock beside the recorder's."""
        if self._firmware.clock.setting.is_set:
            with suppress(StrapRefused):
                self._guarded(self._tell_time)

    def mode_moved(self) -> None:
        """Put everything on flash before the power goes."""
        if self._firmware.body.is_off:
            with suppress(StrapRefused):
                self._guarded(self._recorder.stop)

    def _feed(self, xyz: Sequence[int]) -> None:
        is_due = self._clock.monotonic_us() - self._clock_told_us >= CLOCK_EVERY_MS * 1_000
        if is_due and self._firmware.clock.setting.is_set:
            self._tell_time()
        self._recorder.feed(xyz)

    def _tell_time(self) -> None:
        self._clock_told_us = self._clock.monotonic_us()
        strap = self._firmware.clock
        self._recorder.set_time(strap.now_ms(), strap.offset_s() // _SECONDS_PER_MINUTE)

    def _guarded(self, change: Callable[[], None]) -> None:
        if self._has_failed:
            raise StrapRefused("activity: the strap's memory failed; restart the strap")
        try:
            change()
        except ValueError as error:
            raise StrapRefused(f"activity: {error}") from None
        except (FlashError, OSError):
            self._has_failed = True
            raise StrapRefused("activity: the strap's memory failed; restart the strap") from None


def plug_activity(
    firmware: Firmware, env: Env, path: str, rate_hz: int = RATE_HZ
) -> tuple[Sensors, ActivityEndpoint]:
    """Let a firmware keep an activity log in the flash at `path`; raises FlashError, OSError."""
    ensure_dir(env.disk, parent(path))
    ring = ActivityRing(DiskFlash.create(env.disk, path, SECTORS), env.random)
    recorder = ActivityRecorder(ring, rate_hz, worn=firmware.worn)
    sensors = Sensors(firmware, recorder, env)
    endpoint = ActivityEndpoint(ring, firmware.news, recorder)
    firmware.plug_in(Concern.ACTIVITY, endpoint)
    firmware.listeners.clock.append(sensors.clock_set)
    firmware.listeners.mode.append(lambda _mode: sensors.mode_moved())
    return sensors, endpoint
