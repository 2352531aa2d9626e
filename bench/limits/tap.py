"""The least that a card must do at a tap: its cryptography, and its durable writes.

One tap is: session key from the card's master key, whose cipher context is kept (two blocks of
Triple DES and the parity of 16 bytes), then the retail MAC over the padded input (one new single
DES chain, one new Triple DES context, one block). With a disk: one write of 4 KiB and one
`fdatasync` per durable command, into space that exists, on a descriptor that stays open. There
are no commands, no state, no checks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

INPUT_SIZES: Final = {"K3": 50, "K2": 47}
"""Bytes that the cryptograms of versions 18 and 21 cover."""
PAGE: Final = 4096
_PAGES: Final = 256
_ODD: Final = bytes(byte & 0xFE | (1 - (byte >> 1).bit_count() % 2) for byte in range(256))
_BLOCK: Final = ECB()
_CHAIN: Final = CBC(bytes(8))


class CryptoTap:
    """Makes one cryptogram per tap under a kept master key."""

    def __init__(self, master_key: bytes, input_size: int) -> None:
        self._derive = Cipher(TripleDES(master_key + master_key[:8]), _BLOCK).encryptor()
        data = os.urandom(input_size) + b"\x80"
        padded = data.ljust(-(-len(data) // 8) * 8, b"\0")
        self._first, self._last = padded[:-8], int.from_bytes(padded[-8:], "big")
        self._atc = 0

    def tap(self) -> bytes:
        """Derive a session key and compute the cryptogram."""
        self._atc = (self._atc + 1) & 0xFFFF
        atc = self._atc.to_bytes(2, "big")
        blocks = atc + b"\xf0\0\0\0\0\0" + atc + b"\x0f\0\0\0\0\0"
        key = self._derive.update(blocks).translate(_ODD)
        left = key[:8]
        chain = Cipher(TripleDES(left * 3), _CHAIN).encryptor()
        chained = int.from_bytes(chain.update(self._first)[-8:], "big")
        block = (chained ^ self._last).to_bytes(8, "big")
        return Cipher(TripleDES(key + left), _BLOCK).encryptor().update(block)


class BareTap(CryptoTap):
    """The same from the key's bytes, as they lie in a store: no context is kept."""

    def __init__(self, master_key: bytes, input_size: int) -> None:
        super().__init__(master_key, input_size)
        self._key = master_key

    def tap(self) -> bytes:
        """Make the context of the master key anew, then as above."""
        self._derive = Cipher(TripleDES(self._key + self._key[:8]), _BLOCK).encryptor()
        return super().tap()


class DurableTap(CryptoTap):
    """The same, with the durable writes of the tap's commands."""

    def __init__(self, master_key: bytes, input_size: int, path: Path, writes: int) -> None:
        super().__init__(master_key, input_size)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(self._descriptor, bytes(PAGE * _PAGES), 0)
        os.fsync(self._descriptor)
        self._page = os.urandom(PAGE)
        self._writes = writes
        self._next = 0

    def tap(self) -> bytes:
        """Compute the cryptogram and write."""
        cryptogram = super().tap()
        for _ in range(self._writes):
            os.pwrite(self._descriptor, self._page, PAGE * self._next)
            os.fdatasync(self._descriptor)
            self._next = (self._next + 1) % _PAGES
        return cryptogram

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)
