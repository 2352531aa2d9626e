"""Privileges of an application, three bytes.

Source: GPCS 2.3.1, privilege coding; GPCS Amendment C, contactless privileges.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final, Self

from wristlet.wire.errors import DecodeError

SIZE: Final = 3


class Privileges(IntFlag):
    """Bits of the three bytes, first byte highest.

    DAP verification, delegated management and mandated DAP say nothing without
    the security domain bit, so they contain it.
    """

    NONE = 0
    SECURITY_DOMAIN = 0x800000
    DAP_VERIFICATION = 0xC00000
    DELEGATED_MANAGEMENT = 0xA00000
    CARD_LOCK = 0x100000
    CARD_TERMINATE = 0x080000
    CARD_RESET = 0x040000
    CVM_MANAGEMENT = 0x020000
    MANDATED_DAP_VERIFICATION = 0xC10000
    TRUSTED_PATH = 0x008000
    AUTHORIZED_MANAGEMENT = 0x004000
    TOKEN_MANAGEMENT = 0x002000
    GLOBAL_DELETE = 0x001000
    GLOBAL_LOCK = 0x000800
    GLOBAL_REGISTRY = 0x000400
    FINAL_APPLICATION = 0x000200
    GLOBAL_SERVICE = 0x000100
    RECEIPT_GENERATION = 0x000080
    CIPHERED_LOAD_FILE_DATA_BLOCK = 0x000040
    CONTACTLESS_ACTIVATION = 0x000020
    CONTACTLESS_SELF_ACTIVATION = 0x000010

    def encode(self) -> bytes:
        """Return the three bytes."""
        return int(self).to_bytes(SIZE, "big")

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read three bytes, or the one-byte form that older hosts send."""
        if len(raw) not in (1, SIZE):
            raise DecodeError("privileges have 1 or 3 bytes", offset=0, path=("privileges",))
        return cls(int.from_bytes(raw.ljust(SIZE, b"\x00"), "big"))
