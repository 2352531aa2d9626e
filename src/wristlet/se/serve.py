"""The secure element as a process of its own: two Unix sockets, nothing else in or out.

The interface a command came in by is the socket it came through. The process forbids core dumps
and being read by other processes of its user, and holds a lock on its folder: two processes on
one state would each sign as the same device.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import socket
import sys
from contextlib import AsyncExitStack, ExitStack, closing, suppress
from pathlib import Path
from typing import Final

from wristlet.crypto.seal import read_seal_key
from wristlet.env.real import real_env
from wristlet.links.apdu_socket import CardServer
from wristlet.links.channel import CardPort
from wristlet.links.process import announce_ready, run, stop_event
from wristlet.links.trace import Tracer, TracingPort
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card

WIRED_SOCKET: Final = "wired.sock"
CONTACTLESS_SOCKET: Final = "contactless.sock"
_PR_SET_DUMPABLE: Final = 4
_ONLY_OWNER: Final = 0o177


class SeInUseError(RuntimeError):
    """Another process serves this secure element."""


def harden() -> None:
    """Forbid core dumps and reading of this process's memory by others of the same user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) was refused")


def lock_folder(directory: Path) -> int:
    """Take the folder for this process; gives a descriptor that holds the lock until it closes."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise SeInUseError(
            f"another process serves the secure element in {directory}; stop it first"
        ) from None
    return descriptor


def bind(path: Path) -> socket.socket:
    """Bind a Unix socket for the owner only, in place of one that a dead process left."""
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_ONLY_OWNER)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen()
    return listener


async def serve(card: Card, sockets: Path, tracer: Tracer | None = None) -> None:
    """Serve both interfaces until SIGTERM; the sockets are gone afterwards."""
    stopped = stop_event()
    paths = {
        Interface.WIRED: sockets / WIRED_SOCKET,
        Interface.CONTACTLESS: sockets / CONTACTLESS_SOCKET,
    }
    async with AsyncExitStack() as stack:
        for interface, path in paths.items():
            port: CardPort = card.port(interface)
            if tracer is not None:
                port = TracingPort(port, tracer, interface.name.lower())
            server = CardServer(port)
            await server.start(bind(path))
            stack.callback(path.unlink, missing_ok=True)
            stack.push_async_callback(server.close)
        announce_ready("se", **{name.name.lower(): str(path) for name, path in paths.items()})
        await stopped.wait()


def run_se(
    directory: Path,
    seal_key_file: Path,
    sockets: Path,
    *,
    sandbox: bool = False,
    counter_path: Path | None = None,
    trace: Path | None = None,
) -> None:
    """Run the secure element of a folder as this process (`wristlet se run`).

    `trace` gets every APDU of both interfaces as it crossed, numbers masked. Raises `SealError`,
    `StoreCorruptError`, `SandboxKeysError` and `SeInUseError` before any socket exists.
    """
    harden()
    seal_key = read_seal_key(seal_key_file)
    lock = lock_folder(directory)
    try:
        env = real_env()
        card = Card.open(
            env,
            str(directory),
            seal_key,
            sandbox=sandbox,
            counter_path=None if counter_path is None else str(counter_path),
        )
        sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as stack:
            tracer = None
            if trace is not None:
                tracer = stack.enter_context(closing(Tracer(env.clock, path=trace)))
            run(serve(card, sockets, tracer))
    finally:
        os.close(lock)
