"""The secrets of a run, taken from where they belong: the vault and the parts' key stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

from wristlet.companion.store import PhoneStore
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.lab import setup
from wristlet.lab.canary import CanarySecret, Kind
from wristlet.tsp.perso import card_keys
from wristlet.tsp.setup import TspKeys
from wristlet.tsp.vault import DPAN, FPAN, Vault
from wristlet.wire.masked import SecretDigits
from wristlet.wire.products import PRODUCTS


def of_run(env: Env, sandbox: setup.Sandbox, pin: str) -> Sequence[CanarySecret]:
    """Collect card numbers, DPANs, card keys, the PIN and every key of every store of a sandbox."""
    found = [CanarySecret("PIN", Kind.PIN, pin.encode())]
    found += _of_vault(env, sandbox.paths)
    for part in setup.KEY_STORES:
        found += _of_store(part, setup.open_store(env, sandbox.paths, part))
    found.append(_phone_key(env, sandbox.paths))
    return found


def _of_vault(env: Env, paths: setup.Paths) -> Iterator[CanarySecret]:
    keys = TspKeys.load(setup.open_store(env, paths, "tsp"))
    vault = Vault(keys.vault, keys.blind_index, env.random)
    with closing(sqlite3.connect(f"file:{paths.database('tsp')}?mode=ro", uri=True)) as database:
        for card_id, sealed in database.execute("SELECT card_id, fpan_sealed FROM cards"):
            number = bytes(vault.open(FPAN, card_id, sealed))
            yield CanarySecret(f"card •{number[-4:].decode()}", Kind.NUMBER, number)
        rows = database.execute(
            "SELECT token_reference, dpan_sealed, psn, product, key_index FROM tokens"
        )
        for reference, sealed, psn, product, key_index in rows:
            number = bytes(vault.open(DPAN, reference, sealed))
            label = f"token •{number[-4:].decode()}"
            yield CanarySecret(label, Kind.NUMBER, number)
            kind = next(one for one in PRODUCTS if one.name == product)
            masters = keys.issuer_keys(kind, key_index)
            own = card_keys(kind, masters, SecretDigits(number.decode()), psn)
            for name, value in (("AC", own.ac), ("SMI", own.smi), ("SMC", own.smc)):
                yield CanarySecret(f"{label}, key {name}", Kind.KEY, bytes(value))


def _of_store(part: str, store: KeyStore) -> Iterator[CanarySecret]:
    for name in store.names():
        usage = store.usage(name)
        if usage is not KeyUsage.PUBLIC:
            yield CanarySecret(f"{part}: {name}", Kind.KEY, bytes(store.get(name, usage)))


def _phone_key(env: Env, paths: setup.Paths) -> CanarySecret:
    key = setup.seal_key(env, paths, "phone")
    store = PhoneStore(env, paths.phone_state, key)
    return CanarySecret("phone key", Kind.KEY, bytes.fromhex(store.state.private_scalar))
