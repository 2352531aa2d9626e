"""The phone's end with a real strap's end behind a link in hand."""

from __future__ import annotations

from typing import Any

import pytest

from support.messages_world import LOST, STALE_ANSWER, TWICE, UNANSWERED, World, run
from wristlet.companion.errors import CompanionError, InputError
from wristlet.companion.messages.box import QUEUE_MAX, Effect, EffectKind, Item
from wristlet.companion.messages.content import Notification
from wristlet.companion.messages.messenger import Messenger
from wristlet.crypto.seal import SealKey
from wristlet.env.base import Env
from wristlet.env.durable_map import DurableMapError
from wristlet.env.sim import SimRandom
from wristlet.strap.messages.store import Profile
from wristlet.wire.strap import messages as m
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.message_choices import (
    EVERY_DAY,
    ActionKind,
    CallAct,
    CallState,
    Category,
    Hide,
    Level,
    Weekdays,
)

MINUTE, HOUR = 60_000, 3_600_000
APP = "com.example.mail"


def note(world: World, key: str = "k", title: str = "Hi", **more: Any) -> Notification:
    return Notification(APP, key, world.clock.now_ms(), "Mail", title, **more)


def connected(profile: Profile | None = None) -> World:
    world = World(profile)
    world.connect()
    assert world.sync()
    return world


def effects(world: World) -> list[tuple[EffectKind, str, str]]:
    return [(e.kind, e.key, e.label) for e in world.phone.effects()]


# ------------------------------------------------------------------ to the strap


def test_a_notification_comes_onto_the_strap_with_its_rule() -> None:
    world = connected()
    world.phone.set_rules(apps=(m.AppRule(APP, hidden=False),), hide=Hide.NEVER)
    assert world.phone.notify(note(world, body="there"))
    assert world.phone.status().waiting == 2
    assert world.sync()
    assert world.texts() == ["Hi", "there"]
    assert world.phone.status().waiting == 0


def test_it_waits_for_the_link_over_any_restart() -> None:
    world = World()
    world.phone.notify(note(world))
    world.disconnect()
    assert not world.sync()
    world.restart_phone(0)
    world.connect()
    assert world.sync()
    assert world.texts() == ["Hi"]


@pytest.mark.parametrize("fault", [LOST, UNANSWERED, TWICE, STALE_ANSWER])
@pytest.mark.parametrize("place", range(4))
def test_a_link_that_fails_once_loses_and_doubles_nothing(fault: int, place: int) -> None:
    world = connected()
    world.phone.notify(note(world))
    world.link.faults = [0] * place + [fault]
    if not world.sync():
        assert world.sync()
    world.pass_ms(MINUTE)
    assert world.texts() == ["Hi"]


def test_new_content_takes_the_place_of_what_has_not_left() -> None:
    world = World()
    world.phone.notify(note(world, title="one"))
    world.phone.notify(note(world, title="two"))
    world.connect()
    assert world.sync()
    world.pass_ms(MINUTE)
    assert world.texts() == ["two"]


def test_new_content_is_shown_anew_or_replaces_silently() -> None:
    world = connected()
    world.phone.notify(note(world, title="0:1"))
    world.sync()
    world.pass_ms(MINUTE)
    world.phone.notify(note(world, title="0:2"), silent=True)
    world.sync()
    assert world.texts() == ["0:1"]
    world.phone.notify(note(world, title="0:3"))
    world.sync()
    assert world.alerts() == ["0:1", "0:3"]


def test_silent_content_does_not_swallow_a_sign_that_has_not_left() -> None:
    world = connected()
    world.phone.notify(note(world, title="one"))
    world.sync()
    world.pass_ms(MINUTE)
    world.phone.notify(note(world, title="two"))
    world.phone.notify(note(world, title="three"), silent=True)
    world.sync()
    assert world.alerts() == ["one", "three"]


