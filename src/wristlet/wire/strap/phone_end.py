"""The phone's end of one concern: asks once, and finds out what became of it.

A request has a number within an epoch. After a lost frame, session or connection the phone asks
for the answer by that number instead of asking again; in another epoch nobody knows what became
of it. An event goes in, the next value and what to do come out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import frames, stream
from wristlet.wire.strap.frames import (
    Broken,
    Fate,
    Hello,
    Message,
    MessageKind,
    Reason,
    Welcome,
    is_newer,
)
from wristlet.wire.strap.stream import Deliver, Send, Stream

POLL_MS: Final = 2_000
"""How long a phone waits for an answer before it asks what has become of its request."""
HELLO_RETRY_MS: Final = 400
HELLO_TRIES: Final = 8
SESSIONS_MAX: Final = 8
"""So many sessions in a row without a message: the connection is of no use."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The request was carried out; this is its answer."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The strap did not do it and says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Nobody knows whether the request was carried out."""

    reason: str


@dataclass(frozen=True, slots=True)
class News:
    """The strap tells something unasked."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Hopeless:
    """The connection is of no use: close it and connect anew."""


Effect: TypeAlias = Send | Answered | Refused | Failed | News | Hopeless


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A request without an answer; `id` is 0 until a session gives it one."""

    id: int
    body: bytes


@dataclass(frozen=True, slots=True)
class PhoneEnd:
    """The phone's end of one concern; `session` is 0 without a connection."""

    frame_size: int = frames.FRAME_MIN
    session: int = 0
    stream: Stream | None = None
    hello_at_ms: int | None = None
    hello_tries: int = 0
    sessions: int = 0
    epoch: bytes = frames.NO_EPOCH
    last_id: int = 0
    news_seen: int = 0
    outstanding: Outstanding | None = None
    poll_at_ms: int | None = None


Step: TypeAlias = tuple[PhoneEnd, list[Effect]]


def connected(end: PhoneEnd, frame_size: int, now_ms: int) -> Step:
    """Begin the first session of a connection."""
    end = replace(end, frame_size=frame_size, session=0, stream=None, sessions=0)
    return _hello(end, now_ms)


def disconnected(end: PhoneEnd) -> PhoneEnd:
    """The connection is gone; epoch and an unanswered request stay for the next one."""
    return replace(end, session=0, stream=None, hello_at_ms=None, poll_at_ms=None)


def ask(end: PhoneEnd, body: bytes, now_ms: int) -> Step:
    """Send a request; ValueError while another has no answer; EncodeError if it is too long."""
    if end.outstanding is not None:
        raise ValueError("strap: a request is still without an answer; ask one at a time")
    Message(MessageKind.REQUEST, 0, body).encode(frames.NO_EPOCH)
    end = replace(end, outstanding=Outstanding(0, body))
    return _request(end, now_ms) if end.stream is not None else (end, [])


def give_up(end: PhoneEnd, now_ms: int) -> Step:
    """Forget the request that waits: nobody wants its answer any more.

    What became of it cannot be said, so the epoch is left too: the next session begins without a
    past, and the strap starts over.
    """
    end = replace(end, outstanding=None, epoch=frames.NO_EPOCH, last_id=0, news_seen=0)
    return _hello(end, now_ms) if end.session else (end, [])


def deadline_ms(end: PhoneEnd) -> int | None:
    """Return when `tick` has something to do, if nothing else happens."""
    own = stream.deadline_ms(end.stream) if end.stream is not None else None
    times = [at for at in (own, end.hello_at_ms, end.poll_at_ms) if at is not None]
    return min(times) if times else None


def tick(end: PhoneEnd, now_ms: int) -> Step:
    """Do what is due: say HELLO again, ask what became of a request, send a frame again."""
    if end.hello_at_ms is not None and end.hello_at_ms <= now_ms:
        if end.hello_tries >= HELLO_TRIES:
            return replace(end, hello_at_ms=None), [Hopeless()]
        return _say_hello(end, now_ms)
    effects: list[Effect] = []
    if end.poll_at_ms is not None and end.poll_at_ms <= now_ms and end.outstanding is not None:
        end, effects = _send(end, Message(MessageKind.RESUME, end.outstanding.id), now_ms)
        end = replace(end, poll_at_ms=now_ms + POLL_MS)
    if end.stream is None:
        return end, effects
    end, more = _streamed(end, stream.tick(end.stream, now_ms), now_ms)
    return end, effects + more


def receive(end: PhoneEnd, raw: bytes, now_ms: int) -> Step:
    """Take one notification; what is no frame of this session changes nothing."""
    try:
        frame = frames.parse(raw)
    except DecodeError:
        return end, []
    if isinstance(frame, Welcome):
        return _welcomed(end, frame, now_ms)
    if frame.session != end.session or end.session == 0 or isinstance(frame, Hello):
        return end, []
    if isinstance(frame, Broken):
        return _broken(end, frame.reason, now_ms)
    if end.stream is None:
        return end, []
    return _streamed(end, stream.receive(end.stream, frame, now_ms), now_ms)


