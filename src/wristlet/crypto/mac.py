"""The MAC between two ISO 8583 hosts: AES-CMAC (NIST SP 800-38B) cut to 8 bytes."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

MAC_SIZE = 8


class HopMac:
    """Computes and checks MACs under one hop's 16-byte key; keeps the keyed context."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 16:
            raise ValueError("hop MAC key: 16 bytes are needed")
        self._keyed = CMAC(AES(bytes(key)))

    def compute(self, data: bytes) -> bytes:
        """Return the 8-byte MAC of `data`."""
        mac = self._keyed.copy()
        mac.update(data)
        return mac.finalize()[:MAC_SIZE]

    def matches(self, data: bytes, tag: bytes) -> bool:
        """Tell whether `tag` is the MAC of `data`, in constant time."""
        return hmac.compare_digest(self.compute(data), bytes(tag))
