"""Sensitive data inside a secure channel: once more encrypted under the data encryption key.

AES-CBC with a zero initial vector, as Amendment D prescribes for the DEK. Values of
fixed length (keys in PUT KEY) are not padded; DGI values always are (80, then zeros).

Source: GlobalPlatform Card Specification Amendment D, sensitive data encryption.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from wristlet.crypto.errors import ChannelError
from wristlet.wire.masked import Secret

BLOCK_BYTES: Final = 16
_ZERO_IV: Final = bytes(BLOCK_BYTES)


def encrypt_dgi(dek: bytes, value: bytes) -> bytes:
    """Pad (always) and encrypt the value of a secret data group."""
    padded = value + b"\x80"
    return encrypt_key(dek, padded.ljust(len(padded) + -len(padded) % BLOCK_BYTES, b"\x00"))


def decrypt_dgi(dek: bytes, blocks: bytes) -> Secret:
    """Decrypt and strip the padding; `ChannelError` if there is none."""
    padded = decrypt_key(dek, blocks)
    value = padded.rstrip(b"\x00")
    if len(padded) - len(value) >= BLOCK_BYTES or not value.endswith(b"\x80"):
        raise ChannelError
    return Secret(value[:-1])


def encrypt_key(dek: bytes, key: bytes) -> bytes:
    """Encrypt a value of whole 16-byte blocks, such as an AES key, without padding."""
    return Cipher(AES(dek), CBC(_ZERO_IV)).encryptor().update(_whole(key))


def decrypt_key(dek: bytes, blocks: bytes) -> Secret:
    """Decrypt whole 16-byte blocks without padding; `ChannelError` for other lengths."""
    return Secret(Cipher(AES(dek), CBC(_ZERO_IV)).decryptor().update(_whole(blocks)))


def _whole(blocks: bytes) -> bytes:
    if not blocks or len(blocks) % BLOCK_BYTES:
        raise ChannelError
    return blocks
