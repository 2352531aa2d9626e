"""Straps as data: what a maker's model has, and how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType
from typing import Final

from wristlet.strap.battery import BatteryModel, Load
from wristlet.strap.display.faces import NO_FACE, DisplayClass, LedFace, OledFace

FIRMWARE_VERSION: Final = "1.0.0"
LOADS_UA: Final = MappingProxyType(
    {
        Load.BASE: 28.0,
        Load.ADVERTISING: 35.0,
        Load.CONNECTED: 60.0,
        Load.MOTION: 90.0,
        Load.HEART: 1_200.0,
        Load.DISPLAY: 9_000.0,
        Load.LIGHT: 4_000.0,
        Load.VIBRATION: 70_000.0,
        Load.OFF: 2.0,
    }
)
"""Currents of the size that small wearables have; a maker puts its own measurements here."""


@unique
class ShortPress(Enum):
    """What a short press does beside showing the next card."""

    SWITCHES = "switches"
    """The card shown is the one that pays from now on."""
    BROWSES = "browses"
    """Nothing: a long press pays with the card shown, once."""


@dataclass(frozen=True, slots=True)
class StrapModel:
    """One model of strap."""

    brand: str
    name: str
    display: DisplayClass
    battery: BatteryModel
    short_press: ShortPress = ShortPress.SWITCHES
    has_motor: bool = True
    has_heart_sensor: bool = False
    storage_bytes: int = 4 << 20
    firmware: str = FIRMWARE_VERSION


_CELL: Final = BatteryModel(
    capacity_mah=45.0,
    loads_ua=LOADS_UA,
    tap_nah=4_000,
    charge_ma=30.0,
    reserve_taps=10,
    reserve_hours=24,
)
PRO: Final = StrapModel("wristlet", "Pro", OledFace(), _CELL)
CLASSIC: Final = StrapModel("wristlet", "Classic", LedFace(), _CELL)
PURE: Final = StrapModel("wristlet", "Pure", NO_FACE, _CELL, ShortPress.SWITCHES, has_motor=False)
MODELS: Final = MappingProxyType({"pro": PRO, "classic": CLASSIC, "pure": PURE})
