"""A carrier within one process, which a test or a lab can let fail frame by frame.

A fault plan says what happens to the frame with a given number, counted over both directions.
Waiting goes by the clock that is handed in, so that a simulated one makes time virtual.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final

from wristlet.env.base import Clock
from wristlet.links.channel import LinkLost
from wristlet.links.strap_carrier import Serve, Take, Visit
from wristlet.links.strap_link import StrapRefused
from wristlet.wire.strap.frames import MTU_MAX
from wristlet.wire.strap.gatt import Characteristic

_GONE: Final = "the link to the strap broke"


@unique
class FrameFault(StrEnum):
    """What can happen to one frame."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    """It arrives after the next frame of its direction, or after a while if there is none."""
    DELAY = "delay"
    CORRUPT = "corrupt"
    """One bit of it is flipped."""
    CUT = "cut"
    """The connection breaks; this frame does not arrive."""


@dataclass(slots=True)
class FramePlan:
    """Which frame fails how, over all connections; `seen` counts the frames so far."""

    faults: Mapping[int, FrameFault] = field(default_factory=dict)
    delay_ms: int = 1_000
    corrupt_bit: int = 40
    seen: int = 0
    tap: Callable[[str, bytes], None] | None = None
    """Sees every frame as it is sent: who sent it ("phone" or "strap"), and its bytes."""

    def next(self, sender: str, value: bytes) -> FrameFault | None:
        """Count a frame and return what happens to it."""
        fault = self.faults.get(self.seen)
        self.seen += 1
        if self.tap is not None:
            self.tap(sender, value)
        return fault


class _Way:
    """One direction: frames arrive in order, in a turn of the loop of their own."""

    def __init__(self, carrier: LoopCarrier, sender: str) -> None:
        self._carrier = carrier
        self._sender = sender
        self._held: list[tuple[Characteristic, bytes]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, characteristic: Characteristic, value: bytes) -> None:
        """Let one frame travel, as planned."""
        plan = self._carrier.plan
        fault = plan.next(self._sender, value)
        if fault is FrameFault.CUT:
            self._carrier.drop()
            return
        if fault is FrameFault.DROP:
            return
        if fault is FrameFault.CORRUPT:
            value = _flipped(value, plan.corrupt_bit)
        if fault in (FrameFault.REORDER, FrameFault.DELAY):
            if fault is FrameFault.REORDER:
                self._held.append((characteristic, value))
            later = asyncio.create_task(self._later(characteristic, value, fault))
            self._tasks.add(later)
            later.add_done_callback(self._tasks.discard)
            return
        self._arrive(characteristic, value)
        if fault is FrameFault.DUPLICATE:
            self._arrive(characteristic, value)
        held, self._held = self._held, []
        for one in held:
            self._arrive(*one)

    async def _later(self, characteristic: Characteristic, value: bytes, fault: FrameFault) -> None:
        await self._carrier.clock.sleep_ms(self._carrier.plan.delay_ms)
        if fault is FrameFault.REORDER:
            if (characteristic, value) not in self._held:
                return  # it has overtaken nobody and was let go after the next frame
            self._held.remove((characteristic, value))
        self._arrive(characteristic, value)

    def _arrive(self, characteristic: Characteristic, value: bytes) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(self._carrier.arrived, self._sender, characteristic, value)


class LoopCarrier:
    """A phone's connection to a strap in the same process; also the strap's `Line`."""

    def __init__(
        self, clock: Clock, plan: FramePlan | None = None, *, mtu: int = MTU_MAX, peer: str = "loop"
    ) -> None:
        self.clock = clock
        self.plan = plan or FramePlan()
        self._mtu = mtu
        self._peer = peer
        self._visit: Visit | None = None
        self._takers: dict[Characteristic, Take] = {}
        self._closed: list[Callable[[], None]] = []
        self._is_open = True
        self._to_strap, self._from_strap = _Way(self, "phone"), _Way(self, "strap")

    @classmethod
    async def connect(
        cls,
        serve: Serve,
        clock: Clock,
        plan: FramePlan | None = None,
        *,
        mtu: int = MTU_MAX,
        peer: str = "loop",
    ) -> LoopCarrier:
        """Connect to a strap's server; raises LinkLost when it serves another phone."""
        carrier = cls(clock, plan, mtu=mtu, peer=peer)
        carrier._visit = serve(carrier)
        if carrier._visit is None:
            raise LinkLost("the strap is busy with another phone; try again in a moment")
        return carrier

    @property
    def mtu(self) -> int:
        """The MTU that was set."""
        return self._mtu

    @property
    def peer(self) -> str:
        """The phone's name."""
        return self._peer

    async def subscribe(self, characteristic: Characteristic, take: Take) -> None:
        """Have a characteristic's notifications handed over in order; raises LinkLost."""
        if not self._is_open:
            raise LinkLost(_GONE)
        self._takers[characteristic] = take

    def write(self, characteristic: Characteristic, value: bytes) -> None:
        """Write without response."""
        if self._is_open:
            self._to_strap.send(characteristic, value)

    def notify(self, characteristic: Characteristic, value: bytes) -> None:
        """Notify the phone."""
        if self._is_open:
            self._from_strap.send(characteristic, value)

    async def read(self, characteristic: Characteristic) -> bytes:
        """Read a value; raises LinkLost, StrapRefused."""
        if self._visit is None or not self._is_open:
            raise LinkLost(_GONE)
        value = self._visit.read(characteristic)
        if value is None:
            raise StrapRefused(f"{characteristic.name}: the strap has no such value to read")
        return value

    def arrived(self, sender: str, characteristic: Characteristic, value: bytes) -> None:
        """A frame has come to the other end."""
        if not self._is_open or self._visit is None:
            return
        if sender == "phone":
            self._visit.written(characteristic, value)
        elif (take := self._takers.get(characteristic)) is not None:
            take(value)

    def on_closed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once when the connection is gone, at once if it is already."""
        if self._is_open:
            self._closed.append(tell)
        else:
            tell()

    def drop(self) -> None:
        """Break the connection for both ends."""
        if not self._is_open:
            return
        self._is_open = False
        loop = asyncio.get_running_loop()
        if self._visit is not None:
            loop.call_soon(self._visit.closed)
        closed, self._closed = self._closed, []
        for tell in closed:
            loop.call_soon(tell)

    async def close(self) -> None:
        """Drop the connection."""
        self.drop()
        await asyncio.sleep(0)


def _flipped(value: bytes, bit: int) -> bytes:
    """Return the bytes with one bit changed; a short frame counts round."""
    place = bit % (8 * len(value))
    changed = bytearray(value)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)
