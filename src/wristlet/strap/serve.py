"""Puts the strap's firmware on its links: phones on one side, buttons and sensors on another."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wristlet.env.base import Env, ensure_dir
from wristlet.env.memory_disk import MemoryDisk
from wristlet.env.real import real_env
from wristlet.links.apdu_socket import SocketChannel
from wristlet.links.bonds import BondFile
from wristlet.links.channel import LinkLost
from wristlet.links.process import announce_ready, stop_event
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.activity.plugged import Sensors, plug_activity
from wristlet.strap.button import Press
from wristlet.strap.comparison import Comparison
from wristlet.strap.device import MODELS
from wristlet.strap.display.render import as_text
from wristlet.strap.firmware import Firmware
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.messages.endpoint import MessagesEndpoint
from wristlet.strap.messages.plugged import plug_messages
from wristlet.strap.plugging import plug
from wristlet.strap.radio import Invite, RadioSettings, on_air
from wristlet.strap.socket_line import SocketLine
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.invitation import Invitation

PHONE, CONTROL, RADIO = "phone.sock", "control.sock", "radio.sock"
BONDS = "bonds.json"
INVITATION_HOST = "pair.invalid"
"""A phone reads the fragment alone, so that a strap needs no brand's address."""
CLOSE_TIMEOUT_S = 2
CONNECT_ATTEMPTS, CONNECT_PAUSE_S = 500, 0.02


class StrapServer:
    """Serves one strap: a phone at a time, and any number of controls."""

    def __init__(
        self, env: Env, firmware: Firmware, sensors: Sensors, wired: SocketChannel
    ) -> None:
        self._firmware = firmware
        self._sensors = sensors
        self._relay = firmware.relay
        self._wired = wired
        self.comparison = Comparison(env.clock, self._show_digits)
        self.forget_phones: Callable[[], None] = lambda: None
        self.gatt = GattServer(env)
        plug(firmware, self.gatt, {Concern.APDU: self._reset})
        firmware.listeners.confirms.append(self.comparison.confirm)
        self._servers: list[asyncio.Server] = []
        self._phones: set[SocketLine] = set()
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[object]] = {}

    async def start(self, control: socket.socket, phone: socket.socket | None = None) -> None:
        """Begin to serve buttons and sensors, and phones if they come over a socket."""
        loop = asyncio.get_running_loop()
        self._servers = [await asyncio.start_unix_server(self._serve_control, sock=control)]
        if phone is not None:
            self._servers.append(await loop.create_unix_server(self._new_phone, sock=phone))

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

    def _show_digits(self, digits: str) -> None:
        self._relay.display = digits or "ready"
        self._firmware.show_digits(digits)

    async def _confirm(self) -> None:
        """One button for whatever digits are shown: those of Bluetooth, or of the enrolment."""
        if not self.comparison.confirm():
            await self._relay.press_confirm()
            self._firmware.pairing_moved()

    async def _look(self) -> None:
        """Do nothing: the answer shows the face."""

    async def _forget(self) -> None:
        self.forget_phones()

    async def _wear(self, *, worn: bool) -> None:
        self._firmware.worn(worn)
        await self._firmware.poll()

    async def _field(self) -> None:
        self._firmware.field_moved()
        await self._firmware.poll()

    async def _charge(self, *, is_charging: bool) -> None:
        self._firmware.plug(is_charging=is_charging)

    async def _samples(self, order: Mapping[str, Any]) -> None:
        self._sensors.samples(_numbers(order.get("xyz")))

    async def _heart(self, order: Mapping[str, Any]) -> None:
        bpm = order.get("bpm")
        self._sensors.heart(bpm if isinstance(bpm, int) else None, contact=bpm is not None)

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
            "confirm": self._confirm,
            "forget": self._forget,
            "look": self._look,
            "next": self._relay.press_next,
            "short": lambda: self._firmware.press(Press.SHORT),
            "long": lambda: self._firmware.press(Press.LONG),
            "very_long": lambda: self._firmware.press(Press.VERY_LONG),
            "worn": lambda: self._wear(worn=True),
            "off": lambda: self._wear(worn=False),
            "field": self._field,
            "charge": lambda: self._charge(is_charging=True),
            "uncharge": lambda: self._charge(is_charging=False),
            "samples": lambda: self._samples(order),
            "heart": lambda: self._heart(order),
            "pair": self._invite,
        }
        try:
            order = json.loads(line)
            action = actions[order["do"]]
        except (ValueError, KeyError, TypeError):
            return {
                "ok": False,
                "error": f'control: send {{"do": ...}} with one of {sorted(actions)}',
            }
        try:
            told = await action()
        except (StrapRefused, LinkLost) as error:
            return {"ok": False, "error": str(error)}
        face = as_text(self._firmware.face())
        more = told if isinstance(told, dict) else {}
        return {"ok": True, "display": self._relay.display, "face": face, **more}

    async def _invite(self) -> dict[str, str]:
        """Hold the button: what a second screen shows as QR code or prints as eight characters."""
        invited = Invitation.of(await self._relay.se_id(), self._firmware.invitations.open())
        return {"url": invited.url(INVITATION_HOST), "code": invited.code()}


