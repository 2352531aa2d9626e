"""The strap's end alone: what is shown, felt, rung, hidden, held back, counted and told."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from support.messages_world import run
from wristlet.env.sim import SimEnv
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.messages.endpoint import MessagesEndpoint
from wristlet.strap.messages.presenter import Surroundings
from wristlet.strap.messages.store import EVENTS_KEPT_MAX, Profile
from wristlet.strap.signals import Colour, Signal, Urgency
from wristlet.wire.strap import messages as m
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.message_choices import (
    EVERY_DAY,
    Buzz,
    CallAct,
    CallState,
    Exempt,
    Gone,
    Hide,
    Hue,
    Level,
    Override,
    Reason,
    RingEnd,
    Ringer,
    Verdict,
)

A, B = b"AAAA", b"BBBB"
ALL_ACTS = CallAct.ACCEPT | CallAct.DECLINE | CallAct.MUTE


class Strap:
    """An endpoint with its surroundings in hand; starts on 2026-01-01 at 00:00 local time."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.env = SimEnv()
        self.signals: list[Signal] = []
        self.news: list[m.News] = []
        self.withdrawn: list[Signal] = []
        self.worn, self.language, self.can_show = True, "en", True
        self.offset, self.ahead_ms = 0, 0
        self.profile = profile
        self.numbers = {A: 0, B: 0}
        self.start()
        self.ask(m.Greet(A))

    def start(self) -> None:
        around = Surroundings(
            worn=lambda: self.worn,
            now_ms=lambda: self.env.clock.now_ms() + self.ahead_ms,
            offset=lambda _at_ms: self.offset,
            language=lambda: self.language,
            can_show=lambda: self.can_show,
            withdraw=self.withdrawn.append,
        )
        self.end = MessagesEndpoint(
            *(self.env, "/strap"),
            present=self.signals.append,
            news=self._hear,
            profile=self.profile,
            around=around,
        )

    def _hear(self, concern: Concern, message: bytes) -> None:
        assert concern is Concern.MESSAGES
        self.news.append(m.NEWS.decode(message))

    @property
    def now(self) -> int:
        return self.env.clock.now_ms() + self.ahead_ms

    def ask(self, request: m.Request) -> m.Answer:
        return m.ANSWERS.decode(run(self.end.handle(m.REQUESTS.encode(request))))

    def number(self, source: bytes = A) -> int:
        self.numbers[source] += 1
        return self.numbers[source]

    def post(self, title: str, id: int = 0, **more: Any) -> int:
        number = self.number()
        fields = {"app": "app", "name": "App", "time_ms": self.now, "title": title, **more}
        notice = m.Notice(**fields)
        self.ask(m.Post(A, number, id or number, notice))
        return id or number

    def call(self, id: int, state: CallState = CallState.INCOMING, **more: Any) -> None:
        fields = {"time_ms": self.now, "caller": "Mum", "acts": ALL_ACTS, **more}
        self.ask(m.Call(A, self.number(), id, state=state, **fields))

    def rules(self, **rules: Any) -> None:
        self.ask(m.Rules(A, self.number(), **rules))

    def wait(self, duration_ms: int) -> None:
        end_us = self.env.clock.monotonic_us() + duration_ms * 1000
        while True:
            due_ms = max(self.end.tick(), 1)
            rest_ms = (end_us - self.env.clock.monotonic_us()) // 1000
            if rest_ms <= 0:
                return
            self.env.clock.advance_ms(min(due_ms, rest_ms))

    def lines(self) -> list[tuple[str, ...]]:
        shown, self.signals[:] = [signal.lines for signal in self.signals], []
        return shown

    def events(self) -> list[m.Event]:
        answer = self.ask(m.Fetch(A, 0))
        assert isinstance(answer, m.Events)
        return [m.decode_event(raw) for raw in answer.events]


MINUTE, HOUR = 60_000, 3_600_000


# ------------------------------------------------------------------ showing


def test_a_message_is_seen_and_felt_as_its_apps_rule_says() -> None:
    strap = Strap()
    strap.rules(apps=(m.AppRule("app", hue=Hue.BLUE, buzz=Buzz.DOUBLE),))
    strap.post("Hi", body="there")
    (signal,) = strap.signals
    assert signal.lines == ("Hi", "there")
    assert signal.light is not None
    assert signal.light.colour is Colour.BLUE
    assert signal.vibration is not None
    assert signal.vibration.pulses_ms == (150, 120, 150)


