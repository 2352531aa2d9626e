"""The scan looks for everything that must never leave its place, also what was born on the card."""

from __future__ import annotations

from pathlib import Path

import pytest

from wristlet.lab import known_secrets
from wristlet.lab.canary import needles, scan_bytes
from wristlet.lab.city import running_city
from wristlet.se import keyset
from wristlet.se.context import SECRET_KEY
from wristlet.se.keyset import Kid
from wristlet.wire.gp import aids


@pytest.mark.slow
async def test_private_keys_of_the_secure_element_are_looked_for(tmp_path: Path) -> None:
    async with running_city(tmp_path / "city") as city:
        store = city.card.store
        before = store.snapshot()
        known = known_secrets.of_run(city.bench.env, city.sandbox, "482615")
        assert store.snapshot() == before
        own = [
            keyset.find(store, aids.ISD, Kid.ATTESTATION),
            keyset.find(store, aids.TSP_DOMAIN, Kid.SCP11C),
            keyset.find(store, aids.CARDHOLDER_DOMAIN, Kid.SCP11A),
        ]
        values = [key.value for key in own if key is not None]
        secret = store.get(SECRET_KEY)
    assert secret is not None
    wanted = needles(known)
    for value in (*values, secret):
        assert scan_bytes(b"noise" + value + b"noise", wanted, "leak")
    assert len(values) == 3