def test_gone_on_the_phone_it_goes_from_the_strap_or_never_leaves() -> None:
    world = connected()
    world.phone.notify(note(world, "a", "A"))
    world.sync()
    world.phone.notify(note(world, "b", "B"))
    assert world.phone.withdraw(APP, "a")
    assert world.phone.withdraw(APP, "b")
    assert not world.phone.withdraw(APP, "c")
    world.sync()
    world.pass_ms(MINUTE)
    assert world.texts() == ["A"]
    assert not world.strap.browse()
    assert world.phone.status().messages == 0
    assert world.phone.status().counts.withdrawn == 1


def test_posted_again_while_its_dismissal_is_on_the_way() -> None:
    world = connected()
    world.phone.notify(note(world, title="one"))
    world.sync()
    world.phone.withdraw(APP, "k")
    world.link.faults = [0, 0, UNANSWERED]
    assert not world.sync()
    world.phone.notify(note(world, title="two"))
    world.sync()
    world.pass_ms(MINUTE)
    assert world.texts() == ["one", "two"]
    assert world.strap.browse()
    assert world.phone.status().messages == 1


def test_what_presses_goes_first_and_rules_before_all() -> None:
    world = World()
    world.phone.notify(note(world, "a", "A"))
    world.phone.notify(note(world, "b", "B", level=Level.URGENT))
    world.phone.call_incoming("c1", "Mum")
    world.phone.set_rules(hide=Hide.NEVER)
    asked: list[str] = []
    handle = world.link.handle

    async def spy(raw: bytes) -> bytes:
        asked.append(type(m.REQUESTS.decode(raw)).__name__)
        return await handle(raw)

    world.link.handle = spy
    world.connect()
    world.sync()
    assert asked == ["Greet", "Fetch", "Rules", "Call", "Post", "Post", "Fetch"]


def test_too_many_are_dropped_by_policy_and_counted_on_the_strap() -> None:
    world = World()
    world.phone.notify(note(world, "urgent", "U", level=Level.URGENT))
    for n in range(QUEUE_MAX + 11):
        world.phone.notify(note(world, f"k{n}", f"<{n}>"))
    assert world.phone.status().counts.dropped == 12
    world.connect()
    world.sync()
    world.pass_ms(HOUR)
    world.sync()
    texts = world.texts()
    assert "U" in texts
    assert "<11>" not in texts
    overflow = world.phone.status().counts.overflow
    assert f"+{12 + overflow} more" in texts


def test_long_texts_are_cut_to_what_the_strap_keeps_at_whole_signs() -> None:
    family = "👩‍👩‍👧‍👦"
    world = connected(Profile(title_bytes=20, body_bytes=60))
    world.phone.notify(note(world, title="日本語の長い題名です", body=family * 5))
    world.sync()
    assert world.texts() == ["日本語の長…", family * 2 + "…"]


def test_content_that_is_always_hidden_never_leaves_the_phone() -> None:
    for rules in ({"hide": Hide.ALWAYS}, {"apps": (m.AppRule(APP, hidden=True),)}):
        world = connected()
        world.phone.set_rules(**rules)
        carried: list[bytes] = []
        handle = world.link.handle

        async def spy(raw: bytes, handle: Any = handle, carried: list[bytes] = carried) -> bytes:
            carried.append(raw)
            answer: bytes = await handle(raw)
            return answer

        world.link.handle = spy
        payment = m.Payment("Clinic", 1200, "JPY", "Card", "1234")
        world.phone.notify(note(world, "a", "secret title", body="secret body"))
        world.phone.notify(note(world, "b", "secret title", payment=payment))
        world.sync()
        assert not any(word in b"".join(carried) for word in (b"secret", b"Clinic", b"1234"))
        assert world.texts()[:2] == ["Mail", "New message"]


def test_a_muted_app_stays_on_the_phone_also_what_waited() -> None:
    world = World()
    world.phone.notify(note(world))
    world.phone.set_rules(apps=(m.AppRule(APP, muted=True),))
    assert not world.phone.notify(note(world, "other"))
    world.connect()
    world.sync()
    assert world.texts() == []
    assert world.phone.status().counts.filtered == 2


