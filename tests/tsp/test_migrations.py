"""A token service of an older version: its rows and its keys are brought up and go on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from wristlet.crypto.seal import KeyStore, KeyUsage, SealKey
from wristlet.env.base import ensure_dir
from wristlet.env.migrate import migrate
from wristlet.env.sim import SimEnv
from wristlet.tsp.repository import MIGRATIONS, Repository
from wristlet.tsp.setup import TspKeys, complete_keys, create_keys

TOKEN = {
    "token_reference": "tok_1",
    "requestor_id": "wallet",
    "card_id": "card",
    "se_id": "00",
    "dpan_index": b"i",
    "dpan_sealed": b"s",
    "dpan_last4": "4001",
    "expiry_yymm": "2901",
    "psn": "01",
    "product": "k3",
    "key_index": 1,
    "instance_aid": b"\xa0",
    "card_last4": "0001",
    "issuer_name": "Aoba Bank",
    "card_name": "Aoba Credit",
    "card_art": "aoba",
    "idv_id": "",
    "methods": "[]",
    "state": "active",
    "suspended_by": "",
    "personalised": 1,
    "verified": 1,
    "ordered": "activatable",
    "atc_high": 7,
    "atc_window": bytes(32),
    "created_ms": 1,
    "changed_ms": 1,
}


def insert(database: sqlite3.Connection, table: str, values: dict[str, object]) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of the first version with one active token, brought up."""
    older = tmp_path / "older"
    older.mkdir()
    first = "0001-token-service.sql"
    (older / first).write_text((MIGRATIONS / first).read_text())
    path = tmp_path / "tsp.db"
    migrate(path, older)
    with closing(sqlite3.connect(path)) as database:
        points = {"attestation_point": b"a", "domain_point": b"d"}
        insert(
            database,
            "devices",
            {"se_id": "00", "model": "m", "state": "registered", **points, "created_ms": 1},
        )
        sealed = {"fpan_sealed": b"f", "expiry_sealed": b"e"}
        insert(database, "cards", {"card_id": "card", **sealed, "par": "P", "created_ms": 1})
        insert(database, "tokens", TOKEN)
        database.commit()
    migrate(path, MIGRATIONS)
    return path


def test_tokens_and_elements_go_on(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        rows = Repository(database)
        token, device, card = rows.token("tok_1"), rows.device("00"), rows.card("card")
        assert token is not None
        assert (token.state, token.replaces, token.renewal) == ("active", None, "")
        assert device is not None
        assert device.pin_event == -1
        assert card is not None
        assert (card.par, card.reissued_as) == ("P", None)


def test_one_active_token_per_card_element_and_requestor(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        other = {**TOKEN, "token_reference": "tok_2", "dpan_index": b"2", "requestor_id": "x"}
        insert(database, "tokens", other)
        again = {**TOKEN, "token_reference": "tok_3", "dpan_index": b"3"}
        with pytest.raises(sqlite3.IntegrityError):
            insert(database, "tokens", again)


def test_an_older_key_store_gets_the_key_that_it_lacks() -> None:
    env = SimEnv()
    ensure_dir(env.disk, "/tsp")
    store = KeyStore.create(env.disk, "/tsp/keys", SealKey(bytes(32)), b"tsp", env.random.bytes)
    create_keys(env, store)
    kept = {name: store.get(name, store.usage(name)) for name in store.names()}
    older = KeyStore.create(env.disk, "/tsp/old", SealKey(bytes(32)), b"tsp", env.random.bytes)
    older.put_all(
        {name: (store.usage(name), value) for name, value in kept.items() if name != "notification"}
    )
    complete_keys(env, older)
    first = bytes(older.get("notification", KeyUsage.SIGN))
    complete_keys(env, older)
    assert bytes(older.get("notification", KeyUsage.SIGN)) == first
    assert TspKeys.load(older).notification_kid
