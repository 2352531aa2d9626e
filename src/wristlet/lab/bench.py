"""What the demo's steps work with, whether the parts are objects in one process or processes of
their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as data_field
from pathlib import Path
from typing import Protocol

from wristlet.companion.core import Companion
from wristlet.env.base import Env
from wristlet.lab.canary import CanarySecret, ScanReport
from wristlet.links.faults import FaultPlan
from wristlet.links.strap_link import StrapLink, StrapStatus
from wristlet.model.money import Money
from wristlet.pos.terminal import Payment, Terminal
from wristlet.wire.strap.concerns import Concern


class Field(Protocol):
    """The contactless interface held to a terminal: an `ApduChannel` that can lose its field."""

    async def transmit(self, command: bytes) -> bytes:
        """Send one command; raises LinkLost."""
        ...

    async def reset(self) -> None:
        """Take the strap out of the field and put it back."""
        ...

    async def leave(self) -> None:
        """Take the strap out of the field; its own processor notices."""
        ...


class BreakableStrap:
    """The phone's link to the strap, which a step can cut at a chosen command and mend again."""

    def __init__(self, connect: Callable[[], Awaitable[StrapLink]], link: StrapLink) -> None:
        self._connect = connect
        self._link = link
        self._plan: FaultPlan | None = None
        self._count = 0
        self._takers: list[tuple[Concern, Callable[[bytes], None]]] = []

    def plan(self, plan: FaultPlan) -> None:
        """Arrange a fault; commands are counted from now."""
        self._plan, self._count = plan, 0

    async def mend(self) -> None:
        """Connect anew, as the phone does when the strap is near again."""
        self._plan = None
        fresh = await self._connect()
        if fresh is not self._link:
            self._link = fresh
            for concern, take in self._takers:
                fresh.listen(concern, take)

    async def transmit(self, command: bytes) -> bytes:
        """Relay one APDU, or fail as planned; raises LinkLost."""
        from wristlet.links.faults import FaultChannel

        if self._plan is None:
            return await self._link.transmit(command)
        index, self._count = self._count, self._count + 1
        local = FaultPlan(0, self._plan.fault, self._plan.sw)
        due = index == self._plan.index or (index > self._plan.index and self._plan.fault == "cut")
        return await FaultChannel(self._link, local if due else None).transmit(command)

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        """Send one request and return its answer; faults are planned for APDUs alone."""
        if concern is Concern.APDU:
            return await self.transmit(message)
        return await self._link.ask(concern, message)

    def listen(self, concern: Concern, take: Callable[[bytes], None]) -> None:
        """Have what the strap sends unasked handed over."""
        self._takers.append((concern, take))
        self._link.listen(concern, take)

    async def pair_offer(self, public_point: bytes) -> bytes:
        """Offer the phone's key; raises StrapRefused or LinkLost."""
        return await self._link.pair_offer(public_point)

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        """Give the phone's random number; raises StrapRefused or LinkLost."""
        return await self._link.pair_reveal(phone_nonce)

    async def status(self) -> StrapStatus:
        """Ask for the strap's state; raises LinkLost."""
        return await self._link.status()


@dataclass(slots=True)
class Artefacts:
    """What a run leaves behind, for the scan: folders, the wallet's process, and the run's
    secrets.
    """

    folders: Sequence[Path]
    wallet_pid: Callable[[], int | None]
    secrets: Callable[[], Awaitable[Sequence[CanarySecret]]]


@dataclass(slots=True)
class Bench:
    """Phone, strap, terminal and the switches that a demo needs; `cards` remembers card ids by
    name.
    """

    env: Env
    phone: Companion
    strap: BreakableStrap
    press: Callable[[str], Awaitable[None]]
    terminal: Terminal
    field: Field
    stop_wallet: Callable[[], Awaitable[None]]
    start_wallet: Callable[[], Awaitable[None]]
    artefacts: Artefacts
    cards: dict[str, str] = data_field(default_factory=dict)
    scan: ScanReport | None = None
    on_payment: Callable[[Payment], None] | None = None

    async def tap(self, amount_minor: int, currency: str = "JPY") -> Payment:
        """Hold the strap to the terminal once for an amount in minor units."""
        await self.field.reset()
        try:
            payment = await self.terminal.pay(self.field, Money(amount_minor, currency))
        finally:
            await self.field.leave()
        if self.on_payment is not None:
            self.on_payment(payment)
        return payment
