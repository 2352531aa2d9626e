"""A retail MAC key whose contexts are kept, where one key makes more than one MAC.

Source: ISO/IEC 9797-1, MAC algorithm 3; EMV 4.3 Book 2, MAC Computation.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from wristlet.crypto.tdes import BLOCK_BYTES, KEY_BYTES, TdesKey, pad

_CHAIN: Final = CBC(bytes(BLOCK_BYTES))


class RetailKey:
    """Makes the MACs of `tdes.retail_mac` under one 16-byte key, padded by method 2."""

    __slots__ = ("_chain", "_state", "whole")

    def __init__(self, key: bytes) -> None:
        """Make both contexts: the single DES chain and the whole key (`whole`)."""
        if len(key) != KEY_BYTES:
            raise ValueError("retail MAC key: 16 bytes are needed")
        self.whole = TdesKey(key)
        # Triple DES under three equal keys is single DES.
        self._chain = Cipher(TripleDES(key[:8] * 3), _CHAIN).encryptor()
        self._state = 0

    def mac(self, data: bytes, size: int = 8) -> bytes:
        """Return the first `size` bytes of the MAC."""
        blocks = pad(data)
        chained, last = 0, int.from_bytes(blocks[-BLOCK_BYTES:], "big")
        if len(blocks) > BLOCK_BYTES:
            # The chain goes on where the last MAC left it: taking that away begins it anew.
            first = int.from_bytes(blocks[:BLOCK_BYTES], "big") ^ self._state
            begun = first.to_bytes(BLOCK_BYTES, "big") + blocks[BLOCK_BYTES:-BLOCK_BYTES]
            chained = int.from_bytes(self._chain.update(begun)[-BLOCK_BYTES:], "big")
            self._state = chained
        return self.whole.encrypt((last ^ chained).to_bytes(BLOCK_BYTES, "big"))[:size]
