"""Messages on a byte stream: two bytes of length (big-endian), then the message."""

from __future__ import annotations

from typing import Final

from wristlet.wire.errors import DecodeError, EncodeError

LENGTH_SIZE: Final = 2
LENGTH_MAX: Final = 0xFFFF


def frame(raw: bytes) -> bytes:
    """Put the length before a message; EncodeError when it has none or too many bytes."""
    if not 0 < len(raw) <= LENGTH_MAX:
        raise EncodeError(f"has {len(raw)} bytes, must be 1 to {LENGTH_MAX}", path=("frame",))
    return len(raw).to_bytes(LENGTH_SIZE, "big") + raw


class Deframer:
    """Cuts what arrives on a stream into messages."""

    __slots__ = ("_consumed", "_pending", "_size_max")

    def __init__(self, size_max: int = LENGTH_MAX) -> None:
        """Refuse messages above `size_max` bytes."""
        self._pending = b""
        self._consumed = 0
        self._size_max = size_max

    @property
    def pending(self) -> int:
        """The bytes of an unfinished message held back."""
        return len(self._pending)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that `data` completes; after a DecodeError drop the stream."""
        buffer = self._pending + data if self._pending else bytes(data)
        messages = []
        at, end = 0, len(buffer)
        while end - at >= LENGTH_SIZE:
            size = buffer[at] << 8 | buffer[at + 1]
            if not 0 < size <= self._size_max:
                raise DecodeError(
                    f"announces {size} bytes, must be 1 to {self._size_max}",
                    offset=self._consumed + at,
                    path=("frame",),
                )
            behind = at + LENGTH_SIZE + size
            if behind > end:
                break
            messages.append(buffer[at + LENGTH_SIZE : behind])
            at = behind
        self._pending = buffer[at:]
        self._consumed += at
        return messages
