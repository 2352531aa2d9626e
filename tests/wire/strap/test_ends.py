"""Phone's and strap's end of a concern on a link that does what it likes.

Frames are lost, doubled, reordered, held back and damaged; connections break, the strap restarts,
time passes. Whatever happens: a request is carried out once at most, an answer is the one to what
was asked, news come in order and once, nothing grows; and when the link behaves again, everything
comes to an end.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from wristlet.wire.strap import frames, phone_end, strap_end, stream
from wristlet.wire.strap.frames import Ack, Broken, Data, Hello, Message, MessageKind, Reason
from wristlet.wire.strap.phone_end import PhoneEnd
from wristlet.wire.strap.strap_end import Execute, StrapEnd
from wristlet.wire.strap.stream import Send

NOW = 1_000


def answer_to(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big") * (len(body) % 40 + 1)


class Link(RuleBasedStateMachine):
    """Both ends, the frames between them, and what has come of everything."""

    @initialize(mtu=st.sampled_from((23, 24, 40, 185, 517)))
    def begin(self, mtu: int) -> None:
        self.size = frames.frame_size(mtu)
        self.phone, self.strap = PhoneEnd(), StrapEnd(b"boot")
        self.now, self.boots, self.count = NOW, 0, 0
        self.to_strap: list[bytes] = []
        self.to_phone: list[bytes] = []
        self.running: list[Execute] = []
        self.executed: list[bytes] = []
        self.asked = b""
        self.ever_asked: set[bytes] = set()
        self.outcomes: list[str] = []
        self.told: list[bytes] = []
        self.heard: list[bytes] = []
        self.is_connected = False
        self.connect()

    # ------------------------------------------------------------- both ends

    def on_phone(self, step: phone_end.Step) -> None:
        self.phone = step[0]
        for effect in step[1]:
            if isinstance(effect, Send):
                assert len(effect.frame) <= self.size
                self.to_strap.append(effect.frame)
            elif isinstance(effect, phone_end.Answered):
                assert effect.body == answer_to(self.asked)
                self.outcomes.append("answered")
            elif isinstance(effect, phone_end.Failed):
                self.outcomes.append("failed")
            elif isinstance(effect, phone_end.News):
                self.heard.append(effect.body)
            elif isinstance(effect, phone_end.Hopeless):
                self.cut()
            else:
                raise AssertionError(effect)

    def on_strap(self, step: strap_end.Step) -> None:
        self.strap = step[0]
        for effect in step[1]:
            if isinstance(effect, Send):
                assert len(effect.frame) <= self.size
                self.to_phone.append(effect.frame)
            elif isinstance(effect, Execute):
                assert effect.body not in self.executed, "carried out twice"
                # One that was given up may be carried out still: nobody can call it back.
                assert effect.body in self.ever_asked, "something that nobody asked"
                self.executed.append(effect.body)
                self.running.append(effect)

    # ----------------------------------------------------------------- rules

    @precondition(lambda self: not self.is_connected)
    @rule()
    def connect(self) -> None:
        self.is_connected = True
        self.to_strap, self.to_phone = [], []
        self.strap = strap_end.connected(self.strap, self.size)
        self.on_phone(phone_end.connected(self.phone, self.size, self.now))

    @precondition(lambda self: self.is_connected)
    @rule()
    def cut(self) -> None:
        self.is_connected = False
        self.to_strap, self.to_phone = [], []
        self.phone = phone_end.disconnected(self.phone)
        self.strap = strap_end.disconnected(self.strap)

    @precondition(lambda self: self.phone.outstanding is None)
    @rule(size=st.one_of(st.integers(0, 60), st.integers(0, 3_000)))
    def ask(self, size: int) -> None:
        self.count += 1
        self.asked = b"%d:" % self.count + bytes(size)
        self.ever_asked.add(self.asked)
        self.on_phone(phone_end.ask(self.phone, self.asked, self.now))

    @precondition(lambda self: self.running)
    @rule()
    def finish(self) -> None:
        request = self.running.pop(0)
        message = Message(MessageKind.ANSWER, request.id, answer_to(request.body))
        self.on_strap(strap_end.answered(self.strap, request, message, self.now))

    @precondition(lambda self: len(self.told) < 40)
    @rule(size=st.integers(0, 90))
    def tell(self, size: int) -> None:
        body = b"news %d:" % len(self.told) + bytes(size)
        self.told.append(body)
        self.on_strap(strap_end.news(self.strap, body, self.now))

    @rule()
    def restart_strap(self) -> None:
        self.boots += 1
        self.running = []
        if self.is_connected:
            self.cut()
        self.strap = StrapEnd(b"%04d" % self.boots)

    @rule()
    def reset_secure_element(self) -> None:
        self.on_strap(strap_end.started_over(self.strap))

    @rule()
    def give_up(self) -> None:
        if self.phone.outstanding is not None:
            self.outcomes.append("given up")
        self.on_phone(phone_end.give_up(self.phone, self.now))

    @rule(ms=st.sampled_from((1, 25, 400, 5_000)))
    def wait(self, ms: int) -> None:
        self.now += ms
        self.tick()

    @precondition(lambda self: self.to_strap)
    @rule(data=st.data(), fate=st.sampled_from(("take", "drop", "double", "damage")))
    def travel_to_strap(self, data: st.DataObject, fate: str) -> None:
        for frame in self.picked(data, self.to_strap, fate):
            self.on_strap(strap_end.receive(self.strap, frame, self.now))

    @precondition(lambda self: self.to_phone)
    @rule(data=st.data(), fate=st.sampled_from(("take", "drop", "double", "damage")))
    def travel_to_phone(self, data: st.DataObject, fate: str) -> None:
        for frame in self.picked(data, self.to_phone, fate):
            self.on_phone(phone_end.receive(self.phone, frame, self.now))

    @rule(turns=st.integers(1, 30))
    def behave(self, turns: int) -> None:
        """The link carries everything in order for a while."""
        for _ in range(turns):
            if self.to_strap:
                frame = self.to_strap.pop(0)
                self.on_strap(strap_end.receive(self.strap, frame, self.now))
            if self.to_phone:
                frame = self.to_phone.pop(0)
                self.on_phone(phone_end.receive(self.phone, frame, self.now))

    # --------------------------------------------------------------- helpers

    def picked(self, data: st.DataObject, way: list[bytes], fate: str) -> list[bytes]:
        """Take any frame off its way; what is doubled stays there for any later time."""
        index = data.draw(st.integers(0, min(len(way), 6) - 1))
        frame = way[index] if fate == "double" else way.pop(index)
        if fate == "drop":
            return []
        if fate == "damage":
            bit = data.draw(st.integers(0, 8 * len(frame) - 1))
            changed = bytearray(frame)
            changed[bit // 8] ^= 1 << bit % 8
            return [bytes(changed)]
        return [frame]

    def tick(self) -> None:
        due = phone_end.deadline_ms(self.phone)
        if due is not None and due <= self.now:
            self.on_phone(phone_end.tick(self.phone, self.now))
        due = strap_end.deadline_ms(self.strap)
        if due is not None and due <= self.now:
            self.on_strap(strap_end.tick(self.strap, self.now))

    # ------------------------------------------------------------ what holds

    @invariant()
    def nothing_grows(self) -> None:
        for line in (self.phone.stream, self.strap.stream):
            if line is not None:
                assert len(line.messages) <= stream.QUEUE_MAX + 1
                assert len(line.flight) <= frames.WINDOW_MAX + 1
                assert len(line.partial) <= frames.MESSAGE_HEAD + frames.BODY_MAX + self.size
        assert len(self.strap.unheard) <= stream.QUEUE_MAX

    @invariant()
    def news_are_in_order_and_none_is_doubled(self) -> None:
        positions = [self.told.index(body) for body in self.heard]
        assert positions == sorted(set(positions))

    def teardown(self) -> None:
        """With a link that behaves, what was asked comes to an end, and so does the next."""
        if not hasattr(self, "phone"):
            return
        self.come_to_an_end()
        # This one may meet what was left of a session that the phone does not know to be over.
        self.ask(5)
        self.come_to_an_end()
        failures = self.outcomes.count("failed")
        self.ask(5)
        self.come_to_an_end()
        assert self.outcomes.count("failed") == failures

    def come_to_an_end(self) -> None:
        """Let the link behave until nothing is asked and nothing is on its way."""
        for _ in range(400):
            if not (self.phone.outstanding or self.to_phone or self.to_strap or self.running):
                return
            if not self.is_connected:
                self.connect()
            self.behave(60)
            if self.running:
                self.finish()
            self.now += 50
            self.tick()
        raise AssertionError("it never came to an end")


Link.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestLink = Link.TestCase


def connected_strap() -> StrapEnd:
    end = strap_end.connected(StrapEnd(b"boot"), 512)
    return strap_end.receive(end, Hello(1, window=16).encode(), NOW)[0]


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_any_bytes_leave_both_ends_whole(raw: list[bytes]) -> None:
    strap = connected_strap()
    phone = phone_end.connected(PhoneEnd(), 512, NOW)[0]
    for frame in raw:
        strap = strap_end.receive(strap, frame, NOW)[0]
        phone = phone_end.receive(phone, frame, NOW)[0]
    assert strap.stream is None or len(strap.stream.partial) < 2_000


SMALL = st.integers(0, 255)
HOSTILE = st.one_of(
    st.builds(Hello, st.integers(0, 3), st.sampled_from((bytes(8), b"boot\0\0\0\2")), SMALL),
    st.builds(Data, st.just(1), st.integers(0, 4), SMALL, st.booleans(), st.binary(min_size=12)),
    st.builds(Ack, st.just(1), SMALL, st.integers(0, 64), st.booleans()),
    st.builds(Broken, st.integers(0, 2), st.sampled_from(Reason)),
)


@given(st.lists(HOSTILE, max_size=60), st.booleans())
def test_well_formed_frames_in_any_order_leave_the_strap_whole(
    hostile: list[Hello | Data | Ack | Broken], has_news: bool
) -> None:
    strap, now = connected_strap(), NOW
    for frame in hostile:
        strap, effects = strap_end.receive(strap, frame.encode(), now)
        assert sum(isinstance(effect, Send) for effect in effects) <= frames.WINDOW_MAX + 2
        if has_news:
            strap = strap_end.news(strap, b"news", now)[0]
        now += 100
        strap = strap_end.tick(strap, now)[0]
    assert strap.stream is None or len(strap.stream.messages) <= stream.QUEUE_MAX


def test_a_phone_that_acknowledges_nothing_fills_no_memory() -> None:
    strap = connected_strap()
    for number in range(2_000):
        asked = Message(MessageKind.RESUME, number + 1).encode(strap.epoch)
        frame = Data(1, number % 256, 0, True, asked).encode()
        strap, _ = strap_end.receive(strap, frame, NOW)
    assert strap.stream is not None
    assert len(strap.stream.messages) == stream.QUEUE_MAX


def test_a_message_that_says_it_is_too_long_breaks_the_session_at_once() -> None:
    strap = connected_strap()
    head = bytes((MessageKind.REQUEST,)) + bytes(4) + b"\xff\xff\xff" + bytes(4)
    strap, effects = strap_end.receive(strap, Data(1, 0, 0, True, head).encode(), NOW)
    assert effects == [Send(Broken(1, Reason.TOO_LONG).encode())]
    assert strap.stream is None


def test_another_version_is_refused_and_the_phone_gives_the_connection_up() -> None:
    strap = strap_end.connected(StrapEnd(b"boot"), 512)
    strap, effects = strap_end.receive(strap, Hello(1, version=9).encode(), NOW)
    (refusal,) = effects
    assert isinstance(refusal, Send)
    phone, _ = phone_end.connected(PhoneEnd(), 512, NOW)
    _, came_to = phone_end.receive(phone, refusal.frame, NOW)
    assert came_to == [phone_end.Hopeless()]


def test_a_second_request_while_one_runs_is_refused() -> None:
    strap = connected_strap()
    running = replace(strap, last_id=4, stage=strap_end.Stage.RUNNING)
    asked = Message(MessageKind.REQUEST, 5, b"x").encode(running.epoch)
    after, effects = strap_end.receive(running, Data(1, 0, 0, True, asked).encode(), NOW)
    assert after.last_id == 4
    assert not any(isinstance(effect, Execute) for effect in effects)
    assert strap_end.BUSY.encode() in b"".join(e.frame for e in effects if isinstance(e, Send))


def test_one_answer_is_on_its_way_once_however_often_it_is_asked_for() -> None:
    strap = connected_strap()
    asked = Message(MessageKind.REQUEST, 1, b"x").encode(strap.epoch)
    strap, (request, *_) = strap_end.receive(strap, Data(1, 0, 0, True, asked).encode(), NOW)
    assert isinstance(request, Execute)
    answer = Message(MessageKind.ANSWER, 1, b"y")
    strap, _ = strap_end.answered(strap, request, answer, NOW)
    again = Message(MessageKind.RESUME, 1).encode(strap.epoch)
    strap, _ = strap_end.receive(strap, Data(1, 1, 0, True, again).encode(), NOW)
    assert strap.stream is not None
    assert strap.stream.messages == (answer.encode(strap.epoch),)