def test_what_is_over_does_not_leave() -> None:
    world = World()
    world.phone.notify(note(world, expires_ms=world.clock.now_ms() + MINUTE))
    world.clock.advance_ms(MINUTE)
    world.connect()
    world.sync()
    assert world.texts() == []
    assert world.phone.status().counts.stale == 1


def test_a_payment_is_known_by_what_it_is() -> None:
    world = connected()
    world.phone.notify(note(world, payment=m.Payment("Kiosk", 1200, "JPY", "Visa", "1234")))
    world.sync()
    assert world.texts() == ["1,200 JPY paid", "Kiosk", "Visa ··1234"]
    world.worn = False
    world.phone.set_rules(hide=Hide.NEVER)
    world.sync()
    assert world.signals[-1].lines == ("paid", "Kiosk", "Visa ··1234")


# ------------------------------------------------------------------ calls


def test_a_call_rings_and_is_accepted_on_the_strap() -> None:
    world = connected()
    world.phone.call_incoming("c1", "Mum")
    world.sync()
    assert world.texts() == ["Call", "Mum"]
    assert world.strap.act_on_shown(0)
    assert effects(world) == [(EffectKind.CALL, "c1", "accept")]


def test_a_call_that_waited_for_the_link_was_missed() -> None:
    world = World()
    states: list[CallState] = []
    handle = world.link.handle

    async def spy(raw: bytes) -> bytes:
        order = m.REQUESTS.decode(raw)
        if isinstance(order, m.Call):
            states.append(order.state)
        return await handle(raw)

    world.link.handle = spy
    world.phone.call_incoming("c1", "Mum")
    world.clock.advance_ms(HOUR)
    world.connect()
    world.sync()
    world.pass_ms(MINUTE)
    assert states == [CallState.MISSED]
    assert world.texts() == ["Missed call", "Mum"]


@pytest.mark.parametrize(("answered", "texts"), [(True, []), (False, ["Missed call", "Mum"])])
def test_a_call_that_ended_before_the_link_came(answered: bool, texts: list[str]) -> None:
    world = World()
    world.phone.call_incoming("c1", "Mum")
    if answered:
        world.phone.call_answered("c1")
    world.phone.call_ended("c1")
    world.connect()
    world.sync()
    world.pass_ms(MINUTE)
    assert world.texts() == texts


def test_a_ring_that_arrived_unknown_to_the_phone_still_ends() -> None:
    world = connected()
    world.phone.call_incoming("c1", "Mum")
    world.link.faults = [0, 0, UNANSWERED]
    assert not world.sync()
    world.phone.call_ended("c1")
    world.sync()
    world.pass_ms(MINUTE)
    assert world.signals[-1].lines == ("Missed call", "Mum")


def test_a_missed_call_seen_on_either_end_is_seen_on_both() -> None:
    for on_strap in (True, False):
        world = connected()
        world.phone.call_incoming("c1", "Mum")
        world.phone.call_ended("c1")
        world.sync()
        if on_strap:
            assert world.strap.dismiss_shown()
            assert effects(world) == [(EffectKind.CALL_SEEN, "c1", "")]
        else:
            world.phone.call_seen("c1")
            world.sync()
            assert not world.strap.dismiss_shown()


def test_an_answer_that_comes_too_late_touches_no_other_call() -> None:
    world = connected()
    world.phone.call_incoming("c1", "Mum")
    world.sync()
    world.news_faults = [LOST]
    assert world.strap.act_on_shown(0)
    world.clock.advance_ms(2 * MINUTE)
    world.sync()
    assert effects(world) == []


