"""The phone's messages for one strap: keeps, sends, repeats, hears back.

Everything that the phone tells it is durable when the call returns. `sync` needs a link; when it
breaks nothing is lost, and calling `sync` again goes on. What the phone has to do stands in
`effects` until it is `done`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from wristlet.companion.errors import CompanionError, InputError, StrapUnreachable
from wristlet.companion.messages import hearing, sending, wishes
from wristlet.companion.messages.box import (
    FORGET,
    Capacity,
    Counts,
    Effect,
    Item,
    Sent,
    Wish,
    box,
    open_box,
    rules_of,
    wish,
)
from wristlet.companion.messages.content import Notification
from wristlet.crypto.seal import SealKey
from wristlet.env.base import Env
from wristlet.env.records import Draft
from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import StrapRefused
from wristlet.model.graphemes import cut_bytes
from wristlet.wire.errors import EncodeError, WireError
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.message_choices import (
    NO_DAY,
    CallAct,
    CallState,
    Exempt,
    Hide,
    Ringer,
    Weekdays,
)
from wristlet.wire.strap.messages import (
    ANSWERS,
    LABEL_BYTES,
    MINUTES_A_DAY,
    NEWS,
    REQUESTS,
    SNOOZE_MINUTES,
    SOURCE_BYTES,
    TIMER_MAX_MS,
    Alarm,
    Answer,
    AppRule,
    Events,
    Fetch,
    FindPhone,
    Forget,
    Greet,
    Greeting,
    Remove,
    Request,
    Rules,
    Taken,
    Timer,
    Window,
    decode_event,
)

MINUTE_MS: Final = 60_000


FIND_MS: Final = 60_000
"""A phone that is looked for rings so long, unless the strap stops it before."""

A = TypeVar("A", bound=Answer)


class Asks(Protocol):
    """What messages need of a link to the strap."""

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        """Send one request and return its answer; raises LinkLost, StrapRefused."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """How messages stand: `waiting` orders not yet on the strap, what was not shown, and why."""

    waiting: int
    messages: int
    counts: Counts
    capacity: Capacity
    is_known: bool
    """Whether a strap was ever greeted."""


@contextmanager
def _named_fields() -> Iterator[None]:
    """Turn what has no encoding into the error that names the field to the wearer."""
    try:
        yield
    except EncodeError as error:
        raise InputError("/".join(error.path) or "message", error.message) from error


class Messenger:
    """Messages, calls, alarms and timers for one strap, kept under `folder`."""

    def __init__(
        self,
        env: Env,
        folder: str,
        *,
        key: SealKey | None = None,
        offset: Callable[[int], int] = lambda _at_ms: 0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`offset` gives the minutes that local time is ahead of UTC at a moment; `changed` is
        called when there is something new for the app (effects, the phone looked for) or to fetch.
        """
        self._env = env
        self._records = open_box(env, folder, key)
        self._offset = offset
        self._changed = changed
        self._lock = asyncio.Lock()
        self._looked_for_until_ms = 0
        self.is_behind = False
        """The strap has more to tell: call `sync`."""

    # What happens on the phone

    def notify(self, found: Notification, *, silent: bool = False) -> bool:
        """Bring a notification to the strap, or its new content when its key is known; says
        whether the rules let it. `silent` content replaces the old without a sign. Raises
        InputError.
        """
        draft = self._records.draft()
        with _named_fields():
            accepted = wishes.notify(draft, found, silent=silent)
        draft.commit()
        return accepted

    def withdraw(self, app: str, key: str) -> bool:
        """Take a notification off the strap: it is gone on the phone; says whether it was known."""
        draft = self._records.draft()
        item = wishes.find_item(draft, app, key)
        if item is None:
            return False
        wishes.withdraw(draft, item)
        draft.commit()
        return True

    def call_incoming(
        self,
        key: str,
        caller: str,
        *,
        number: str = "",
        favourite: bool = False,
        acts: CallAct = CallAct.ACCEPT | CallAct.DECLINE | CallAct.MUTE,
    ) -> None:
        """Let the strap ring; `number` only serves to know the same caller again."""
        draft = self._records.draft()
        now_ms = self._env.clock.now_ms()
        wishes.ring(draft, key, caller, number, now_ms, favourite=favourite, acts=acts)
        draft.commit()

    def call_answered(self, key: str) -> None:
        """The call was taken on the phone: the strap rings no more."""
        self._change_call(key, CallState.ANSWERED)

    def call_ended(self, key: str) -> None:
        """The call is over: one that rang till now was missed."""
        self._change_call(key, CallState.ENDED)

    def call_seen(self, key: str) -> None:
        """The wearer saw on the phone that the call was missed."""
        draft = self._records.draft()
        call = wishes.find_call(draft, key)
        if call is not None:
            wishes.see_call(draft, call)
            draft.commit()

    def set_rules(
        self,
        *,
        apps: tuple[AppRule, ...] = (),
        quiet: tuple[Window, ...] = (),
        exempt: Exempt = Exempt.ALARMS | Exempt.URGENT,
        hide: Hide = Hide.NOT_WORN,
    ) -> None:
        """Replace the wearer's rules; raises InputError."""
        draft = self._records.draft()
        with _named_fields():
            wishes.set_rules(draft, Rules(box(draft).source, 0, apps, quiet, exempt, hide))
        draft.commit()

    def rules(self) -> Rules:
        """Return the wearer's rules."""
        return rules_of(self._records.draft())

    def set_alarm(
        self,
        minute: int,
        *,
        weekdays: Weekdays = NO_DAY,
        label: str = "",
        snooze_minutes: int = SNOOZE_MINUTES,
        slot: int | None = None,
    ) -> int:
        """Set an alarm at a minute of the local day; without weekdays it rings once, next time it
        is so late. Returns its slot; raises InputError.
        """
        draft = self._records.draft()
        slot = self._slot(draft, "a", slot, box(draft).capacity.alarms_max, "alarm")
        day = 0 if weekdays else self._next_day(minute)
        with _named_fields():
            label = cut_bytes(label, LABEL_BYTES)
            source = box(draft).source
            alarm = Alarm(source, 0, slot, minute, weekdays, day, label, snooze_minutes)
            self._keep(draft, f"a/{slot:02x}", alarm)
        draft.commit()
        return slot

    def start_timer(self, duration_ms: int, *, label: str = "", slot: int | None = None) -> int:
        """Start a timer that runs on the strap; returns its slot; raises InputError."""
        draft = self._records.draft()
        slot = self._slot(draft, "t", slot, box(draft).capacity.timers_max, "timer")
        if not 0 < duration_ms <= TIMER_MAX_MS:
            raise InputError("duration_ms", "more than nothing, and at most a day")
        label = cut_bytes(label, LABEL_BYTES)
        now_ms = self._env.clock.now_ms()
        timer = Timer(box(draft).source, 0, slot, now_ms, duration_ms, label)
        self._keep(draft, f"t/{slot:02x}", timer)
        draft.commit()
        return slot

    def remove_alarm(self, slot: int) -> bool:
        """Remove an alarm; says whether there was one."""
        return self._remove(Ringer.ALARM, slot)

    def cancel_timer(self, slot: int) -> bool:
        """Stop a timer; says whether there was one."""
        return self._remove(Ringer.TIMER, slot)

    def alarms(self) -> tuple[Alarm, ...]:
        """Return the alarms that are set."""
        return tuple(order for order in self._kept() if isinstance(order, Alarm))

    def timers(self) -> tuple[Timer, ...]:
        """Return the timers that run, as far as the strap has told."""
        return tuple(order for order in self._kept() if isinstance(order, Timer))

    def is_looked_for(self) -> bool:
        """Tell whether the phone should ring because the wearer looks for it."""
        return self._env.clock.now_ms() < self._looked_for_until_ms

    def phone_found(self) -> None:
        """The phone was found: it is silent, and the strap stops looking."""
        self._looked_for_until_ms = 0
        draft = self._records.draft()
        wishes.found(draft)
        draft.commit()

    def take_over(self) -> None:
        """Let the strap forget what other phones have set and sent: this one replaces them."""
        draft = self._records.draft()
        wish(draft, FORGET, Forget(box(draft).source, 0))
        draft.commit()

    def _change_call(self, key: str, state: CallState) -> None:
        draft = self._records.draft()
        call = wishes.find_call(draft, key)
        if call is not None:
            wishes.change_call(draft, call, state)
            draft.commit()

    def _kept(self) -> list[Request]:
        return [REQUESTS.decode(raw) for _, raw in sorted(self._records.all("kept", bytes).items())]

    def _slot(self, draft: Draft, kind: str, slot: int | None, slots_max: int, name: str) -> int:
        """Return the slot asked for or a free one; raises InputError when there is none."""
        if slot is not None and 0 <= slot < slots_max:
            return slot
        taken = draft.all("kept", bytes)
        free = [n for n in range(slots_max) if f"kept/{kind}/{n:02x}" not in taken]
        if slot is not None or not free:
            raise InputError(name, f"the strap keeps {slots_max}; remove or replace one")
        return free[0]

    def _next_day(self, minute: int) -> int:
        """Return the local day on which it is so late next."""
        now_ms = self._env.clock.now_ms()
        today, now = divmod(now_ms // MINUTE_MS + self._offset(now_ms), MINUTES_A_DAY)
        return today + (minute <= now)

    def _keep(self, draft: Draft, subject: str, order: Alarm | Timer) -> None:
        draft.put(f"kept/{subject}", REQUESTS.encode(order))
        wish(draft, subject, order)

    def _remove(self, ringer: Ringer, slot: int) -> bool:
        subject = f"{'a' if ringer is Ringer.ALARM else 't'}/{slot:02x}"
        draft = self._records.draft()
        if draft.get(f"kept/{subject}", bytes) is None:
            return False
        draft.put(f"kept/{subject}", None)
        wish(draft, subject, Remove(box(draft).source, 0, slot, ringer))
        draft.commit()
        return True

    # What the phone has to do

    def effects(self) -> tuple[Effect, ...]:
        """Return what has to be done on the phone, oldest first; each stays until it is `done`."""
        return tuple(e for _, e in sorted(self._records.all("effect", Effect).items()))

    def done(self, effect_id: int) -> None:
        """Note that an effect was carried out, or turned down."""
        self._records.commit({f"effect/{effect_id:08x}": None})

    def status(self) -> Status:
        """Return how messages stand."""
        draft = self._records.draft()
        waiting = len(draft.all("wish", Wish)) + len(draft.all("sent", Sent))
        head = box(draft)
        return Status(
            waiting, len(draft.all("item", Item)), head.counts, head.capacity, head.store != b""
        )

    # The strap

    async def sync(self, link: Asks) -> None:
        """Send what waits and hear what happened; raises StrapUnreachable, then call it again."""
        async with self._lock:
            try:
                await self._greet(link)
                await self._fetch(link)
                while (sent := self._next()) is not None:
                    await self._send(link, sent)
                await self._fetch(link)
            except LinkLost as error:
                raise StrapUnreachable from error
        self.is_behind = False

    def take_news(self, message: bytes) -> None:
        """Take what the strap sends unasked; what cannot be read or comes too early is fetched by
        the next `sync`.
        """
        try:
            news = NEWS.decode(message)
        except WireError:
            self.is_behind = True
            self._changed()
            return
        if isinstance(news, FindPhone):
            until_ms = self._env.clock.now_ms() + FIND_MS
            self._looked_for_until_ms = until_ms if news.ring else 0
            self._changed()
            return
        draft = self._records.draft()
        if hearing.hear(draft, news, self._env.clock.now_ms()):
            draft.commit()
        elif news.source == box(draft).source and news.number > box(draft).event:
            self.is_behind = True
        self._changed()

    async def _greet(self, link: Asks) -> None:
        for _ in range(2):
            source = box(self._records.draft()).source
            greeting = await self._ask(link, Greet(source), Greeting)
            draft = self._records.draft()
            fresh = self._env.random.bytes(SOURCE_BYTES)
            again = sending.greeted(draft, greeting, fresh)
            draft.commit()
            if not again:
                return

    async def _fetch(self, link: Asks) -> None:
        more = True
        while more:
            head = box(self._records.draft())
            events = await self._ask(link, Fetch(head.source, head.event), Events)
            for raw in events.events:
                draft = self._records.draft()
                try:
                    event = decode_event(raw)
                except WireError as error:
                    raise LinkLost("the strap's event cannot be read; update the app") from error
                if hearing.hear(draft, event, self._env.clock.now_ms()):
                    draft.commit()
            more = events.more and box(self._records.draft()).event > head.event
            if events.events:
                self._changed()

    def _next(self) -> Sent | None:
        """Choose the next order and note it as sent before it leaves."""
        draft = self._records.draft()
        sent = sending.next_order(draft, self._env.clock.now_ms())
        draft.commit()
        return sent

    async def _send(self, link: Asks, sent: Sent) -> None:
        reason = ""
        for _ in range(2):
            try:
                answer = await self._ask_raw(link, sent.raw, Taken)
            except StrapRefused as refusal:
                reason = str(refusal)
                await self._fetch(link)  # the strap may have had no room for events
                continue
            if answer.number != sent.number:
                raise LinkLost("the strap acknowledged something else; connect anew")
            draft = self._records.draft()
            sending.taken(draft, sent.number)
            draft.commit()
            return
        draft = self._records.draft()
        sending.refused(draft, sent.number, reason, self._env.clock.now_ms())
        draft.commit()
        self._changed()

    async def _ask(self, link: Asks, request: Greet | Fetch, kind: type[A]) -> A:
        try:
            return await self._ask_raw(link, REQUESTS.encode(request), kind)
        except StrapRefused as refusal:
            raise CompanionError(f"strap: {refusal}") from refusal

    async def _ask_raw(self, link: Asks, raw: bytes, kind: type[A]) -> A:
        try:
            answer = ANSWERS.decode(await link.ask(Concern.MESSAGES, raw))
        except WireError as error:
            raise LinkLost("the strap's answer cannot be read") from error
        if not isinstance(answer, kind):
            raise LinkLost("the strap answered something else than was asked")
        return answer
