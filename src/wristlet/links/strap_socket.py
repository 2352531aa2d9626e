"""The strap's GATT bytes over a Unix socket, for machines without a Bluetooth stack.

Each message is a 2-byte length and one PDU of the Attribute Protocol. There is no radio, hence no
pairing and no encryption: whoever may open the socket counts as the bonded phone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from wristlet.links.apdu_socket import Deframer, frame
from wristlet.links.channel import LinkLost
from wristlet.links.strap_carrier import Take
from wristlet.links.strap_link import StrapRefused
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import att
from wristlet.wire.strap.att import Opcode, Pdu
from wristlet.wire.strap.frames import MTU_MAX
from wristlet.wire.strap.gatt import Characteristic

_GONE: Final = "the link to the strap broke"


class SocketCarrier(asyncio.Protocol):
    """A phone's connection to a strap behind a Unix socket."""

    def __init__(self) -> None:
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None
        self._takers: dict[int, Take] = {}
        self._answers: deque[asyncio.Future[Pdu]] = deque()
        self._closed: list[Callable[[], None]] = []
        self._gone = asyncio.Event()

    @classmethod
    async def connect(cls, path: str) -> SocketCarrier:
        """Connect to the strap's phone socket; raises LinkLost."""
        try:
            _, carrier = await asyncio.get_running_loop().create_unix_connection(cls, path)
        except OSError as error:
            raise LinkLost("the strap cannot be reached; is it near and switched on?") from error
        return carrier

    @property
    def mtu(self) -> int:
        """The largest: a socket has no packets to fit."""
        return MTU_MAX

    async def subscribe(self, characteristic: Characteristic, take: Take) -> None:
        """Have a characteristic's notifications handed over in order; raises LinkLost."""
        if self._gone.is_set():
            raise LinkLost(_GONE)
        self._takers[att.HANDLES[characteristic]] = take

    def write(self, characteristic: Characteristic, value: bytes) -> None:
        """Write without response; on a closed connection nothing happens."""
        self._send(Pdu(Opcode.WRITE_COMMAND, att.HANDLES[characteristic], value))

    async def read(self, characteristic: Characteristic) -> bytes:
        """Read a value; raises LinkLost, StrapRefused."""
        if self._gone.is_set():
            raise LinkLost(_GONE)
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self._send(Pdu(Opcode.READ_REQUEST, att.HANDLES[characteristic]))
        pdu = await answer
        if pdu.opcode is not Opcode.READ_RESPONSE:
            raise StrapRefused(f"{characteristic.name}: the strap has no such value to read")
        return pdu.value

    def on_closed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once when the connection is gone, at once if it is already."""
        if self._gone.is_set():
            tell()
        else:
            self._closed.append(tell)

    async def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.close()
            await self._gone.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # A stream transport; that of uvloop does not derive from asyncio's class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what the strap sends."""
        for payload in self._deframer.feed(data):
            try:
                pdu = att.parse(payload)
            except DecodeError:
                continue
            if pdu.opcode is Opcode.NOTIFICATION:
                if (take := self._takers.get(pdu.handle)) is not None:
                    take(pdu.value)
            elif pdu.opcode in (Opcode.READ_RESPONSE, Opcode.ERROR) and self._answers:
                answer = self._answers.popleft()
                if not answer.done():
                    answer.set_result(pdu)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell everybody who waits."""
        self._gone.set()
        while self._answers:
            if not (answer := self._answers.popleft()).done():
                answer.set_exception(LinkLost(_GONE))
        closed, self._closed = self._closed, []
        for tell in closed:
            tell()

    def _send(self, pdu: Pdu) -> None:
        if self._transport is not None and not self._gone.is_set():
            self._transport.write(frame(pdu.encode()))
