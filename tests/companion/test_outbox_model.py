"""The queue of what waits, as a state machine: whatever server and phone do, each request is
carried out once, in order, or is still there, or was called back, or was turned down.
"""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.fake_wallet import FakeWallet, card
from wristlet.companion import queue
from wristlet.companion.outbox import Outbox
from wristlet.companion.outcome import Ending, Outcome
from wristlet.companion.queue import Kind
from wristlet.companion.store import PhoneStore, StrapState
from wristlet.crypto.seal import SealKey
from wristlet.env.sim import SimEnv

KEY = SealKey(bytes(32))
PATH = "/phone.sealed"
DEVICES = ("dev_1", "dev_2")
ASKED = (Kind.SUSPEND, Kind.RESUME, Kind.REMOVE, Kind.LOST, Kind.FOUND, Kind.RENAME)


def strap(device_id: str) -> StrapState:
    return StrapState(
        device_id,
        f"strap {device_id}",
        "00" * 16,
        "model",
        "7f21",
        "04",
        cards=(card(f"card_{device_id}", device_id),),
    )


class OutboxMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.env = SimEnv(7)
        self.server = FakeWallet()
        self.store = PhoneStore(self.env, PATH, KEY)
        for device_id in DEVICES:
            self.store.keep_strap(strap(device_id))
        self.asked: list[tuple[str, tuple[str, str, str], str]] = []
        self.cancelled: set[str] = set()
        self.turned_down: set[str] = set()

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.env, self.store, self.server.client())

    @rule(mood=st.sampled_from(("well", "away", "busy", "loses", "unwilling")))
    def the_server_changes(self, mood: str) -> None:
        self.server.mood = mood

    @rule(kind=st.sampled_from(ASKED), device_id=st.sampled_from(DEVICES), name=st.text(max_size=3))
    def ask(self, kind: Kind, device_id: str, name: str) -> None:
        is_of_card = kind in (Kind.SUSPEND, Kind.RESUME, Kind.REMOVE)
        subject = f"card_{device_id}" if is_of_card else ""
        value = name if kind is Kind.RENAME else ""
        number = f"q{self.store.state.queue.last_number + 1}"
        makes_way = {
            one.id
            for one in self.outbox.waiting
            if (one.kind, one.device_id, one.is_sent) == (Kind.RENAME, device_id, False)
        }
        self.cancelled |= makes_way if kind is Kind.RENAME else set()
        outcome = asyncio.run(self.outbox.ask(kind, device_id, subject, value))
        self.asked.append((number, (str(kind), subject or device_id, value), device_id))
        self._watch(outcome, number)

    def _watch(self, outcome: Outcome[object], number: str) -> None:
        waiting = {one.id for one in self.outbox.waiting}
        assert (outcome.ending is Ending.QUEUED) == (number in waiting)
        if outcome.ending is Ending.QUEUED:
            assert outcome.queue_id == number
            assert outcome.reason
            assert outcome.next_step
        if outcome.ending is Ending.NOT_POSSIBLE:
            self.turned_down.add(number)
        self.turned_down |= {one.id for one in self.outbox.refused}

    @rule()
    def hand_in(self) -> None:
        asyncio.run(self.outbox.flush())
        self.turned_down |= {one.id for one in self.outbox.refused}

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.outbox.waiting:
            assert self.outbox.cancel("q0").ending is Ending.NOT_POSSIBLE
            return
        request = data.draw(st.sampled_from(self.outbox.waiting))
        outcome = self.outbox.cancel(request.id)
        assert outcome.is_done != request.is_sent
        if outcome.is_done:
            self.cancelled.add(request.id)
            assert request.key not in self.server.by_key

    @rule()
    def the_phone_restarts(self) -> None:
        before = self.store.state
        self.store = PhoneStore(self.env, PATH, KEY)
        assert self.store.state == before

    @rule()
    def the_wearer_reads_refusals(self) -> None:
        self.outbox.seen()
        assert self.outbox.refused == ()

    @invariant()
    def nothing_is_done_twice(self) -> None:
        assert len(self.server.carried_out) == len(self.server.by_key)

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Of each request one thing is true: done, waiting, called back or turned down."""
        settled = len(self.asked) - len(self.outbox.waiting)
        waiting_but_done = sum(one.key in self.server.by_key for one in self.outbox.waiting)
        done = len(self.server.by_key) - waiting_but_done
        assert settled == done + len(self.cancelled) + len(self.turned_down)

    @invariant()
    def a_straps_requests_keep_their_order(self) -> None:
        for device_id in DEVICES:
            numbers = [int(one.id[1:]) for one in self.outbox.waiting if one.device_id == device_id]
            assert numbers == sorted(numbers)

    def teardown(self) -> None:
        self.server.mood = "well"
        asyncio.run(self.outbox.flush())
        assert self.outbox.waiting == ()
        for device_id in DEVICES:
            mine = [what for _, what, where in self.asked if where == device_id]
            done = [
                one for one in self.server.carried_out if one[1] in (device_id, f"card_{device_id}")
            ]
            rest = iter(mine)
            assert all(one in rest for one in done), "carried out in the order of asking"


OutboxMachine.TestCase.settings = settings(deadline=None)
TestOutbox = OutboxMachine.TestCase


def test_only_the_last_name_and_choice_matter() -> None:
    line = queue.Queue()
    for kind, value in ((Kind.RENAME, "a"), (Kind.SUSPEND, ""), (Kind.RENAME, "b")):
        line, _ = queue.add(line, queue.Pending("", "key", kind, "dev_1", value=value))
    assert [(one.id, one.value) for one in line.waiting] == [("q2", ""), ("q3", "b")]


def test_a_name_that_may_have_been_sent_stays_before_the_next_one() -> None:
    line, first = queue.add(queue.Queue(), queue.Pending("", "k", Kind.RENAME, "dev_1", value="a"))
    line = queue.mark_sent(line, first.id)
    line, _ = queue.add(line, queue.Pending("", "l", Kind.RENAME, "dev_1", value="b"))
    assert [one.value for one in line.waiting] == ["a", "b"]


def test_nobody_hears_of_a_report_that_was_turned_down() -> None:
    line, report = queue.add(queue.Queue(), queue.Pending("", "k", Kind.LEASE_REPORT, "dev_1"))
    assert queue.refuse(line, report.id, "no") == queue.Queue(last_number=1)
