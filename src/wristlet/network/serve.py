"""Switch and acquirer as processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wristlet.crypto.seal import KeyStore, read_seal_key
from wristlet.env.base import Env
from wristlet.env.real import real_env
from wristlet.links.hop_keys import hop_key
from wristlet.links.iso8583_peer import Iso8583Server, Peer, TcpClient
from wristlet.links.process import (
    address_of,
    announce_ready,
    open_listener,
    run,
    until_stopped,
)
from wristlet.network.acquirer import Acquirer, AcquirerConfig
from wristlet.network.routing import RoutingTable
from wristlet.network.switch import ACQUIRER, TOKEN_SERVICE, Switch

KEYS_FILE: Final = "keys.sealed"
SWITCH_CONTEXT, ACQUIRER_CONTEXT = b"switch", b"acquirer"

# The key under which each peer speaks to the switch: the token service has one per direction.
SWITCH_PEERS: Final = {ACQUIRER: "acquirer", TOKEN_SERVICE: "from_tsp"}


def run_switch(
    state_dir: Path,
    seal_key_path: Path,
    listen: str,
    routes: Path | Mapping[str, str],
    hosts: Mapping[str, str],
) -> None:
    """Run the switch until SIGTERM; `hosts` are names of the routes with their HOST:PORT."""
    run(_serve_switch(state_dir, seal_key_path, listen, routes, hosts))


def run_acquirer(
    state_dir: Path,
    seal_key_path: Path,
    listen: str,
    switch_address: str,
    config: AcquirerConfig | None = None,
) -> None:
    """Run the acquirer's host until SIGTERM."""
    run(_serve_acquirer(state_dir, seal_key_path, listen, switch_address, config))


async def _serve_switch(
    state_dir: Path,
    seal_key_path: Path,
    listen: str,
    routes: Path | Mapping[str, str],
    hosts: Mapping[str, str],
) -> None:
    env = real_env()
    store = _open_store(env, state_dir, seal_key_path, SWITCH_CONTEXT)
    table = RoutingTable.load(routes) if isinstance(routes, Path) else RoutingTable(routes)
    clients = {
        name: TcpClient(address, hop_key(store, name), env) for name, address in hosts.items()
    }
    switch = Switch(table, clients)
    peers = {
        peer: Peer(hop_key(store, key_name), switch.handler_for(peer))
        for peer, key_name in SWITCH_PEERS.items()
    }
    try:
        await _serve("switch", peers, listen)
    finally:
        for client in clients.values():
            await client.close()


async def _serve_acquirer(
    state_dir: Path,
    seal_key_path: Path,
    listen: str,
    switch_address: str,
    config: AcquirerConfig | None,
) -> None:
    env = real_env()
    store = _open_store(env, state_dir, seal_key_path, ACQUIRER_CONTEXT)
    client = TcpClient(switch_address, hop_key(store, "switch"), env)
    acquirer = Acquirer(env, config or AcquirerConfig(), client)
    try:
        peers = {"terminal": Peer(hop_key(store, "terminal"), acquirer.handle)}
        await _serve("acquirer", peers, listen)
    finally:
        await acquirer.close()
        await client.close()


async def _serve(part: str, peers: Mapping[str, Peer], listen: str) -> None:
    listener = open_listener(listen)
    where = address_of(listener)
    server = Iso8583Server(peers)
    await server.start(listener)
    try:
        announce_ready(part, iso8583=where)
        await until_stopped()
    finally:
        await server.close()


def _open_store(env: Env, state_dir: Path, seal_key_path: Path, context: bytes) -> KeyStore:
    seal_key = read_seal_key(seal_key_path)
    return KeyStore.open(env.disk, state_dir / KEYS_FILE, seal_key, context, env.random.bytes)