def test_the_same_caller_has_the_same_key_and_no_number_leaves() -> None:
    world = World()
    keys: list[bytes] = []
    handle = world.link.handle

    async def spy(raw: bytes) -> bytes:
        order = m.REQUESTS.decode(raw)
        if isinstance(order, m.Call):
            keys.append(order.caller_key)
        assert b"555" not in raw
        return await handle(raw)

    world.link.handle = spy
    world.connect()
    for key, number in (("a", "+1555"), ("b", "+1555"), ("c", "+1556"), ("d", "")):
        world.phone.call_incoming(key, "somebody", number=number)
        world.sync()
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == b""


# ------------------------------------------------------------------ alarms, timers, finding


def test_alarms_and_timers() -> None:
    world = connected()
    world.offset_minutes = 60  # 01:00 local time
    assert world.phone.set_alarm(90, weekdays=EVERY_DAY, label="Up") == 0
    assert world.phone.set_alarm(30, label="Once") == 1
    assert world.phone.start_timer(MINUTE, label="Tea") == 0
    world.sync()
    assert [a.day for a in world.phone.alarms()] == [0, 20_455]  # 0:30 is over today
    world.pass_ms(MINUTE)
    assert world.texts() == ["Timer", "Tea"]
    assert world.strap.dismiss_shown()
    world.pass_ms(29 * MINUTE)
    assert world.texts()[2:] == ["Alarm 1:30", "Up"]
    world.strap.dismiss_shown()
    world.sync()
    assert world.phone.timers() == ()
    assert len(world.phone.alarms()) == 2
    assert effects(world) == [
        (EffectKind.RANG, "t/00", "stopped"),
        (EffectKind.RANG, "a/00", "stopped"),
    ]
    world.pass_ms(23 * HOUR)
    assert "Once" in world.texts()
    world.strap.dismiss_shown()
    world.sync()
    assert len(world.phone.alarms()) == 1
    assert world.phone.remove_alarm(0)
    assert not world.phone.remove_alarm(0)
    world.sync()
    world.signals.clear()
    world.pass_ms(48 * HOUR)
    assert world.texts() == []


def test_a_single_alarm_that_came_too_late_is_told_as_missed() -> None:
    world = World()
    world.phone.set_alarm(60)
    world.clock.advance_ms(3 * HOUR)
    world.connect()
    world.sync()
    world.pass_ms(MINUTE)
    world.sync()
    assert world.texts() == ["Missed alarm"]
    assert world.phone.alarms() == ()


def test_more_than_the_strap_keeps_is_said_at_once() -> None:
    world = connected(Profile(timers_max=1))
    world.phone.start_timer(MINUTE)
    with pytest.raises(InputError, match="timer: the strap keeps 1; remove or replace one"):
        world.phone.start_timer(MINUTE)
    assert world.phone.cancel_timer(0)
    assert world.phone.start_timer(MINUTE) == 0
    with pytest.raises(InputError, match="alarm: the strap keeps 8"):
        world.phone.set_alarm(60, slot=8)


def test_finding_the_phone() -> None:
    world = connected()
    assert world.strap.find_phone()
    looked_for = [world.phone.is_looked_for()]
    world.phone.phone_found()
    looked_for.append(world.phone.is_looked_for())
    assert looked_for == [True, False]
    world.sync()
    assert world.strap.find_phone()  # it had stopped looking
    world.clock.advance_ms(MINUTE)
    assert not world.phone.is_looked_for()


# ------------------------------------------------------------------ back from the strap


def test_dismissed_on_the_strap_it_goes_from_the_phone_once() -> None:
    world = connected()
    world.phone.notify(note(world))
    world.sync()
    world.news_faults = [TWICE]
    assert world.strap.dismiss_shown()
    world.sync()
    (effect,) = world.phone.effects()
    now_ms = world.clock.now_ms()
    assert effect == Effect(1, EffectKind.DISMISS, APP, "k", "", now_ms)
    world.restart_phone(0)
    assert world.phone.effects() == (effect,)
    world.phone.done(effect.id)
    assert world.phone.effects() == ()


