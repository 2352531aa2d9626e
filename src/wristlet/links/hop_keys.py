"""The MAC keys between ISO 8583 hosts: one of 16 bytes per link, in both ends' key stores."""

from __future__ import annotations

from typing import Final

from wristlet.crypto.mac import KEY_SIZE
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.wire.masked import Secret

_PREFIX: Final = "hop."


def name(peer: str) -> str:
    """Return the name under which a part keeps the key of its link with `peer`."""
    return f"{_PREFIX}{peer}"


def hop_key(store: KeyStore, peer: str) -> Secret:
    """Return the key of the link with `peer`; raises KeyStoreError if there is none."""
    return store.get(name(peer), KeyUsage.MAC)


def share_key(
    one: KeyStore, one_calls_it: str, other: KeyStore, other_calls_it: str, key: bytes
) -> None:
    """Put one link's key into both ends' stores, each under its own name for the other.

    Raises ValueError for a key of another size and KeyStoreError for a name that is taken.
    """
    if len(key) != KEY_SIZE:
        raise ValueError(f"a hop's MAC key has {KEY_SIZE} bytes, got {len(key)}")
    one.put(name(one_calls_it), KeyUsage.MAC, key)
    other.put(name(other_calls_it), KeyUsage.MAC, key)
