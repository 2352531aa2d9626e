"""Starts parts as processes quickly: one server loads the code once and forks each part from it.

The server holds no state and no secret: it is started before anything is made, and what knows the
sandbox's card numbers is not loaded there, for its children would then hold them too. Each part
runs the very same `wristlet` command that one would type.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from socket import socket

PRELOADED = (
    "wristlet.cli.main",
    "wristlet.env.real",
    "wristlet.env.migrate",
    "wristlet.wallet.serve",
    "fastapi",
    "wristlet.network.serve",
    "wristlet.se.serve",
    "wristlet.strap.serve",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
    "yoyo",
)
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


class PartFailed(RuntimeError):
    """A part did not start; the text names it and its log."""


def prepare() -> None:
    """Start loading the parts' code in the background; call it before importing anything heavy."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    forkserver.ensure_running()


class Part:
    """One running part."""

    def __init__(self, name: str, process: ForkServerProcess) -> None:
        self.name = name
        self._process = process

    @property
    def pid(self) -> int | None:
        """The part's process id."""
        return self._process.pid

    async def stop(self) -> None:
        """End the part by SIGTERM, then by SIGKILL."""
        self._process.terminate()
        if not await self._gone():
            self._process.kill()
            await self._gone()

    async def _gone(self) -> bool:
        await asyncio.to_thread(self._process.join, STOP_TIMEOUT_S)
        return self._process.exitcode is not None


async def launch(
    name: str, words: Sequence[str], log: Path, listeners: Mapping[str, socket]
) -> Part:
    """Start `wristlet WORDS...` and wait for its ready line; raises PartFailed.

    A word `fd:NAME` becomes the inherited listener NAME; stderr goes to `log`.
    """
    context = get_context("forkserver")
    ready, say_ready = context.Pipe(duplex=False)
    given = {word: listeners[word[3:]] for word in words if word.startswith("fd:")}
    process = context.Process(target=_run_part, args=(list(words), given, str(log), say_ready))
    process.start()
    say_ready.close()
    part = Part(name, process)
    started = False
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            started = b'"ready"' in await _first_line(ready)
    except TimeoutError:
        started = False
    finally:
        if not started:
            await part.stop()
    if not started:
        raise PartFailed(f"{name} did not start; see {log}")
    return part


async def _first_line(connection: Connection) -> bytes:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(os.dup(connection.fileno()), "rb", buffering=0)
    connection.close()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        return await reader.readline()
    finally:
        transport.close()


def _run_part(
    words: list[str], listeners: dict[str, socket], log: str, say_ready: Connection
) -> None:
    """Become a part: own session, stdout to the parent, stderr to the log."""
    os.setsid()
    errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((say_ready.fileno(), 1), (errors, 2)):
        os.dup2(source, target)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
    sys.argv = ["wristlet", *(_inherited(word, listeners) for word in words)]
    with contextlib.suppress(BrokenPipeError):
        runpy.run_module("wristlet", run_name="__main__")


def _inherited(word: str, listeners: dict[str, socket]) -> str:
    return f"fd:{listeners[word].detach()}" if word in listeners else word
