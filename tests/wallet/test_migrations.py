"""A wallet of an older version: its rows are brought up and go on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from wristlet.env.migrate import migrate
from wristlet.wallet.cards import repository as cards
from wristlet.wallet.context import Actor
from wristlet.wallet.devices import repository as devices
from wristlet.wallet.setup import MIGRATIONS

ROWS: dict[str, dict[str, object]] = {
    "tenants": {
        "tenant_id": "t",
        "name": "Brand",
        "phone_root_id": "00",
        "phone_root_point": "00",
        "event_last": 0,
        "created_ms": 1,
    },
    "wearers": {"tenant_id": "t", "wearer_id": "w", "name": "Hana", "created_ms": 1},
    "devices": {
        "tenant_id": "t",
        "device_id": "d",
        "wearer_id": "w",
        "name": "strap",
        "se_id": "00",
        "model": "m",
        "state": "paired",
        "commits_last": 0,
        "commits_acknowledged": 0,
        "created_ms": 1,
    },
    "phones": {
        "tenant_id": "t",
        "device_id": "d",
        "point_hash": "5f",
        "certificate": "7f21",
        "created_ms": 1,
    },
    "cards": {
        "tenant_id": "t",
        "card_id": "c",
        "device_id": "d",
        "wearer_id": "w",
        "eligibility_id": "e",
        "token_reference": "tok_1",
        "state": "active",
        "suspended_by": "",
        "se_state": "ready",
        "card_last4": "0001",
        "token_last4": "4001",
        "issuer_name": "Aoba Bank",
        "product": "Aoba Credit",
        "card_art": "aoba",
        "instance_aid": "a0",
        "decision": "approved",
        "reason": "",
        "party": "issuer",
        "verification_methods": "[]",
        "verified": 0,
        "created_ms": 1,
    },
}


def test_straps_phones_and_cards_go_on(tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    (older / "0001-wallet.sql").write_text((MIGRATIONS / "0001-wallet.sql").read_text())
    path = tmp_path / "wallet.db"
    migrate(path, older)
    with closing(sqlite3.connect(path)) as database:
        for table, values in ROWS.items():
            marks = ", ".join(f":{name}" for name in values)
            database.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", values)
        database.commit()
    migrate(path, MIGRATIONS)
    with closing(sqlite3.connect(path)) as database:
        device = devices.require(database, Actor("t", "w"), "d")
        assert devices.refresh_due(database, device) == 0
        (phone,) = devices.phones(database, device)
        assert (phone.name, phone.state, phone.certificate) == ("", "certified", "7f21")
        card = cards.require(database, Actor("t", "w"), "c")
        assert (card.state, card.replaces_card_id, card.renewal) == ("active", None, "")