def test_one_after_the_other_urgent_before_the_rest() -> None:
    strap = Strap()
    for title in ("one", "two"):
        strap.post(title)
    strap.post("fire", level=Level.URGENT)
    strap.wait(30_000)
    assert strap.lines() == [("one",), ("fire",), ("one",), ("two",)]
    assert len(strap.withdrawn) == 1


def test_messages_that_come_thick_vibrate_once() -> None:
    strap = Strap()
    for title in "abc":
        strap.post(title)
    strap.wait(20_000)
    assert [s.vibration is not None for s in strap.signals] == [True, False, False]
    strap.post("d")
    assert strap.signals[-1].vibration is not None


def test_a_quiet_message_only_stands_there() -> None:
    strap = Strap()
    strap.post("psst", level=Level.QUIET)
    (signal,) = strap.signals
    assert (signal.light, signal.vibration, signal.urgency) == (None, None, Urgency.QUIET)


def test_an_override_outranks_the_app() -> None:
    strap = Strap()
    strap.rules(apps=(m.AppRule("", level=Override.QUIET),))
    strap.post("buy now", level=Level.URGENT)
    assert strap.signals[0].urgency is Urgency.QUIET


def test_a_long_text_stands_longer() -> None:
    strap = Strap()
    strap.post("short")
    strap.wait(5_000)
    strap.post("long", body="x" * 90)
    assert strap.signals[0].hold_ms == 4_000
    assert 4_000 < strap.signals[1].hold_ms <= 12_000


def test_a_muted_app_is_not_shown_and_that_is_told() -> None:
    strap = Strap()
    strap.rules(apps=(m.AppRule("app", muted=True),))
    mail = strap.post("no")
    assert strap.lines() == []
    assert strap.events() == [m.Left(A, 1, mail, strap.now, why=Gone.FILTERED)]


def test_nothing_is_shown_while_the_strap_is_off_or_asleep() -> None:
    strap = Strap()
    strap.can_show = False
    strap.post("later")
    strap.wait(HOUR)
    assert strap.lines() == []
    assert not strap.end.browse()
    strap.can_show = True
    strap.wait(1)
    assert strap.lines() == [("later",)]


def test_what_is_over_is_not_shown() -> None:
    strap = Strap()
    strap.can_show = False
    mail = strap.post("platform 4", expires_ms=strap.now + MINUTE)
    strap.wait(2 * MINUTE)
    strap.can_show = True
    strap.wait(MINUTE)
    assert strap.lines() == []
    (event,) = strap.events()
    assert isinstance(event, m.Left)
    assert (event.id, event.why) == (mail, Gone.STALE)


def test_what_was_pushed_aside_and_is_over_counts_as_seen() -> None:
    strap = Strap()
    strap.post("now", expires_ms=strap.now + 20_000)
    strap.call(99)
    strap.wait(30_000)
    strap.call(99, CallState.ANSWERED)
    assert strap.lines() == [("now",), *[("Call", "Mum")] * 11]
    strap.wait(1)
    assert strap.end.browse()
    assert strap.lines() == [("now",)]


# ------------------------------------------------------------------ privacy


@pytest.mark.parametrize(
    ("hide", "worn", "lines"),
    [
        (Hide.NOT_WORN, True, ("Hi", "secret")),
        (Hide.NOT_WORN, False, ("App", "New message")),
        (Hide.ALWAYS, True, ("App", "New message")),
        (Hide.NEVER, False, ("Hi", "secret")),
    ],
)
def test_content_is_hidden_when_the_wearer_wants(
    hide: Hide, worn: bool, lines: tuple[str, ...]
) -> None:
    strap = Strap()
    strap.worn = worn
    strap.rules(hide=hide)
    strap.post("Hi", body="secret")
    assert strap.lines() == [lines]


def test_taking_the_strap_off_hides_what_stands_there() -> None:
    strap = Strap()
    strap.post("Hi", body="secret")
    strap.worn = False
    strap.wait(1)
    assert strap.signals[-1].lines == ("App", "New message")
    assert strap.signals[-1].light is None
    assert strap.withdrawn == [strap.signals[0]]


