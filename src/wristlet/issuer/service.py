"""The bank as one object: its database, its host and its identity checks."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass

from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.issuer import repository
from wristlet.issuer.cardholders import CardholderService
from wristlet.issuer.host import IssuerHost
from wristlet.issuer.idv import Deliver, IdvService, no_delivery
from wristlet.issuer.repository import ListedAuthorisation
from wristlet.issuer.setup import TSP_TOKEN, complete_keys, identity, seed_accounts
from wristlet.links.tsp_client import TspClient


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """An account as the sandbox shows it; amounts in minor units, the balance after holds."""

    account_id: str
    card_last4: str
    bank: str
    status: str
    outcome: str
    currency: str
    limit_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Books:
    """Whether the ledger is sound: the first two must be 0; `promised_minor` is held in all."""

    unbalanced_entries: int
    drifted_balances: int
    promised_minor: int


class IssuerService:
    """Host and identity checks over one database.

    In the sandbox the test cards have accounts, the one-time code is the documented one, and
    accounts may be looked at and their cards replaced; else codes go out through `deliver`. `tsp`
    is the token service as the cards' issuer speaks to it.
    """

    def __init__(
        self,
        env: Env,
        database: Database,
        store: KeyStore,
        *,
        sandbox: bool = False,
        deliver: Deliver = no_delivery,
        tsp: TspClient | None = None,
    ) -> None:
        complete_keys(env, store)
        self._env = env
        self._database = database
        self._store = store
        self.sandbox = sandbox
        self.identity = identity(store)
        self.host = IssuerHost(env, database, store)
        self.idv = IdvService(env, database, store, sandbox=sandbox, deliver=deliver)
        self.cardholders = CardholderService(env, database, store, tsp)
        self._token_hash = (
            bytes(store.get(TSP_TOKEN, KeyUsage.PUBLIC)) if TSP_TOKEN in store else None
        )

    @property
    def durability(self) -> str:
        """What a committed payment survives: power, crash or none."""
        return self._database.durability

    async def start(self) -> None:
        """Open the sandbox accounts when there are none."""
        if self.sandbox:
            await self._database.write(lambda c: seed_accounts(c, self._env, self._store))

    def admits(self, token: str | None) -> bool:
        """Say whether a bearer token is the token service's; a sandbox may go without one."""
        if self._token_hash is None:
            return self.sandbox
        given = hashlib.sha256((token or "").encode()).digest()
        return hmac.compare_digest(given, self._token_hash)

    async def accounts(self) -> list[AccountSummary]:
        """List all accounts with their balances, without card numbers."""
        return await self._database.read(_summaries)

    async def authorisations(self, account_id: str) -> list[ListedAuthorisation]:
        """List the last hundred requests of an account, newest first."""
        return await self._database.read(lambda c: repository.authorisations(c, account_id))

    async def books(self, currency: str) -> Books:
        """Audit the ledger from its postings; `promised_minor` is in one currency."""
        return await self._database.scan(lambda c: _audit(c, currency))


def _summaries(connection: sqlite3.Connection) -> list[AccountSummary]:
    return [
        AccountSummary(
            account_id=account.account_id,
            card_last4=account.card_last4,
            bank=account.bank,
            status=account.status,
            outcome=account.idv_outcome,
            currency=account.currency,
            limit_minor=account.limit_minor,
            balance_minor=account.balance_minor,
        )
        for account in repository.accounts(connection)
    ]


def _audit(connection: sqlite3.Connection, currency: str) -> Books:
    return Books(
        unbalanced_entries=repository.number(connection, "imbalance"),
        drifted_balances=repository.number(connection, "drift"),
        promised_minor=repository.number(connection, "promised_total", currency=currency),
    )
