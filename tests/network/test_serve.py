"""Bank, switch and acquirer as processes: they find each other, answer, and stop when told."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from support.bank import payment
from wristlet.crypto.seal import KeyStore, KeyUsage, SealKey
from wristlet.env.base import create_file, ensure_dir
from wristlet.env.real import real_env
from wristlet.issuer import setup
from wristlet.links.hop_keys import name
from wristlet.links.http import HttpClient, RemoteProblem
from wristlet.links.iso8583_peer import HostUnavailable, TcpClient
from wristlet.wire.iso8583.message import Message

pytestmark = pytest.mark.slow

ENV = real_env()
LINKS = {
    ("acquirer", "terminal"): bytes([1]) * 16,
    ("acquirer", "switch"): bytes([2]) * 16,
    ("switch", "acquirer"): bytes([2]) * 16,
    ("switch", "from_tsp"): bytes([3]) * 16,
    ("switch", "issuer"): bytes([4]) * 16,
    ("issuer", "switch"): bytes([4]) * 16,
}


def make_part(root: Path, part: str) -> KeyStore:
    """Make a part's folder, seal key and key store with its hop keys."""
    ensure_dir(ENV.disk, root / part)
    key = ENV.random.bytes(32)
    create_file(ENV.disk, root / f"{part}.key", key)
    store = KeyStore.create(
        ENV.disk, root / part / "keys.sealed", SealKey(key), part.encode(), ENV.random.bytes
    )
    for (holder, peer), value in LINKS.items():
        if holder == part:
            store.put(name(peer), KeyUsage.MAC, value)
    return store


@asynccontextmanager
async def running(root: Path, part: str, *words: str) -> AsyncIterator[dict[str, str]]:
    """Run a part as `wristlet serve` does; yields its ready line."""
    state = ("--state", str(root / part), "--seal-key", str(root / f"{part}.key"))
    process: Process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wristlet", "serve", part, *state, *words),
        stdin=DEVNULL,
        stdout=PIPE,
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_parts_answer_and_stop(tmp_path: Path) -> None:
    stores = {part: make_part(tmp_path, part) for part in ("issuer", "switch", "acquirer")}
    setup.create_keys(ENV, stores["issuer"])
    token = setup.create_tsp_token(ENV, stores["issuer"])
    routes = tmp_path / "routes.json"
    routes.write_text(json.dumps({"9999": "issuer"}))
    async with AsyncExitStack() as stack:
        bank = await stack.enter_async_context(running(tmp_path, "issuer", "--sandbox"))
        switch = await stack.enter_async_context(
            running(
                tmp_path,
                "switch",
                *("--routes", str(routes), "--peer", f"issuer={bank['iso8583']}"),
            )
        )
        acquirer = await stack.enter_async_context(
            running(tmp_path, "acquirer", "--switch", switch["iso8583"])
        )
        assert [part["ready"] for part in (bank, switch, acquirer)] == [
            "issuer",
            "switch",
            "acquirer",
        ]
        assert await ask(switch["iso8583"], ("switch", "from_tsp"), payment(stan=1)) == "00"
        # From an acquirer nobody vouches for the tap.
        terminal = ("acquirer", "terminal")
        assert await ask(acquirer["iso8583"], terminal, payment(stan=2)) == "30"
        with pytest.raises(HostUnavailable):
            await ask(acquirer["iso8583"], ("issuer", "switch"), payment(stan=3))
        await check_http(bank["http"], token)


async def ask(address: str, link: tuple[str, str], message: Message) -> str:
    client = TcpClient(address, LINKS[link], ENV)
    try:
        return (await client.request(message)).text(39)
    finally:
        await client.close()


async def check_http(url: str, token: str) -> None:
    known, unknown = HttpClient(url, token), HttpClient(url)
    assert await known.get("/issuer/v1/accounts", list[object])
    with pytest.raises(RemoteProblem) as caught:
        await unknown.get("/issuer/v1/accounts", list[object])
    assert caught.value.status == 401
    await known.close()
    await unknown.close()