PAID = m.Payment("Blue Bottle", 1200, "JPY", "Sakura Visa", "1234")
REFUSED = m.Payment("Kiosk", 4599, "EUR", "Sakura Visa", "1234", Verdict.DECLINED, Reason.FUNDS)


@pytest.mark.parametrize(
    ("payment", "worn", "hide", "lines"),
    [
        (PAID, True, Hide.NEVER, ("1,200 JPY paid", "Blue Bottle", "Sakura Visa ··1234")),
        (PAID, False, Hide.NEVER, ("paid", "Blue Bottle", "Sakura Visa ··1234")),
        (PAID, False, Hide.NOT_WORN, ("Payment",)),
        (
            *(REFUSED, True, Hide.NEVER),
            ("45.99 EUR declined: not enough money", "Kiosk", "Sakura Visa ··1234"),
        ),
    ],
)
def test_payments(payment: m.Payment, worn: bool, hide: Hide, lines: tuple[str, ...]) -> None:
    strap = Strap()
    strap.worn = worn
    strap.rules(hide=hide)
    strap.post("", payment=payment)
    assert strap.signals[0].lines == lines
    declined = payment.verdict is Verdict.DECLINED
    assert strap.signals[0].light is not None
    assert strap.signals[0].light.colour is (Colour.RED if declined else Colour.GREEN)


def test_an_unknown_currency_is_said_as_it_came() -> None:
    strap = Strap()
    strap.post("", payment=m.Payment("M", 1200, "XTS", "Card", "1234"))
    assert strap.lines()[0][0] == "1,200 minor units of XTS paid"


def test_the_straps_own_words_are_the_wearers() -> None:
    strap = Strap()
    strap.language, strap.worn = "ja", False
    strap.post("Hi")
    strap.wait(5_000)
    strap.call(99)
    assert strap.lines() == [("App", "新着メッセージ"), ("着信",)]


# ------------------------------------------------------------------ quiet hours

NIGHT = (m.Window(EVERY_DAY, 22 * 60, 7 * 60),)


def test_quiet_hours_hold_messages_till_the_morning() -> None:
    strap = Strap()
    strap.rules(quiet=NIGHT)
    strap.post("at night")
    strap.wait(7 * HOUR - 1)
    assert strap.lines() == []
    assert strap.end.unread() == 1
    strap.wait(1)
    assert strap.lines() == [("at night",)]


@pytest.mark.parametrize(
    ("exempt", "fields", "is_shown"),
    [
        (Exempt.URGENT, {"level": Level.URGENT}, True),
        (Exempt.URGENT, {"favourite": True}, False),
        (Exempt.FAVOURITES, {"favourite": True}, True),
        (Exempt.FAVOURITES, {"level": Level.URGENT}, False),
    ],
)
def test_who_gets_through_quiet_hours(
    exempt: Exempt, fields: dict[str, Any], is_shown: bool
) -> None:
    strap = Strap()
    strap.rules(quiet=NIGHT, exempt=exempt)
    strap.post("Hi", **fields)
    assert bool(strap.lines()) is is_shown


@pytest.mark.parametrize(
    ("exempt", "fields", "rings"),
    [
        (Exempt.URGENT, {}, False),
        (Exempt.CALLS, {}, True),
        (Exempt.FAVOURITES, {"favourite": True}, True),
        (Exempt.FAVOURITES, {}, False),
    ],
)
def test_which_calls_ring_at_night(exempt: Exempt, fields: dict[str, Any], rings: bool) -> None:
    strap = Strap()
    strap.rules(quiet=NIGHT, exempt=exempt)
    strap.call(9, **fields)
    assert bool(strap.lines()) is rings


def test_who_calls_again_gets_through() -> None:
    strap = Strap()
    strap.rules(quiet=NIGHT, exempt=Exempt.REPEAT_CALLERS)
    strap.call(8, caller_key=b"mum")
    strap.call(8, CallState.ENDED)
    strap.wait(5 * MINUTE)
    strap.call(9, caller_key=b"shop")
    assert strap.lines() == []
    strap.call(9, CallState.ENDED)
    strap.call(10, caller_key=b"mum")
    assert strap.lines() == [("Call", "Mum")]