def test_a_reply_is_sent_by_the_phone_late_ones_are_marked() -> None:
    for wait_ms, late in ((0, False), (HOUR, True)):
        world = connected()
        action = m.Action("On my way", ActionKind.REPLY)
        world.phone.notify(note(world, actions=(action, m.Action("Archive"))))
        world.sync()
        world.disconnect()
        assert world.strap.act_on_shown(0)
        world.clock.advance_ms(wait_ms)
        world.connect()
        world.sync()
        (effect,) = world.phone.effects()
        assert (effect.kind, effect.label, effect.late) == (EffectKind.REPLY, "On my way", late)
        assert world.phone.status().messages == 0


def test_an_answer_to_content_that_was_replaced_is_not_sent() -> None:
    world = connected()
    world.phone.notify(note(world, title="Lunch?", actions=(m.Action("Yes", ActionKind.REPLY),)))
    world.sync()
    world.disconnect()
    world.strap.act_on_shown(0)
    newer = note(world, title="Divorce?", actions=(m.Action("Yes", ActionKind.REPLY),))
    world.phone.notify(newer)
    world.connect()
    world.sync()
    assert [kind for kind, _, _ in effects(world)] == [EffectKind.REPLY]
    assert world.texts() == ["Lunch?", "Divorce?"]
    assert world.phone.status().messages == 1


def test_a_dismissal_leaves_newer_content_alone() -> None:
    world = connected()
    world.phone.notify(note(world, title="one"))
    world.sync()
    world.disconnect()
    world.strap.dismiss_shown()
    world.phone.notify(note(world, title="two"))
    world.connect()
    world.sync()
    assert effects(world) == []
    assert world.texts() == ["one", "two"]


def test_news_that_cannot_be_read_or_come_early_are_fetched() -> None:
    world = connected()
    for key in "ab":
        world.phone.notify(note(world, key, key))
    world.sync()
    world.news_faults = [LOST]
    world.strap.dismiss_shown()
    world.strap.dismiss_shown()
    behind = [world.phone.is_behind]
    assert effects(world) == []
    world.sync()
    behind.append(world.phone.is_behind)
    assert behind == [True, False]
    assert [key for _, key, _ in effects(world)] == ["a", "b"]
    world.phone.take_news(b"\xff")
    assert world.phone.is_behind


# ------------------------------------------------------------------ other straps, other phones


def test_a_strap_that_lost_its_memory_gets_rules_and_alarms_again_but_no_old_messages() -> None:
    world = connected()
    world.phone.set_rules(hide=Hide.NEVER)
    world.phone.set_alarm(60, weekdays=Weekdays.THURSDAY)
    world.phone.notify(note(world, "old", "old"))
    world.sync()
    world.pass_ms(MINUTE)
    world.strap_disk = type(world.strap_disk)()
    world.strap = world._new_strap()
    world.phone.notify(note(world, "new", "new"))
    assert world.sync()
    world.worn = False
    world.pass_ms(2 * HOUR)
    assert world.texts()[:2] == ["old", "new"]
    assert "Alarm 1:00" in world.texts()
    assert world.phone.status().messages == 1


def test_an_order_in_doubt_at_a_strap_that_lost_its_memory_is_counted() -> None:
    world = connected()
    world.phone.notify(note(world))
    world.link.faults = [0, 0, UNANSWERED]
    assert not world.sync()
    world.strap_disk = type(world.strap_disk)()
    world.strap = world._new_strap()
    assert world.sync()
    assert world.phone.status().counts.lost == 1
    assert world.texts() == ["Hi"]


def test_a_phone_restored_from_an_old_copy_begins_anew_and_loses_nothing() -> None:
    world = connected()
    world.phone.notify(note(world, "a", "A"))
    world.sync()
    copy = world.phone_disk.copy()
    for key in "bc":
        world.phone.notify(note(world, key, key))
    world.sync()
    world.phone_disk = copy
    world.phone = world._new_phone()
    world.phone.notify(note(world, "d", "D"))
    assert world.sync()
    world.pass_ms(MINUTE)
    assert world.texts() == ["A", "b", "c", "D"]


