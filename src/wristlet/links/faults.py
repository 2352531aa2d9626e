"""A channel that fails on purpose, at a chosen command, in a chosen way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wristlet.links.channel import ApduChannel, LinkLost


class Fault(StrEnum):
    """What can go wrong with one command on a link."""

    DROP_COMMAND = "drop_command"
    DROP_REPLY = "drop_reply"
    CUT = "cut"
    DUPLICATE = "duplicate"
    FORGE_SW = "forge_sw"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The fault to apply to command number `index` (from 0); `sw` is the forged status word."""

    index: int
    fault: Fault
    sw: int = 0x6A84


class FaultChannel:
    """Applies one planned fault and otherwise passes everything on; `count` tells commands seen."""

    def __init__(self, channel: ApduChannel, plan: FaultPlan | None = None) -> None:
        self._channel = channel
        self.plan = plan
        self.count = 0
        self._is_cut = False

    async def transmit(self, command: bytes) -> bytes:
        """Pass one command on, or fail as planned; raises LinkLost."""
        index, self.count = self.count, self.count + 1
        plan = self.plan
        if self._is_cut:
            raise LinkLost("the link is cut")
        if plan is None or plan.index != index:
            return await self._channel.transmit(command)
        match plan.fault:
            case Fault.DROP_COMMAND:
                raise LinkLost("the command was lost")
            case Fault.CUT:
                self._is_cut = True
                raise LinkLost("the link is cut")
            case Fault.DROP_REPLY:
                await self._channel.transmit(command)
                raise LinkLost("the reply was lost")
            case Fault.DUPLICATE:
                await self._channel.transmit(command)
                return await self._channel.transmit(command)
            case Fault.FORGE_SW:
                return plan.sw.to_bytes(2, "big")
