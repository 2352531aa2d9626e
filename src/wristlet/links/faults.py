"""A channel that fails on purpose, at a chosen command, in a chosen way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wristlet.env.base import Clock
from wristlet.links.channel import ApduChannel, LinkLost


class Fault(StrEnum):
    """What can go wrong with one command on a link."""

    DROP_COMMAND = "drop_command"
    """The card never gets it."""
    DROP_REPLY = "drop_reply"
    """The card does it and nobody learns how it went."""
    CUT = "cut"
    """Neither this command nor any later one gets through."""
    DUPLICATE = "duplicate"
    """The card gets it twice; the second answer comes back."""
    FORGE_SW = "forge_sw"
    """The card does it; somebody puts another status word in place of the answer."""
    DELAY = "delay"
    """The card gets it late."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The fault to apply to command number `index` (from 0); `sw` is the forged status word."""

    index: int
    fault: Fault
    sw: int = 0x6A84
    delay_ms: int = 0


class FaultChannel:
    """Applies one planned fault and otherwise passes everything on; `count` tells commands seen."""

    def __init__(
        self, channel: ApduChannel, plan: FaultPlan | None = None, clock: Clock | None = None
    ) -> None:
        """Wrap a channel; a delay needs the clock that it is waited by."""
        if plan is not None and plan.fault is Fault.DELAY and clock is None:
            raise ValueError("fault plan: a delay needs a clock; pass one")
        self._channel = channel
        self._plan = plan
        self._clock = clock
        self._is_cut = False
        self.count = 0

    async def transmit(self, command: bytes) -> bytes:
        """Pass one command on, or fail as planned; raises LinkLost."""
        index, self.count = self.count, self.count + 1
        if self._is_cut:
            raise LinkLost("the link is cut")
        if self._plan is None or self._plan.index != index:
            return await self._channel.transmit(command)
        return await self._fail(self._plan, command)

    async def _fail(self, plan: FaultPlan, command: bytes) -> bytes:
        if plan.fault is Fault.DROP_COMMAND:
            raise LinkLost("the command was lost")
        if plan.fault is Fault.CUT:
            self._is_cut = True
            raise LinkLost("the link is cut")
        if plan.fault is Fault.DELAY and self._clock is not None:
            await self._clock.sleep_ms(plan.delay_ms)
        answer = await self._channel.transmit(command)
        if plan.fault is Fault.DROP_REPLY:
            raise LinkLost("the reply was lost")
        if plan.fault is Fault.DUPLICATE:
            return await self._channel.transmit(command)
        return plan.sw.to_bytes(2, "big") if plan.fault is Fault.FORGE_SW else answer
