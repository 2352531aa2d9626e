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
from wristlet.se import journal, keyset
from wristlet.se.context import SECRET_KEY
from wristlet.se.store import STATE_FILE, Store
from wristlet.se.supplementary import CASD_SCALAR_KEY
from wristlet.tsp.perso import card_keys
from wristlet.tsp.setup import TspKeys
from wristlet.tsp.vault import DPAN, FPAN, Vault
from wristlet.wire.gp import aids
from wristlet.wire.gp.keys import KeyType
from wristlet.wire.masked import SecretDigits
from wristlet.wire.products import PRODUCTS


def of_run(env: Env, sandbox: setup.Sandbox, pin: str) -> Sequence[CanarySecret]:
    """Collect card numbers, DPANs, card keys, the PIN and every key of a sandbox: those of every
    store, of the phone, and those that were born in the secure element.
    """
    found = [CanarySecret("PIN", Kind.PIN, pin.encode())]
    found += _of_vault(env, sandbox.paths)
    for part in setup.KEY_STORES:
        found += _of_store(part, setup.open_store(env, sandbox.paths, part))
    found.append(_phone_key(env, sandbox.paths))
    found += _of_element(env, sandbox.paths)
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


def _of_element(env: Env, paths: setup.Paths) -> Iterator[CanarySecret]:
    """Read the secure element's own keys beside the running one: nothing is opened or moved.

    The issuer's SCP03 keys of a sandbox are public and would be found everywhere.
    """
    content = env.disk.read(paths.folder("se") / STATE_FILE)
    header = journal.FileHeader.parse(content)
    cipher = journal.file_cipher(setup.seal_key(env, paths, "se"), header)
    state = journal.scan(content, header, cipher).state
    for name in (SECRET_KEY, CASD_SCALAR_KEY):
        yield CanarySecret(f"secure element: {name}", Kind.KEY, state[name])
    for aid in (aids.ISD, aids.TSP_DOMAIN, aids.CARDHOLDER_DOMAIN):
        for key in keyset.load(Store(state), aid):
            if key.kind == KeyType.EC_PRIVATE:
                label = f"secure element: {aid.hex()} {key!r}"
                yield CanarySecret(label, Kind.KEY, key.value)
