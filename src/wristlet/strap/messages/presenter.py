"""What stands on the strap: one thing at a time, until its time is over or something presses in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from wristlet.env.base import Env
from wristlet.env.records import Draft, Records
from wristlet.strap.endpoint import Present
from wristlet.strap.messages import showing, signs
from wristlet.strap.messages.buttons import record
from wristlet.strap.messages.clocks import Offset, utc
from wristlet.strap.messages.showing import MORE_KEY, Next, Shown
from wristlet.strap.messages.store import (
    COMMON,
    AlarmSet,
    Entry,
    Ringing,
    State,
    TimerSet,
    common,
)
from wristlet.strap.messages.words import Words, words
from wristlet.strap.signals import Signal

BURST_MS: Final = 10_000
"""Messages of one app that come thicker than this vibrate once."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the firmware knows: wrist, wall clock, time zone, language."""

    worn: Callable[[], bool] = lambda: True
    now_ms: Callable[[], int] | None = None
    """The strap's wall clock; the environment's when None."""
    offset: Offset = utc
    language: Callable[[], str] = lambda: "en"
    can_show: Callable[[], bool] = lambda: True
    """Whether the strap presents messages at all: not when it is off or asleep."""
    withdraw: Callable[[Signal], None] = lambda _signal: None
    """Takes back a signal that was presented, on the face or waiting behind another."""


class Presenter:
    """Chooses and presents; what a message has gone through is noted in the strap's memory."""

    def __init__(self, env: Env, records: Records, present: Present, around: Surroundings) -> None:
        self._env = env
        self._records = records
        self._present = present
        self._around = around
        self._buzzed: dict[str, int] = {}
        self.shown: Shown | None = None

    def end_of_time(self, draft: Draft) -> None:
        """Note in a draft that what is shown has been seen, when its time is over."""
        if self.shown is None or self.shown.until_ms > self.steady_ms():
            return
        found = record(draft, self.shown.key)
        if isinstance(found, Entry) and found.state is State.ALERTED:
            draft.put(self.shown.key, replace(found, state=State.SEEN))

    def refresh(self) -> None:
        """Bring what is shown into line with what is remembered."""
        draft, shown = self._records.draft(), self.shown
        chosen = showing.choose(draft, self.now_ms(), self._around.offset)
        if not self._around.can_show():
            self.hide()
            return
        if shown is None:
            self._show(chosen)
            return
        gone = self._is_gone(draft, shown)
        over = shown.until_ms <= self.steady_ms()
        if gone or over or (chosen is not None and showing.pushes_aside(chosen, shown)):
            self.hide()
            self._show(chosen)
        elif shown.look != self._look(draft, shown.key):
            if not shown.is_ring:
                self.show_entry(shown.key, again=True)
            elif chosen is not None and chosen.key == shown.key:
                self._show(chosen)

    @staticmethod
    def _is_gone(draft: Draft, shown: Shown) -> bool:
        """Tell whether what is shown is there no more, or rings no more."""
        found = record(draft, shown.key)
        if isinstance(found, AlarmSet | TimerSet):
            return not found.since_ms
        return found is None and shown.key != MORE_KEY

    def hide(self) -> None:
        """Let go of what is shown; before its time is over it also goes from the face."""
        shown, self.shown = self.shown, None
        if shown is not None and shown.until_ms > self.steady_ms():
            self._around.withdraw(shown.signal)

    def show_entry(self, key: str, *, again: bool = False) -> None:
        """Show a message; the first time it is noted durably before anybody can notice it."""
        draft, steady_ms = self._records.draft(), self.steady_ms()
        entry = draft.get(key, Entry)
        if entry is None:
            return
        alert = entry.state is State.WAITING and entry.buzzes and not again
        if entry.state is State.WAITING:
            draft.put(key, replace(entry, state=State.ALERTED))
            draft.commit()
        rules, app = common(draft).rules, entry.notice.app
        buzz = steady_ms - self._buzzed.get(app, -BURST_MS) >= BURST_MS
        signal = signs.message(
            *(entry.notice, rules, self.words()), worn=self._around.worn(), alert=alert, buzz=buzz
        )
        if signal.vibration is not None:
            self._buzzed = {a: t for a, t in self._buzzed.items() if steady_ms - t < BURST_MS}
            self._buzzed[app] = steady_ms
        level = signs.level_of(entry.notice, rules)
        self._stand(Next(key, is_ring=False, level=level), signal)

    def _show(self, chosen: Next | None) -> None:
        if chosen is None:
            return
        if chosen.is_ring:
            self._stand(chosen, self._ring_signal(chosen))
        elif chosen.key == MORE_KEY:
            self._show_more(chosen)
        else:
            self.show_entry(chosen.key)

    def _show_more(self, chosen: Next) -> None:
        draft = self._records.draft()
        shared = common(draft)
        # Shown first: a power cut between makes the wearer read the number twice, never not at all.
        self._stand(chosen, signs.more(shared.more, self.words()))
        draft.put(COMMON, replace(shared, more=0))
        draft.commit()

    def _ring_signal(self, chosen: Next) -> Signal:
        draft = self._records.draft()
        found, words_ = record(draft, chosen.key), self.words()
        if isinstance(found, Ringing):
            hidden = signs.hides(common(draft).rules, worn=self._around.worn())
            return signs.call(found.call.caller, words_, hidden=hidden, silent=chosen.silent)
        if isinstance(found, AlarmSet):
            return signs.alarm(found.alarm, words_, silent=chosen.silent)
        label = "" if found is None or isinstance(found, Entry) else found.timer.label
        return signs.timer(label, words_, silent=chosen.silent)

    def _stand(self, chosen: Next, signal: Signal) -> None:
        look = self._look(self._records.draft(), chosen.key)
        until_ms = self.steady_ms() + signal.hold_ms
        self.hide()
        self.shown = Shown(chosen.key, until_ms, chosen.is_ring, chosen.level, look, signal)
        self._present(signal)

    def _look(self, draft: Draft, key: str) -> object:
        """Return all that the sight of something depends on."""
        found = record(draft, key)
        if isinstance(found, Entry):
            found = replace(found, state=State.WAITING)
        return found, self._around.worn(), common(draft).rules

    def words(self) -> Words:
        """Return the strap's texts in the wearer's language."""
        return words(self._around.language())

    def now_ms(self) -> int:
        """Return the strap's wall time."""
        return (self._around.now_ms or self._env.clock.now_ms)()

    def steady_ms(self) -> int:
        """Return milliseconds that never jump."""
        return self._env.clock.monotonic_us() // 1000