def test_an_alarm_rings_at_night_or_stands_there_silently() -> None:
    for exempt, feels in ((Exempt.ALARMS, True), (Exempt(0), False)):
        strap = Strap()
        strap.rules(quiet=NIGHT, exempt=exempt)
        strap.ask(m.Alarm(A, strap.number(), 0, 60, EVERY_DAY))
        strap.wait(HOUR)
        assert strap.signals[-1].lines == ("Alarm 1:00",)
        assert (strap.signals[-1].vibration is not None) is feels


# ------------------------------------------------------------------ calls


def test_a_call_rings_until_it_is_answered() -> None:
    strap = Strap()
    strap.call(9)
    strap.wait(6_500)
    assert strap.lines() == [("Call", "Mum")] * 3
    strap.call(9, CallState.ANSWERED)
    strap.wait(MINUTE)
    assert strap.lines() == []
    assert strap.withdrawn[-1].lines == ("Call", "Mum")


@pytest.mark.parametrize("ending", ["ended", "timeout"])
def test_a_call_nobody_took_was_missed(ending: str) -> None:
    strap = Strap()
    strap.call(9)
    if ending == "ended":
        strap.call(9, CallState.ENDED)
    strap.wait(MINUTE)
    assert strap.lines()[-1] == ("Missed call", "Mum")
    assert not any(s.lines[0] == "Call" for s in strap.signals)


def test_a_call_of_an_hour_ago_does_not_ring() -> None:
    strap = Strap()
    strap.call(9, time_ms=strap.now - HOUR)
    strap.wait(MINUTE)
    assert strap.lines() == [("Missed call", "Mum")]


def test_the_button_silences_a_call_then_declines_it() -> None:
    strap = Strap()
    strap.end.connected()
    strap.call(9)
    assert strap.end.dismiss_shown()
    assert strap.signals[-1].vibration is None
    strap.wait(4_000)
    assert strap.signals[-1].vibration is None
    assert strap.end.dismiss_shown()
    assert [e.act for e in strap.news if isinstance(e, m.CallActed)] == [
        CallAct.MUTE,
        CallAct.DECLINE,
    ]
    strap.call(9, CallState.ENDED)
    strap.wait(MINUTE)
    assert strap.signals[-1].lines == ("Call", "Mum")  # declined is not missed


def test_a_call_that_the_phone_cannot_end_only_falls_silent() -> None:
    strap = Strap()
    strap.call(9, acts=CallAct(0))
    assert strap.end.dismiss_shown()
    assert not strap.end.dismiss_shown()
    assert not strap.end.act_on_shown(0)
    assert strap.events() == []


def test_actions_of_a_call_are_those_the_phone_can_do() -> None:
    strap = Strap()
    strap.call(9, acts=CallAct.DECLINE | CallAct.MUTE)
    assert not strap.end.act_on_shown(2)
    assert strap.end.act_on_shown(0)
    (event,) = strap.events()
    assert isinstance(event, m.CallActed)
    assert event.act is CallAct.DECLINE


def test_a_call_pushes_a_message_aside_which_comes_back_silently() -> None:
    strap = Strap()
    strap.post("Hi")
    strap.call(9)
    strap.call(9, CallState.ANSWERED)
    assert strap.lines() == [("Hi",), ("Call", "Mum"), ("Hi",)]


# ------------------------------------------------------------------ alarms and timers


def test_an_alarm_needs_no_phone_and_repeats() -> None:
    strap = Strap()
    strap.ask(m.Alarm(A, strap.number(), 0, 7 * 60, EVERY_DAY, label="Up"))
    strap.end.disconnected()
    strap.start()
    for _ in range(2):
        strap.wait(7 * HOUR - 1)
        assert strap.lines() == []
        strap.wait(1)
        assert strap.lines() == [("Alarm 7:00", "Up")]
        assert strap.end.dismiss_shown()
        strap.wait(17 * HOUR)
    ends = [(e.ringer, e.end) for e in strap.events() if isinstance(e, m.Rang)]
    assert ends == [(Ringer.ALARM, RingEnd.STOPPED)] * 2


def test_snooze() -> None:
    strap = Strap()
    strap.ask(m.Alarm(A, strap.number(), 0, 10, EVERY_DAY, snooze_minutes=5))
    strap.wait(10 * MINUTE)
    assert strap.end.act_on_shown(0)
    assert strap.withdrawn == [strap.signals[-1]]
    strap.lines()
    strap.wait(5 * MINUTE - 1)
    assert strap.lines() == []
    strap.wait(1)
    assert strap.lines() == [("Alarm 0:10",)]


