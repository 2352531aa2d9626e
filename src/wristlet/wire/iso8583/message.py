"""Whole messages: encode, decode, look into, reply.

A message is its type (four digits), a bitmap of 8 or 16 bytes and the fields in
ascending order. Source: ISO 8583:1987.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias, cast

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.iso8583 import field as fields_module
from wristlet.wire.iso8583 import mask, plan
from wristlet.wire.iso8583.field import Value
from wristlet.wire.iso8583.table import FIELDS, MAC_PRIMARY, MAC_SECONDARY, MAC_SIZE
from wristlet.wire.typing import override

Mac: TypeAlias = Callable[[bytes], bytes]

_TYPE_SIZE: Final = 2
_BITMAP_SIZE: Final = 8
_SECONDARY_FLAG: Final = 0x80

# What an answer repeats, so that its sender can be matched and the card found.
ECHOED: Final = (2, 3, 4, 7, 11, 12, 13, 15, 23, 24, 25, 32, 33, 37, 41, 42, 49, 70, 90, 95, 99)

# A repeat of a request has the same.
TRACE: Final = (7, 11, 32, 37)
_ORIGINAL_DIGITS: Final = 20
"""Of field 90: type, number (11) and time (7) of the original."""


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """One message: digits and text as `str`, binary fields as `bytes`, by field number.

    `raw` is what it was read from; a message made of another one has none.
    """

    mti: str
    fields: Mapping[int, Value] = field(default_factory=dict)
    raw: bytes = field(default=b"", compare=False)

    @override
    def __repr__(self) -> str:
        return mask.one_line(self.mti, self.fields)

    def text(self, number: int) -> str:
        """Return a field of digits or text as it is; DecodeError if it is missing."""
        value = self._required(number)
        if isinstance(value, bytes):
            raise DecodeError("is binary, not text", path=(_label(number),))
        return value

    def texts(self, *numbers: int) -> list[str]:
        """Return several fields of digits or text at once; DecodeError names the first missing."""
        get = self.fields.get
        values = [get(number) for number in numbers]
        for value in values:
            if not isinstance(value, str):
                return [self.text(number) for number in numbers]
        return cast(list[str], values)

    def binary(self, number: int) -> bytes:
        """Return a binary field; DecodeError if it is missing."""
        value = self._required(number)
        if isinstance(value, str):
            raise DecodeError("is text, not binary", path=(_label(number),))
        return value

    def with_fields(self, fields: Mapping[int, Value]) -> Message:
        """Return this message with fields added or replaced."""
        return Message(self.mti, {**self.fields, **fields})

    def without(self, *numbers: int) -> Message:
        """Return this message without some fields, whether it has them or not."""
        return Message(self.mti, {n: v for n, v in self.fields.items() if n not in numbers})

    def _required(self, number: int) -> Value:
        value = self.fields.get(number)
        if value is None:
            raise DecodeError("is missing", path=(_label(number),))
        return value


class Iso8583Error(DecodeError):
    """A message cannot be read.

    `field` is the number of the field that is wrong (0: type or bitmap), `offset`
    its byte, `partial` what could be read before it, enough to answer the sender.
    """

    def __init__(
        self, message: str, *, field: int, offset: int, partial: Message, path: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, offset=offset, path=path)
        self.field = field
        self.partial = partial


def encode(message: Message, mac: Mac | None = None) -> bytes:
    """Return a message's bytes; EncodeError names the field that does not fit.

    With `mac` the last field becomes its result over all bytes before it: field
    64, or 128 when there is a field above 64. A MAC in the message is replaced.
    """
    given = message.fields
    try:
        bitmap, steps = plan.plan_to_write(tuple(given), mac is not None)
        parts = [_type_bytes(message.mti), bitmap]
        parts.extend([write(given) for write in steps])
        raw = b"".join(parts)
    except (ValueError, TypeError, AttributeError):
        raw = _encode_carefully(message, mac is not None)
    return raw if mac is None else raw + _mac_value(mac, raw)


def decode(raw: bytes) -> Message:
    """Return the message in `raw`; Iso8583Error says where it is wrong and what was read."""
    try:
        at = 18 if raw[2] & _SECONDARY_FLAG else 10
        digits = raw.hex()
        fields, end = plan.read_fields(raw, digits, at, plan.plan_to_read(raw[2:at]))
        mti = digits[:4]
        if end == len(raw) and mti.isdecimal():
            return Message(mti, fields, raw)
    except (ValueError, IndexError):
        pass  # the careful path says what is wrong
    return _decode_carefully(raw)


def scan(raw: bytes, *numbers: int) -> dict[int, Value]:
    """Return only the given fields, those that are there; for hosts that pass messages on.

    Nothing behind the last of them is looked at. Iso8583Error as in `decode`.
    """
    wanted = frozenset(numbers)
    try:
        at = 18 if raw[2] & _SECONDARY_FLAG else 10
        steps = plan.plan_to_scan(raw[2:at], wanted)
        fields, end = plan.read_fields(raw, raw.hex(), at, steps)
        if end <= len(raw):
            return {number: fields[number] for number in numbers if number in fields}
    except (ValueError, IndexError):
        pass  # the careful path says what is wrong
    found = _decode_carefully(raw, last=max(numbers, default=0)).fields
    return {number: found[number] for number in numbers if number in found}


def has_mac(raw: bytes) -> bool:
    """Say whether a message ends with field 64 or 128."""
    return len(raw) >= _TYPE_SIZE + _BITMAP_SIZE + MAC_SIZE and _mac_number(raw) is not None


def mac_input(raw: bytes) -> bytes:
    """Return the bytes that a message's MAC covers: all before field 64 or 128, the last one."""
    if not has_mac(raw):
        raise DecodeError("has no MAC as its last field", path=("message",))
    return raw[:-MAC_SIZE]


