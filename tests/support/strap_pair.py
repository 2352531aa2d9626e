"""A phone's client and a strap's server in one process, with endpoints that a test sees through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from wristlet.env.base import Env
from wristlet.links.channel import LinkLost
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_link import StrapRefused
from wristlet.links.strap_loop import FramePlan, LoopCarrier
from wristlet.strap.gatt_server import GattServer
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.frames import MTU_MAX


@dataclass
class Echo:
    """Answers with the message turned round; counts what it carried out.

    Three messages are special: b"refuse" is refused, b"lost" loses the secure element, b"wait"
    waits for `gate`.
    """

    carried_out: list[bytes] = field(default_factory=list)
    presence: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, message: bytes) -> bytes:
        self.carried_out.append(message)
        if message == b"refuse":
            raise StrapRefused("paired already")
        if message == b"lost":
            raise LinkLost("the secure element is gone")
        if message == b"wait":
            await self.gate.wait()
        return message[::-1]

    def connected(self) -> None:
        self.presence.append("connected")

    def disconnected(self) -> None:
        self.presence.append("disconnected")


@dataclass
class Pair:
    """Both ends; `resets` counts how often the APDU concern was reset."""

    env: Env
    mtu: int = MTU_MAX
    peer: str = "phone"
    plan: FramePlan = field(default_factory=FramePlan)
    echo: Echo = field(default_factory=Echo)
    other: Echo = field(default_factory=Echo)
    resets: int = 0
    connections: int = 0
    carrier: LoopCarrier | None = None

    def __post_init__(self) -> None:
        self.server = self._new_server()
        self.client = StrapClient(self.env, self.connect)

    def _new_server(self) -> GattServer:
        server = GattServer(self.env)
        server.attach(
            {Concern.APDU: self.echo, Concern.MESSAGES: self.other}, {Concern.APDU: self._reset}
        )
        return server

    async def _reset(self) -> None:
        self.resets += 1

    def restart_strap(self) -> None:
        """The strap loses what it had in memory, and its connection."""
        if self.carrier is not None:
            self.carrier.drop()
        self.server = self._new_server()

    async def connect(self) -> LoopCarrier:
        self.carrier = await LoopCarrier.connect(
            self.server.serve, self.env.clock, self.plan, mtu=self.mtu, peer=self.peer
        )
        self.connections += 1
        return self.carrier

    async def close(self) -> None:
        await self.client.close()
        await self.server.close()


async def until(condition: Callable[[], bool], turns: int = 2_000) -> None:
    """Let the loop turn until something holds; AssertionError when it never does."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")
