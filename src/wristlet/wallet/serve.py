"""The wallet as a process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from wristlet.crypto.seal import KeyUsage, SealKey
from wristlet.env.base import Env
from wristlet.env.database import Durability
from wristlet.links.http import HttpClient
from wristlet.links.process import serve_app
from wristlet.links.tsp_client import TspClient
from wristlet.wallet.app import create_app
from wristlet.wallet.setup import open_keys, opened

TSP_BEARER = "tsp.bearer"
"""Entry of the key store: no key, but it opens a door."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the wallet listens and keeps its state, and how it reaches the token service."""

    listen: str
    directory: Path
    tsp_url: str
    tsp_token: str = field(repr=False)
    durability: Durability = "power"


async def serve(env: Env, settings: Settings, seal_key: SealKey) -> None:
    """Serve until SIGTERM."""
    http = HttpClient(settings.tsp_url, settings.tsp_token)
    tsp = TspClient(http)
    try:
        async with opened(env, settings.directory, seal_key, tsp, settings.durability) as context:
            await serve_app("wallet", create_app(context), settings.listen)
    finally:
        await http.close()


def settings_of(
    env: Env, directory: Path, seal_key: SealKey, listen: str, tsp_url: str, durability: Durability
) -> Settings:
    """Complete the settings by the bearer token that the key store holds; raises KeyStoreError."""
    token = open_keys(env, directory, seal_key).get(TSP_BEARER, KeyUsage.PUBLIC)
    return Settings(listen, directory, tsp_url, bytes(token).decode(), durability)