def has_valid_mac(raw: bytes, mac: Mac) -> bool:
    """Say whether a message's last field is `mac` over all bytes before it."""
    if not has_mac(raw):
        return False
    return hmac.compare_digest(_mac_value(mac, raw[:-MAC_SIZE]), raw[-MAC_SIZE:])


def reply(message: Message, fields: Mapping[int, Value] | None = None) -> Message:
    """Return the answer to a request or advice: its echo fields, then `fields`.

    0100 becomes 0110, 0420 0430, a repeat (0101) is answered like the first;
    EncodeError for a type that has no answer.
    """
    given = message.fields
    echoed = {number: given[number] for number in ECHOED if number in given}
    return Message(reply_type(message.mti), {**echoed, **(fields or {})})


@lru_cache(64)
def reply_type(mti: str) -> str:
    """Return the type of the answer to a message type."""
    if len(mti) != 4 or not (mti.isascii() and mti.isdecimal()) or mti[2] not in "024":
        raise EncodeError("this message type has no answer", path=("type",))
    origin = str(int(mti[3]) // 2 * 2)  # a repeat has the odd number
    return f"{mti[:2]}{int(mti[2]) + 1}{origin}"


def trace_key(message: Message) -> tuple[Value | None, ...]:
    """Return what tells one transaction from another: fields 7, 11, 32 and 37."""
    get = message.fields.get
    return tuple(get(number) for number in TRACE)


def reversed_trace(reversal: Message) -> tuple[str, str, str, str]:
    """Return the trace of the request that a reversal names: fields 7 and 11 stand in field 90.

    Raises DecodeError when a field is missing or field 90 is too short.
    """
    original = reversal.text(90)
    if len(original) < _ORIGINAL_DIGITS:
        raise DecodeError("names no request", path=("field 90",))
    stan, sent = original[4:10], original[10:_ORIGINAL_DIGITS]
    return sent, stan, reversal.text(32), reversal.text(37)


def _label(number: int) -> str:
    known = FIELDS.get(number)
    return known.label if known else f"field {number}"


@lru_cache(64)
def _type_bytes(mti: str) -> bytes:
    if len(mti) != 2 * _TYPE_SIZE or not (mti.isascii() and mti.isdecimal()):
        raise EncodeError("must be four digits", path=("type",))
    return bytes.fromhex(mti)


def _mac_value(mac: Mac, covered: bytes) -> bytes:
    value = mac(covered)
    if len(value) < MAC_SIZE:
        raise EncodeError(f"has {len(value)} bytes, needs {MAC_SIZE}", path=("MAC",))
    return value[:MAC_SIZE]


def _mac_number(raw: bytes) -> int | None:
    """Return the MAC field that a message ends with, None if its bitmap announces none."""
    secondary = raw[_TYPE_SIZE] & _SECONDARY_FLAG
    last = _TYPE_SIZE + (2 * _BITMAP_SIZE if secondary else _BITMAP_SIZE) - 1
    if not raw[last] & 1:
        return None
    return MAC_SECONDARY if secondary else MAC_PRIMARY


def _encode_carefully(message: Message, with_mac: bool) -> bytes:
    """Encode field by field, for the error's sake."""
    unknown = [number for number in message.fields if number not in FIELDS]
    if unknown:
        raise EncodeError("is not in the table of fields", path=(f"field {unknown[0]}",))
    bitmap, _ = plan.plan_to_write(tuple(message.fields), with_mac)
    left_out = (MAC_PRIMARY, MAC_SECONDARY) if with_mac else ()
    content = (
        fields_module.write(FIELDS[number], message.fields[number])
        for number in sorted(message.fields)
        if number not in left_out
    )
    return b"".join((_type_bytes(message.mti), bitmap, *content))


def _decode_carefully(raw: bytes, last: int = MAC_SECONDARY) -> Message:
    """Decode field by field up to number `last`, for the error's sake."""
    mti = raw[:_TYPE_SIZE].hex()
    found: dict[int, Value] = {}

    def wrong(
        message: str, number: int, offset: int, path: tuple[str, ...] = ("message",)
    ) -> Iso8583Error:
        partial = Message(mti, found)
        return Iso8583Error(message, field=number, offset=offset, partial=partial, path=path)

    if len(raw) < _TYPE_SIZE + _BITMAP_SIZE:
        raise wrong("is too short for a type and a bitmap", 0, len(raw))
    if not mti.isdecimal():
        raise wrong("has a type that is not digits", 0, 0)
    secondary = raw[_TYPE_SIZE] & _SECONDARY_FLAG
    at = _TYPE_SIZE + (2 * _BITMAP_SIZE if secondary else _BITMAP_SIZE)
    if len(raw) < at:
        raise wrong("is too short for a secondary bitmap", 0, _TYPE_SIZE + _BITMAP_SIZE)
    for number in plan.numbers_of(raw[_TYPE_SIZE:at]):
        if number > last:
            return Message(mti, found)
        if number not in FIELDS:
            raise wrong("is not in the table of fields", number, at, (f"field {number}",))
        try:
            found[number], at = fields_module.read(FIELDS[number], raw, at)
        except DecodeError as error:
            offset = at if error.offset is None else error.offset
            raise wrong(error.message, number, offset, error.path) from None
    if last == MAC_SECONDARY and at != len(raw):
        raise wrong(f"has {len(raw) - at} bytes behind its last field", 0, at)
    return Message(mti, found, raw)
