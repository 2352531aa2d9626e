"""The MAC between two ISO 8583 hosts: AES-CMAC cut to 8 bytes.

Source: NIST SP 800-38B, The CMAC Mode for Authentication.
"""

from __future__ import annotations

import hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

KEY_SIZE: Final = 16
MAC_SIZE: Final = 8


class HopMac:
    """Computes and checks MACs under one hop's 16-byte key; keeps the keyed context."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"a hop's MAC key has {KEY_SIZE} bytes, got {len(key)}")
        self._keyed = CMAC(AES(bytes(key)))

    def compute(self, data: bytes) -> bytes:
        """Return the 8-byte MAC of `data`."""
        mac = self._keyed.copy()
        mac.update(data)
        return mac.finalize()[:MAC_SIZE]

    def matches(self, data: bytes, tag: bytes) -> bool:
        """Tell whether `tag` is the MAC of `data`, in constant time."""
        return hmac.compare_digest(self.compute(data), tag)
