"""`wristlet strap run` as a process: its ready line, its links, its bonds over a restart."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support import paid_cards
from support.se_cards import sealed
from wristlet.env.real import real_env
from wristlet.links.apdu_socket import CardServer
from wristlet.links.bonds import BondFile
from wristlet.links.channel import LinkLost
from wristlet.links.strap_open import opened_strap
from wristlet.se.serve import bind
from wristlet.wire.gp import aids, commands
from wristlet.wire.strap import gatt

pytestmark = pytest.mark.slow


@asynccontextmanager
async def element(sockets: Path) -> AsyncIterator[None]:
    """A secure element's wired socket in this process."""
    server = CardServer(paid_cards.built_in(sealed(1)).wired)
    await server.start(bind(sockets / "wired.sock"))
    try:
        yield
    finally:
        await server.close()


@asynccontextmanager
async def strap(sockets: Path, *options: str) -> AsyncIterator[dict[str, Any]]:
    """The strap's process while the block runs; gives what its ready line says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wristlet", "strap", "run", "--sockets", str(sockets), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        yield json.loads(line)
    finally:
        process.send_signal(signal.SIGTERM)
        said = (await process.stderr.read()).decode()
        assert await process.wait() == 0, said
    assert "Traceback" not in said


async def touch(ready: dict[str, Any], action: str) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(ready["control"])
    writer.write(json.dumps({"do": action}).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return answer


async def test_bluetooth_between_two_processes_with_bonds_that_last(tmp_path: Path) -> None:
    sockets, state = tmp_path / "s", tmp_path / "state"
    sockets.mkdir()
    env, compared = real_env(), list[str]()
    options = ("--state", str(state), "--link", "ble", "--name", "Aurora")

    async def talk(ready: dict[str, Any]) -> None:
        async def compare(digits: str) -> bool:
            compared.append(digits)
            while (await touch(ready, "look"))["display"] != digits:
                await asyncio.sleep(0)
            await touch(ready, "confirm")
            return True

        def bonds() -> BondFile:
            return BondFile(env, str(tmp_path / "phone-bonds"))

        async with opened_strap(env, f"ble:{ready['radio']}", bonds, compare) as link:
            answer = await link.transmit(commands.select(aids.ISD).encode())
            assert answer[-2:] == b"\x90\x00"
            assert await link.read(gatt.BATTERY_LEVEL)

    async with element(sockets):
        async with strap(sockets, *options) as ready:
            assert (ready["ready"], ready["link"]) == ("strap", "ble")
            await talk(ready)
            await talk(ready)
        assert len(compared) == 1
        assert (state / "bonds.json").stat().st_mode & 0o077 == 0
        async with strap(sockets, *options) as ready:
            await talk(ready)
            assert (await touch(ready, "forget"))["ok"]
            with pytest.raises(LinkLost, match="forget each other"):
                await talk(ready)
    assert len(compared) == 1
    assert sorted(path.name for path in sockets.iterdir()) == ["wired.sock"]


async def test_without_bluetooth_the_same_bytes_go_over_a_socket(tmp_path: Path) -> None:
    env = real_env()

    def bonds() -> BondFile:
        raise AssertionError("a socket has no bonds")

    async def compare(_: str) -> bool:
        raise AssertionError("a socket has no digits")

    async with element(tmp_path), strap(tmp_path, "--link", "socket") as ready:
        assert ready["link"] == "socket"
        async with opened_strap(env, f"unix:{ready['phone']}", bonds, compare) as link:
            answer = await link.transmit(commands.select(aids.ISD).encode())
            assert answer[-2:] == b"\x90\x00"
        assert not (await touch(ready, "nothing"))["ok"]


async def test_a_controller_by_url_needs_bluetooth(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wristlet", "strap", "run", "--sockets", str(tmp_path)),
        *("--link", "socket", "--hci", "usb:0"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"needs Bluetooth" in said
