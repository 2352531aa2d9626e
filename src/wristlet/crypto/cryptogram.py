"""Application cryptograms by version number, and the issuer's answers to them.

Source: EMV 4.3 Book 2, Application Cryptogram and Issuer Authentication.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, TypeAlias

from wristlet.crypto.emv_keys import icc_master_key_a, icc_master_key_b, session_key_ac
from wristlet.crypto.errors import CryptogramError
from wristlet.crypto.retail import RetailKey
from wristlet.crypto.tdes import AnyKey, ecb_encrypt, retail_mac

AC_BYTES: Final = 8

_INPUT: Final = (
    (0x9F02, 6),
    (0x9F03, 6),
    (0x9F1A, 2),
    (0x95, 5),
    (0x5F2A, 2),
    (0x9A, 3),
    (0x9C, 1),
    (0x9F37, 4),
    (0x82, 2),
    (0x9F36, 2),
)
"""Tags and lengths of the fields that both versions cover, in order."""

_IAD18_MIN, _IAD18_MAX = 7, 32
_IAD21_BYTES = 18


class Cvn18:
    """Cryptogram version 18: the whole issuer application data is covered, ARPC method 2."""

    NUMBER: ClassVar[int] = 18

    @staticmethod
    def data(fields: Mapping[int, bytes], iad: bytes) -> bytes:
        """Join the input: the common fields, then the whole IAD."""
        if not _IAD18_MIN <= len(iad) <= _IAD18_MAX:
            raise CryptogramError(f"9F10: {_IAD18_MIN} to {_IAD18_MAX} bytes are needed")
        return _common(fields) + iad

    @staticmethod
    def ac(mk: AnyKey, atc: int, data: bytes) -> bytes:
        """Return the 8-byte cryptogram under the card's master key."""
        return retail_mac(session_key_ac(mk, atc), data)

    @staticmethod
    def master_key(imk: AnyKey, pan: str, psn: str = "00") -> bytes:
        """Derive the card's master key (option B)."""
        return icc_master_key_b(imk, pan, psn)


class Cvn21:
    """Cryptogram version 21: card verification results and counters are covered, ARPC method 1."""

    NUMBER: ClassVar[int] = 21

    @staticmethod
    def data(fields: Mapping[int, bytes], iad: bytes) -> bytes:
        """Join the input: the common fields, then CVR (6 bytes) and counters (8) of the IAD."""
        if len(iad) != _IAD21_BYTES:
            raise CryptogramError(f"9F10: {_IAD21_BYTES} bytes are needed")
        return _common(fields) + iad[2:8] + iad[10:18]

    @staticmethod
    def ac(mk: AnyKey, atc: int, data: bytes) -> bytes:
        """Return the 8-byte cryptogram under the card's master key."""
        return retail_mac(session_key_ac(mk, atc), data)

    @staticmethod
    def master_key(imk: AnyKey, pan: str, psn: str = "00") -> bytes:
        """Derive the card's master key (option A)."""
        return icc_master_key_a(imk, pan, psn)


CryptogramVersion: TypeAlias = type[Cvn18] | type[Cvn21]
VERSIONS: Final[Mapping[int, CryptogramVersion]] = {18: Cvn18, 21: Cvn21}


def arpc_method1(sk: AnyKey, ac: bytes, arc: bytes) -> bytes:
    """Return the 8-byte answer over cryptogram and 2-byte authorisation response code."""
    if len(ac) != AC_BYTES or len(arc) != 2:
        raise CryptogramError("ARPC method 1: 8-byte cryptogram and 2-byte code are needed")
    block = int.from_bytes(ac, "big") ^ int.from_bytes(arc, "big") << 48
    return ecb_encrypt(sk, block.to_bytes(8, "big"))


def arpc_method2(sk: bytes | RetailKey, ac: bytes, csu: bytes, proprietary: bytes = b"") -> bytes:
    """Return the 4-byte answer over cryptogram, card status update and 0 to 8 further bytes."""
    if len(ac) != AC_BYTES or len(csu) != 4 or len(proprietary) > 8:
        raise CryptogramError(
            "ARPC method 2: 8-byte cryptogram, 4-byte status update, 0 to 8 further bytes"
        )
    data = ac + csu + proprietary
    return sk.mac(data, 4) if isinstance(sk, RetailKey) else retail_mac(sk, data, size=4)


def _common(fields: Mapping[int, bytes]) -> bytes:
    parts = []
    for tag, size in _INPUT:
        value = fields.get(tag)
        if value is None:
            raise CryptogramError(f"{tag:02X} is missing in the cryptogram's input")
        if len(value) != size:
            # Other lengths would let one input stand for two sets of fields.
            raise CryptogramError(f"{tag:02X}: {size} bytes are needed")
        parts.append(value)
    return b"".join(parts)
