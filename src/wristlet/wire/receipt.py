"""Statements that the secure element signs with its attestation key.

The signature (ECDSA P-256, SHA-256, raw r and s) goes over a label and the body, so
that no statement can stand for another kind. On the wire: tag of the kind with
`DF40` body and `DF41` signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol, Self

from wristlet.wire import ber, numbers
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.script import (
    HASH_BYTES,
    SE_ID_BYTES,
    encode_addressee,
    parse_addressee,
)

TAG_RECEIPT: Final = 0x7F60
TAG_PIN_STATEMENT: Final = 0x7F61
TAG_LEASE_REPORT: Final = 0x7F62
TAG_BODY: Final = 0xDF40
TAG_SIGNATURE: Final = 0xDF41
TAG_SCRIPT_NUMBER: Final = 0xDF01
TAG_CHALLENGE: Final = 0xDF42

SIGNATURE_BYTES: Final = 64
CHALLENGE_BYTES: Final = 16
STATE_ABSENT: Final = 0xFF
"""State in a receipt when the script left no instance behind."""

_EVENT_BYTES: Final = 4
_STATES: Final = (*ContactlessState, STATE_ABSENT)
_FLAG_PIN_SET: Final = 0x80
_FLAG_BLOCKED: Final = 0x40


class Statement(Protocol):
    """What the three statements have in common."""

    TAG: ClassVar[int]
    LABEL: ClassVar[bytes]

    def body(self) -> bytes:
        """Return the fields as bytes."""

    def message(self) -> bytes:
        """Return label and body, over which the signature goes."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Says that a script was committed, and what it left.

    `state` is the contactless state of the instance (00, 01, 80) or FF when
    `instance_aid` is empty or gone.
    """

    TAG: ClassVar[int] = TAG_RECEIPT
    LABEL: ClassVar[bytes] = b"wristlet:receipt:1"

    se_id: bytes
    domain_aid: bytes
    number: int
    script_hash: bytes
    instance_aid: bytes
    state: int
    event_counter: int

    def body(self) -> bytes:
        """Return the fields as bytes; `EncodeError` for wrong lengths and states."""
        if len(self.script_hash) != HASH_BYTES:
            raise EncodeError("a script's hash has 32 bytes", path=("receipt",))
        if self.state not in _STATES:
            raise EncodeError("the state is 00, 01, 80 or FF", path=("receipt",))
        if self.instance_aid:
            aids.check(self.instance_aid)
        return (
            encode_addressee(self.se_id, self.domain_aid, self.number)
            + self.script_hash
            + bytes((len(self.instance_aid),))
            + self.instance_aid
            + bytes((self.state,))
            + numbers.to_bytes(self.event_counter, _EVENT_BYTES, "event_counter")
        )

    def message(self) -> bytes:
        """Return label and body, over which the signature goes."""
        return self.LABEL + self.body()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body."""
        se_id, domain_aid, number, hash_at = parse_addressee(body)
        length_at = hash_at + HASH_BYTES
        if length_at >= len(body):
            raise DecodeError("the script's hash is cut off", offset=hash_at, path=("receipt",))
        instance_at = length_at + 1
        state_at = instance_at + body[length_at]
        instance_aid = body[instance_at:state_at]
        numbers.sized(body[state_at:], 1 + _EVENT_BYTES, "receipt")
        if instance_aid and not aids.AID_BYTES_MIN <= len(instance_aid) <= aids.AID_BYTES_MAX:
            raise DecodeError("the instance AID is malformed", offset=length_at, path=("receipt",))
        if body[state_at] not in _STATES:
            raise DecodeError("an unknown state", offset=state_at, path=("receipt",))
        return cls(
            se_id=se_id,
            domain_aid=domain_aid,
            number=number,
            script_hash=body[hash_at:length_at],
            instance_aid=instance_aid,
            state=body[state_at],
            event_counter=int.from_bytes(body[state_at + 1 :], "big"),
        )


