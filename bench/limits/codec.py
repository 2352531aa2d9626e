"""The least that data objects and secure messaging cost."""

from __future__ import annotations

from collections.abc import Callable

from bench.limits.provisioning import Session


def data_objects(data: bytes) -> dict[bytes, bytes]:
    """Split data objects of one level with short lengths; nothing is checked."""
    found: dict[bytes, bytes] = {}
    at, size = 0, len(data)
    while at < size:
        start = at + 1
        if data[at] & 0x1F == 0x1F:
            start += 1
        value = start + 1
        end = value + data[start]
        found[data[at:start]] = data[value:end]
        at = end
    return found


def secured(size: int) -> Callable[[], None]:
    """Return the cryptography of one command of `size` bytes, both ends."""
    host, card = Session(bytes(64)), Session(bytes(64))
    padded = bytes(size // 16 * 16 + 16)

    def both() -> None:
        host.wrap(padded)
        card.open(padded)

    return both
