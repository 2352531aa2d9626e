"""The strap's clock: what the phone set, carried on by the strap's own oscillator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wristlet.env.base import Clock
from wristlet.wire.strap.time import DRIFT_MAX_MS, UTC, SetTime, Zone

MS_PER_MINUTE: Final = 60_000
MINUTES_A_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Setting:
    """What the phone said: `correction_ms` is added to the strap's own wall clock."""

    correction_ms: int = 0
    zone: Zone = UTC
    is_set: bool = False
    drift_ms: int = 0


class StrapClock:
    """Unix time and local time on the strap."""

    __slots__ = ("_clock", "setting")

    def __init__(self, clock: Clock, setting: Setting) -> None:
        self._clock = clock
        self.setting = setting

    def now_ms(self) -> int:
        """Return Unix milliseconds as far as the strap knows them."""
        return max(self._clock.now_ms() + self.setting.correction_ms, 0)

    def offset_s(self, at_ms: int | None = None) -> int:
        """Return the offset of local time, now or at a time."""
        return self.setting.zone.offset_at(self.now_ms() if at_ms is None else at_ms)

    def local_minute(self, at_ms: int | None = None) -> int:
        """Return the minute of the local day, 0 to 1,439: quiet hours count in it."""
        moment = self.now_ms() if at_ms is None else at_ms
        local_ms = moment + self.offset_s(moment) * 1_000
        return local_ms // MS_PER_MINUTE % MINUTES_A_DAY

    def set(self, told: SetTime) -> int:
        """Take the phone's time; return how many milliseconds the strap was ahead (drift)."""
        drift_ms = self.now_ms() - told.unix_ms
        self.setting = Setting(
            correction_ms=self.setting.correction_ms - drift_ms,
            zone=told.zone,
            is_set=True,
            drift_ms=min(max(drift_ms, -DRIFT_MAX_MS), DRIFT_MAX_MS),
        )
        return drift_ms

    def stopped(self) -> None:
        """Note that the oscillator stood still: the time must be set anew."""
        self.setting = replace(self.setting, is_set=False)
