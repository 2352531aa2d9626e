"""Frames on a pair of characteristics, and the messages that they carry in pieces.

A frame fills one write or notification; its first byte is its kind, its second the session. All
numbers are big-endian.

    HELLO    01 session version window epoch(8) crc(4)            phone to strap
    WELCOME  02 session version window epoch(8) last(4) crc(4)    strap to phone
    FIRST    03 session sequence ack header(12) body              begins a message
    MORE     04 session sequence ack body                         goes on with it
    ACK      05 session ack window                                everything before `ack` is here
    GAP      06 session ack window                                the same, and `ack` is missing
    BROKEN   07 session reason                                    this session has ended

`ack` is the sequence number that is expected next, `window` how many frames from there on may be
under way. A message's header is kind(1) id(4) length(3) crc(4); its CRC-32 (the one of zlib) runs
over epoch, kind, id, length and body: what was meant for another epoch is never taken.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final, TypeAlias

from wristlet.wire.errors import DecodeError, EncodeError

VERSION: Final = 1
EPOCH_BYTES: Final = 8
NO_EPOCH: Final = bytes(EPOCH_BYTES)
"""What a phone says that comes without a past."""
FRAME_MIN, FRAME_MAX = 20, 512
"""A frame at the smallest MTU, and the longest value of an attribute."""
ATT_OVERHEAD: Final = 3
MTU_MIN, MTU_MAX = 23, 517
DATA_HEAD: Final = 4
MESSAGE_HEAD: Final = 12
BODY_MAX: Final = 0x1_0100
"""The longest extended command or answer of ISO/IEC 7816-4, with room to spare."""
WINDOW_MAX: Final = 64
SEQUENCES: Final = 0x100
ID_MAX: Final = 0xFFFF_FFFF

_HELLO = struct.Struct(">BBBB8s")
_WELCOME = struct.Struct(">BBBB8sI")
_HEAD = struct.Struct(">BI")


@unique
class FrameKind(IntEnum):
    """The first byte of a frame."""

    HELLO = 0x01
    WELCOME = 0x02
    FIRST = 0x03
    MORE = 0x04
    ACK = 0x05
    GAP = 0x06
    BROKEN = 0x07


@unique
class Reason(IntEnum):
    """Why a session has ended; the phone begins the next one."""

    DAMAGED = 0x01
    """A message did not fit its CRC."""
    OUT_OF_STEP = 0x02
    """A message began inside another, or went on without a beginning."""
    TOO_LONG = 0x03
    """A message is longer than any may be."""
    NO_SESSION = 0x04
    """A frame came before any HELLO."""
    VERSION = 0x05
    """The strap does not speak this version."""
    STARTED_OVER = 0x06
    """What the phone talked to was restarted; the next WELCOME has another epoch."""
    SILENCE = 0x07
    """Nothing was acknowledged for too long."""


@unique
class MessageKind(IntEnum):
    """The first byte of a message."""

    REQUEST = 0x10
    ANSWER = 0x11
    REFUSED = 0x12
    """In place of an answer: a plain reason in UTF-8."""
    NEWS = 0x13
    RESUME = 0x14
    """Asks what became of the request with this id."""
    VERDICT = 0x15
    """The answer to RESUME where there is no answer to give; one byte, see `Fate`."""


@unique
class Fate(IntEnum):
    """What became of a request that has no answer."""

    NOT_SEEN = 0x00
    """It never came, so it was not carried out: send it."""
    RUNNING = 0x01
    """It is being carried out: wait."""
    UNKNOWN = 0x02
    """Nobody knows any more: never send it again by itself."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The phone begins a session and says which epoch it knows."""

    session: int
    epoch: bytes = NO_EPOCH
    window: int = 0
    version: int = VERSION

    def encode(self) -> bytes:
        """Return the frame."""
        head = (FrameKind.HELLO, self.session, self.version, self.window, self.epoch)
        return _checked(_HELLO.pack(*head))


@dataclass(frozen=True, slots=True)
class Welcome:
    """The strap has begun the session; `last` is the last request id of its epoch."""

    session: int
    epoch: bytes
    last: int
    window: int = 0
    version: int = VERSION

    def encode(self) -> bytes:
        """Return the frame."""
        head = (FrameKind.WELCOME, self.session, self.version, self.window, self.epoch, self.last)
        return _checked(_WELCOME.pack(*head))


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of a message; `is_first` when a message begins with it."""

    session: int
    sequence: int
    ack: int
    is_first: bool
    payload: bytes

    def encode(self) -> bytes:
        """Return the frame."""
        kind = FrameKind.FIRST if self.is_first else FrameKind.MORE
        return bytes((kind, self.session, self.sequence, self.ack)) + self.payload


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything before sequence number `ack` is here; `is_gap` when a later one came."""

    session: int
    ack: int
    window: int
    is_gap: bool = False

    def encode(self) -> bytes:
        """Return the frame."""
        kind = FrameKind.GAP if self.is_gap else FrameKind.ACK
        return bytes((kind, self.session, self.ack, self.window))


