"""Who this end of a Bluetooth link is, and whom it is bonded with: one file, whole or not at all.

The file belongs to its owner alone; with a seal key it is sealed besides. A stored bond always
comes from a pairing that somebody confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from wristlet.crypto.seal import NONCE_BYTES, SealKey, open_sealed, seal
from wristlet.env.base import Env, replace_file

CONTEXT: Final = b"wristlet:bonds:1"
BONDS_MAX: Final = 8
KEY_BYTES: Final = 16
ADDRESS_BYTES: Final = 6
STATIC_BITS: Final = 0xC0
"""The highest bits of a static random address (Bluetooth Core Specification, device address)."""


class BondsFull(RuntimeError):
    """There is no room for another bond."""


@dataclass(frozen=True, slots=True)
class Bond:
    """What one pairing left: the peer's identity address ("AA:BB:..."), and keys as hex."""

    address: str
    address_type: int
    ltk: str
    irk: str = ""

    def __repr__(self) -> str:
        return f"Bond(address={self.address!r})"


@dataclass(frozen=True, slots=True)
class _Content:
    """The file: own static address, own identity resolving key, bonds in the order of pairing."""

    address: str
    irk: str
    bonds: tuple[Bond, ...] = ()

    def __repr__(self) -> str:
        return f"_Content(address={self.address!r}, bonds={self.bonds!r})"


class BondFile:
    """Reads and durably replaces the bonds of one end."""

    def __init__(self, env: Env, path: str, key: SealKey | None = None) -> None:
        """Open the file, or make an identity and the file; raises SealError, OSError."""
        self._env = env
        self._path = path
        self._key = key
        self._content = self._load()

    @property
    def address(self) -> str:
        """This end's static random address, which only bonded peers learn."""
        return self._content.address

    @property
    def irk(self) -> bytes:
        """The key by which bonded peers recognise this end's changing addresses."""
        return bytes.fromhex(self._content.irk)

    @property
    def is_full(self) -> bool:
        """Whether another peer finds no room."""
        return len(self._content.bonds) >= BONDS_MAX

    def __iter__(self) -> Iterator[Bond]:
        return iter(self._content.bonds)

    def get(self, address: str) -> Bond | None:
        """Return the bond with a peer, if there is one."""
        return next((bond for bond in self._content.bonds if bond.address == address), None)

    def put(self, bond: Bond) -> None:
        """Keep a bond, in place of an older one with that peer; raises BondsFull."""
        others = tuple(one for one in self._content.bonds if one.address != bond.address)
        if len(others) >= BONDS_MAX:
            raise BondsFull(f"bonds: there is room for {BONDS_MAX}; let the strap forget one first")
        self._save(replace(self._content, bonds=(*others, bond)))

    def forget(self, address: str) -> None:
        """Drop the bond with a peer; nothing happens if there is none."""
        others = tuple(one for one in self._content.bonds if one.address != address)
        if len(others) != len(self._content.bonds):
            self._save(replace(self._content, bonds=others))

    def forget_all(self) -> None:
        """Drop every bond; the identity stays."""
        self._save(replace(self._content, bonds=()))

    def _load(self) -> _Content:
        if not self._env.disk.exists(self._path):
            address = bytearray(self._env.random.bytes(ADDRESS_BYTES))
            address[0] |= STATIC_BITS
            fresh = _Content(address.hex(":").upper(), self._env.random.bytes(KEY_BYTES).hex())
            self._save(fresh)
            return fresh
        blob = self._env.disk.read(self._path)
        plain = blob if self._key is None else bytes(open_sealed(self._key, blob, CONTEXT))
        try:
            return msgspec.json.decode(plain, type=_Content)
        except msgspec.DecodeError:
            # What stands there may be a key: the error must not show it.
            raise ValueError(
                f"bonds: {self._path} cannot be read; delete it and pair anew"
            ) from None

    def _save(self, content: _Content) -> None:
        plain = msgspec.json.encode(content)
        if self._key is not None:
            plain = seal(self._key, plain, CONTEXT, self._env.random.bytes(NONCE_BYTES))
        replace_file(self._env.disk, self._path, plain)
        self._content = content
