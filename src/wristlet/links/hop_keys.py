"""The MAC keys between ISO 8583 hosts: one of 16 bytes per link, in both ends' key stores."""

from __future__ import annotations

from typing import Final

from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.wire.masked import Secret

_PREFIX: Final = "hop."


def name(peer: str) -> str:
    """Return the name under which a part keeps the key of its link with `peer`."""
    return f"{_PREFIX}{peer}"


def hop_key(store: KeyStore, peer: str) -> Secret:
    """Return the key of the link with `peer`; raises KeyStoreError if there is none."""
    return store.get(name(peer), KeyUsage.MAC)
