"""Making and opening a wallet's state: a database and a sealed key store in one directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wristlet.crypto.seal import KEY_BYTES, KeyStore, KeyUsage, SealKey
from wristlet.env.base import Env, ensure_dir
from wristlet.env.database import Database, Durability
from wristlet.links.tsp_client import TspClient
from wristlet.wallet.context import Context
from wristlet.wallet.replies import REPLY_KEY
from wristlet.wallet.tenants.service import NewTenant, create_tenant

__all__ = ["MIGRATIONS", "NewTenant", "create_tenant", "open_keys", "opened"]

MIGRATIONS = Path(__file__).parent / "migrations"

_KEYS_FILE = "keys.sealed"
_DATABASE_FILE = "wallet.db"
_STORE_CONTEXT = b"wallet"


def open_keys(env: Env, directory: Path, seal_key: SealKey) -> KeyStore:
    """Open the wallet's key store, making it with its first key if there is none."""
    ensure_dir(env.disk, directory)
    path = directory / _KEYS_FILE
    make = KeyStore.open if env.disk.exists(path) else KeyStore.create
    keys = make(env.disk, path, seal_key, _STORE_CONTEXT, env.random.bytes)
    if REPLY_KEY not in keys:
        keys.put(REPLY_KEY, KeyUsage.ENCRYPT, env.random.bytes(KEY_BYTES))
    return keys


@asynccontextmanager
async def opened(
    env: Env,
    directory: Path,
    seal_key: SealKey,
    tsp: TspClient,
    durability: Durability = "power",
) -> AsyncIterator[Context]:
    """Open the wallet's state while the block runs."""
    keys = open_keys(env, directory, seal_key)
    database = Database(directory / _DATABASE_FILE, MIGRATIONS, durability)
    await database.open()
    try:
        yield Context(env, database, tsp, keys)
    finally:
        await database.close()
