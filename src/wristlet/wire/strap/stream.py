"""One session's stream of frames in both directions: cut, counted, acknowledged, sent again.

A frame is taken only when it is the next one; what comes early, late or twice is answered by what
is expected. So a stream holds one message in pieces at most, and whatever the link does, messages
come out whole, in order and once, or the session breaks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from wristlet.wire.errors import DecodeError
from wristlet.wire.strap.frames import (
    BODY_MAX,
    DATA_HEAD,
    MESSAGE_HEAD,
    SEQUENCES,
    Ack,
    Data,
    Message,
    MessageKind,
    Reason,
    message_size,
    parse_message,
)

WINDOW: Final = 16
"""How many frames this end lets the other have under way."""
ACK_EVERY: Final = 8
ACK_DELAY_MS: Final = 20
"""An answer or the next request often carries the acknowledgement for nothing: wait this long."""
RETRY_FIRST_MS, RETRY_MAX_MS = 400, 4_000
TRIES_MAX: Final = 8
QUEUE_MAX: Final = 64
"""So many messages wait at most for an end that acknowledges nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A frame's worth of a message."""

    payload: bytes
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """Where both directions of a session stand.

    `messages` are those that have not wholly arrived at the other end; `cut_messages` and
    `cut_bytes` tell how far they are cut, `flight` holds the pieces that are not acknowledged,
    the first of them with sequence number `base`, the first `cursor` of them sent.
    """

    session: int
    epoch: bytes
    frame_size: int
    window: int
    messages: tuple[bytes, ...] = ()
    cut_messages: int = 0
    cut_bytes: int = 0
    flight: tuple[Piece, ...] = ()
    cursor: int = 0
    base: int = 0
    retry_at_ms: int | None = None
    tries: int = 0
    expected: int = 0
    partial: bytes = b""
    owed: int = 0
    ack_at_ms: int | None = None
    is_gap_told: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Put this frame on the link."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message has come, whole and checked."""

    message: Message


@dataclass(frozen=True, slots=True)
class Broke:
    """The session is of no use any more."""

    reason: Reason


Effect: TypeAlias = Send | Deliver | Broke
Step: TypeAlias = tuple[Stream, list[Effect]]


def push(stream: Stream, message: Message, now_ms: int) -> Step:
    """Send a message after those that wait."""
    encoded = message.encode(stream.epoch)
    return _pump(replace(stream, messages=(*stream.messages, encoded)), now_ms)


def deadline_ms(stream: Stream) -> int | None:
    """Return when `tick` has something to do, if nothing else happens."""
    times = [at for at in (stream.retry_at_ms, stream.ack_at_ms) if at is not None]
    return min(times) if times else None


def tick(stream: Stream, now_ms: int) -> Step:
    """Acknowledge what was left to an answer that did not come; send again what was not heard."""
    effects: list[Effect] = []
    if stream.ack_at_ms is not None and stream.ack_at_ms <= now_ms:
        stream = _acknowledging(stream, effects)
    if stream.retry_at_ms is None or stream.retry_at_ms > now_ms:
        return stream, effects
    if stream.tries >= TRIES_MAX:
        return stream, [*effects, Broke(Reason.SILENCE)]
    # One frame is enough to learn what the other end has, and goes through a closed window too.
    stream = replace(stream if stream.flight else _cut(stream), tries=stream.tries + 1)
    effects.append(Send(_frame(stream, 0)))
    wait_ms = min(RETRY_FIRST_MS << stream.tries, RETRY_MAX_MS)
    return replace(_told(stream), cursor=1, retry_at_ms=now_ms + wait_ms), effects


def receive(stream: Stream, frame: Data | Ack, now_ms: int) -> Step:
    """Take one frame of this session."""
    effects: list[Effect] = []
    stream = _arrived(stream, frame.ack, now_ms)
    if isinstance(frame, Ack):
        stream = replace(stream, window=frame.window)
        if frame.is_gap and frame.ack == stream.base:
            stream = replace(stream, cursor=0)
    else:
        stream = _taken(stream, frame, now_ms, effects)
    stream, more = _pump(stream, now_ms)
    return stream, effects + more


