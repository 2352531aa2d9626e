"""Phones over a Unix socket: PDUs of the Attribute Protocol in, notifications out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from wristlet.links.apdu_socket import Deframer, frame
from wristlet.links.strap_carrier import Serve, Visit
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import att
from wristlet.wire.strap.att import ErrorCode, Opcode, Pdu
from wristlet.wire.strap.frames import MTU_MAX
from wristlet.wire.strap.gatt import Characteristic, Property

PEER = "socket"
"""There is no pairing on a socket: whoever may open it counts as one bonded phone."""
BUFFER_MAX = 1 << 20
"""A phone that does not read loses its connection before the strap loses its memory."""


class SocketLine(asyncio.Protocol):
    """One phone's connection."""

    def __init__(self, serve: Serve, ended: Callable[[SocketLine], None]) -> None:
        self._serve = serve
        self._ended = ended
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None
        self._visit: Visit | None = None

    @property
    def peer(self) -> str:
        """The same for all."""
        return PEER

    @property
    def mtu(self) -> int:
        """The largest: a socket has no packets to fit."""
        return MTU_MAX

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        """Notify the phone; on a closed connection nothing happens."""
        self._send(Pdu(Opcode.NOTIFICATION, att.HANDLES[characteristic], value))

    def drop(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve, unless another phone is served."""
        # A stream transport; that of uvloop does not derive from asyncio's class.
        self._transport = cast("asyncio.Transport", transport)
        self._visit = self._serve(self)
        if self._visit is None:
            self.drop()

    def data_received(self, data: bytes) -> None:
        """Take what the phone sends."""
        for payload in self._deframer.feed(data):
            self._take(payload)

    def connection_lost(self, _error: Exception | None) -> None:
        """The phone is gone."""
        if self._visit is not None:
            self._visit.closed()
        self._ended(self)

    def _take(self, payload: bytes) -> None:
        try:
            pdu = att.parse(payload)
        except DecodeError:
            self._refuse(payload[0] if payload else 0, 0, ErrorCode.INVALID_PDU)
            return
        if pdu.opcode is Opcode.MTU_REQUEST:
            self._send(Pdu(Opcode.MTU_RESPONSE, 0, MTU_MAX.to_bytes(2, "little")))
        elif pdu.opcode is Opcode.READ_REQUEST:
            self._read(pdu)
        elif pdu.opcode in (Opcode.WRITE_COMMAND, Opcode.WRITE_REQUEST):
            self._write(pdu)
        else:
            self._refuse(pdu.opcode, pdu.handle, ErrorCode.REQUEST_NOT_SUPPORTED)

    def _read(self, pdu: Pdu) -> None:
        characteristic = att.BY_HANDLE.get(pdu.handle)
        if characteristic is None or self._visit is None:
            self._refuse(pdu.opcode, pdu.handle, ErrorCode.INVALID_HANDLE)
            return
        is_readable = Property.READ in characteristic.properties
        value = self._visit.read(characteristic) if is_readable else None
        if value is None:
            self._refuse(pdu.opcode, pdu.handle, ErrorCode.READ_NOT_PERMITTED)
        else:
            self._send(Pdu(Opcode.READ_RESPONSE, 0, value[: MTU_MAX - 1]))

    def _write(self, pdu: Pdu) -> None:
        is_request = pdu.opcode is Opcode.WRITE_REQUEST
        characteristic = att.BY_HANDLE.get(pdu.handle)
        needed = Property.WRITE if is_request else Property.WRITE_WITHOUT_RESPONSE
        if characteristic is None or needed not in characteristic.properties:
            if is_request:
                self._refuse(pdu.opcode, pdu.handle, ErrorCode.WRITE_NOT_PERMITTED)
            return
        if self._visit is not None:
            self._visit.written(characteristic, pdu.value)
        if is_request:
            self._send(Pdu(Opcode.WRITE_RESPONSE))

    def _refuse(self, opcode: int, handle: int, error: ErrorCode) -> None:
        value = bytes((opcode,)) + handle.to_bytes(2, "little") + bytes((error,))
        self._send(Pdu(Opcode.ERROR, 0, value))

    def _send(self, pdu: Pdu) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(frame(pdu.encode()))
        if transport.get_write_buffer_size() > BUFFER_MAX:
            transport.abort()
