"""All that the operations of the token service share, put together once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wristlet.tsp.programs import by_bin
from wristlet.tsp.scripts import ScriptWriter
from wristlet.tsp.vault import Vault

if TYPE_CHECKING:
    from wristlet.env.base import Env
    from wristlet.env.database import Database
    from wristlet.links.issuer_client import IssuerClient
    from wristlet.tsp.config import TspConfig
    from wristlet.tsp.programs import Program
    from wristlet.tsp.setup import TspKeys


class Bell:
    """Rings when something was written that somebody else waits for."""

    __slots__ = ("_rung",)

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake who waits."""
        self._rung.set()

    async def wait(self) -> None:
        """Wait for a ring, also one that came before."""
        await self._rung.wait()
        self._rung.clear()


@dataclass(frozen=True, slots=True)
class Context:
    """Effects, keys, records, policy and the way to the issuer."""

    env: Env
    database: Database
    keys: TspKeys
    config: TspConfig
    issuer: IssuerClient
    vault: Vault
    writer: ScriptWriter
    programs: dict[str, Program]
    bell: Bell

    @classmethod
    def build(
        cls,
        env: Env,
        database: Database,
        keys: TspKeys,
        config: TspConfig,
        issuer: IssuerClient,
    ) -> Context:
        """Derive the rest; ValueError for a configuration that contradicts itself."""
        return cls(
            env=env,
            database=database,
            keys=keys,
            config=config,
            issuer=issuer,
            vault=Vault(keys.vault, keys.blind_index, env.random),
            writer=ScriptWriter(env.random, keys.oce, keys.oce_certificate),
            programs=by_bin(config.programs),
            bell=Bell(),
        )
