"""Makes a bank: its keys in a sealed key store, its sandbox accounts in the ledger."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass

from wristlet.crypto import ec
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.issuer import ledger
from wristlet.issuer.repository import queries
from wristlet.model.ids import new_id
from wristlet.model.testcards import TEST_CARDS, TestCard

KEY_INDEX, KEY_IDV, KEY_CODES = "issuer.index", "issuer.idv", "issuer.codes"
CURRENCY, OPENING_BALANCE_MINOR, LIMIT_MINOR = "JPY", 5_000_000, 1_000_000
# What a test card's outcome means for its account: status, balance, limit.
_STATUS = {"lost": "lost", "expired": "expired"}


@dataclass(frozen=True, slots=True)
class IssuerIdentity:
    """What others need to talk to the bank: its key for card data."""

    kid: str
    public_point: bytes


def create_keys(env: Env, store: KeyStore) -> IssuerIdentity:
    """Make the bank's keys: number index, code check, and the P-256 key for card data."""
    private = ec.new_private_key(env.random.bytes)
    store.put_all(
        {
            KEY_INDEX: (KeyUsage.MAC, env.random.bytes(32)),
            KEY_CODES: (KeyUsage.MAC, env.random.bytes(32)),
            KEY_IDV: (KeyUsage.AGREE, ec.scalar_of(private)),
        }
    )
    return identity(store)


def identity(store: KeyStore) -> IssuerIdentity:
    """Return the public half of the bank's card-data key."""
    private = ec.private_key(store.get(KEY_IDV, KeyUsage.AGREE))
    point = ec.point_of(private)
    return IssuerIdentity(kid=hashlib.sha256(point).hexdigest()[:16], public_point=point)


def keyed(key: bytes, text: str) -> str:
    """Return a keyed hash of a number or code: it can be looked up, never reversed without the key."""
    return hmac.new(key, text.encode("ascii"), hashlib.sha256).hexdigest()


def seed_accounts(connection: sqlite3.Connection, env: Env, store: KeyStore) -> int:
    """Open one account for each test card that has none; returns how many were opened."""
    if queries().count_accounts(connection):
        return 0
    for card in TEST_CARDS:
        _open_account(connection, env, store, card)
    return len(TEST_CARDS)


def _open_account(
    connection: sqlite3.Connection, env: Env, store: KeyStore, card: TestCard
) -> None:
    now_ms, outcome = env.clock.now_ms(), card.outcome.value
    account_id = new_id("acct", now_ms, env.random.bytes(10))
    queries().add_account(
        connection,
        account_id=account_id,
        pan_index=keyed(store.get(KEY_INDEX, KeyUsage.MAC), card.number.reveal()),
        card_last4=card.number.last4,
        bank=card.bank.name,
        expiry_yymm=card.expiry_yymm,
        security_code_mac=keyed(store.get(KEY_CODES, KeyUsage.MAC), card.security_code.reveal()),
        status=_STATUS.get(outcome, "open"),
        idv_outcome=outcome,
        currency=CURRENCY,
        limit_minor=1 if outcome == "limit" else LIMIT_MINOR,
    )
    opening = 0 if outcome == "funds" else OPENING_BALANCE_MINOR
    if opening:
        ledger.post(
            connection,
            new_id("ent", now_ms, env.random.bytes(10)),
            "opening",
            account_id,
            now_ms,
            (
                ledger.Posting(ledger.FUNDING, -opening, CURRENCY),
                ledger.Posting(ledger.cardholder(account_id), opening, CURRENCY),
            ),
        )