def _arrived(stream: Stream, ack: int, now_ms: int) -> Stream:
    """Drop what the other end has."""
    count = (ack - stream.base) % SEQUENCES
    if not 0 < count <= len(stream.flight):
        return stream
    done = sum(piece.is_last for piece in stream.flight[:count])
    flight = stream.flight[count:]
    return replace(
        stream,
        messages=stream.messages[done:],
        cut_messages=stream.cut_messages - done,
        flight=flight,
        cursor=max(0, stream.cursor - count),
        base=ack,
        tries=0,
        retry_at_ms=now_ms + RETRY_FIRST_MS if flight else None,
    )


def _taken(stream: Stream, frame: Data, now_ms: int, effects: list[Effect]) -> Stream:
    """Take a piece if it is the next one."""
    if frame.sequence != stream.expected:
        return _unexpected(stream, frame, effects)
    if frame.is_first == bool(stream.partial):
        effects.append(Broke(Reason.OUT_OF_STEP))
        return stream
    partial = stream.partial + frame.payload
    size = message_size(partial)
    if size > MESSAGE_HEAD + BODY_MAX:
        effects.append(Broke(Reason.TOO_LONG))
        return stream
    message = None
    if len(partial) >= size:
        try:
            message = parse_message(partial, stream.epoch)
        except DecodeError:
            effects.append(Broke(Reason.DAMAGED))
            return stream
        effects.append(Deliver(message))
    stream = replace(
        stream,
        expected=(stream.expected + 1) % SEQUENCES,
        partial=b"" if message else partial,
        owed=stream.owed + 1,
        is_gap_told=False,
    )
    return _owing(stream, message, now_ms, effects)


def _unexpected(stream: Stream, frame: Data, effects: list[Effect]) -> Stream:
    """Say what is expected: a later piece shows a gap, an earlier one a lost acknowledgement."""
    is_ahead = (frame.sequence - stream.expected) % SEQUENCES < SEQUENCES // 2
    if is_ahead and stream.is_gap_told:
        return stream
    effects.append(Send(Ack(stream.session, stream.expected, WINDOW, is_ahead).encode()))
    return replace(_told(stream), is_gap_told=is_ahead)


def _owing(stream: Stream, message: Message | None, now_ms: int, effects: list[Effect]) -> Stream:
    """Acknowledge now, or leave it to what will be sent in a moment anyway."""
    if message is None and stream.owed < ACK_EVERY:
        return stream
    if message and message.kind in (MessageKind.REQUEST, MessageKind.RESUME, MessageKind.ANSWER):
        return replace(stream, ack_at_ms=now_ms + ACK_DELAY_MS)
    return _acknowledging(stream, effects)


def _acknowledging(stream: Stream, effects: list[Effect]) -> Stream:
    effects.append(Send(Ack(stream.session, stream.expected, WINDOW).encode()))
    return _told(stream)


def _told(stream: Stream) -> Stream:
    """The frame that goes out now says what has come."""
    return replace(stream, owed=0, ack_at_ms=None)


def _pump(stream: Stream, now_ms: int) -> Step:
    """Send as much as the window lets through."""
    effects: list[Effect] = []
    while stream.cursor < stream.window:
        if stream.cursor == len(stream.flight):
            if stream.cut_messages == len(stream.messages):
                break
            stream = _cut(stream)
        effects.append(Send(_frame(stream, stream.cursor)))
        stream = replace(stream, cursor=stream.cursor + 1)
    if effects:
        stream = _told(stream)
    if (stream.flight or stream.messages) and stream.retry_at_ms is None:
        stream = replace(stream, retry_at_ms=now_ms + RETRY_FIRST_MS)
    return stream, effects


def _cut(stream: Stream) -> Stream:
    """Cut the next piece off the messages that wait."""
    message, start = stream.messages[stream.cut_messages], stream.cut_bytes
    end = start + stream.frame_size - DATA_HEAD
    is_last = end >= len(message)
    piece = Piece(message[start:end], start == 0, is_last)
    return replace(
        stream,
        flight=(*stream.flight, piece),
        cut_messages=stream.cut_messages + is_last,
        cut_bytes=0 if is_last else end,
    )


def _frame(stream: Stream, index: int) -> bytes:
    piece, sequence = stream.flight[index], (stream.base + index) % SEQUENCES
    frame = Data(stream.session, sequence, stream.expected, piece.is_first, piece.payload)
    return frame.encode()
