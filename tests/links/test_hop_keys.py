"""Hop keys lie in the key store under the peer's name."""

from __future__ import annotations

import pytest

from support.bank import new_store
from wristlet.crypto.errors import KeyStoreError
from wristlet.crypto.seal import KeyUsage
from wristlet.env.sim import SimEnv
from wristlet.links import hop_keys


def test_key_is_found_by_the_peers_name() -> None:
    store = new_store(SimEnv())
    store.put("hop.switch", KeyUsage.MAC, bytes(range(16)))
    assert hop_keys.name("switch") == "hop.switch"
    assert hop_keys.hop_key(store, "switch") == bytes(range(16))
    assert "secret" in repr(hop_keys.hop_key(store, "switch"))


def test_missing_and_misused_keys_are_refused() -> None:
    store = new_store(SimEnv())
    store.put("hop.bank", KeyUsage.ENCRYPT, bytes(16))
    for peer in ("switch", "bank"):
        with pytest.raises(KeyStoreError):
            hop_keys.hop_key(store, peer)
