"""The token service as a process: life cycle over HTTP, authorisations over ISO 8583."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from wristlet.crypto.seal import KeyStore, KeyUsage, SealKey
from wristlet.env.base import Env
from wristlet.env.database import Database, Durability
from wristlet.links import iso8583_peer
from wristlet.links.http import HttpClient
from wristlet.links.iso8583_peer import TcpClient
from wristlet.links.issuer_client import IssuerClient
from wristlet.links.process import (
    address_of,
    announce_ready,
    open_listener,
    serving_http,
    until_stopped,
)
from wristlet.links.requestor_client import RequestorClient
from wristlet.tsp.config import Caller, Role, TspConfig
from wristlet.tsp.courier import Courier
from wristlet.tsp.endpoints import create_app
from wristlet.tsp.repository import MIGRATIONS
from wristlet.tsp.service import TokenService
from wristlet.tsp.setup import KEY_STORE_CONTEXT, TspKeys, complete_keys

CONFIG_ENTRY, ISSUER_BEARER = "tsp.config", "issuer.bearer"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the token service keeps its state and listens, and how it reaches switch and bank.

    `notify` names the requestors that are told of what happens to their tokens, and their URLs.
    """

    directory: Path
    http: str
    iso8583: str
    switch: str
    issuer_url: str
    durability: Durability = "power"
    notify: Mapping[str, str] = field(default_factory=dict)


def read_config(store: KeyStore) -> TspConfig:
    """Read trusted maker roots and callers from the key store; raises KeyStoreError."""
    stored = json.loads(bytes(store.get(CONFIG_ENTRY, KeyUsage.PUBLIC)))
    return TspConfig(
        trusted_roots=tuple(bytes.fromhex(root) for root in stored["trusted_roots"]),
        callers=(
            *(Caller.of(name, token) for name, token in stored["requestors"].items()),
            *(
                Caller.of(name, token, Role.ISSUER)
                for name, token in stored.get("issuers", {}).items()
            ),
        ),
    )


def _courier(stack: AsyncExitStack, service: TokenService, settings: Settings) -> Courier:
    requestors = {}
    for name, url in settings.notify.items():
        http = HttpClient(url)
        stack.push_async_callback(http.close)
        requestors[name] = RequestorClient(http)
    return service.courier(requestors)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def serve(env: Env, settings: Settings, seal_key: SealKey) -> None:
    """Serve until SIGTERM."""
    path = settings.directory / "keys.sealed"
    store = KeyStore.open(env.disk, path, seal_key, KEY_STORE_CONTEXT, env.random.bytes)
    complete_keys(env, store)
    keys = TspKeys.load(store)
    async with AsyncExitStack() as stack:
        database = Database(
            settings.directory / "tsp.db", MIGRATIONS, settings.durability, on_loop=True
        )
        await database.open()
        stack.push_async_callback(database.close)
        bearer = bytes(store.get(ISSUER_BEARER, KeyUsage.PUBLIC)).decode()
        issuer_http = HttpClient(settings.issuer_url, bearer)
        stack.push_async_callback(issuer_http.close)
        service = TokenService(env, database, keys, read_config(store), IssuerClient(issuer_http))
        to_switch = TcpClient(settings.switch, keys.hop_to_switch, env)
        stack.push_async_callback(to_switch.close)
        authorizer = service.authorizer(to_switch)
        listener = open_listener(settings.iso8583)
        hosts = await iso8583_peer.serve(listener, authorizer.handle, keys.hop_from_switch)
        stack.push_async_callback(hosts.close)
        courier = asyncio.create_task(_courier(stack, service, settings).run())
        stack.push_async_callback(_ended, courier)
        http = await stack.enter_async_context(
            serving_http(create_app(service), open_listener(settings.http))
        )
        announce_ready("tsp", http=http, iso8583=address_of(listener))
        await until_stopped()
