"""Keys of the security domains, as the store holds them.

One value per domain, `sd/<AID hex>/keys`: per key identifier, version, type, length and value.
AES keys are 16 to 32 bytes, a private EC key is its scalar, a certification authority's key is
its point followed by the authority's identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Final

from wristlet.crypto.scp03 import StaticKeys
from wristlet.wire.gp.keys import KeyInfo, KeyType
from wristlet.wire.masked import Secret
from wristlet.wire.typing import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wristlet.se.applets.base import State

POINT_SIZE: Final = 65


@unique
class Kid(IntEnum):
    """Key identifiers; those of SCP11 are fixed by GPCS Amendment F."""

    ENC = 0x01
    MAC = 0x02
    DEK = 0x03
    CA_KLOC = 0x10
    SCP11A = 0x11
    SCP11C = 0x15
    ATTESTATION = 0x7E


@dataclass(frozen=True, slots=True)
class SdKey:
    """One key of a domain; prints without its value."""

    kid: int
    kvn: int
    kind: int
    value: bytes

    @override
    def __repr__(self) -> str:
        return f"SdKey({self.kid:02X}/{self.kvn:02X})"

    def info(self) -> KeyInfo:
        """Return what GET DATA E0 tells of it."""
        size = POINT_SIZE if self.kind == KeyType.EC_PUBLIC else len(self.value)
        components: tuple[tuple[int, int], ...] = ((self.kind, size),)
        if self.kind != KeyType.AES:
            components += ((KeyType.EC_PARAMETERS, 1),)
        return KeyInfo(self.kid, self.kvn, components)


def domain_key(aid: bytes, name: str) -> str:
    """Key of one data item of a domain: `sd/<AID hex>/<name>`."""
    return f"sd/{aid.hex().upper()}/{name}"


def load(state: State, aid: bytes) -> tuple[SdKey, ...]:
    """Return all keys of a domain."""
    blob = state.get(domain_key(aid, "keys")) or b""
    keys: list[SdKey] = []
    position = 0
    while position < len(blob):
        kid, kvn, kind, size = blob[position : position + 4]
        end = position + 4 + size
        keys.append(SdKey(kid, kvn, kind, blob[position + 4 : end]))
        position = end
    return tuple(keys)


def save(state: State, aid: bytes, keys: Iterable[SdKey]) -> None:
    """Set all keys of a domain."""
    state.put(domain_key(aid, "keys"), encode(keys))


def encode(keys: Iterable[SdKey]) -> bytes:
    """Encode keys as the store holds them."""
    return b"".join(bytes((key.kid, key.kvn, key.kind, len(key.value))) + key.value for key in keys)


def find(state: State, aid: bytes, kid: int, kvn: int = 0) -> SdKey | None:
    """Return one key; version 0 finds the first of that identifier."""
    return next((key for key in load(state, aid) if key.kid == kid and kvn in (0, key.kvn)), None)


def scp03_keys(state: State, aid: bytes, kvn: int) -> tuple[int, StaticKeys] | None:
    """Return version and keys of an SCP03 key set; versions 0 and FF find the first."""
    wanted = 0 if kvn == 0xFF else kvn
    first = find(state, aid, Kid.ENC, wanted)
    if first is None:
        return None
    parts = [find(state, aid, kid, first.kvn) for kid in (Kid.ENC, Kid.MAC, Kid.DEK)]
    values = [Secret(part.value) for part in parts if part is not None]
    return (first.kvn, StaticKeys(*values)) if len(values) == 3 else None
