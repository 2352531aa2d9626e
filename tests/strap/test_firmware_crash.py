"""Power goes at any step of the strap's memory: what was promised is there again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.paid_cards import pay
from support.payment_cards import Wish
from support.straps import NAMES, Worn, strap
from wristlet.env.sim import SimulatedCrash
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.button import Press
from wristlet.wire.strap import state as state_wire
from wristlet.wire.strap import time as time_wire
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.settings import CurrentSettings, Language, Settings, Strength
from wristlet.wire.strap.state import Mode, SetMode
from wristlet.wire.strap.time import SetTime

CHOICES = st.builds(
    Settings,
    language=st.sampled_from(Language),
    vibration=st.sampled_from(Strength),
    cards=st.sampled_from(((), NAMES, NAMES[:1])),
)


class Strap(RuleBasedStateMachine):
    """A wearer, a phone and power cuts; `promised` is what was answered to the phone."""

    made: Worn
    promised: CurrentSettings
    mode: Mode
    taps: int

    @initialize()
    def put_on(self) -> None:
        self.made = strap()
        self._run(self.made.firmware.poll())
        self.promised = self.made.firmware.settings
        self.mode = Mode.NORMAL
        self.taps = 0
        self.maybe: CurrentSettings | None = None

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run(work)

    @rule(wanted=CHOICES)
    def write(self, wanted: Settings) -> None:
        self._run(self.made.write(wanted))
        self.promised = CurrentSettings(self.promised.revision + 1, wanted)

    @rule(wanted=CHOICES)
    def write_too_late(self, wanted: Settings) -> None:
        with pytest.raises(StrapRefused):
            self._run(self.made.write(wanted, based_on=self.promised.revision + 1))

    @rule(mode=st.sampled_from((Mode.NORMAL, Mode.STANDALONE, Mode.SLEEP)))
    def ask_mode(self, mode: Mode) -> None:
        message = state_wire.REQUESTS.encode(SetMode(mode))
        self._run(self.made.ask(Concern.STATE, message))
        self.mode = mode

    @rule(press=st.sampled_from((Press.SHORT, Press.LONG)))
    def press(self, press: Press) -> None:
        self._run(self.made.firmware.press(press))

    @rule()
    def tap(self) -> None:
        pay(self.made.rig, Wish(amount=1))
        self.made.rig.contactless.power_off()
        self._run(self.made.pass_ms(200))
        self.taps += 1

    @rule(offset_s=st.integers(-43_200, 43_200))
    def set_time(self, offset_s: int) -> None:
        told_ms = self.made.firmware.clock.now_ms() + 1_000
        message = time_wire.REQUESTS.encode(SetTime(told_ms, offset_s))
        self._run(self.made.ask(Concern.TIME, message))

    @rule()
    def cut_power(self) -> None:
        before = self.made.firmware.clock.setting
        image = next(iter(self.made.env.disk.images()))
        self.made = self.made.restarted(image)
        assert self.made.firmware.clock.setting.zone == before.zone
        assert self.made.firmware.clock.setting.correction_ms == before.correction_ms
        self._run(self.made.firmware.poll())

    @rule(wanted=CHOICES, step=st.integers(1, 7), pick=st.integers(0, 40))
    def cut_power_while_writing(self, wanted: Settings, step: int, pick: int) -> None:
        disk = self.made.env.disk
        disk.kill_at(step)
        try:
            self._run(self.made.write(wanted))
        except SimulatedCrash:
            images = list(disk.images(limit=64))
            self.made = self.made.restarted(images[pick % len(images)])
            new = CurrentSettings(self.promised.revision + 1, wanted)
            assert self.made.firmware.settings in (self.promised, new)
            self.promised = self.made.firmware.settings
            self._run(self.made.firmware.poll())
        else:
            disk.restart()
            self.promised = CurrentSettings(self.promised.revision + 1, wanted)

    @rule(step=st.integers(1, 7), pick=st.integers(0, 40))
    def cut_power_while_tapping(self, step: int, pick: int) -> None:
        disk = self.made.env.disk
        pay(self.made.rig, Wish(amount=1))
        self.made.rig.contactless.power_off()
        self.taps += 1
        disk.kill_at(step)
        try:
            self._run(self.made.firmware.poll())
        except SimulatedCrash:
            images = list(disk.images(limit=64))
            self.made = self.made.restarted(images[pick % len(images)])
            self._run(self.made.firmware.poll())
        else:
            disk.restart()

    @invariant()
    def nothing_is_lost(self) -> None:
        firmware = self.made.firmware
        assert firmware.settings == self.promised
        assert firmware.body.mode is self.mode
        assert firmware.body.tap_number == self.taps
        numbers = [tap.number for tap in firmware.body.taps]
        assert numbers == list(range(max(self.taps - 31, 1), self.taps + 1))


Strap.TestCase.settings = hypothesis_settings(max_examples=40, stateful_step_count=20)
TestStrap = pytest.mark.slow(Strap.TestCase)
