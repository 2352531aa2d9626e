"""Key check values: three bytes by which people compare keys without seeing them."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from wristlet.crypto import tdes

KCV_BYTES: Final = 3
_ONES: Final = b"\x01" * 16
_ZEROS: Final = bytes(8)


def aes_kcv(key: bytes) -> bytes:
    """Return the 3-byte check value of an AES key: 16 bytes of 01 encrypted.

    Source: GlobalPlatform Card Specification Amendment D, PUT KEY with AES keys.
    """
    return Cipher(AES(key), ECB()).encryptor().update(_ONES)[:KCV_BYTES]


def tdes_kcv(key: bytes) -> bytes:
    """Return the 3-byte check value of a 16-byte Triple DES key: 8 zero bytes encrypted."""
    return tdes.ecb_encrypt(key, _ZEROS)[:KCV_BYTES]
