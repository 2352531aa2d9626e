"""Keeps the battery's account: what was drawn since the last look, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wristlet.strap import battery
from wristlet.strap.battery import Battery, Load
from wristlet.strap.body import Body, Charge
from wristlet.strap.device import StrapModel
from wristlet.strap.display.faces import OledFace
from wristlet.strap.presenter import Shown, advanced
from wristlet.strap.signals import Signal
from wristlet.wire.strap.state import Mode

LOOK_MS: Final = 200
"""So late a shutdown may come: the firmware looks at the battery this often."""
_MOVING: Final = frozenset((Mode.NORMAL, Mode.STANDALONE))


class Power:
    """One strap's battery; time comes in as monotonic milliseconds."""

    __slots__ = ("_since_ms", "battery", "extra", "model")

    def __init__(self, model: StrapModel, charge_nah: int, now_ms: int) -> None:
        self.model = model
        self.battery = Battery(min(charge_nah, model.battery.capacity_nah))
        self.extra: frozenset[Load] = frozenset()
        self._since_ms = now_ms

    @property
    def percent(self) -> int:
        """What is left above the reserve."""
        return battery.percent(self.model.battery, self.battery)

    @property
    def voltage_mv(self) -> int:
        """The cell's rest voltage."""
        return battery.voltage_mv(self.model.battery, self.battery)

    def reserve_taps(self, body: Body) -> int:
        """Return how many payments are left after the shutdown; before it, those promised."""
        promised = self.model.battery.reserve_taps
        if not body.is_off:
            return promised
        possible = battery.taps_left(self.model.battery, self.battery)
        return max(min(promised - body.reserve_used, possible), 0)

    def pass_time(self, body: Body, shown: Shown, now_ms: int) -> None:
        """Take what was drawn since the last call; the display only as long as it was lit."""
        loads = self._loads(body)
        has_display = isinstance(self.model.display, OledFace)
        while self._since_ms < now_ms:
            shown = advanced(shown, self._since_ms)
            is_lit = has_display and shown.signal is not None
            end_ms = min(shown.until_ms, now_ms) if is_lit else now_ms
            drawn = {*loads, Load.DISPLAY} if is_lit else loads
            self._drain(drawn, end_ms - self._since_ms)
            self._since_ms = end_ms

    def spend(self, signal: Signal) -> None:
        """Take what light and vibration of a signal draw."""
        if signal.vibration is not None:
            self._spend((Load.VIBRATION,), sum(signal.vibration.pulses_ms[::2]))
        if signal.light is not None:
            self._spend((Load.LIGHT,), signal.light.blinks * signal.light.on_ms)

    def spend_tap(self) -> None:
        """Take what a payment draws."""
        self.battery = battery.tapped(self.model.battery, self.battery)

    def plug(self, *, is_charging: bool) -> None:
        """Note that the charger came or went."""
        self.battery = battery.plugged(self.battery, is_charging=is_charging)

    def reading(self, body: Body) -> Charge:
        """Return the battery as an event for the heart."""
        model, now = self.model.battery, self.percent
        return Charge(
            percent=now,
            is_charging=self.battery.is_charging,
            must_shut_down=battery.must_shut_down(model, self.battery),
            warning=None if self.battery.is_charging else battery.warning(model, body.percent, now),
            taps_possible=battery.taps_left(model, self.battery),
        )

    def _loads(self, body: Body) -> set[Load]:
        if body.is_off:
            return {Load.OFF}
        loads = {Load.BASE, *self.extra}
        if body.mode in _MOVING:
            loads.add(Load.MOTION)
        if body.mode is Mode.NORMAL:
            loads.add(Load.CONNECTED if body.is_near else Load.ADVERTISING)
        return loads

    def _spend(self, loads: Iterable[Load], for_ms: int) -> None:
        self.battery = battery.drained(self.model.battery, self.battery, loads, for_ms)

    def _drain(self, loads: Iterable[Load], elapsed_ms: int) -> None:
        """Draw loads; who looks late finds a strap that shut down when it was due."""
        model, left_ms = self.model.battery, elapsed_ms
        if Load.OFF not in loads:
            lasts_ms = battery.ms_to_shutdown(model, self.battery, loads)
            left_ms = elapsed_ms if lasts_ms is None else min(elapsed_ms, lasts_ms + LOOK_MS)
        self.battery = battery.drained(model, self.battery, loads, left_ms)
        if left_ms < elapsed_ms:
            self.battery = battery.drained(model, self.battery, (Load.OFF,), elapsed_ms - left_ms)