def test_an_alarm_nobody_hears_stops_and_is_told() -> None:
    strap = Strap()
    strap.ask(m.Alarm(A, strap.number(), 0, 1, EVERY_DAY))
    strap.wait(7 * MINUTE)
    assert strap.lines()[-1] == ("Missed alarm",)
    (event,) = strap.events()
    assert isinstance(event, m.Rang)
    assert event.end is RingEnd.UNHEARD


def test_a_strap_that_was_off_rings_late_or_tells() -> None:
    for off_ms, lines in ((15 * MINUTE, ("Alarm 0:10",)), (HOUR, ("Missed alarm",))):
        strap = Strap()
        strap.ask(m.Alarm(A, strap.number(), 0, 10, EVERY_DAY))
        strap.env.clock.advance_ms(off_ms)
        strap.start()
        strap.wait(1)
        assert strap.lines() == [lines]


def test_a_clock_put_right_neither_loses_nor_doubles_an_alarm() -> None:
    strap = Strap()
    strap.ask(m.Alarm(A, strap.number(), 0, 60, EVERY_DAY))
    strap.wait(HOUR)
    assert strap.end.dismiss_shown()
    strap.lines()
    strap.ahead_ms = -2 * MINUTE  # it was two minutes fast: 0:58 now
    strap.wait(HOUR)
    assert strap.lines() == []
    strap.ahead_ms = -20 * HOUR  # it was most of a day fast
    strap.wait(22 * HOUR)
    assert ("Alarm 1:00",) in strap.lines()


def test_a_timer_runs_as_long_as_it_was_set_whatever_the_clock_does() -> None:
    strap = Strap()
    strap.ask(m.Timer(A, strap.number(), 0, strap.now, 3 * MINUTE, "Tea"))
    strap.wait(MINUTE)
    strap.ahead_ms = 5 * HOUR
    strap.wait(2 * MINUTE - 1)
    assert strap.lines() == []
    strap.wait(1)
    assert strap.lines() == [("Timer", "Tea")]
    assert strap.end.dismiss_shown()
    strap.wait(HOUR)
    assert strap.lines() == []


def test_a_new_time_zone_moves_alarms_but_no_timers() -> None:
    strap = Strap()
    strap.ask(m.Alarm(A, strap.number(), 0, 7 * 60, EVERY_DAY))
    strap.ask(m.Timer(A, strap.number(), 0, strap.now, 2 * HOUR, "Tea"))
    strap.offset = -60
    strap.wait(2 * HOUR)
    assert strap.lines() == [("Timer", "Tea")]
    strap.end.dismiss_shown()
    strap.wait(6 * HOUR - 1)
    assert strap.lines() == []
    strap.wait(1)
    assert strap.lines() == [("Alarm 7:00",)]


def test_removing_stops_what_rings() -> None:
    strap = Strap()
    strap.ask(m.Alarm(A, strap.number(), 3, 1, EVERY_DAY))
    strap.wait(MINUTE)
    strap.ask(m.Remove(A, strap.number(), 3))
    strap.lines()
    strap.wait(HOUR)
    assert strap.lines() == []


def test_more_alarms_than_there_is_room_are_refused() -> None:
    strap = Strap()
    with pytest.raises(StrapRefused, match="this strap keeps 8 alarms; remove one first"):
        strap.ask(m.Alarm(A, 1, 8, 1, EVERY_DAY))


# ------------------------------------------------------------------ memory


def test_a_full_memory_lets_go_of_what_was_read_first_and_counts_the_rest() -> None:
    strap = Strap(Profile(messages_max=2))
    read = strap.post("read")
    strap.wait(5_000)
    strap.can_show = False
    for title in ("b", "c", "d"):
        strap.post(title)
    left = [(e.id, e.why) for e in strap.events() if isinstance(e, m.Left)]
    assert left == [(read, Gone.EVICTED), (2, Gone.OVERFLOW)]
    assert strap.end.unread() == 3
    strap.can_show = True
    strap.wait(MINUTE)
    assert strap.lines() == [("read",), ("c",), ("d",), ("+1 more", "see your phone")]
    assert strap.end.unread() == 0


