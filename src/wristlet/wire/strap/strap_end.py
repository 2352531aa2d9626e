"""The strap's end of one concern: carries each request out once at most, and keeps its answer.

The strap makes a new epoch when it starts, when what requests go to was reset, and when a phone
comes that knows none. Within an epoch it carries a request's number out once and keeps the last
answer for a phone that lost it. An event goes in, the next value and what to do come out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import Final, TypeAlias

from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import frames, stream
from wristlet.wire.strap.frames import (
    Broken,
    Data,
    Fate,
    Hello,
    Message,
    MessageKind,
    Reason,
    Welcome,
    is_newer,
)
from wristlet.wire.strap.stream import Deliver, Send, Stream

BUSY: Final = "the strap is still busy with the request before; wait for its answer"


@unique
class Stage(IntEnum):
    """What the strap has done with the request that came last."""

    IDLE = 0
    RUNNING = 1
    DONE = 2


@dataclass(frozen=True, slots=True)
class Execute:
    """Carry out this request and tell the end what came of it."""

    epoch: bytes
    id: int
    body: bytes


@dataclass(frozen=True, slots=True)
class StartOver:
    """A phone begins without a past: drop what was half done."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A phone listens: send what waited for it."""


Effect: TypeAlias = Send | Execute | StartOver | Ready


@dataclass(frozen=True, slots=True)
class StrapEnd:
    """The strap's end of one concern; `boot` are 4 random bytes of this start of the strap."""

    boot: bytes
    restarts: int = 1
    frame_size: int = frames.FRAME_MIN
    session: int = 0
    stream: Stream | None = None
    last_id: int = 0
    stage: Stage = Stage.IDLE
    answer: Message | None = None
    news_id: int = 0
    unheard: tuple[Message, ...] = ()

    @property
    def epoch(self) -> bytes:
        """Return the epoch: this start, and how often it was started over since."""
        return self.boot + (self.restarts % (1 << 32)).to_bytes(4, "big")


Step: TypeAlias = tuple[StrapEnd, list[Effect]]


def connected(end: StrapEnd, frame_size: int) -> StrapEnd:
    """A phone has connected; nothing is sent before its HELLO."""
    return replace(end, frame_size=frame_size, session=0, stream=None, unheard=())


def disconnected(end: StrapEnd) -> StrapEnd:
    """The phone is gone; the last answer stays for when it comes back."""
    return replace(end, session=0, stream=None, unheard=())


def started_over(end: StrapEnd) -> Step:
    """What requests go to was reset, or another phone is there: begin another epoch."""
    end = replace(
        end,
        restarts=end.restarts + 1,
        last_id=0,
        stage=Stage.IDLE,
        answer=None,
        news_id=0,
        unheard=(),
    )
    if end.stream is None:
        return end, []
    told = Send(Broken(end.session, Reason.STARTED_OVER).encode())
    return replace(end, stream=None), [told]


def deadline_ms(end: StrapEnd) -> int | None:
    """Return when `tick` has something to do, if nothing else happens."""
    return stream.deadline_ms(end.stream) if end.stream is not None else None


def tick(end: StrapEnd, now_ms: int) -> Step:
    """Do what is due: acknowledge, or send a frame again."""
    if end.stream is None:
        return end, []
    return _streamed(end, stream.tick(end.stream, now_ms), now_ms)


def receive(end: StrapEnd, raw: bytes, now_ms: int) -> Step:
    """Take one write of the phone; what is no frame of this session changes nothing."""
    try:
        frame = frames.parse(raw)
    except DecodeError:
        return end, []
    if isinstance(frame, Hello):
        return _greeted(end, frame, now_ms)
    if isinstance(frame, Welcome):
        return end, []
    if isinstance(frame, Broken):
        is_ours = frame.session == end.session
        return (_ended(end), []) if is_ours else (end, [])
    if end.stream is None or frame.session != end.session:
        is_new = end.stream is None and isinstance(frame, Data)
        told = Send(Broken(frame.session, Reason.NO_SESSION).encode())
        return end, [told] if is_new else []
    return _streamed(end, stream.receive(end.stream, frame, now_ms), now_ms)


def answered(end: StrapEnd, request: Execute, message: Message, now_ms: int) -> Step:
    """Keep and send what came of a request; of one from another epoch nothing is told."""
    if request.epoch != end.epoch or request.id != end.last_id or end.stage is not Stage.RUNNING:
        return end, []
    return _send(replace(end, stage=Stage.DONE, answer=message), message, now_ms)


