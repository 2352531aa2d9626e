"""The bank as one object: its database, its host and its identity checks."""

from __future__ import annotations

import sqlite3

from wristlet.crypto.seal import KeyStore
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.issuer import ledger
from wristlet.issuer.host import IssuerHost
from wristlet.issuer.idv import IdvService
from wristlet.issuer.repository import queries
from wristlet.issuer.setup import identity, seed_accounts


class IssuerService:
    """Host and identity checks over one database."""

    def __init__(
        self, env: Env, database: Database, store: KeyStore, *, durability: str = "power"
    ) -> None:
        self._env = env
        self._database = database
        self._store = store
        self.durability = durability
        self.identity = identity(store)
        self.host = IssuerHost(env, database, store)
        self.idv = IdvService(env, database, store)

    async def start(self) -> None:
        """Open the sandbox accounts that are missing."""
        await self._database.write(lambda c: seed_accounts(c, self._env, self._store))

    async def accounts(self) -> list[dict[str, str | int]]:
        """List accounts by last four, with balances in minor units."""
        return await self._database.read(_accounts)

    async def imbalance(self) -> tuple[int, int]:
        """Return the sum of all postings and the number of drifted balances; both must be 0."""
        return await self._database.read(
            lambda c: (int(queries().imbalance(c) or 0), int(queries().drift(c) or 0))
        )


def _accounts(connection: sqlite3.Connection) -> list[dict[str, str | int]]:
    listed = []
    for row in queries().list_accounts(connection):
        held = ledger.balance(connection, ledger.cardholder(row["account_id"]), row["currency"])
        listed.append({**dict(row), "balance_minor": held})
    return listed
