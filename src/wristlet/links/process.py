"""What every process of the chain does alike: listen, say "ready", serve HTTP, stop on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")

_BACKLOG = 512
_GC_OBJECTS = 20_000
_THREAD_TURN_S = 0.0002
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class ListenAddressError(ValueError):
    """A listen address is not `HOST:PORT` or `fd:N`, or cannot be used."""


def open_listener(address: str) -> socket.socket:
    """Open a TCP listener at `HOST:PORT` (port 0: any free one) or adopt an inherited `fd:N`."""
    head, separator, tail = address.rpartition(":")
    if not separator or not tail.isdecimal():
        raise ListenAddressError(f"listen address {address!r}: write HOST:PORT or fd:N")
    number = int(tail)
    if head == "fd":
        return _inherited(number)
    host = head.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, number), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ListenAddressError(
            f"cannot listen on {address}: {error.strerror}; choose another port"
        ) from error


def _inherited(number: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=number)
        listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ListenAddressError(f"fd:{number} is not a socket of this process") from error
    if not listening:
        listener.detach()
        raise ListenAddressError(f"fd:{number} is not a listening socket")
    return listener


def address_of(listener: socket.socket) -> str:
    """Name the address to which a peer connects: `HOST:PORT`, or the path of a Unix socket."""
    name = listener.getsockname()
    if isinstance(name, str):
        return name
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def announce_ready(part: str, **addresses: str) -> None:
    """Print the ready line `{"ready": part, ...}`; a parent waits for it."""
    sys.stdout.write(json.dumps({"ready": part, **addresses}) + "\n")
    sys.stdout.flush()


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; ask for it before `announce_ready`."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    await stop_event().wait()


def tune() -> None:
    """Set the interpreter up for a host: what is loaded stays, threads change often.

    Messages live shortly and make no cycles, so that looking for these at every 700 new objects
    finds nothing. A thread that has synced a group is heard of at once, not after 5 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS, 10, 10)
    sys.setswitchinterval(_THREAD_TURN_S)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a process's main coroutine on uvloop."""
    import uvloop

    tune()
    return uvloop.run(main)


@asynccontextmanager
async def serving_http(app: Any, listener: socket.socket) -> AsyncIterator[str]:
    """Serve an ASGI app on a listening socket while the block runs; yields the base URL.

    Signals are left to `until_stopped`. There is no access log: who asked what, when, stays here.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """Tells when it listens and leaves the process's signals alone."""

        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            self.listening = asyncio.Event()

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.listening.set()

    config = uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        backlog=_BACKLOG,
    )
    server = Server(config)
    # `_serve` is `serve` without the signal handlers, which belong to the process.
    running = asyncio.create_task(server._serve([listener]))
    listening = asyncio.create_task(server.listening.wait())
    try:
        await asyncio.wait((running, listening), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield f"http://{address_of(listener)}"
    finally:
        listening.cancel()
        server.should_exit = True
        await running


async def serve_app(part: str, app: Any, address: str) -> None:
    """Serve one app as one process: listen, announce, stop on SIGTERM."""
    stopped = stop_event()
    async with serving_http(app, open_listener(address)) as url:
        announce_ready(part, http=url)
        await stopped.wait()
