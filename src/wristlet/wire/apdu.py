"""Command and response APDUs in all their length forms.

Source: ISO/IEC 7816-4, command-response pairs; GPCS 2.3.1, class byte coding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.typing import override

HEADER_BYTES: Final = 4
DATA_SHORT_MAX: Final = 255
DATA_EXTENDED_MAX: Final = 65535
LE_SHORT_MAX: Final = 256
LE_EXTENDED_MAX: Final = 65536

_CLA_FURTHER: Final = 0x40
"""Further interindustry class: channels 4 to 19 and another secure-messaging bit."""
_CLA_CHAINED: Final = 0x10
_CLA_SECURED: Final = 0x04
_CLA_SECURED_FURTHER: Final = 0x20
CHANNEL_MAX: Final = 19
SW_DONE: Final = 0x9000

# What was read from bytes is right by construction: `parse` goes round the checks.
_trusted: Final = tuple.__new__


class _CommandFields(NamedTuple):
    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None
    extended: bool = False


class Command(_CommandFields):
    """A command APDU; a named tuple, since a card makes one at every command.

    `le`: None = absent, 256 = short `00`, 65536 = extended `0000`. `extended`
    asks for three-byte lengths. More data than a short command takes may be held
    (for `chain`), but `encode` then refuses. The repr shows no data.
    """

    __slots__ = ()

    def __new__(
        cls,
        cla: int,
        ins: int,
        p1: int,
        p2: int,
        data: bytes = b"",
        le: int | None = None,
        extended: bool = False,
    ) -> Self:
        """Check the numbers; `EncodeError` if one does not fit its field."""
        if (cla | ins | p1 | p2) & ~0xFF:
            raise EncodeError("cla, ins, p1 and p2 are one byte each", path=("apdu",))
        if le is not None and not 1 <= le <= LE_EXTENDED_MAX:
            raise EncodeError("le is None or 1 to 65536", path=("apdu",))
        return _trusted(cls, (cla, ins, p1, p2, data, le, extended))

    @override
    def __repr__(self) -> str:
        le = "" if self.le is None else f", le={self.le}"
        form = ", extended" if self.extended else ""
        return f"Command({self.header.hex().upper()}, {len(self.data)} bytes{le}{form})"

    @property
    def header(self) -> bytes:
        """CLA INS P1 P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    @property
    def channel(self) -> int:
        """Logical channel 0 to 19."""
        if self.cla & _CLA_FURTHER:
            return 4 + (self.cla & 0x0F)
        return self.cla & 0x03

    @property
    def is_chained(self) -> bool:
        """More commands of the chain follow (CLA b5)."""
        return bool(self.cla & _CLA_CHAINED)

    @property
    def is_secured(self) -> bool:
        """The command is under secure messaging (CLA b3; b6 on channels 4 to 19)."""
        further = self.cla & _CLA_FURTHER
        return bool(self.cla & (_CLA_SECURED_FURTHER if further else _CLA_SECURED))

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return type(self)(**(self._asdict() | changes))

    def with_secured(self, secured: bool = True) -> Self:
        """Return a copy with the secure-messaging bit of its class set or cleared."""
        bit = _CLA_SECURED_FURTHER if self.cla & _CLA_FURTHER else _CLA_SECURED
        return self.replace(cla=self.cla | bit if secured else self.cla & ~bit)

    def with_channel(self, channel: int) -> Self:
        """Return a copy for another logical channel, keeping chaining and secure messaging."""
        if not 0 <= channel <= CHANNEL_MAX:
            raise EncodeError("a logical channel is 0 to 19", path=("apdu", "cla"))
        cla = self.cla & 0x80 | self.cla & _CLA_CHAINED
        if channel < 4:
            cla |= channel | (_CLA_SECURED if self.is_secured else 0)
        else:
            cla |= _CLA_FURTHER | channel - 4 | (_CLA_SECURED_FURTHER if self.is_secured else 0)
        return self.replace(cla=cla)

    def encode(self) -> bytes:
        """Return the bytes; `EncodeError` if data or le do not fit the chosen length form."""
        size = len(self.data)
        if self.extended:
            return self._encode_extended(size)
        if size > DATA_SHORT_MAX:
            raise EncodeError(
                "more than 255 bytes: chain the command or make it extended",
                path=("apdu", "data"),
            )
        if self.le is not None and self.le > LE_SHORT_MAX:
            raise EncodeError("le above 256: make the command extended", path=("apdu", "le"))
        body = bytes((size,)) + self.data if size else b""
        tail = b"" if self.le is None else bytes((self.le & 0xFF,))
        return self.header + body + tail

    def _encode_extended(self, size: int) -> bytes:
        if size > DATA_EXTENDED_MAX:
            raise EncodeError("more than 65535 bytes", path=("apdu", "data"))
        tail = b"" if self.le is None else (self.le & 0xFFFF).to_bytes(2, "big")
        if size:
            return self.header + b"\x00" + size.to_bytes(2, "big") + self.data + tail
        return self.header + (b"\x00" + tail if tail else b"")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read any of the seven forms (cases 1, 2 to 4 short, 2 to 4 extended)."""
        size = len(raw)
        if size < HEADER_BYTES:
            raise DecodeError("a command has at least 4 bytes", offset=size, path=("apdu",))
        data, le = b"", None
        if size > HEADER_BYTES:
            first = raw[4]
            end = 5 + first
            if size == 5:
                le = first or LE_SHORT_MAX
            elif first == 0:
                return cls._parse_extended(raw)
            elif size == end + 1:
                data, le = raw[5:end], raw[end] or LE_SHORT_MAX
            elif size == end:
                data = raw[5:end]
            else:
                text = f"Lc is {first} and {size - 5} bytes follow"
                raise DecodeError(text, offset=4, path=("apdu", "lc"))
        return _trusted(cls, (raw[0], raw[1], raw[2], raw[3], data, le, False))

    @classmethod
    def _parse_extended(cls, raw: bytes) -> Self:
        cla, ins, p1, p2 = raw[:HEADER_BYTES]
        size = len(raw)
        if size < 7:
            raise DecodeError("an extended length is cut off", offset=4, path=("apdu", "lc"))
        length = raw[5] << 8 | raw[6]
        if size == 7:
            return cls(cla, ins, p1, p2, le=length or LE_EXTENDED_MAX, extended=True)
        end = 7 + length
        if size == end:
            return cls(cla, ins, p1, p2, raw[7:end], extended=True)
        if length and size == end + 2:
            le = (raw[end] << 8 | raw[end + 1]) or LE_EXTENDED_MAX
            return cls(cla, ins, p1, p2, raw[7:end], le, extended=True)
        raise DecodeError(
            f"extended Lc is {length} and {size - 7} bytes follow", offset=4, path=("apdu", "lc")
        )


@dataclass(slots=True, init=False, repr=False, unsafe_hash=True)
class Response:
    """A response APDU: data and status word; the repr shows no data.

    Nobody changes one; it is not frozen because that would more than double the time to make it.
    """

    data: bytes
    sw: int

    def __init__(self, data: bytes, sw: int) -> None:
        """Check the status word; `EncodeError` if it has not two bytes."""
        if not 0 <= sw <= 0xFFFF:
            raise EncodeError("a status word has two bytes", path=("apdu", "sw"))
        self.data = data
        self.sw = sw

    @override
    def __repr__(self) -> str:
        return f"Response({len(self.data)} bytes, {self.sw:04X})"

    @property
    def ok(self) -> bool:
        """The status word is 9000."""
        return self.sw == SW_DONE

    def encode(self) -> bytes:
        """Return data and status word."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Split off the last two bytes."""
        if len(raw) < 2:
            raise DecodeError("a response has at least 2 bytes", offset=0, path=("apdu",))
        return cls(raw[:-2], raw[-2] << 8 | raw[-1])


def chain(command: Command, limit: int = DATA_SHORT_MAX) -> tuple[Command, ...]:
    """Split a command into short ones of at most `limit` data bytes.

    All but the last carry CLA b5 and no le. Source: ISO/IEC 7816-4, command chaining.
    """
    if not 1 <= limit <= DATA_SHORT_MAX:
        raise EncodeError("the limit is 1 to 255 bytes", path=("apdu", "chain"))
    if len(command.data) <= limit:
        return (command.replace(extended=False),)
    blocks = [command.data[at : at + limit] for at in range(0, len(command.data), limit)]
    first = [
        command.replace(cla=command.cla | _CLA_CHAINED, data=block, le=None, extended=False)
        for block in blocks[:-1]
    ]
    return (*first, command.replace(data=blocks[-1], extended=False))
