"""Puts the strap's firmware on its links: phones on one side, buttons and sensors on another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wristlet.env.base import Env
from wristlet.env.real import real_env
from wristlet.links.apdu_socket import SocketChannel
from wristlet.links.channel import LinkLost
from wristlet.links.process import announce_ready, stop_event
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.relay import StrapRelay
from wristlet.strap.services import relay_endpoints
from wristlet.strap.socket_line import SocketLine
from wristlet.wire.strap.concerns import Concern

PHONE, CONTROL = "phone.sock", "control.sock"
CLOSE_TIMEOUT_S = 2
CONNECT_ATTEMPTS, CONNECT_PAUSE_S = 500, 0.02


class StrapServer:
    """Serves one strap: a phone at a time, and any number of controls."""

    def __init__(self, env: Env, relay: StrapRelay, wired: SocketChannel) -> None:
        self._relay = relay
        self._wired = wired
        self.gatt = GattServer(env)
        self.gatt.attach(relay_endpoints(relay), {Concern.APDU: self._reset})
        self._servers: list[asyncio.Server] = []
        self._phones: set[SocketLine] = set()
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[object]] = {}

    async def start(self, phone: socket.socket, control: socket.socket) -> None:
        """Begin to serve on two bound Unix sockets."""
        loop = asyncio.get_running_loop()
        self._servers = [
            await loop.create_unix_server(self._new_phone, sock=phone),
            await asyncio.start_unix_server(self._serve_control, sock=control),
        ]

    async def close(self) -> None:
        """Stop serving and let go of the secure element."""
        for server in self._servers:
            server.close()
        await self.gatt.close()
        for line in list(self._phones):
            line.drop()
        for writer in self._clients:
            writer.close()
        if self._clients:
            await asyncio.wait(self._clients.values(), timeout=CLOSE_TIMEOUT_S)
        await self._wired.close()

    async def _reset(self) -> None:
        with contextlib.suppress(OSError):
            await self._wired.reset()

    def _new_phone(self) -> SocketLine:
        line = SocketLine(self.gatt.serve, self._phones.discard)
        self._phones.add(line)
        return line

    @contextmanager
    def _client(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        """Remember a connection while it is served, so that a stop can end it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of a server runs in a task
        self._clients[writer] = task
        try:
            yield
        finally:
            del self._clients[writer]
            writer.close()

    async def _serve_control(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with self._client(writer), contextlib.suppress(OSError):
            while line := await reader.readline():
                writer.write(json.dumps(await self._control(line)).encode() + b"\n")
                await writer.drain()

    async def _control(self, line: bytes) -> dict[str, object]:
        actions: dict[str, Callable[[], Awaitable[object]]] = {
            "confirm": self._relay.press_confirm,
            "next": self._relay.press_next,
            "worn": lambda: self._relay.wear(worn=True),
            "off": lambda: self._relay.wear(worn=False),
        }
        try:
            wanted = json.loads(line)["do"]
            action = actions[wanted]
        except (ValueError, KeyError, TypeError):
            return {
                "ok": False,
                "error": f'control: send {{"do": ...}} with one of {sorted(actions)}',
            }
        try:
            await action()
        except (StrapRefused, LinkLost) as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, "display": self._relay.display}


async def serve(sockets: Path) -> None:
    """Serve the strap until SIGTERM: needs `wired.sock` in the folder, makes the others there."""
    stopped = stop_event()
    wired = await _when_there(sockets / "wired.sock")
    env = real_env()
    server = StrapServer(env, StrapRelay(wired, env.random), wired)
    with unix_listener(sockets / PHONE) as phone, unix_listener(sockets / CONTROL) as control:
        await server.start(phone, control)
        announce_ready("strap", phone=str(sockets / PHONE), control=str(sockets / CONTROL))
        try:
            await stopped.wait()
        finally:
            await server.close()


async def _when_there(path: Path) -> SocketChannel:
    """Connect to the secure element as soon as it listens; raises OSError when it never does."""
    for _ in range(CONNECT_ATTEMPTS):
        try:
            return await SocketChannel.open(str(path))
        except OSError:
            await asyncio.sleep(CONNECT_PAUSE_S)
    raise FileNotFoundError(
        f"the secure element's socket {path} is not there; start it with se run"
    )


@contextmanager
def unix_listener(path: Path) -> Iterator[socket.socket]:
    """Listen on a Unix socket for the owner only; the file goes away at the end."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