def test_a_phone_that_takes_over_clears_the_old_ones_alarms() -> None:
    world = connected()
    world.phone.set_alarm(60, weekdays=EVERY_DAY)
    world.sync()
    new = Messenger(Env(world.clock, SimRandom("other"), type(world.phone_disk)()), "/phone")
    new.take_over()
    run(new.sync(world.link))
    world.pass_ms(2 * HOUR)
    assert world.texts() == []


def test_what_the_strap_refuses_is_told_and_blocks_nothing() -> None:
    world = World(Profile(alarms_max=2))
    world.phone.set_alarm(60, slot=3)  # before the strap has said what it keeps
    world.phone.notify(note(world))
    world.connect()
    assert world.sync()
    assert world.texts() == ["Hi"]
    (effect,) = world.phone.effects()
    assert effect.kind is EffectKind.REFUSED
    assert effect.label == "messages: this strap keeps 2 alarms; remove one first"
    assert world.phone.alarms() == ()
    assert world.phone.status().counts.refused == 1


class Impostor:
    """Answers every request with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x01\x50\x02\x01\x05",
        m.ANSWERS.encode(m.Events((b"\xff\xff",), more=True)),
        m.ANSWERS.encode(m.Events(more=True)),
    ],
)
def test_a_strap_that_answers_nonsense_is_unreachable_not_a_crash(answer: bytes) -> None:
    world = World()
    world.phone.notify(note(world))
    with pytest.raises(CompanionError, match="nothing is lost"):
        run(world.phone.sync(Impostor(answer)))
    assert world.phone.status().waiting == 1


# ------------------------------------------------------------------ on the phone


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"app": ""}, "app: an id of 1 to 64 bytes"),
        ({"app": "#call"}, "app: an id of 1 to 64 bytes that does not begin with #"),
        ({"app": "a" * 65}, "app: an id of 1 to 64 bytes"),
        ({"key": ""}, "key: 1 to 256 bytes"),
        ({"actions": (m.Action("a"),) * 5}, "actions: at most 4; leave the least used out"),
        ({"actions": (m.Action(""),)}, "post/notice/actions/label: has 0 bytes"),
        ({"time_ms": -1}, "post/notice/time_ms: must be 0 to"),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(changes: dict[str, Any], error: str) -> None:
    world = World()
    fields = {"app": APP, "key": "k", "time_ms": 0, **changes}
    with pytest.raises(InputError, match=error):
        world.phone.notify(Notification(**fields))
    assert world.phone.status().waiting == 0


@pytest.mark.parametrize("duration_ms", [0, -5, 24 * HOUR + 1])
def test_timers_have_bounds(duration_ms: int) -> None:
    with pytest.raises(InputError, match="duration_ms: more than nothing, and at most a day"):
        World().phone.start_timer(duration_ms)


def test_messages_on_the_phones_disk_are_sealed() -> None:
    world = World(sealed=True)
    world.phone.notify(note(world, title="very private"))
    content = b"".join(world.phone_disk.content().values())
    assert b"private" not in content
    assert APP.encode() not in content
    world.restart_phone(0)
    assert world.phone.status().waiting == 1
    env = Env(world.clock, SimRandom("thief"), world.phone_disk)
    with pytest.raises(DurableMapError, match="another key, or damaged"):
        Messenger(env, "/phone", key=SealKey(bytes([1]) * 32))


def test_a_category_stays_what_the_app_said_but_for_payments() -> None:
    world = connected()
    world.phone.notify(note(world, category=Category.TRAVEL))
    world.sync()
    (item,) = world.phone._records.all("item", Item).values()
    assert item.sent
    assert item.app == APP


def test_acts_are_those_the_phone_offers() -> None:
    world = connected()
    world.phone.call_incoming("c1", "Mum", acts=CallAct.DECLINE)
    world.sync()
    assert world.strap.act_on_shown(0)
    assert effects(world) == [(EffectKind.CALL, "c1", "decline")]
