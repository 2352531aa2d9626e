"""What carries GATT values between phone and strap: a radio, a socket or this process.

The phone's core works on a `Carrier`, the strap's server on a `Line`; neither knows which it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from wristlet.wire.strap.gatt import Characteristic

Take: TypeAlias = Callable[[bytes], None]


class Carrier(Protocol):
    """One connection as the phone has it."""

    @property
    def mtu(self) -> int:
        """Return the ATT MTU that was agreed, 23 to 517."""
        ...

    async def subscribe(self, characteristic: Characteristic, take: Take) -> None:
        """Have a characteristic's notifications handed over in order; raises LinkLost."""
        ...

    def write(self, characteristic: Characteristic, value: bytes) -> None:
        """Write without response; on a closed connection nothing happens."""
        ...

    async def read(self, characteristic: Characteristic) -> bytes:
        """Read a value; raises LinkLost, StrapRefused."""
        ...

    def on_closed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once when the connection is gone, at once if it is already."""
        ...

    async def close(self) -> None:
        """Drop the connection."""
        ...


Connect: TypeAlias = Callable[[], Awaitable[Carrier]]
"""Connects to the strap; raises LinkLost."""


class Line(Protocol):
    """One connection as the strap has it; `peer` names the bonded phone."""

    @property
    def peer(self) -> str:
        """Return what tells this phone from others, for as long as the strap knows it."""
        ...

    @property
    def mtu(self) -> int:
        """Return the ATT MTU that was agreed, 23 to 517."""
        ...

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        """Notify the phone; on a closed connection nothing happens."""
        ...

    def drop(self) -> None:
        """End the connection."""
        ...


class Visit(Protocol):
    """A connection that the strap serves: what the phone does on it."""

    def written(self, characteristic: Characteristic, value: bytes) -> None:
        """Take a value that the phone wrote; what belongs to nothing is dropped."""
        ...

    def read(self, characteristic: Characteristic) -> bytes | None:
        """Return a value, or None where there is none to read."""
        ...

    def closed(self) -> None:
        """The connection is gone."""
        ...


Serve: TypeAlias = Callable[[Line], Visit | None]
"""Takes a connection of a phone that may be served; None when another one is being served."""