@dataclass(frozen=True, slots=True)
class Broken:
    """One end can make nothing of this session any more."""

    session: int
    reason: Reason

    def encode(self) -> bytes:
        """Return the frame."""
        return bytes((FrameKind.BROKEN, self.session, self.reason))


Frame: TypeAlias = Hello | Welcome | Data | Ack | Broken


def frame_size(mtu: int) -> int:
    """Return how many bytes a frame may have at an ATT MTU of 23 to 517."""
    return max(FRAME_MIN, min(mtu - ATT_OVERHEAD, FRAME_MAX))


def is_newer(session: int, than: int) -> bool:
    """Tell whether a session began after another one; sessions run from 1 to 255 and round."""
    return 0 < (session - than) % 0xFF < 0x80


def parse(raw: bytes) -> Frame:
    """Read one frame; DecodeError for a kind, length or check value that cannot be."""
    if len(raw) < 3:
        raise DecodeError(f"has {len(raw)} bytes, the shortest has 3", path=("frame",))
    if len(raw) > FRAME_MAX:
        raise DecodeError(f"has {len(raw)} bytes, the longest has {FRAME_MAX}", path=("frame",))
    kind = raw[0]
    if kind in (FrameKind.FIRST, FrameKind.MORE):
        return _parse_data(raw)
    if kind in (FrameKind.ACK, FrameKind.GAP):
        if len(raw) != 4:
            raise DecodeError("has not 4 bytes", path=("frame", "ack"))
        return Ack(raw[1], raw[2], min(raw[3], WINDOW_MAX), kind == FrameKind.GAP)
    if kind == FrameKind.HELLO:
        _, session, version, window, epoch = _HELLO.unpack(_unchecked(raw, _HELLO.size, "hello"))
        return Hello(session, epoch, window, version)
    if kind == FrameKind.WELCOME:
        fields = _WELCOME.unpack(_unchecked(raw, _WELCOME.size, "welcome"))
        return Welcome(fields[1], fields[4], fields[5], fields[3], fields[2])
    if kind == FrameKind.BROKEN:
        return _parse_broken(raw)
    raise DecodeError("has a kind that is not known", path=("frame",))


def _parse_data(raw: bytes) -> Data:
    is_first = raw[0] == FrameKind.FIRST
    if len(raw) < DATA_HEAD + (MESSAGE_HEAD if is_first else 1):
        raise DecodeError("is too short for what it carries", path=("frame", "data"))
    return Data(raw[1], raw[2], raw[3], is_first, raw[DATA_HEAD:])


def _parse_broken(raw: bytes) -> Broken:
    try:
        reason = Reason(raw[2])
    except ValueError:
        raise DecodeError("gives a reason that is not known", path=("frame", "broken")) from None
    if len(raw) != 3:
        raise DecodeError("has not 3 bytes", path=("frame", "broken"))
    return Broken(raw[1], reason)


def _checked(fields: bytes) -> bytes:
    return fields + zlib.crc32(fields).to_bytes(4, "big")


def _unchecked(raw: bytes, size: int, name: str) -> bytes:
    if len(raw) != size + 4:
        raise DecodeError(f"has not {size + 4} bytes", path=("frame", name))
    if zlib.crc32(raw[:size]) != int.from_bytes(raw[size:], "big"):
        raise DecodeError("does not fit its check value", path=("frame", name))
    return raw[:size]


@dataclass(frozen=True, slots=True)
class Message:
    """What one end tells the other, whole."""

    kind: MessageKind
    id: int
    body: bytes = b""

    def encode(self, epoch: bytes) -> bytes:
        """Return header and body for one epoch; EncodeError for a body above 65,792 bytes."""
        if len(self.body) > BODY_MAX:
            raise EncodeError(
                f"has {len(self.body)} bytes, the longest has {BODY_MAX}", path=("message",)
            )
        head = _HEAD.pack(self.kind, self.id) + len(self.body).to_bytes(3, "big")
        return head + _message_crc(epoch, head, self.body) + self.body


def message_size(raw: bytes) -> int:
    """Return the length that a message says it has, header included, from its first 12 bytes."""
    return MESSAGE_HEAD + int.from_bytes(raw[5:8], "big")


def parse_message(raw: bytes, epoch: bytes) -> Message:
    """Read a whole message; DecodeError when it is not one of this epoch."""
    if len(raw) < MESSAGE_HEAD or len(raw) != message_size(raw):
        raise DecodeError("has not the length that it says", path=("message",))
    body = raw[MESSAGE_HEAD:]
    if len(body) > BODY_MAX:
        raise DecodeError(f"has more than {BODY_MAX} bytes", path=("message",))
    if _message_crc(epoch, raw[:8], body) != raw[8:MESSAGE_HEAD]:
        raise DecodeError("does not fit its check value", path=("message",))
    kind, identifier = _HEAD.unpack(raw[:5])
    try:
        return Message(MessageKind(kind), identifier, body)
    except ValueError:
        raise DecodeError("has a kind that is not known", path=("message",)) from None


def _message_crc(epoch: bytes, head: bytes, body: bytes) -> bytes:
    return zlib.crc32(body, zlib.crc32(head, zlib.crc32(epoch))).to_bytes(4, "big")
