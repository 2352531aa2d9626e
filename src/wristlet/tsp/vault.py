"""The vault: how card and token numbers rest in the database.

Values are sealed with AES-256-GCM, bound to what they are and to the row that holds them, so that a
sealed value moved to another row or column does not open. Rows are found by a keyed blind index
(HMAC-SHA256); no plain and no unkeyed hash of a number is ever stored.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from wristlet.crypto.seal import NONCE_BYTES, SealKey, open_sealed, seal

if TYPE_CHECKING:
    from wristlet.env.base import Random
    from wristlet.wire.masked import Secret

FPAN: Final = "fpan"
CARD_EXPIRY: Final = "card_expiry"
DPAN: Final = "dpan"
CARD_DATA: Final = "card_data"
"""Kinds of sealed values; two of them are also kinds of blind indexes."""

_INDEX_KEY_MIN: Final = 32


class Vault:
    """Seals, opens and indexes numbers; both keys have 32 bytes."""

    __slots__ = ("_index", "_key", "_random")

    def __init__(self, vault_key: bytes, index_key: bytes, random: Random) -> None:
        if len(index_key) < _INDEX_KEY_MIN:
            raise ValueError(f"blind-index key: {_INDEX_KEY_MIN} bytes are needed")
        self._key = SealKey(vault_key)
        self._index = hmac.new(bytes(index_key), digestmod="sha256")
        self._random = random

    def seal(self, kind: str, owner: str, plaintext: bytes) -> bytes:
        """Seal a value for the row `owner`."""
        nonce = self._random.bytes(NONCE_BYTES)
        return seal(self._key, bytes(plaintext), _context(kind, owner), nonce)

    def open(self, kind: str, owner: str, sealed: bytes) -> Secret:
        """Return the plaintext; raises SealError when changed or sealed for another row or kind."""
        return open_sealed(self._key, sealed, _context(kind, owner))

    def index(self, kind: str, digits: str) -> bytes:
        """Return the 32-byte blind index of a number; equal numbers of one kind have equal ones."""
        code = self._index.copy()
        code.update(_context(kind, digits))
        return code.digest()


def _context(kind: str, owner: str) -> bytes:
    return f"wristlet:tsp:{kind}:{owner}".encode()