def _hello(end: PhoneEnd, now_ms: int, after: int | None = None) -> Step:
    """Begin the next session, or the one after a session that the strap has had."""
    session = (end.session if after is None else after) % 0xFF + 1
    end = replace(end, session=session, stream=None, poll_at_ms=None, hello_tries=0)
    return _say_hello(end, now_ms)


def _say_hello(end: PhoneEnd, now_ms: int) -> Step:
    wait_ms = HELLO_RETRY_MS << min(end.hello_tries, 3)
    frame = Hello(end.session, end.epoch, stream.WINDOW).encode()
    end = replace(end, hello_at_ms=now_ms + wait_ms, hello_tries=end.hello_tries + 1)
    return end, [Send(frame)]


def _welcomed(end: PhoneEnd, frame: Welcome, now_ms: int) -> Step:
    """Go on in the session that the strap has begun."""
    if end.session == 0 or end.stream is not None:
        return end, []
    if frame.session != end.session:
        if is_newer(frame.session, end.session):
            return _hello(end, now_ms, after=frame.session)
        return end, []
    effects: list[Effect] = []
    if frame.epoch != end.epoch:
        if end.outstanding is not None and end.outstanding.id:
            effects.append(Failed("the strap or its secure element was restarted in between"))
            end = replace(end, outstanding=None)
        end = replace(end, epoch=frame.epoch, last_id=frame.last, news_seen=0)
    line = Stream(end.session, frame.epoch, end.frame_size, frame.window)
    end = replace(end, stream=line, hello_at_ms=None, last_id=max(end.last_id, frame.last))
    if end.outstanding is None:
        return end, effects
    if 0 < end.outstanding.id <= frame.last:
        end, more = _send(end, Message(MessageKind.RESUME, end.outstanding.id), now_ms)
        return replace(end, poll_at_ms=now_ms + POLL_MS), effects + more
    end, more = _request(end, now_ms)
    return end, effects + more


def _request(end: PhoneEnd, now_ms: int) -> Step:
    """Send the request that waits, with its number or a new one."""
    assert end.outstanding is not None  # noqa: S101 - callers have looked
    number = end.outstanding.id or end.last_id + 1
    waiting = replace(end.outstanding, id=number)
    end = replace(end, outstanding=waiting, last_id=max(end.last_id, number))
    end = replace(end, poll_at_ms=now_ms + POLL_MS)
    return _send(end, Message(MessageKind.REQUEST, number, waiting.body), now_ms)


def _send(end: PhoneEnd, message: Message, now_ms: int) -> Step:
    if end.stream is None or len(end.stream.messages) >= stream.QUEUE_MAX:
        return end, []
    return _streamed(end, stream.push(end.stream, message, now_ms), now_ms)


def _streamed(end: PhoneEnd, step: stream.Step, now_ms: int) -> Step:
    """Do what the stream came to."""
    end, effects = replace(end, stream=step[0]), list[Effect]()
    for effect in step[1]:
        if isinstance(effect, Send):
            effects.append(effect)
        elif isinstance(effect, Deliver):
            end, more = _message(replace(end, sessions=0), effect.message, now_ms)
            effects += more
        else:
            told = Send(Broken(end.session, effect.reason).encode())
            end, more = _broken(end, effect.reason, now_ms)
            return end, [*effects, told, *more]
    return end, effects


def _broken(end: PhoneEnd, reason: Reason, now_ms: int) -> Step:
    """Begin the next session, unless none has come to anything."""
    if reason is Reason.VERSION or end.sessions >= SESSIONS_MAX:
        return disconnected(end), [Hopeless()]
    return _hello(replace(end, sessions=end.sessions + 1), now_ms)


def _message(end: PhoneEnd, message: Message, now_ms: int) -> Step:
    """Take a message of the strap; an answer that nobody waits for any more is dropped."""
    if message.kind is MessageKind.NEWS:
        if message.id <= end.news_seen:
            return end, []
        return replace(end, news_seen=message.id), [News(message.body)]
    if end.outstanding is None or message.id != end.outstanding.id:
        return end, []
    done = replace(end, outstanding=None, poll_at_ms=None)
    if message.kind is MessageKind.ANSWER:
        return done, [Answered(message.body)]
    if message.kind is MessageKind.REFUSED:
        return done, [Refused(message.body.decode("utf-8", "replace"))]
    if message.kind is MessageKind.VERDICT:
        if message.body == bytes((Fate.NOT_SEEN,)):
            return _request(end, now_ms)
        if message.body != bytes((Fate.RUNNING,)):
            return done, [Failed("the strap does not know any more what became of it")]
    return end, []
