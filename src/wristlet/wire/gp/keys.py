"""Key information and PUT KEY data, both ways.

Secret key values in a PUT KEY are ciphertext under the session's DEK; public
points are plain.

Source: GPCS 2.3.1, PUT KEY command and key information data structure; GPCS
Amendment D, AES key block; GPCS Amendment F, elliptic curve keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final, Self

from wristlet.wire import ber, numbers
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.typing import override

TAG_KEY_INFORMATION: Final = 0xE0
TAG_KEY: Final = 0xC0
MULTIPLE_KEYS: Final = 0x80
"""In P2 of PUT KEY: several keys follow and the identifiers count up from the given one."""
KCV_BYTES: Final = 3
CURVE_P256: Final = 0x00

_AES_SIZES: Final = (16, 24, 32)
_EXTENDED_FORMAT: Final = 0xFF


@unique
class KeyType(IntEnum):
    """Key types that the card knows."""

    AES = 0x88
    EC_PUBLIC = 0xB0
    EC_PRIVATE = 0xB1
    EC_PARAMETERS = 0xF0


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key of a domain: identifier, version and its components as (type, length)."""

    kid: int
    kvn: int
    components: tuple[tuple[int, int], ...]

    def encode(self) -> bytes:
        """Return the C0 object in the basic format."""
        value = numbers.to_bytes(self.kid, 1, "kid") + numbers.to_bytes(self.kvn, 1, "kvn")
        for kind, length in self.components:
            value += numbers.to_bytes(kind, 1, "type") + numbers.to_bytes(length, 1, "length")
        return ber.encode(TAG_KEY, value)

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read the contents of one C0 object in the basic format."""
        if len(value) < 4 or len(value) % 2:
            raise DecodeError("identifier, version, types and lengths are expected", path=("C0",))
        pairs = tuple((value[at], value[at + 1]) for at in range(2, len(value), 2))
        if any(kind == _EXTENDED_FORMAT for kind, _ in pairs):
            raise DecodeError("the extended format is not supported", path=("C0",))
        return cls(value[0], value[1], pairs)


def encode_key_information(keys: Iterable[KeyInfo]) -> bytes:
    """Return the E0 object, the answer to GET DATA."""
    return ber.encode(TAG_KEY_INFORMATION, b"".join(key.encode() for key in keys))


def parse_key_information(data: bytes) -> tuple[KeyInfo, ...]:
    """Read an E0 object."""
    entries = ber.parse(ber.require(data, TAG_KEY_INFORMATION))
    if any(tlv.tag != TAG_KEY for tlv in entries):
        raise DecodeError("only C0 objects are expected", path=("E0",))
    return tuple(KeyInfo.parse(tlv.value) for tlv in entries)


@dataclass(frozen=True, slots=True)
class KeyBlock:
    """One key of a PUT KEY.

    AES: `value` is ciphertext; `clear_length` None writes the short form, a
    number the Amendment D form. Elliptic curve: `curve` is the parameter reference.
    """

    kind: int
    value: bytes
    kcv: bytes = b""
    clear_length: int | None = None
    curve: int | None = None

    @override
    def __repr__(self) -> str:
        return f"KeyBlock({self.kind:02X}, {len(self.value)} bytes)"

    def encode(self) -> bytes:
        """Return type, length, value (and curve) and check value."""
        value = self.value
        if self.kind == KeyType.AES and len(value) not in _AES_SIZES:
            raise EncodeError("an AES block has 16, 24 or 32 bytes", path=("put_key",))
        if self.clear_length is not None:
            if self.kind != KeyType.AES or self.clear_length not in _AES_SIZES:
                raise EncodeError("only AES keys of 16, 24, 32 bytes", path=("put_key",))
            value = bytes((self.clear_length,)) + value
        block = numbers.to_bytes(self.kind, 1, "type") + ber.encode_length(len(value)) + value
        if self.curve is not None:
            if self.kind not in (KeyType.EC_PUBLIC, KeyType.EC_PRIVATE):
                raise EncodeError("a curve goes with an EC key only", path=("put_key",))
            block += bytes((KeyType.EC_PARAMETERS, 1)) + numbers.to_bytes(self.curve, 1, "curve")
        return block + numbers.to_bytes(len(self.kcv), 1, "kcv") + self.kcv


@dataclass(frozen=True, slots=True)
class PutKey:
    """Data field of PUT KEY: the new version and one or more keys."""

    kvn: int
    blocks: tuple[KeyBlock, ...]

    def encode(self) -> bytes:
        """Return the data field."""
        if not self.blocks:
            raise EncodeError("at least one key is needed", path=("put_key",))
        blocks = b"".join(block.encode() for block in self.blocks)
        return numbers.to_bytes(self.kvn, 1, "kvn") + blocks

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the data field; both AES block forms are taken."""
        if len(data) < 2:
            raise DecodeError("version and keys are expected", offset=0, path=("put_key",))
        blocks: list[KeyBlock] = []
        position = 1
        while position < len(data):
            block, position = _read_block(data, position)
            blocks.append(block)
        return cls(data[0], tuple(blocks))

    def answer(self) -> bytes:
        """Return what the card answers: the version and the check values."""
        return numbers.to_bytes(self.kvn, 1, "kvn") + b"".join(b.kcv for b in self.blocks)


def _read_block(data: bytes, offset: int) -> tuple[KeyBlock, int]:
    kind = data[offset]
    value, position = _field(data, offset + 1, "value")
    clear_length: int | None = None
    curve: int | None = None
    if kind == KeyType.AES:
        value, clear_length = _aes_value(value, offset)
    elif kind in (KeyType.EC_PUBLIC, KeyType.EC_PRIVATE):
        # The curve is optional: the key's length tells P-256 as well.
        if data[position : position + 1] == bytes((KeyType.EC_PARAMETERS,)):
            parameters, position = _field(data, position + 1, "curve")
            curve = numbers.from_bytes(parameters, 1, "curve")
    else:
        raise DecodeError("an unknown key type", offset=offset, path=("put_key", "type"))
    kcv, position = _field(data, position, "kcv")
    return KeyBlock(kind, value, kcv, clear_length, curve), position


def _aes_value(value: bytes, offset: int) -> tuple[bytes, int | None]:
    """Tell the short form (ciphertext) from the Amendment D form (clear length, ciphertext)."""
    if len(value) in _AES_SIZES:
        return value, None
    if len(value) - 1 in _AES_SIZES and value[0] in _AES_SIZES and value[0] < len(value):
        return value[1:], value[0]
    raise DecodeError("an AES block has a wrong length", offset=offset, path=("put_key", "value"))


def _field(data: bytes, offset: int, name: str) -> tuple[bytes, int]:
    try:
        return ber.read_value(data, offset)
    except DecodeError as error:
        raise DecodeError(error.message, offset=error.offset, path=("put_key", name)) from None