def news(end: StrapEnd, body: bytes, now_ms: int) -> Step:
    """Tell the phone something; without a listening phone, or with too much unheard, nothing."""
    if end.stream is None or len(end.stream.messages) >= stream.QUEUE_MAX:
        return end, []
    message = Message(MessageKind.NEWS, end.news_id + 1, body)
    return _send(replace(end, news_id=message.id), message, now_ms)


def _greeted(end: StrapEnd, frame: Hello, now_ms: int) -> Step:
    """Begin the session that the phone wants, if it is a new one."""
    if frame.version != frames.VERSION:
        return end, [Send(Broken(frame.session, Reason.VERSION).encode())]
    if frame.session == 0:
        return end, []
    if end.session and not is_newer(frame.session, end.session):
        # Late or doubled: it learns which session there is, and loses none by it.
        return end, [_welcome(end)] if end.stream is not None else []
    effects: list[Effect] = []
    unheard = _unheard(end)
    if frame.epoch != end.epoch:
        end, unheard = started_over(replace(end, stream=None))[0], ()
        effects.append(StartOver())
    line = Stream(frame.session, end.epoch, end.frame_size, min(frame.window, frames.WINDOW_MAX))
    end = replace(end, session=frame.session, stream=line, unheard=())
    effects += [_welcome(end), Ready()]
    for message in unheard:
        end, more = _send(end, message, now_ms)
        effects += more
    return end, effects


def _welcome(end: StrapEnd) -> Send:
    return Send(Welcome(end.session, end.epoch, end.last_id, stream.WINDOW).encode())


def _unheard(end: StrapEnd) -> tuple[Message, ...]:
    """Return the news that no phone has acknowledged."""
    waiting = end.stream.messages if end.stream is not None else ()
    told = [frames.parse_message(raw, end.epoch) for raw in waiting]
    return (*end.unheard, *(message for message in told if message.kind is MessageKind.NEWS))


def _ended(end: StrapEnd) -> StrapEnd:
    """Wait for the next HELLO."""
    return replace(end, stream=None, unheard=_unheard(end))


def _send(end: StrapEnd, message: Message, now_ms: int) -> Step:
    # What a phone that acknowledges nothing loses here it can ask for again.
    if end.stream is None or len(end.stream.messages) >= stream.QUEUE_MAX:
        return end, []
    return _streamed(end, stream.push(end.stream, message, now_ms), now_ms)


def _streamed(end: StrapEnd, step: stream.Step, now_ms: int) -> Step:
    """Do what the stream came to."""
    end, effects = replace(end, stream=step[0]), list[Effect]()
    for effect in step[1]:
        if isinstance(effect, Send):
            effects.append(effect)
        elif isinstance(effect, Deliver):
            end, more = _asked(end, effect.message, now_ms)
            effects += more
        else:
            told = Send(Broken(end.session, effect.reason).encode())
            return _ended(end), [*effects, told]
    return end, effects


def _asked(end: StrapEnd, message: Message, now_ms: int) -> Step:
    """Take a message of the phone: carry out what is new, answer again what is not."""
    if message.kind not in (MessageKind.REQUEST, MessageKind.RESUME):
        return end, []
    if message.id < end.last_id or message.id == 0:
        return _verdict(end, message.id, Fate.UNKNOWN, now_ms)
    if message.id == end.last_id:
        return _again(end, message, now_ms)
    if message.kind is MessageKind.RESUME:
        return _verdict(end, message.id, Fate.NOT_SEEN, now_ms)
    if end.stage is Stage.RUNNING:
        busy = Message(MessageKind.REFUSED, message.id, BUSY.encode())
        return _send(end, busy, now_ms)
    end = replace(end, last_id=message.id, stage=Stage.RUNNING, answer=None)
    return end, [Execute(end.epoch, message.id, message.body)]


def _again(end: StrapEnd, message: Message, now_ms: int) -> Step:
    """Say what became of the last request; its answer goes out once, however often it is asked."""
    if end.stage is not Stage.DONE or end.answer is None:
        is_asked = message.kind is MessageKind.RESUME
        return _verdict(end, message.id, Fate.RUNNING, now_ms) if is_asked else (end, [])
    is_under_way = end.stream is not None and end.answer.encode(end.epoch) in end.stream.messages
    return (end, []) if is_under_way else _send(end, end.answer, now_ms)


def _verdict(end: StrapEnd, number: int, fate: Fate, now_ms: int) -> Step:
    return _send(end, Message(MessageKind.VERDICT, number, bytes((fate,))), now_ms)