@dataclass(frozen=True, slots=True)
class PinStatement:
    """Answers a 16-byte challenge: is a PIN set, is it blocked."""

    TAG: ClassVar[int] = TAG_PIN_STATEMENT
    LABEL: ClassVar[bytes] = b"wristlet:pin:1"

    se_id: bytes
    challenge: bytes
    pin_set: bool
    blocked: bool
    event_counter: int

    def body(self) -> bytes:
        """Return SE id, challenge, flags (80 set, 40 blocked) and event counter."""
        if len(self.se_id) != SE_ID_BYTES or len(self.challenge) != CHALLENGE_BYTES:
            raise EncodeError("SE id and challenge have 16 bytes each", path=("pin_statement",))
        flags = (_FLAG_PIN_SET if self.pin_set else 0) | (_FLAG_BLOCKED if self.blocked else 0)
        return (
            self.se_id
            + self.challenge
            + bytes((flags,))
            + numbers.to_bytes(self.event_counter, _EVENT_BYTES, "event_counter")
        )

    def message(self) -> bytes:
        """Return label and body, over which the signature goes."""
        return self.LABEL + self.body()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body."""
        flags_at = SE_ID_BYTES + CHALLENGE_BYTES
        numbers.sized(body, flags_at + 1 + _EVENT_BYTES, "pin_statement")
        flags = body[flags_at]
        if flags & ~(_FLAG_PIN_SET | _FLAG_BLOCKED):
            raise DecodeError("unknown flags", offset=flags_at, path=("pin_statement",))
        return cls(
            se_id=body[:SE_ID_BYTES],
            challenge=body[SE_ID_BYTES:flags_at],
            pin_set=bool(flags & _FLAG_PIN_SET),
            blocked=bool(flags & _FLAG_BLOCKED),
            event_counter=int.from_bytes(body[flags_at + 1 :], "big"),
        )


@dataclass(frozen=True, slots=True)
class LeaseReport:
    """Says that a right PIN opened a lease: its counter, taps and amount (minor units)."""

    TAG: ClassVar[int] = TAG_LEASE_REPORT
    LABEL: ClassVar[bytes] = b"wristlet:lease:1"

    se_id: bytes
    unlock_counter: int
    taps_max: int
    amount_max_minor: int
    event_counter: int

    def body(self) -> bytes:
        """Return SE id, counter (2), taps (1), amount (4) and event counter (4)."""
        if len(self.se_id) != SE_ID_BYTES:
            raise EncodeError("an SE id has 16 bytes", path=("lease_report",))
        return (
            self.se_id
            + numbers.to_bytes(self.unlock_counter, 2, "unlock_counter")
            + numbers.to_bytes(self.taps_max, 1, "taps_max")
            + numbers.to_bytes(self.amount_max_minor, 4, "amount_max_minor")
            + numbers.to_bytes(self.event_counter, _EVENT_BYTES, "event_counter")
        )

    def message(self) -> bytes:
        """Return label and body, over which the signature goes."""
        return self.LABEL + self.body()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the body."""
        numbers.sized(body, SE_ID_BYTES + 7 + _EVENT_BYTES, "lease_report")
        rest = body[SE_ID_BYTES:]
        return cls(
            se_id=body[:SE_ID_BYTES],
            unlock_counter=int.from_bytes(rest[:2], "big"),
            taps_max=rest[2],
            amount_max_minor=int.from_bytes(rest[3:7], "big"),
            event_counter=int.from_bytes(rest[7:], "big"),
        )


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """Body and signature of a statement; who verifies builds the message from the parsed body."""

    body: bytes
    signature: bytes

    def encode(self, tag: int) -> bytes:
        """Return the TLV under the tag of the statement's kind."""
        if len(self.signature) != SIGNATURE_BYTES:
            raise EncodeError("a signature has 64 bytes", path=("statement",))
        return ber.build((tag, ((TAG_BODY, self.body), (TAG_SIGNATURE, self.signature))))

    @classmethod
    def parse(cls, data: bytes, tag: int) -> Self:
        """Read the TLV and nothing behind it."""
        tlv, end = ber.parse_one(data)
        if tlv.tag != tag or end != len(data):
            raise DecodeError(f"one object {tag:04X} is expected", offset=0, path=("statement",))
        signature = numbers.sized(ber.require(tlv.value, TAG_SIGNATURE), SIGNATURE_BYTES, "DF41")
        statement = cls(ber.require(tlv.value, TAG_BODY), signature)
        if statement.encode(tag) != data:
            raise DecodeError("holds more than body and signature", path=("statement",))
        return statement
