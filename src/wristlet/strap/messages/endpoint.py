"""The strap's end of the messages concern: takes orders, shows, rings, tells the phone.

The firmware calls `run` once and `wake` whenever something it knows has changed (wrist, clock,
time zone); the buttons call `dismiss_shown`, `act_on_shown`, `browse` and `find_phone`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from wristlet.env.base import Env
from wristlet.env.records import Draft
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.endpoint import News, Present
from wristlet.strap.messages import buttons, moments, orders, showing, signs
from wristlet.strap.messages.clocks import quiet_until
from wristlet.strap.messages.presenter import Presenter, Surroundings
from wristlet.strap.messages.showing import MORE_KEY
from wristlet.strap.messages.store import (
    COMMON,
    Entry,
    Peer,
    Profile,
    State,
    common,
    event_key,
    forget_oldest_peers,
    open_store,
    peer,
    peer_key,
    waiting_events,
)
from wristlet.strap.signals import Signal
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.messages import (
    ANSWERS,
    EVENTS_MAX,
    NEWS,
    REQUESTS,
    Answer,
    Events,
    Fetch,
    FindPhone,
    Found,
    Greet,
    Greeting,
    Order,
    Taken,
)

FIND_MS: Final = 60_000
RETRY_MS: Final = 1_000
JUMP_MS: Final = 1_000
IDLE_MS: Final = 60 * 60_000


class MessagesEndpoint:
    """Messages, calls, alarms and timers of one strap."""

    def __init__(
        self,
        env: Env,
        folder: str,
        *,
        present: Present,
        news: News,
        profile: Profile | None = None,
        around: Surroundings | None = None,
    ) -> None:
        self._env = env
        self._records = open_store(env, folder)
        self._present = present
        self._news = news
        self._profile = profile or Profile()
        self._around = around or Surroundings()
        self._shower = Presenter(env, self._records, present, self._around)
        self._finding_until_ms = 0
        self._connected = False
        self._changed = asyncio.Event()
        self._skew_ms = self._shower.now_ms() - self._shower.steady_ms()

    # The phone

    async def handle(self, message: bytes) -> bytes:
        """Answer one request of the phone; what it orders is durable when this returns."""
        try:
            request = REQUESTS.decode(message)
        except DecodeError as error:
            raise StrapRefused(f"messages: {error}") from error
        try:
            match request:
                case Greet():
                    answer: Answer = self._greet(request)
                case Fetch():
                    return ANSWERS.encode(self._fetch(request))
                case _:
                    answer = self._take(request)
            self.tick()
        except OSError as error:
            raise StrapRefused("messages: the strap's memory failed; send it again") from error
        return ANSWERS.encode(answer)

    def connected(self) -> None:
        """Tell what waits: a phone that looks for events fetches them all."""
        self._connected = True
        for key in self._records.all("peer", Peer):
            waiting = waiting_events(self._draft(), bytes.fromhex(key.removeprefix("peer/")))
            if waiting:
                self._news(Concern.MESSAGES, waiting[0])
        if self._shower.steady_ms() < self._finding_until_ms:
            self._news(Concern.MESSAGES, NEWS.encode(FindPhone(ring=True)))

    def disconnected(self) -> None:
        """Go on alone: nothing of a half-heard order is kept."""
        self._connected = False

    def _greet(self, request: Greet) -> Greeting:
        draft, profile = self._draft(), self._profile
        shared, known = common(draft), peer(draft, request.source)
        draft.put(COMMON, replace(shared, order=shared.order + 1))
        draft.put(peer_key(request.source), replace(known, order=shared.order + 1))
        forget_oldest_peers(draft, request.source)
        draft.commit()
        return Greeting(
            *(shared.store, known.taken, profile.messages_max, profile.title_bytes),
            *(profile.body_bytes, profile.alarms_max, profile.timers_max, known.event),
        )

    def _take(self, order: Order) -> Taken:
        draft = self._draft()
        if draft.get(peer_key(order.source), Peer) is None:
            raise StrapRefused("messages: this strap does not know the phone; greet it first")
        orders.take(draft, order, self._shower.now_ms(), self._profile)
        self._commit_telling(draft)
        if isinstance(order, Found):
            self._finding_until_ms = 0
        return Taken(order.number)

    def _fetch(self, request: Fetch) -> Events:
        draft = self._draft()
        known = draft.get(peer_key(request.source), Peer)
        if known is None:
            raise StrapRefused("messages: this strap does not know the phone; greet it first")
        held = min(request.after, known.event)
        if held > known.fetched:
            for number in range(known.fetched + 1, held + 1):
                draft.put(event_key(request.source, number), None)
            draft.put(peer_key(request.source), replace(known, fetched=held))
            draft.commit()
        waiting = waiting_events(self._draft(), request.source)
        return Events(tuple(waiting[:EVENTS_MAX]), more=len(waiting) > EVENTS_MAX)

    # The wearer

    @property
    def shown_signal(self) -> Signal | None:
        """What this presented last and still stands by; None when nothing is shown."""
        shown = self._shower.shown
        return None if shown is None else shown.signal

    @property
    def is_ringing(self) -> bool:
        """Whether a call, an alarm or a timer is shown."""
        return self._shower.shown is not None and self._shower.shown.is_ring

    def dismiss_shown(self) -> bool:
        """Put away what is shown: a message, a ring; a call falls silent, then is declined.

        Says whether something was shown.
        """
        return self._press(buttons.dismiss, 0)

    def act_on_shown(self, action: int = 0) -> bool:
        """Choose an action of what is shown: a message's by its place, a call's of accept,
        decline, mute, snooze of an alarm. Says whether there was such an action.
        """
        return self._press(buttons.act, action)

    def browse(self) -> bool:
        """Show the next older message that was read before, then the newest again; says whether
        there is one.
        """
        entries = self._records.all("entry", Entry)
        seen = sorted(
            ((entry.order, key) for key, entry in entries.items() if entry.state is State.SEEN),
            reverse=True,
        )
        shown = self._shower.shown
        if not seen or (shown is not None and shown.is_ring):
            return False
        here = entries[shown.key].order if shown and shown.key in entries else 0
        older = [key for order, key in seen if order < here]
        self._shower.show_entry(older[0] if older else seen[0][1], again=True)
        self._changed.set()
        return True

    def find_phone(self) -> bool:
        """Let the phone ring, or stop it when it does; says whether it is looked for now."""
        stops = self._shower.steady_ms() < self._finding_until_ms
        self._finding_until_ms = (
            0 if stops or not self._connected else self._shower.steady_ms() + FIND_MS
        )
        if self._connected:
            self._news(Concern.MESSAGES, NEWS.encode(FindPhone(ring=not stops)))
        if not stops:
            self._present(signs.finding(self._shower.words(), connected=self._connected))
        return self._finding_until_ms > 0

    def unread(self) -> int:
        """Return how many messages wait to be shown, those left out for want of room too."""
        waiting = (e.state is State.WAITING for e in self._records.all("entry", Entry).values())
        return sum(waiting) + common(self._draft()).more

    def _press(self, button: buttons.Button, action: int) -> bool:
        shown, draft = self._shower.shown, self._draft()
        if shown is None:
            return False
        if shown.key == MORE_KEY and button is buttons.dismiss:
            self._shower.hide()
        elif not button(draft, shown.key, action, self._shower.now_ms()):
            return False
        self._commit_telling(draft)
        self.tick()
        return True

    def _commit_telling(self, draft: Draft) -> None:
        """Make a change durable and send its events at once to whom is there."""
        events = [raw for key, raw in draft.changes.items() if key.startswith("event/") and raw]
        draft.commit()
        if self._connected:
            for raw in events:
                self._news(Concern.MESSAGES, raw)

    # Time

    async def run(self) -> None:
        """Show, ring and wait for what is next, until cancelled."""
        while True:
            try:
                delay_ms = self.tick()
            except OSError:  # the memory failed: nothing has changed, try again
                delay_ms = RETRY_MS
            self._changed.clear()
            sleep = asyncio.ensure_future(self._env.clock.sleep_ms(max(delay_ms, 1)))
            change = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait((sleep, change), return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleep.cancel()
                change.cancel()

    def wake(self) -> None:
        """Look at once at what has changed around: wrist, clock, mode, language."""
        try:
            self.tick()
        except OSError:  # the memory failed: `run` tries again
            self._changed.set()

    def tick(self) -> int:
        """Do what is due now; return in how many milliseconds to come again, at the latest."""
        self._changed.set()
        now_ms, shower = self._shower.now_ms(), self._shower
        draft = self._draft()
        skew_ms = now_ms - shower.steady_ms()
        if abs(skew_ms - self._skew_ms) >= JUMP_MS:
            moments.shift_clock(draft, skew_ms - self._skew_ms)
        moments.pass_time(draft, now_ms, self._around.offset, self._profile)
        shower.end_of_time(draft)
        self._commit_telling(draft)
        if abs(skew_ms - self._skew_ms) >= JUMP_MS:
            self._skew_ms = skew_ms
        shower.refresh()
        return self._delay_ms()

    def _delay_ms(self) -> int:
        draft, now_ms, shown = self._draft(), self._shower.now_ms(), self._shower.shown
        delays = [IDLE_MS]
        if shown is not None:
            delays.append(shown.until_ms - self._shower.steady_ms())
        due_ms = moments.next_moment(draft, self._around.offset)
        if due_ms is not None:
            delays.append(due_ms - now_ms)
        if showing.is_held_by_quiet(draft):
            ends_ms = quiet_until(common(draft).rules.quiet, now_ms, self._around.offset)
            delays += [] if ends_ms is None else [ends_ms - now_ms]
        return max(0, min(delays))

    def _draft(self) -> Draft:
        return self._records.draft()