def test_what_the_phone_dropped_is_shown_with_its_number() -> None:
    strap = Strap()
    strap.ask(m.Dropped(A, strap.number(), 12))
    assert strap.lines() == [("+12 more", "see your phone")]
    assert strap.end.dismiss_shown()
    strap.wait(MINUTE)
    assert strap.lines() == []


def test_a_message_cut_off_by_a_power_cut_comes_back_without_a_sign() -> None:
    strap = Strap()
    strap.post("Hi")
    strap.start()
    strap.wait(MINUTE)
    assert [(s.lines, s.light is not None) for s in strap.signals] == [
        (("Hi",), True),
        (("Hi",), False),
    ]


def test_reading_again() -> None:
    strap = Strap()
    assert not strap.end.browse()
    for title in ("one", "two", "three"):
        strap.post(title)
    strap.wait(MINUTE)
    strap.lines()
    for _ in range(4):
        assert strap.end.browse()
    assert strap.lines() == [("three",), ("two",), ("one",), ("three",)]
    assert strap.end.dismiss_shown()
    assert strap.end.browse()
    assert strap.lines() == [("two",)]


def test_updates_replace_silently_or_anew() -> None:
    strap = Strap()
    mail = strap.post("0:1")
    strap.wait(5_000)
    new = m.Notice("app", "App", strap.now, "0:2")
    strap.ask(m.Update(A, strap.number(), mail, 1, new, silent=True))
    assert strap.lines() == [("0:1",)]
    assert strap.end.browse()
    assert strap.lines() == [("0:2",)]
    strap.wait(5_000)
    newer = m.Notice("app", "App", strap.now, "0:3")
    strap.ask(m.Update(A, strap.number(), mail, 2, newer))
    assert strap.signals[-1].lines == ("0:3",)
    assert strap.signals[-1].light is not None


def test_dismissed_on_the_phone_it_goes_from_the_strap_at_once() -> None:
    strap = Strap()
    mail = strap.post("Hi")
    strap.ask(m.Dismiss(A, strap.number(), mail))
    assert [s.lines for s in strap.withdrawn] == [("Hi",)]
    assert not strap.end.dismiss_shown()


def test_an_old_dismissal_leaves_newer_content() -> None:
    strap = Strap()
    number = strap.number()
    strap.ask(m.Post(A, number, 7, m.Notice("app", "App", strap.now, "new"), 3))
    strap.ask(m.Dismiss(A, strap.number(), 7, 2))
    assert strap.end.dismiss_shown()


def test_actions_of_a_message() -> None:
    strap = Strap()
    strap.end.connected()
    mail = strap.post("Lunch?", actions=(m.Action("Yes"), m.Action("No")))
    assert not strap.end.act_on_shown(2)
    assert strap.end.act_on_shown(1)
    assert strap.news == [m.Acted(A, 1, mail, strap.now, 1)]
    assert strap.events() == strap.news
    assert not strap.end.act_on_shown(0)


# ------------------------------------------------------------------ the phone


def test_orders_count_once_and_only_upwards() -> None:
    strap = Strap()
    notice = m.Notice("app", "App", strap.now, "Hi")
    for number, expected in ((5, 5), (5, 5), (4, 4)):
        assert strap.ask(m.Post(A, number, number, notice)) == m.Taken(expected)
    strap.wait(MINUTE)
    assert strap.lines() == [("Hi",)]
    greeting = strap.ask(m.Greet(A))
    assert isinstance(greeting, m.Greeting)
    assert greeting.taken == 5


def test_phones_do_not_mix() -> None:
    strap = Strap()
    strap.ask(m.Greet(B))
    mail = strap.post("from A", id=7)
    strap.ask(m.Post(B, 1, 7, m.Notice("app", "App", strap.now, "from B")))
    strap.ask(m.Dismiss(B, 2, 7))
    strap.wait(MINUTE)
    assert strap.lines() == [("from A",)]
    assert strap.end.browse()
    assert strap.end.dismiss_shown()
    assert [e.id for e in strap.events() if isinstance(e, m.Dismissed)] == [mail]
    assert strap.ask(m.Fetch(B, 0)) == m.Events()