@dataclass(frozen=True, slots=True)
class StrapSettings:
    """How a strap runs: where its sockets go, where it keeps its bonds, how phones reach it.

    `link` is `ble` or `socket`; `hci` names a real Bluetooth controller,
    `model` one of `device.MODELS`.
    """

    sockets: Path
    state: Path | None = None
    link: str = "socket"
    hci: str = ""
    name: str = "wristlet"
    model: str = "pro"


async def serve(settings: StrapSettings) -> None:
    """Serve the strap until SIGTERM: needs `wired.sock` in the folder, makes the others there.

    Raises BluetoothMissing, OSError.
    """
    stopped = stop_event()
    env, sockets = real_env(), settings.sockets
    wired = await _when_there(sockets / "wired.sock")
    firmware, messages, sensors = _firmware(env, settings, wired)
    server = StrapServer(env, firmware, sensors, wired)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        polling = asyncio.create_task(firmware.run())
        stack.callback(polling.cancel)
        showing = asyncio.create_task(messages.run())
        stack.callback(showing.cancel)
        control = stack.enter_context(unix_listener(sockets / CONTROL))
        where = {"control": str(sockets / CONTROL), "link": settings.link}
        if settings.link == "ble" and settings.hci:
            await server.start(control)
            await _go_on_air(stack, env, settings, server)
            announce_ready("strap", **where, radio=settings.hci)
        elif settings.link == "ble":
            await server.start(control)
            radio = stack.enter_context(unix_listener(sockets / RADIO))
            # Loading the stack takes most of a start: who connects meanwhile waits in the queue.
            announce_ready("strap", **where, radio=f"unix:{sockets / RADIO}")
            await _go_on_air(stack, env, settings, server, radio)
        else:
            await server.start(control, stack.enter_context(unix_listener(sockets / PHONE)))
            announce_ready("strap", **where, phone=str(sockets / PHONE))
        await stopped.wait()


def _firmware(
    env: Env, settings: StrapSettings, wired: SocketChannel
) -> tuple[Firmware, MessagesEndpoint, Sensors]:
    """Bring the firmware up; without a state folder it keeps what it learns for this run only."""
    kept, folder = Env(env.clock, env.random, MemoryDisk()), "strap"
    if settings.state is not None:
        kept, folder = env, str(settings.state / "firmware")
    firmware = Firmware(kept, wired, MODELS[settings.model], folder)
    messages = plug_messages(firmware, kept, f"{folder}/messages")
    sensors, _ = plug_activity(firmware, kept, f"{folder}/activity.flash")
    return firmware, messages, sensors


def _numbers(values: object) -> list[int]:
    """Read samples of a control order; raises StrapRefused."""
    if isinstance(values, list) and all(isinstance(one, int) for one in values):
        return values
    raise StrapRefused("control: xyz must be a list of whole numbers, x, y, z by turns, milli-g")


async def _go_on_air(
    stack: AsyncExitStack,
    env: Env,
    settings: StrapSettings,
    server: StrapServer,
    listener: socket.socket | None = None,
) -> None:
    """Advertise; bonds are kept in the state folder, or for this run only."""
    invite: Invite | None = None
    if listener is not None:
        loop = asyncio.get_running_loop()
        invite = functools.partial(loop.create_unix_server, sock=listener)
    if settings.state is None:
        bonds = BondFile(Env(env.clock, env.random, MemoryDisk()), BONDS)
    else:
        ensure_dir(env.disk, settings.state)
        bonds = BondFile(env, str(settings.state / BONDS))
    radio = RadioSettings(settings.name, settings.hci, invite)
    peripheral = await stack.enter_async_context(
        on_air(env, radio, bonds, server.gatt.serve, server.comparison)
    )
    server.forget_phones = peripheral.forget_phones


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
