"""Personalisation scripts and orders of a token service for one domain of one secure element.

A script is an opaque list of command APDUs under SCP11c: SELECT of the domain,
the certificate, MUTUAL AUTHENTICATE, then secured STORE DATA of the header
grouping, the commands, and the commit grouping.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, unique
from typing import Final, Self

from wristlet.wire import numbers
from wristlet.wire.apdu import Command
from wristlet.wire.dgi import Dgi
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids

SE_ID_BYTES: Final = 16
NUMBER_BYTES: Final = 4
PHONE_HASH_BYTES: Final = 32
HASH_BYTES: Final = 32


@unique
class ScriptDgi(IntEnum):
    """Data groupings of the domain itself."""

    HEADER = 0xDF01
    COMMIT = 0xDF02
    PIN_RESET = 0xDF11
    FURTHER_PHONE = 0xDF12
    MAKE_ACTIVATABLE = 0xDF21
    MAKE_NON_ACTIVATABLE = 0xDF22
    ACTIVATE = 0xDF23
    HAND_OVER = 0xDF24


_INSTANCE_ORDERS: Final = (
    ScriptDgi.MAKE_ACTIVATABLE,
    ScriptDgi.MAKE_NON_ACTIVATABLE,
    ScriptDgi.ACTIVATE,
)


@dataclass(frozen=True, slots=True)
class Script:
    """One script: addressee (16-byte SE id and domain), number and the APDUs in order."""

    se_id: bytes
    domain_aid: bytes
    number: int
    apdus: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ScriptHeader:
    """Value of the header grouping DF01: whom the script is for, and its number."""

    se_id: bytes
    domain_aid: bytes
    number: int

    def encode(self) -> bytes:
        """Return SE id, length and bytes of the domain AID, number."""
        return encode_addressee(self.se_id, self.domain_aid, self.number)

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read the value."""
        se_id, domain_aid, number, end = parse_addressee(value)
        if end != len(value):
            raise DecodeError("bytes follow the number", offset=end, path=("DF01",))
        return cls(se_id, domain_aid, number)

    def dgi(self) -> Dgi:
        """Return the whole grouping."""
        return Dgi(ScriptDgi.HEADER, self.encode())


def encode_addressee(se_id: bytes, domain_aid: bytes, number: int) -> bytes:
    """Return SE id, length and bytes of the domain AID, 4-byte number."""
    if len(se_id) != SE_ID_BYTES:
        raise EncodeError("an SE id has 16 bytes", path=("se_id",))
    aids.check(domain_aid)
    return (
        se_id
        + bytes((len(domain_aid),))
        + domain_aid
        + numbers.to_bytes(number, NUMBER_BYTES, "number")
    )


def parse_addressee(data: bytes) -> tuple[bytes, bytes, int, int]:
    """Read SE id, domain AID and number; return them and the offset behind them."""
    if len(data) <= SE_ID_BYTES:
        raise DecodeError("the SE id is cut off", offset=len(data), path=("se_id",))
    length = data[SE_ID_BYTES]
    aid_end = SE_ID_BYTES + 1 + length
    end = aid_end + NUMBER_BYTES
    if not aids.AID_BYTES_MIN <= length <= aids.AID_BYTES_MAX or end > len(data):
        raise DecodeError("the domain AID is malformed", offset=SE_ID_BYTES, path=("domain_aid",))
    number = int.from_bytes(data[aid_end:end], "big")
    return data[:SE_ID_BYTES], data[SE_ID_BYTES + 1 : aid_end], number, end


COMMIT: Final = Dgi(ScriptDgi.COMMIT, b"")
PIN_RESET: Final = Dgi(ScriptDgi.PIN_RESET, b"")


def further_phone(point_hash: bytes) -> Dgi:
    """Order: put one more phone (SHA-256 of its public point) on the allow-list."""
    if len(point_hash) != PHONE_HASH_BYTES:
        raise EncodeError("a phone's hash has 32 bytes", path=("DF12",))
    return Dgi(ScriptDgi.FURTHER_PHONE, point_hash)


def make_activatable(instance_aid: bytes) -> Dgi:
    """Order: NON_ACTIVATABLE becomes what it was before, or DEACTIVATED."""
    return Dgi(ScriptDgi.MAKE_ACTIVATABLE, aids.check(instance_aid))


def make_non_activatable(instance_aid: bytes) -> Dgi:
    """Order: the instance may not be activated until ordered otherwise."""
    return Dgi(ScriptDgi.MAKE_NON_ACTIVATABLE, aids.check(instance_aid))


def activate(instance_aid: bytes) -> Dgi:
    """Order: the instance becomes the active card."""
    return Dgi(ScriptDgi.ACTIVATE, aids.check(instance_aid))


def hand_over(old_aid: bytes, new_aid: bytes) -> Dgi:
    """Order: if the old instance is the active card, the new one becomes it."""
    old = aids.check(old_aid)
    return Dgi(ScriptDgi.HAND_OVER, bytes((len(old),)) + old + aids.check(new_aid))


def parse_hand_over(value: bytes) -> tuple[bytes, bytes]:
    """Read the order's value: the old instance's AID and the new one's."""
    end = 1 + value[0] if value else 0
    pair = value[1:end], value[end:]
    if any(not aids.AID_BYTES_MIN <= len(aid) <= aids.AID_BYTES_MAX for aid in pair):
        raise DecodeError("is not two AIDs", path=(f"{ScriptDgi.HAND_OVER:04X}",))
    return pair


def check_order(order: Dgi) -> Dgi:
    """Return a grouping of the domain whose value has the right form; else `DecodeError`."""
    value = order.value
    name = f"{order.number:04X}"
    if order.number in (ScriptDgi.COMMIT, ScriptDgi.PIN_RESET):
        numbers.sized(value, 0, name)
    elif order.number == ScriptDgi.FURTHER_PHONE:
        numbers.sized(value, PHONE_HASH_BYTES, name)
    elif order.number == ScriptDgi.HEADER:
        ScriptHeader.parse(value)
    elif order.number == ScriptDgi.HAND_OVER:
        parse_hand_over(value)
    elif order.number in _INSTANCE_ORDERS:
        if not aids.AID_BYTES_MIN <= len(value) <= aids.AID_BYTES_MAX:
            raise DecodeError("is no AID", path=(name,))
    else:
        raise DecodeError("is no grouping of the domain", path=(name,))
    return order


def plain_hash(commands: Sequence[bytes]) -> bytes:
    """Return SHA-256 over the plain commands from behind MUTUAL AUTHENTICATE to the commit.

    Each command counts as 2-byte length and its bytes: secure-messaging bit
    cleared, length form as sent, without Le.
    """
    digest = hashlib.sha256()
    for raw in commands:
        plain = Command.parse(raw).with_secured(False).replace(le=None).encode()
        digest.update(numbers.to_bytes(len(plain), 2, "command"))
        digest.update(plain)
    return digest.digest()
