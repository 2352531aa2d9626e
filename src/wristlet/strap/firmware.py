"""The strap's firmware put together: button, wrist, taps, battery, face, and the phone's concerns.

The heart (`body.py`) decides; this carries its effects out. Whatever needs the secure element
waits in a short list that `poll` works off, one after the other, so that nothing is lost while the
secure element does not answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from wristlet.env.base import Env
from wristlet.links.channel import ApduChannel, LinkLost
from wristlet.links.strap_link import StrapRefused
from wristlet.strap import body as heart
from wristlet.strap import signs
from wristlet.strap.battery import Load
from wristlet.strap.body import Do, Show, Tell, View
from wristlet.strap.button import Press, press_of
from wristlet.strap.cards import Walk, pay_with_shown, place_of, show_next
from wristlet.strap.clock import StrapClock
from wristlet.strap.device import StrapModel
from wristlet.strap.display.faces import Frame
from wristlet.strap.endpoint import Endpoint, News
from wristlet.strap.endpoints import (
    PairingEndpoint,
    RelayEndpoint,
    SettingsEndpoint,
    StateEndpoint,
    TimeEndpoint,
)
from wristlet.strap.face import Face, rows_to_tell
from wristlet.strap.invitation import Invitations
from wristlet.strap.kept import Kept, KeptFiles, body_of, kept_of
from wristlet.strap.listeners import Listeners
from wristlet.strap.power import Power
from wristlet.strap.relay import StrapRelay
from wristlet.strap.services import relay_endpoints
from wristlet.strap.signals import Colour, Signal, Urgency
from wristlet.strap.words import WORDS, Words
from wristlet.wire.strap import settings as settings_wire
from wristlet.wire.strap import state as state_wire
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.settings import CurrentSettings, SettingsMoved, WriteSettings
from wristlet.wire.strap.state import Mode, State
from wristlet.wire.strap.time import SetTime
from wristlet.wire.tap_report import TapOutcome, TapReport

POLL_MS: Final = 200
LOOK_MS: Final = 2_000
"""So often the secure element is asked for taps when no field was noticed."""
_DECIDED: Final = frozenset(TapOutcome) - {TapOutcome.NONE, TapOutcome.UNFINISHED}


class Firmware:
    """One strap. Synchronous methods take what sensors say; `poll` does what waits."""

    def __init__(
        self, env: Env, wired: ApduChannel, model: StrapModel, folder: str = "strap"
    ) -> None:
        """Come up as the strap was when its power went; raises OSError."""
        self._env = env
        self.model = model
        self.relay = StrapRelay(wired, env.random)
        self.listeners = Listeners()
        self._files = KeptFiles(env.disk, folder)
        fresh = Kept(charge_nah=model.battery.capacity_nah)
        kept, body_lost = self._files.body(fresh)
        self.settings, settings_lost = self._files.settings()
        self.clock = StrapClock(env.clock, kept.clock)
        self._power = Power(model, kept.charge_nah, self._now_ms)
        self.body = body_of(kept, self._power.percent)
        self._is_first = kept is fresh
        self._face = Face(model.display)
        self._todo: list[Do] = [Do.END_PAY]
        self._wrist: list[bool] = [False]
        self._at_once = {
            Do.SAVE: self._save,
            Do.FORGET_PAIRING: self._forget_pairing,
            Do.BUZZ: self._stop_finding,
            Do.STOP_BUZZ: self._stop_finding,
            Do.RING: self._ring,
            Do.TELL_STATE: self._tell_state,
            Do.TELL_WORN: self._tell_wrist,
        }
        self._radio_digits, self._look_from_ms = "", 0
        self._is_unsaved = False
        self._verdict = False
        self._news: News | None = None
        self._turn = asyncio.Lock()
        self.invitations = Invitations(env)
        relayed = relay_endpoints(self.relay, self.invitations)
        self._endpoints: dict[Concern, Endpoint] = {
            Concern.APDU: RelayEndpoint(self, relayed[Concern.APDU]),
            Concern.PAIRING: PairingEndpoint(self, relayed[Concern.PAIRING]),
            Concern.STATE: StateEndpoint(self),
            Concern.TIME: TimeEndpoint(self),
            Concern.SETTINGS: SettingsEndpoint(self),
        }
        if body_lost or settings_lost:
            hold_ms = self.settings.settings.display_ms
            self.present(signs.said(self._words.settings_lost, hold_ms, Colour.RED))

    # ------------------------------------------------------------ what others plug in and ask

    @property
    def endpoints(self) -> Mapping[Concern, Endpoint]:
        """Every concern that this strap serves."""
        return MappingProxyType(self._endpoints)

    def plug_in(self, concern: Concern, endpoint: Endpoint) -> None:
        """Let another part serve a concern."""
        self._endpoints[concern] = endpoint

    def send_news_to(self, news: News) -> None:
        """Tell where news go from now on."""
        self._news = news

    @property
    def wants_radio(self) -> bool:
        """Whether the strap advertises and may be connected to."""
        return self.body.mode is Mode.NORMAL

    @property
    def is_payable(self) -> bool:
        """Whether the battery still lets the secure element answer a terminal."""
        return self.body.mode is not Mode.EMPTY

    def state(self) -> State:
        """Return what the phone may know of the strap."""
        body, model, used = self.body, self.model, self._files.used_bytes()
        return State(
            mode=body.mode,
            percent=self._power.percent,
            is_charging=body.is_charging,
            is_worn=body.is_worn,
            is_finding=bool(body.find_until_ms),
            reserve_taps=self._power.reserve_taps(body),
            brand=model.brand,
            model=model.name,
            firmware=model.firmware,
            digits=body.digits,
            lines=rows_to_tell(self.face()),
            taps=body.tap_number,
            storage_free=max(model.storage_bytes - used, 0),
            storage_total=model.storage_bytes,
            battery_mv=self._power.voltage_mv,
            settings_revision=self.settings.revision,
            is_time_set=self.clock.setting.is_set,
        )

    def face(self) -> Frame:
        """Return what can be seen now."""
        return self._face.frame(self.body, self._now_ms)

    @property
    def signal(self) -> Signal | None:
        """The signal that is presented now."""
        self._face.pass_time(self._now_ms)
        return self._face.shown.signal

    # ------------------------------------------------------------ what sensors and wearer do

    async def held(self, held_ms: int) -> None:
        """Take a press by how long the button was held."""
        press = press_of(held_ms)
        if press is not None:
            await self.press(press)

    async def press(self, press: Press) -> None:
        """Take a press and do what it means."""
        if not self.body.is_off and any(take(press) for take in self.listeners.presses):
            return
        self._step(heart.Pressed(press))
        await self._work_off()

    def worn(self, is_worn: bool) -> None:
        """Take the wear sensor's verdict; the next `poll` tells the secure element."""
        self._verdict = is_worn
        before = self.body.is_worn
        self._step(heart.Worn(is_worn))
        if self.body.is_worn != before:
            for tell in self.listeners.worn:
                tell(is_worn)

    def plug(self, *, is_charging: bool) -> None:
        """Note that the strap was put onto its charger or taken off."""
        self._pass_time()
        self._power.plug(is_charging=is_charging)
        self._read_battery()

    def draws(self, load: Load, *, is_on: bool) -> None:
        """Count a load that another part switched (the heart sensor)."""
        self._pass_time()
        extra = self._power.extra
        self._power.extra = extra | {load} if is_on else extra - {load}

    def news(self, concern: Concern, message: bytes) -> None:
        """Send news to the phone; without one nothing happens."""
        if self._news is not None:
            self._news(concern, message)

    def withdraw(self, signal: Signal) -> None:
        """Take back what was presented, on the face or waiting."""
        self._face.withdraw(signal, self._now_ms)

    @property
    def shows_messages(self) -> bool:
        """Whether others may present something less urgent than a payment."""
        return not self.body.is_off and self.body.mode is not Mode.SLEEP

    def present(self, signal: Signal) -> None:
        """Show a signal and make it felt, unless the mode forbids."""
        is_payment = signal.urgency is Urgency.PAYMENT and not self.body.is_off
        if is_payment or self.shows_messages:
            self._show(signal)

    async def poll(self, *, looks_for_tap: bool = True) -> None:
        """Do what waits, look at battery and secure element; call it every `POLL_MS`."""
        self._pass_time()
        self._read_battery()
        self._keep_finding()
        if self._is_unsaved:
            self._save()
        if 0 < self.body.pays_until_ms <= self._now_ms:
            self._step(heart.PayOver())
        await self._work_off()
        if looks_for_tap and self.is_payable:
            await self._look_for_tap()

    def field_moved(self) -> None:
        """Note that a terminal's field came or went; the antenna tells the processor so."""
        self._look_from_ms = self._now_ms

    async def run(self) -> None:
        """Poll until cancelled; ask for taps at a field, and now and then."""
        while True:
            is_due = self._now_ms >= self._look_from_ms
            if is_due:
                self._look_from_ms = self._now_ms + LOOK_MS
            await self.poll(looks_for_tap=is_due)
            await self._env.clock.sleep_ms(POLL_MS)

    # ------------------------------------------------------------ what endpoints ask

    def near(self, *, is_near: bool) -> None:
        """Note that a phone came or went."""
        self._pass_time()
        self._step(heart.PhoneNear(is_near))

    def find(self, for_ms: int) -> None:
        """Let the strap be found so long."""
        self._step(heart.FindAsked(for_ms))

    def ask_mode(self, mode: Mode) -> None:
        """Change the mode."""
        self._pass_time()
        self._step(heart.ModeAsked(mode))

    def show_digits(self, digits: str) -> None:
        """Show the digits of a Bluetooth pairing; "" when it is over."""
        self._radio_digits = digits
        self.pairing_moved()

    def pairing_moved(self) -> None:
        """Show the digits of a pairing, or take them off the face."""
        digits = self._radio_digits or self.relay.digits
        if digits != self.body.digits:
            self._face.withdraw_digits(self._now_ms)
            self._step(heart.PairingShown(digits))

    def set_time(self, told: SetTime) -> None:
        """Set the clock, durably."""
        self.clock.set(told)
        self._save()
        for tell in self.listeners.clock:
            tell()

    def write_settings(self, wanted: WriteSettings) -> CurrentSettings:
        """Make settings durable, then the ones that count; raises StrapRefused."""
        revision = self.settings.revision
        if wanted.based_on != revision:
            raise StrapRefused(
                f"settings: another phone wrote revision {revision}; read it, then change it"
            )
        current = CurrentSettings(revision + 1, wanted.settings)
        try:
            self._files.save_settings(current)
        except OSError:
            raise StrapRefused(
                "settings: the strap's memory refused them; nothing was changed"
            ) from None
        self.settings = current
        self.news(Concern.SETTINGS, settings_wire.NEWS.encode(SettingsMoved(revision + 1)))
        self.tell_settings()
        return current

    def tell_settings(self) -> None:
        """Hand the settings to those who listen; once at the start, then after each write."""
        for tell in self.listeners.settings:
            tell(self.settings.settings)

    # ------------------------------------------------------------ inside

    @property
    def _now_ms(self) -> int:
        return self._env.clock.monotonic_us() // 1_000

    @property
    def _words(self) -> Words:
        return WORDS[self.settings.settings.language]

    def _view(self) -> View:
        promised = self.model.battery.reserve_taps
        return View(self.settings.settings, self._now_ms, self.clock.now_ms(), promised)

    def _step(self, event: heart.Event) -> None:
        """Let the heart decide and carry out what needs no secure element."""
        before = self.body.mode
        self.body, effects = heart.step(self.body, event, self._view())
        for effect in effects:
            if isinstance(effect, Show):
                self._show(effect.signal)
            elif isinstance(effect, Tell):
                self.news(Concern.STATE, state_wire.NEWS.encode(effect.news))
            elif (at_once := self._at_once.get(effect)) is not None:
                at_once()
            elif effect not in self._todo:
                self._todo.append(effect)
        if self.body.mode is not before:
            for tell in self.listeners.mode:
                tell(self.body.mode)
            if before in heart.OFF and not self.body.is_off:
                self.worn(self._verdict)

    def _forget_pairing(self) -> None:
        self.relay.forget_offer()
        self.pairing_moved()

    def _tell_state(self) -> None:
        self.news(Concern.STATE, state_wire.NEWS.encode(self.state()))

    def _tell_wrist(self) -> None:
        """Leaving the wrist is never skipped, however soon the strap is put on again."""
        self._wrist = [*self._wrist, True] if self.body.is_worn else [False]

    async def _work_off(self) -> None:
        """Do what needs the secure element, in order; the wrist is told until it is taken."""
        async with self._turn:
            await self._work_off_wrist()
            while self._todo:
                what = self._todo.pop(0)
                try:
                    await self._do(what)
                except (LinkLost, StrapRefused) as error:
                    if what is not Do.END_PAY:
                        self._step(heart.Failed(self._words.failed))
                    elif isinstance(error, LinkLost):
                        self._todo.append(what)
                        return

    async def _work_off_wrist(self) -> None:
        while self._wrist:
            is_worn = self._wrist.pop(0)
            try:
                await self.relay.wear(worn=is_worn)
            except (LinkLost, StrapRefused):
                self._wrist.insert(0, is_worn)
                return

    async def _do(self, what: Do) -> None:
        if what is Do.END_PAY:
            await self.relay.end_pay_once()
        elif what is Do.INVITE:
            await self._invite()
        elif what is Do.CONFIRM:
            await self._confirm()
        else:
            await self._choose_card(pays_now=what is Do.PAY_NOW)

    async def _invite(self) -> None:
        if self.listeners.invite is None:
            self._step(heart.Failed(self._words.no_phone))
            return
        code = await self.listeners.invite()
        self._show(signs.invitation(code, self._words))

    async def _confirm(self) -> None:
        if any(confirm() for confirm in self.listeners.confirms):
            return
        text = self._words.paired
        try:
            await self.relay.press_confirm()
        except StrapRefused:
            text = self._words.not_paired
        self.pairing_moved()
        self._show(signs.said(text, self.settings.settings.display_ms))

    async def _choose_card(self, *, pays_now: bool) -> None:
        """Go on to the next card, or let the one in front pay now."""
        is_shown = self._now_ms < self.body.cursor_until_ms
        cursor = self.body.cursor if is_shown else b""
        walk = Walk(cursor, self.settings.settings, self.model.short_press)
        choose = pay_with_shown if pays_now else show_next
        place = await choose(self.relay, walk)
        if place is None:
            self._step(heart.Failed(self._words.no_card))
        else:
            self._step(heart.CardShown(place, pays_now))

    async def _look_for_tap(self) -> None:
        """Ask the secure element; a tap under way is waited for."""
        async with self._turn:
            try:
                report = await self.relay.tap_report()
                if self._is_old(report):
                    return
                cards = [aid for aid, _ in await self.relay.payable()]
            except (LinkLost, StrapRefused):
                return
        is_there = report.aid in cards
        place = place_of(report.aid, cards, self.settings.settings) if is_there else None
        if report.outcome is not TapOutcome.NO_CARD:
            self._power.spend_tap()
        self._step(heart.Tapped(report, place))

    def _is_old(self, report: TapReport) -> bool:
        """Tell whether a tap is known; a strap that starts for the first time knows all so far."""
        is_first, self._is_first = self._is_first, False
        if is_first or not report.number:
            is_moved = is_first or bool(self.body.card_tap_number)
            self.body = replace(self.body, card_tap_number=report.number)
            if is_moved:
                self._save()
            return True
        if report.number == self.body.card_tap_number:
            return True
        return report.outcome not in _DECIDED and report.in_field

    def _pass_time(self) -> None:
        now_ms = self._now_ms
        self._power.pass_time(self.body, self._face.shown, now_ms)
        self._face.pass_time(now_ms)

    def _read_battery(self) -> None:
        reading, before = self._power.reading(self.body), self.body.percent
        is_news = (reading.percent, reading.is_charging) != (before, self.body.is_charging)
        if is_news or reading.must_shut_down or self.body.is_off:
            self._step(reading)
        if self.body.percent != before:
            for tell in self.listeners.battery:
                tell(self.body.percent)

    def _keep_finding(self) -> None:
        """Buzz again while somebody looks for the strap."""
        if not self.body.find_until_ms:
            return
        if self._now_ms >= self.body.find_until_ms:
            self.find(0)
        elif (buzz := self._face.finding(self._words)) is not None:
            self._show(buzz)

    def _stop_finding(self) -> None:
        self._face.stop_finding(self._now_ms)

    def _ring(self) -> None:
        """Let the phone ring, or stop it."""
        if self.listeners.find_phone is not None:
            self.listeners.find_phone()
            return
        news = state_wire.FindPhone(self.body.is_ringing)
        self.news(Concern.STATE, state_wire.NEWS.encode(news))
        if self.body.is_ringing:
            self._show(signs.said(self._words.ringing, self.settings.settings.display_ms))

    def _show(self, signal: Signal) -> None:
        """Put a signal onto the face; who listens hears how it is felt."""
        strength = self.settings.settings.vibration
        vibration = signs.felt(signal.vibration, strength) if self.model.has_motor else None
        felt = replace(signal, vibration=vibration)
        self._pass_time()
        self._face.show(signal, self.body.digits, self._now_ms)
        self._power.spend(felt)
        for tell in self.listeners.signals:
            tell(felt)

    def _save(self) -> None:
        """Make the state durable; what the memory refuses is tried again at the next `poll`."""
        charge_nah = self._power.battery.charge_nah
        try:
            self._files.save_body(kept_of(self.body, self.clock.setting, charge_nah))
        except OSError:
            self._is_unsaved = True
        else:
            self._is_unsaved = False
