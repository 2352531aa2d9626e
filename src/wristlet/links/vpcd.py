"""Joins a secure element's sockets to PC/SC: the card's side of vsmartcard's vpcd.

vpcd is a reader whose slot is a TCP port: a card is in it while somebody is connected. The frames
are those of `apdu_socket`; the bridge passes them on and answers only one itself, the ATR, because
it decides which PC/SC programs talk to the card, and that is the user's choice. The element's
socket is taken at power-on and given back at power-off: between two PC/SC clients a terminal or
the strap may use it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from wristlet.links.apdu_socket import GET_ATR, POWER_OFF, RESET, SocketChannel, frame
from wristlet.links.process import announce_ready, stop_event

RETRY_S = 0.2
Tell = Callable[[str], None]


class SlotAddressError(ValueError):
    """A slot's address is not HOST:PORT, or an ATR is none."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One interface of the element and the reader's slot it belongs into."""

    name: str
    element: Path
    vpcd: str
    atr: bytes

    def __post_init__(self) -> None:
        host, _, port = self.vpcd.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 0xFFFF:
            raise SlotAddressError(f"{self.name} slot {self.vpcd!r}: write HOST:PORT")
        if not 2 <= len(self.atr) <= 33 or self.atr[0] not in (0x3B, 0x3F):
            raise SlotAddressError("ATR: 2 to 33 bytes that begin with 3B or 3F are needed")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of vpcd."""
        host, _, port = self.vpcd.rpartition(":")
        return host.strip("[]"), int(port)


class _Reader:
    """vpcd's end of the wire."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> _Reader:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
        family, kind, protocol, _, where = found[0]
        fresh = socket.socket(family, kind, protocol)
        fresh.setblocking(False)
        try:
            await loop.sock_connect(fresh, where)
        except BaseException:
            fresh.close()
            raise
        return cls(fresh)

    async def receive(self) -> bytes:
        size = int.from_bytes(await self._exactly(2), "big")
        return await self._exactly(size)

    async def send(self, payload: bytes) -> None:
        await self._loop.sock_sendall(self._socket, frame(payload))

    def close(self) -> None:
        self._socket.close()

    async def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            # vpcd sends length and payload apart with Nagle on: a delayed ACK would cost 40 ms
            # each time. The kernel forgets this option, so it is set before every read.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = await self._loop.sock_recv(self._socket, size - len(data))
            if not part:
                raise ConnectionResetError("vpcd closed the connection")
            data += part
        return data


class _Session:
    """One stay of the element in the reader."""

    def __init__(self, slot: Slot, reader: _Reader) -> None:
        self._slot = slot
        self._reader = reader
        self._card: SocketChannel | None = None

    async def run(self) -> NoReturn:
        """Serve the reader until one of both ends goes away (OSError)."""
        try:
            while True:
                answer = await self._answer(await self._reader.receive())
                if answer is not None:
                    await self._reader.send(answer)
        finally:
            self._reader.close()
            await self._power_off()

    async def _answer(self, payload: bytes) -> bytes | None:
        if payload == GET_ATR:
            await self._check_element()
            return self._slot.atr
        if payload == POWER_OFF:
            await self._power_off()
            return None
        card = await self._power_on()
        if len(payload) > 1:
            return await card.transmit(payload)
        if payload == RESET:
            await card.reset()
        return None

    async def _check_element(self) -> None:
        """pcscd asks for the ATR all the time to see whether the card is still in."""
        if self._card is not None:
            await self._card.atr()
        elif not self._slot.element.is_socket():
            raise ConnectionResetError("the secure element has gone")

    async def _power_on(self) -> SocketChannel:
        if self._card is None:
            self._card = await SocketChannel.open(str(self._slot.element))
        return self._card

    async def _power_off(self) -> None:
        card, self._card = self._card, None
        if card is not None:
            await card.close()


async def keep_joined(
    slot: Slot, tell: Tell, *, joined: asyncio.Event | None = None, retry_s: float = RETRY_S
) -> NoReturn:
    """Keep one slot joined until cancelled; `tell` hears of each change, `joined` of the first."""
    told = ""
    while True:
        try:
            await _reach(slot.element)
            reader = await _connect(slot)
            told = f"{slot.name}: joined to {slot.vpcd}"
            tell(told)
            if joined is not None:
                joined.set()
            await _Session(slot, reader).run()
        except _Absent as absent:
            state = f"{slot.name}: waiting for {absent}"
        except OSError:
            state = f"{slot.name}: the link went away, joining again"
        if state != told:
            tell(state)
            told = state
        await asyncio.sleep(retry_s)


class _Absent(Exception):
    """One side is not there yet; the text says what to start."""


async def _reach(element: Path) -> None:
    """See that the element answers before a card appears in the reader."""
    try:
        channel = await SocketChannel.open(str(element))
    except OSError:
        raise _Absent(f"the secure element at {element}; start it with se run") from None
    await channel.close()


async def _connect(slot: Slot) -> _Reader:
    try:
        return await _Reader.connect(slot.address)
    except OSError:
        raise _Absent(f"vpcd at {slot.vpcd}; start pcscd with vsmartcard-vpcd") from None


async def join_all(sockets: Path, slots: Mapping[str, str], atr: bytes, tell: Tell) -> None:
    """Keep interfaces joined to vpcd slots until SIGTERM.

    `slots` maps `wired` and `contactless` to HOST:PORT. Each side may come and go; "ready" is
    announced when every slot was joined once. Raises SlotAddressError.
    """
    wanted = [Slot(name, sockets / f"{name}.sock", vpcd, atr) for name, vpcd in slots.items()]
    stopped = asyncio.create_task(stop_event().wait())
    events = [asyncio.Event() for _ in wanted]
    tasks = [
        asyncio.create_task(keep_joined(slot, tell, joined=event))
        for slot, event in zip(wanted, events, strict=True)
    ]
    ready = asyncio.create_task(_announce(events, slots))
    everything = [*tasks, ready, stopped]
    try:
        await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in everything:
            task.cancel()
    for task in everything:
        with suppress(asyncio.CancelledError):
            await task


async def _announce(events: list[asyncio.Event], slots: Mapping[str, str]) -> None:
    for event in events:
        await event.wait()
    announce_ready("bridge", **slots)
