"""The bank as a process: HTTP for the token service, ISO 8583 for the switch."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from wristlet.crypto.seal import KeyStore, KeyUsage, read_seal_key
from wristlet.env.database import Database, Durability
from wristlet.env.real import real_env
from wristlet.issuer.endpoints import create_app
from wristlet.issuer.repository import MIGRATIONS
from wristlet.issuer.service import IssuerService
from wristlet.issuer.setup import KEY_STORE_CONTEXT, TSP_BEARER
from wristlet.links import iso8583_peer
from wristlet.links.hop_keys import hop_key
from wristlet.links.http import HttpClient
from wristlet.links.process import (
    address_of,
    announce_ready,
    open_listener,
    run,
    serving_http,
    until_stopped,
)
from wristlet.links.tsp_client import TspClient

PART = "issuer"
KEYS_FILE, DATABASE_FILE = "keys.sealed", "issuer.db"


def run_issuer(
    state_dir: Path,
    seal_key_path: Path,
    http_listen: str,
    iso_listen: str,
    sandbox: bool,
    durability: Durability = "power",
    tsp_url: str | None = None,
) -> None:
    """Run the bank until SIGTERM. Raises what stops it from starting, with the next step."""
    run(_serve(state_dir, seal_key_path, http_listen, iso_listen, sandbox, durability, tsp_url))


async def _serve(
    state_dir: Path,
    seal_key_path: Path,
    http_listen: str,
    iso_listen: str,
    sandbox: bool,
    durability: Durability,
    tsp_url: str | None,
) -> None:
    env = real_env()
    store = KeyStore.open(
        env.disk,
        state_dir / KEYS_FILE,
        read_seal_key(seal_key_path),
        KEY_STORE_CONTEXT,
        env.random.bytes,
    )
    async with AsyncExitStack() as stack:
        database = Database(state_dir / DATABASE_FILE, MIGRATIONS, durability, on_loop=True)
        await database.open()
        stack.push_async_callback(database.close)
        tsp = None
        if tsp_url is not None:
            bearer = bytes(store.get(TSP_BEARER, KeyUsage.PUBLIC)).decode()
            tsp_http = HttpClient(tsp_url, bearer)
            stack.push_async_callback(tsp_http.close)
            tsp = TspClient(tsp_http)
        service = IssuerService(env, database, store, sandbox=sandbox, tsp=tsp)
        await service.start()
        http, iso = open_listener(http_listen), open_listener(iso_listen)
        where = address_of(iso)
        server = await iso8583_peer.serve(iso, service.host.handle, hop_key(store, "switch"))
        stack.push_async_callback(server.close)
        url = await stack.enter_async_context(serving_http(create_app(service), http))
        announce_ready(PART, http=url, iso8583=where)
        await until_stopped()
