"""RSA keys made beforehand, so that tests need not wait for primes. Sandbox only."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from wristlet.crypto.rsa import RsaPrivateKey

_FILE = Path(__file__).with_name("rsa_keys.json")


@cache
def rsa_key(name: str) -> RsaPrivateKey:
    """One of `ca` (1984 bits), `issuer` (1408), `icc` and `icc_other` (1152)."""
    entry = json.loads(_FILE.read_text(encoding="utf-8"))["keys"][name]
    return RsaPrivateKey(int(entry["p"], 16), int(entry["q"], 16), entry["exponent"])
