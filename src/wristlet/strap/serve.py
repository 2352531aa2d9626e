"""Puts the strap's firmware on two Unix sockets: one for the phone, one for buttons and sensors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wristlet.env.real import real_env
from wristlet.links.apdu_socket import SocketChannel
from wristlet.links.channel import LinkLost
from wristlet.links.process import announce_ready, until_stopped
from wristlet.links.strap_link import (
    KIND_APDU,
    KIND_PAIR,
    KIND_REFUSED,
    KIND_REVEAL,
    KIND_STATUS,
    StrapRefused,
    encode_status,
    frame,
    read_message,
)
from wristlet.strap.relay import StrapRelay

PHONE, CONTROL = "phone.sock", "control.sock"
CLOSE_TIMEOUT_S = 2
CONNECT_ATTEMPTS, CONNECT_PAUSE_S = 500, 0.02


class StrapServer:
    """Serves one strap: a phone at a time, and any number of controls."""

    def __init__(self, relay: StrapRelay, wired: SocketChannel) -> None:
        self._relay = relay
        self._wired = wired
        self._phone = asyncio.Lock()
        self._servers: list[asyncio.Server] = []
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[object]] = {}

    async def start(self, phone: socket.socket, control: socket.socket) -> None:
        """Begin to serve on two bound Unix sockets."""
        self._servers = [
            await asyncio.start_unix_server(self._serve_phone, sock=phone),
            await asyncio.start_unix_server(self._serve_control, sock=control),
        ]

    async def close(self) -> None:
        """Stop serving and let go of the secure element."""
        for server in self._servers:
            server.close()
        for writer in self._clients:
            writer.close()
        if self._clients:
            await asyncio.wait(self._clients.values(), timeout=CLOSE_TIMEOUT_S)
        await self._wired.close()

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

    async def _serve_phone(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with self._client(writer):
            async with self._phone:
                try:
                    while True:
                        kind, body = await read_message(reader)
                        writer.write(await self._answer_phone(kind, body))
                        await writer.drain()
                except (OSError, asyncio.IncompleteReadError, ValueError, LinkLost):
                    with contextlib.suppress(OSError):
                        await self._wired.reset()
                finally:
                    self._relay.forget_offer()

    async def _answer_phone(self, kind: int, body: bytes) -> bytes:
        try:
            match kind:
                case k if k == KIND_APDU:
                    return frame(KIND_APDU, await self._relay.apdu(body))
                case k if k == KIND_PAIR:
                    return frame(KIND_PAIR, await self._relay.pair_offer(body))
                case k if k == KIND_REVEAL:
                    return frame(KIND_REVEAL, await self._relay.pair_reveal(body))
                case k if k == KIND_STATUS:
                    return frame(KIND_STATUS, encode_status(await self._relay.status()))
                case _:
                    return frame(KIND_REFUSED, b"the strap does not know this kind of message")
        except StrapRefused as refusal:
            return frame(KIND_REFUSED, str(refusal).encode())

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
    wired = await _when_there(sockets / "wired.sock")
    server = StrapServer(StrapRelay(wired, real_env().random), wired)
    with unix_listener(sockets / PHONE) as phone, unix_listener(sockets / CONTROL) as control:
        await server.start(phone, control)
        announce_ready("strap", phone=str(sockets / PHONE), control=str(sockets / CONTROL))
        try:
            await until_stopped()
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
