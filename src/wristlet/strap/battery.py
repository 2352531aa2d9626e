"""The battery as a count of charge: what drains it, when it warns, what it keeps for payments.

Charge is counted in nanoampere-hours, so that a millisecond of any load is not lost to rounding
over a day. The reserve is what the promised taps and the switched-off strap need for the promised
time; the strap shuts down while it is still whole, and percent count what lies above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, unique
from itertools import pairwise
from types import MappingProxyType
from typing import Final

NAH_PER_MAH: Final = 1_000_000
MS_PER_HOUR: Final = 3_600_000
FULL_PERCENT: Final = 100
CURVE: Final = (
    (0, 3_000),
    (5, 3_450),
    (10, 3_600),
    (20, 3_690),
    (40, 3_770),
    (60, 3_870),
    (80, 4_020),
    (100, 4_200),
)
"""Percent of the whole charge and rest voltage in mV of a small lithium polymer cell: rounded, for
showing; nothing is decided by it."""


@unique
class Load(Enum):
    """What takes current; several at a time."""

    BASE = "base"
    """Processor asleep, clock, wear sensor."""
    ADVERTISING = "advertising"
    CONNECTED = "connected"
    MOTION = "motion"
    """Accelerometer at full rate."""
    HEART = "heart"
    DISPLAY = "display"
    LIGHT = "light"
    VIBRATION = "vibration"
    OFF = "off"
    """What leaks after the shutdown."""


@dataclass(frozen=True, slots=True)
class BatteryModel:
    """A cell and its loads; `tap_nah` is what one payment takes, the antenna's help included."""

    capacity_mah: float
    loads_ua: Mapping[Load, float]
    tap_nah: int
    charge_ma: float
    reserve_taps: int
    reserve_hours: int
    warn_percents: tuple[int, ...] = (20, 10, 5)

    def __post_init__(self) -> None:
        missing = [load.value for load in Load if load not in self.loads_ua]
        if missing:
            raise ValueError(f"battery loads_ua: {missing[0]} is missing")
        if min(self.loads_ua.values()) < 0 or self.tap_nah < 0 or self.charge_ma <= 0:
            raise ValueError("battery: loads must not be negative and charge_ma must be above 0")
        if self.reserve_taps < 0 or self.reserve_hours < 0:
            raise ValueError("battery: reserve_taps and reserve_hours must not be negative")
        if not self.shutdown_nah < self.capacity_nah:
            raise ValueError("battery: the reserve is as large as the whole capacity")
        object.__setattr__(self, "loads_ua", MappingProxyType(dict(self.loads_ua)))

    @property
    def capacity_nah(self) -> int:
        """The whole charge."""
        return round(self.capacity_mah * NAH_PER_MAH)

    @property
    def reserve_nah(self) -> int:
        """What must be left at the shutdown."""
        leak = self.loads_ua[Load.OFF] * 1_000 * self.reserve_hours
        return self.reserve_taps * self.tap_nah + -int(-leak // 1)

    @property
    def shutdown_nah(self) -> int:
        """The charge at which the strap shuts down: the reserve, and what the goodbye may draw."""
        loads = self.loads_ua
        goodbye = loads[Load.VIBRATION] * 4 + (loads[Load.DISPLAY] + loads[Load.LIGHT]) * 8
        in_a_second = sum(loads.values())
        return self.reserve_nah + round((goodbye + in_a_second) * 1_000 * 1_000 / MS_PER_HOUR)

    def current_ua(self, loads: Iterable[Load]) -> float:
        """Return the sum of some loads."""
        return sum(self.loads_ua[load] for load in loads)

    def hours(self, loads: Iterable[Load]) -> float:
        """Return how long a full battery lasts under loads until the shutdown."""
        usable = self.capacity_nah - self.shutdown_nah
        return usable / 1_000 / max(self.current_ua(loads), 1e-9)


@dataclass(frozen=True, slots=True)
class Battery:
    """What is in the cell; `rest_ua_ms` carries what is too little for a nanoampere-hour."""

    charge_nah: int
    is_charging: bool = False
    rest_ua_ms: float = 0.0


def drained(
    model: BatteryModel, battery: Battery, loads: Iterable[Load], elapsed_ms: int
) -> Battery:
    """Return the battery after a time under loads, charged meanwhile if it is on the charger."""
    if elapsed_ms < 0:
        raise ValueError("elapsed_ms: time does not go back")
    gained_ua = model.charge_ma * 1_000 if battery.is_charging else 0.0
    moved = battery.rest_ua_ms + (gained_ua - model.current_ua(loads)) * elapsed_ms
    nah = int(moved * 1_000 / MS_PER_HOUR)
    charge = battery.charge_nah + nah
    rest = moved - nah * MS_PER_HOUR / 1_000
    if not 0 <= charge <= model.capacity_nah:
        charge, rest = min(max(charge, 0), model.capacity_nah), 0.0
    return Battery(charge, battery.is_charging, rest)


def ms_to_shutdown(model: BatteryModel, battery: Battery, loads: Iterable[Load]) -> int | None:
    """Return how long the charge lasts under loads until the shutdown; None while it charges."""
    current = model.current_ua(loads)
    if battery.is_charging or current <= 0:
        return None
    above = max(battery.charge_nah - model.shutdown_nah, 0)
    return int(above / 1_000 * MS_PER_HOUR / current)


def tapped(model: BatteryModel, battery: Battery) -> Battery:
    """Return the battery after one payment."""
    return replace(battery, charge_nah=max(battery.charge_nah - model.tap_nah, 0))


def plugged(battery: Battery, *, is_charging: bool) -> Battery:
    """Return the battery put onto the charger or taken off."""
    return replace(battery, is_charging=is_charging)


def percent(model: BatteryModel, battery: Battery) -> int:
    """Return what is left before the shutdown, rounded up: 0 only when it is due."""
    usable = model.capacity_nah - model.shutdown_nah
    above = max(battery.charge_nah - model.shutdown_nah, 0)
    return min(-(-above * FULL_PERCENT // usable), FULL_PERCENT) if above else 0


def voltage_mv(model: BatteryModel, battery: Battery) -> int:
    """Return the rest voltage that goes with the charge."""
    share = battery.charge_nah * FULL_PERCENT / model.capacity_nah
    for (low, low_mv), (high, high_mv) in pairwise(CURVE):
        if share <= high:
            return round(low_mv + (high_mv - low_mv) * (share - low) / (high - low))
    return CURVE[-1][1]


def must_shut_down(model: BatteryModel, battery: Battery) -> bool:
    """Tell whether only the reserve and the goodbye are left."""
    return not battery.is_charging and battery.charge_nah <= model.shutdown_nah


def warning(model: BatteryModel, before_percent: int, now_percent: int) -> int | None:
    """Return the lowest warning level that was crossed downward, None for none."""
    crossed = [level for level in model.warn_percents if now_percent <= level < before_percent]
    return min(crossed, default=None)


def taps_left(model: BatteryModel, battery: Battery) -> int:
    """Return how many payments the charge allows, whatever the promise."""
    return battery.charge_nah // model.tap_nah if model.tap_nah else model.reserve_taps
