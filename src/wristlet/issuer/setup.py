"""Makes a bank: its keys in a sealed key store, its sandbox accounts in the ledger."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass
from typing import Final

from wristlet.crypto import ec
from wristlet.crypto.seal import KEY_BYTES, KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.issuer import ledger, repository
from wristlet.model.ids import RANDOM_SIZE, new_id
from wristlet.model.testcards import TEST_CARDS, Outcome, TestCard

KEY_STORE_CONTEXT: Final = b"issuer"
KEY_INDEX, KEY_IDV, KEY_CODES = "issuer.index", "issuer.idv", "issuer.codes"
KEY_NUMBERS: Final = "issuer.numbers"
TSP_CARD_ROOT: Final = "tsp.card_root"
TSP_BEARER: Final = "tsp.bearer"
"""What the bank needs to speak to the token service: the root of its card-data key, a token."""
TSP_TOKEN: Final = "issuer.tsp_token"  # noqa: S105 - the name under which one is kept

CURRENCY, OPENING_BALANCE_MINOR, LIMIT_MINOR = "JPY", 5_000_000, 1_000_000
STATUS_OPEN: Final = "open"

# What a test card's outcome means at the terminal; all others are open, funded and unlimited
# within `LIMIT_MINOR`.
_STATUS: Final = {Outcome.LOST: "lost", Outcome.EXPIRED: "expired"}
_OPENING: Final = {Outcome.FUNDS: 0}
_LIMIT: Final = {Outcome.LIMIT: 1}


@dataclass(frozen=True, slots=True)
class IssuerIdentity:
    """What others need to talk to the bank: its key for card data and codes."""

    kid: str
    public_point: bytes


def create_keys(env: Env, store: KeyStore) -> IssuerIdentity:
    """Make the bank's keys: number index, code check, card data; KeyStoreError if made before."""
    private = ec.new_private_key(env.random.bytes)
    store.put_all(
        {
            KEY_INDEX: (KeyUsage.MAC, env.random.bytes(32)),
            KEY_CODES: (KeyUsage.MAC, env.random.bytes(32)),
            KEY_IDV: (KeyUsage.AGREE, ec.scalar_of(private)),
            KEY_NUMBERS: (KeyUsage.ENCRYPT, env.random.bytes(KEY_BYTES)),
        }
    )
    return identity(store)


def complete_keys(env: Env, store: KeyStore) -> None:
    """Make what a store of an older version does not have yet."""
    if KEY_NUMBERS not in store:
        store.put(KEY_NUMBERS, KeyUsage.ENCRYPT, env.random.bytes(KEY_BYTES))


def trust_token_service(store: KeyStore, card_root_der: bytes, bearer: str) -> None:
    """Keep what the bank needs to speak to the token service as its cards' issuer."""
    store.put(TSP_CARD_ROOT, KeyUsage.PUBLIC, card_root_der)
    store.put(TSP_BEARER, KeyUsage.PUBLIC, bearer.encode())


def identity(store: KeyStore) -> IssuerIdentity:
    """Return the public half of the bank's card-data key."""
    point = ec.point_of(ec.private_key(store.get(KEY_IDV, KeyUsage.AGREE)))
    return IssuerIdentity(kid=hashlib.sha256(point).hexdigest()[:16], public_point=point)


def create_tsp_token(env: Env, store: KeyStore) -> str:
    """Make the bearer token that the token service must then show; returned this once."""
    token = f"it_{env.random.bytes(24).hex()}"
    store.put(TSP_TOKEN, KeyUsage.PUBLIC, hashlib.sha256(token.encode()).digest())
    return token


class KeyedHash:
    """Computes `keyed` under one key, whose context is kept."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(bytes(key), digestmod="sha256")

    def of(self, text: str) -> str:
        """Return a keyed hash of a number or code."""
        code = self._keyed.copy()
        code.update(text.encode("ascii"))
        return code.hexdigest()


def keyed(key: bytes, text: str) -> str:
    """Return a keyed hash of a number or code: it can be compared, not undone without the key."""
    return hmac.digest(key, text.encode("ascii"), "sha256").hex()


def seed_accounts(connection: sqlite3.Connection, env: Env, store: KeyStore) -> int:
    """Open one account for each test card unless there are accounts; return how many."""
    if repository.number(connection, "account_count"):
        return 0
    for card in TEST_CARDS:
        _open_account(connection, env, store, card)
    return len(TEST_CARDS)


def _open_account(
    connection: sqlite3.Connection, env: Env, store: KeyStore, card: TestCard
) -> None:
    now_ms, outcome = env.clock.now_ms(), card.outcome
    account_id = new_id("acct", now_ms, env.random.bytes(RANDOM_SIZE))
    repository.run(
        connection,
        "account_add",
        account_id=account_id,
        pan_index=keyed(store.get(KEY_INDEX, KeyUsage.MAC), card.number.reveal()),
        card_last4=card.number.last4,
        bank=card.bank.name,
        expiry_yymm=card.expiry_yymm,
        security_code_mac=keyed(store.get(KEY_CODES, KeyUsage.MAC), card.security_code.reveal()),
        status=_STATUS.get(outcome, STATUS_OPEN),
        idv_outcome=outcome.value,
        currency=CURRENCY,
        limit_minor=_LIMIT.get(outcome, LIMIT_MINOR),
    )
    opening = _OPENING.get(outcome, OPENING_BALANCE_MINOR)
    if opening:
        postings = ledger.move(ledger.FUNDING, ledger.cardholder(account_id), opening, CURRENCY)
        ledger.post(connection, "opening", account_id, now_ms, postings)
