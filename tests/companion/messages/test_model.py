"""Phone, lossy link and strap as a model: shown once or accounted for, dismissed on both ends.

Anything may happen in any order: requests and news lost, doubled, delayed, overtaken; the link
down; both ends dying at any step of their disks; time passing. At the end the link holds, and the
books must balance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.messages_world import LATER, LOST, STALE_ANSWER, TWICE, UNANSWERED, World
from wristlet.companion.messages import wishes
from wristlet.companion.messages.box import EffectKind, Item
from wristlet.companion.messages.content import Notification
from wristlet.companion.messages.messenger import Messenger
from wristlet.companion.messages.wishes import find_call, find_item
from wristlet.env.memory_disk import SimulatedCrash
from wristlet.strap.messages.orders import RING_MAX_MS
from wristlet.strap.messages.store import Entry, Origin, Profile, Ringing, State
from wristlet.wire.strap.message_choices import CallState, Level

FAULTS = st.lists(
    st.sampled_from((0, 0, LOST, UNANSWERED, TWICE, LATER, STALE_ANSWER)), min_size=1, max_size=6
)
GOOD_BEFORE = st.integers(0, 6)
NEWS_FAULTS = st.lists(st.sampled_from((0, LOST, TWICE, LATER)), min_size=1, max_size=4)
CHOICE = st.integers(0, 1 << 16)
APP = "com.example.mail"


class Messages(RuleBasedStateMachine):
    """`posted` are all contents by their text; each is unique."""

    with_updates = False
    has_urgent = True
    has_calls = True

    def __init__(self) -> None:
        super().__init__()
        self.world = World(Profile(messages_max=10))
        self.posted: list[str] = []
        self.replaced: set[str] = set()
        self.withdrawn: set[str] = set()
        self.by_key: dict[str, str] = {}
        self.put_away: Counter[str] = Counter()
        self.called_at_ms: dict[str, int] = {}
        self.taken_calls: set[str] = set()
        self.cuts = 0
        self.world.connect()

    @property
    def phone(self) -> Messenger:
        return self.world.phone

    def _item(self, key: str) -> Item | None:
        return find_item(self.phone._records.draft(), APP, key)

    def _survive(self, act: Callable[[], object]) -> bool:
        """Do something that may end in a power cut of either end; says whether it did not."""
        try:
            act()
        except SimulatedCrash:
            self.cuts += 1
            if self.world.strap_disk._dead:
                self.world.restart_strap(self.cuts)
            if self.world.phone_disk._dead:
                self.world.restart_phone(self.cuts)
            return False
        return True

    # What happens

    @rule(urgent=st.booleans(), expires=st.sampled_from((0, 0, 0, 60_000)), count=st.integers(1, 2))
    def post(self, urgent: bool, expires: int, count: int) -> None:
        level = Level.URGENT if urgent and self.has_urgent else Level.NORMAL
        for _ in range(count):
            self._notify(f"k{len(self.by_key)}", level, expires)

    def _known_key(self, choice: int) -> str | None:
        known = [key for key in sorted(self.by_key) if self._item(key) is not None]
        return known[choice % len(known)] if known else None

    @precondition(lambda self: self.with_updates)
    @rule(choice=CHOICE)
    def update(self, choice: int) -> None:
        key = self._known_key(choice)
        if key is not None:
            self._notify(key, Level.NORMAL, 0)

    def _notify(self, key: str, level: Level, expires: int) -> None:
        text, now_ms = f"<{len(self.posted)}>", self.world.clock.now_ms()
        found = Notification(
            *(APP, key, now_ms, "Mail", text),
            level=level,
            expires_ms=now_ms + expires if expires else 0,
        )
        before, dropped = self._item(key), self.phone.status().counts.dropped
        self._survive(lambda: self.phone.notify(found))
        after = self._item(key)
        is_kept = after is not None and (before is None or after.revision > before.revision)
        dropped_at_once = after is None and self.phone.status().counts.dropped > dropped
        if is_kept or dropped_at_once:
            if key in self.by_key:
                self.replaced.add(self.by_key[key])
            self.posted.append(text)
            self.by_key[key] = text

    @precondition(lambda self: self.with_updates)
    @rule(choice=CHOICE)
    def withdraw(self, choice: int) -> None:
        key = self._known_key(choice)
        if key is None:
            return
        if self._survive(lambda: self.phone.withdraw(APP, key)) or self._item(key) is None:
            self.withdrawn.add(self.by_key[key])

    @precondition(lambda self: self.has_calls)
    @rule()
    def call(self) -> None:
        caller = f"({len(self.called_at_ms)})"
        now_ms = self.world.clock.now_ms()
        self._survive(lambda: self.phone.call_incoming(caller, caller))
        if find_call(self.phone._records.draft(), caller) is not None:
            self.called_at_ms[caller] = now_ms

    @precondition(lambda self: self.called_at_ms)
    @rule(choice=CHOICE, is_answered=st.booleans())
    def end_call(self, choice: int, is_answered: bool) -> None:
        caller = f"({choice % len(self.called_at_ms)})"
        known = find_call(self.phone._records.draft(), caller)
        if is_answered and known is not None and known.state is CallState.INCOMING:
            self.taken_calls.add(caller)
            self._survive(lambda: self.phone.call_answered(caller))
        else:
            self._survive(lambda: self.phone.call_ended(caller))

    @rule(times=st.integers(1, 3), news=st.sampled_from((0, LOST, LATER)))
    def dismiss(self, times: int, news: int) -> None:
        self._survive(self.world.sync)
        self.world.news_faults = [news]
        for _ in range(times):
            shown = self.world.strap._shower.shown
            entry = shown and self.world.strap._records.all("entry", Entry).get(shown.key)
            rings = shown and self.world.strap._records.all("call", Ringing).get(shown.key)
            lives = self._survive(lambda: self.world.strap.dismiss_shown())
            if rings:
                self.taken_calls.add(rings.call.caller)
            elif lives and entry and entry.origin is Origin.MESSAGE:
                self.put_away[entry.notice.title] += 1

    @rule(good=GOOD_BEFORE, faults=FAULTS)
    def sync(self, good: int, faults: list[int]) -> None:
        self.world.link.faults = [0] * good + faults
        self._survive(self.world.sync)

    @rule()
    def sync_well(self) -> None:
        self.world.link.faults = []
        self._survive(self.world.connect)
        self._survive(self.world.sync)

    @rule(faults=NEWS_FAULTS)
    def spoil_news(self, faults: list[int]) -> None:
        self.world.news_faults = faults

    @rule(duration_ms=st.sampled_from((1_500, 4_000, 30_000, 120_000)))
    def wait(self, duration_ms: int) -> None:
        self._survive(lambda: self.world.pass_ms(duration_ms))

    @rule(is_up=st.booleans())
    def link(self, is_up: bool) -> None:
        if is_up:
            self._survive(self.world.connect)
        else:
            self.world.disconnect()

    @rule()
    def land(self) -> None:
        self._survive(self.world.land)

    @rule(steps=st.integers(1, 12), choice=CHOICE)
    def cut_the_strap_soon(self, steps: int, choice: int) -> None:
        self.world.strap_disk.kill_at(steps, kept=choice % 700)

    @rule(steps=st.integers(1, 12), choice=CHOICE)
    def end_the_app_soon(self, steps: int, choice: int) -> None:
        self.world.phone_disk.kill_at(steps, kept=choice % 700)

    # What must hold

    @invariant()
    def nothing_alerts_twice(self) -> None:
        again = [text for text, n in Counter(self.world.alerts()).items() if "<" in text and n > 1]
        assert again == []

    @invariant()
    def nothing_is_shown_twice(self) -> None:
        """A cut or what presses in may bring a text back, without a sign; nothing else may."""
        if self.cuts or self.has_urgent:
            return
        again = [text for text, n in Counter(self.world.texts()).items() if "<" in text and n > 1]
        assert again == []

    @invariant()
    def no_old_call_rings(self) -> None:
        for signal, at_ms in zip(self.world.signals, self.world.shown_at_ms, strict=True):
            if signal.lines[:1] == ("Call",):
                assert at_ms - self.called_at_ms.get(signal.lines[1], at_ms) < RING_MAX_MS

    def teardown(self) -> None:
        world = self.world
        world.strap_disk.restart()  # forget the cuts that were to come
        world.phone_disk.restart()
        world.link.faults, world.news_faults = [], []
        world.land()
        world.connect()
        for _ in range(3):
            assert world.sync()
            world.pass_ms(10 * 60_000)
        assert world.sync()
        assert self.phone.status().waiting == 0
        self.check_books()
        self.check_both_ends_agree()

    def check_books(self) -> None:
        counts = self.phone.status().counts
        accounted = counts.dropped + counts.stale + counts.overflow + counts.lost
        assert counts.refused == counts.filtered == 0
        unseen = set(self.posted) - set(self.world.texts())
        owed = unseen - self.replaced - self.withdrawn
        missed = {s.lines[1] for s in self.world.signals if s.lines[:1] == ("Missed call",)}
        quiet_calls = set(self.called_at_ms) - missed
        owed |= quiet_calls - self.taken_calls
        assert len(owed) <= accounted <= len(unseen) + len(quiet_calls), (owed, counts)
        told = sum(int(n) for n in re.findall(r"\+(\d+) more", "\n".join(self.world.texts())))
        if self.cuts == 0:
            assert told == counts.dropped + counts.overflow
        assert told >= counts.dropped + counts.overflow

    def check_both_ends_agree(self) -> None:
        entries = self.world.strap._records.all("entry", Entry).values()
        items = self.phone._records.all("item", Item).values()
        held = {(e.id, e.revision) for e in entries if e.origin is Origin.MESSAGE}
        assert held == {(i.id, i.revision) for i in items}
        assert all(entry.state is State.SEEN for entry in entries)
        dismissed = Counter(
            self.by_key[e.key] for e in self.phone.effects() if e.kind is EffectKind.DISMISS
        )
        assert max(dismissed.values(), default=0) <= 1
        for text, times in self.put_away.items():
            assert times == 1
            assert dismissed[text] == 1 or text in self.replaced | self.withdrawn


class MessagesWithUpdates(Messages):
    with_updates = True
    has_urgent = False
    has_calls = False


MODEL = settings(max_examples=100, stateful_step_count=50, deadline=None)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [Messages, MessagesWithUpdates])
def test_books_balance_and_both_ends_agree(
    machine: type[Messages], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishes, "QUEUE_MAX", 6)
    run_state_machine_as_test(machine, settings=MODEL)