def test_a_fifth_phone_takes_the_place_of_the_one_silent_longest() -> None:
    strap = Strap()
    strap.ask(m.Alarm(A, strap.number(), 0, 1, EVERY_DAY))
    for number in range(4):
        strap.ask(m.Greet(bytes((number,)) * 4))
    strap.wait(HOUR)
    assert strap.lines() == []
    with pytest.raises(StrapRefused, match="does not know the phone; greet it first"):
        strap.ask(m.Dismiss(A, strap.number(), 1))


def test_a_phone_that_takes_over_leaves_nothing_of_the_others() -> None:
    strap = Strap()
    strap.ask(m.Greet(B))
    strap.can_show = False
    strap.post("of the old phone")
    strap.ask(m.Alarm(A, strap.number(), 0, 1, EVERY_DAY))
    strap.ask(m.Forget(B, 1))
    strap.can_show = True
    strap.wait(HOUR)
    assert strap.lines() == []


def test_events_are_kept_until_they_are_fetched() -> None:
    strap = Strap()
    for title in ("one", "two"):
        strap.post(title)
        strap.end.dismiss_shown()
    assert strap.news == []  # nobody was there
    first, second = strap.events()
    strap.end.connected()
    assert strap.news == [first]
    assert strap.ask(m.Fetch(A, 1)) == m.Events((m.NEWS.encode(second),))
    assert strap.ask(m.Fetch(A, 99)) == m.Events()


def test_a_phone_that_never_fetches_is_told_to() -> None:
    strap = Strap()
    strap.rules(apps=(m.AppRule("", muted=True),))
    for _ in range(EVENTS_KEPT_MAX):
        strap.post("no")
    with pytest.raises(StrapRefused, match="too many events wait; fetch them, then order again"):
        strap.post("no")
    answer = strap.ask(m.Fetch(A, 250))
    assert isinstance(answer, m.Events)
    assert len(answer.events) == EVENTS_KEPT_MAX - 250
    strap.numbers[A] -= 1
    strap.post("no")


def test_finding_the_phone() -> None:
    strap = Strap()
    assert not strap.end.find_phone()
    assert strap.lines() == [("Phone out of reach",)]
    strap.end.connected()
    assert strap.end.find_phone()
    assert strap.lines() == [("Looking for phone", "ringing")]
    strap.end.disconnected()
    strap.end.connected()
    assert strap.news == [m.FindPhone(True)] * 2
    strap.ask(m.Found(A, strap.number()))
    strap.end.connected()
    assert len(strap.news) == 2
    assert strap.end.find_phone()
    assert not strap.end.find_phone()
    assert strap.news[-1] == m.FindPhone()
    assert strap.end.find_phone()
    strap.wait(2 * MINUTE)
    strap.end.connected()
    assert len(strap.news) == 5


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (b"\x01\x01", "messages: greet/source: is missing"),
        (b"\x01\x7f", "messages: message request: kind 7F is not known here"),
        (
            m.REQUESTS.encode(m.Post(A, 1, 1, m.Notice("a", "", 0, "", "x" * 600))),
            "messages: bodies have at most 512 bytes; cut it",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(request_: bytes, error: str) -> None:
    strap = Strap()
    with pytest.raises(StrapRefused, match=error):
        run(strap.end.handle(request_))


def test_a_memory_that_fails_refuses_and_the_repetition_is_taken() -> None:
    strap = Strap()
    strap.env.disk.fail_at(1, OSError(errno.EIO, "broken"))
    with pytest.raises(StrapRefused, match="memory failed; send it again"):
        strap.post("Hi")
    strap.numbers[A] = 0
    strap.post("Hi")
    strap.wait(MINUTE)
    assert strap.lines() == [("Hi",)]


async def test_the_loop_wakes_for_what_comes_and_what_is_due() -> None:
    strap = Strap()
    loop = asyncio.ensure_future(strap.end.run())
    await strap.env.clock.run_ms(1)
    await strap.end.handle(m.REQUESTS.encode(m.Alarm(A, strap.number(), 0, 2, EVERY_DAY)))
    await strap.env.clock.run_ms(2 * MINUTE + 6_500)
    assert strap.lines() == [("Alarm 0:02",)] * 3
    strap.env.disk.fail_at(1, OSError(errno.EIO, "broken"))
    await strap.env.clock.run_ms(10 * MINUTE)
    assert strap.lines()[-1] == ("Missed alarm",)
    loop.cancel()
