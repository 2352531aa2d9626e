"""A strap on the wrist: firmware over a whole secure element with two cards, on virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from support.paid_cards import wallet
from support.se_cards import Rig, volatile
from wristlet.env.sim import MemoryDisk, SimEnv
from wristlet.links.channel import LinkLost
from wristlet.links.loopback import LoopbackChannel
from wristlet.strap.device import PRO, StrapModel
from wristlet.strap.firmware import POLL_MS, Firmware
from wristlet.strap.signals import Signal
from wristlet.wire.gp import aids
from wristlet.wire.strap import settings as settings_wire
from wristlet.wire.strap import state as state_wire
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.settings import CardEntry, CurrentSettings, Settings, WriteSettings
from wristlet.wire.strap.state import State

FIRST: Final = aids.instance_aid(aids.KERNEL_3, 1)
SECOND: Final = aids.instance_aid(aids.KERNEL_2, 2)
"""The rig's cards in the registry's order; the second is the active one."""
NAMES: Final = (
    CardEntry(FIRST, "Aoba Gold", "4242", 0xD4AF37),
    CardEntry(SECOND, "Kita Blue", "1881", 0x1E60C8),
)


class CuttableChannel:
    """The wired interface, which can be cut."""

    def __init__(self, rig: Rig) -> None:
        self._channel = LoopbackChannel(rig.wired)
        self.is_cut = False
        self.commands = 0

    async def transmit(self, command: bytes) -> bytes:
        if self.is_cut:
            raise LinkLost("the secure element does not answer")
        self.commands += 1
        return await self._channel.transmit(command)


@dataclass
class Worn:
    """Firmware, what it stands on, and what it showed and sent."""

    rig: Rig
    env: SimEnv
    wired: CuttableChannel
    firmware: Firmware
    signals: list[Signal] = field(default_factory=list)
    news: list[tuple[Concern, bytes]] = field(default_factory=list)

    async def pass_ms(self, duration_ms: int) -> None:
        """Let time go by with the firmware polling."""
        end_us = self.env.clock.monotonic_us() + duration_ms * 1000
        while self.env.clock.monotonic_us() < end_us:
            await self.firmware.poll()
            self.env.clock.advance_ms(min(POLL_MS, duration_ms))
        await self.firmware.poll()

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        return await self.firmware.endpoints[concern].handle(message)

    async def state(self) -> State:
        answer = await self.ask(Concern.STATE, state_wire.REQUESTS.encode(state_wire.ReadState()))
        told = state_wire.ANSWERS.decode(answer)
        assert isinstance(told, State)
        return told

    async def write(self, settings: Settings, based_on: int | None = None) -> CurrentSettings:
        based_on = self.firmware.settings.revision if based_on is None else based_on
        message = settings_wire.REQUESTS.encode(WriteSettings(based_on, settings))
        return settings_wire.ANSWERS.decode(await self.ask(Concern.SETTINGS, message))

    def told(self) -> list[state_wire.News]:
        """News of the state concern, decoded."""
        return [state_wire.NEWS.decode(raw) for concern, raw in self.news if concern == 0x04]

    def rows(self) -> tuple[str, ...]:
        return self.firmware.face().rows

    def restarted(self, disk: MemoryDisk | None = None, model: StrapModel | None = None) -> Worn:
        """The strap after its power came back; the secure element stays as it was."""
        return strap(self.rig, disk or self.env.disk, model or self.firmware.model)


def strap(rig: Rig | None = None, disk: MemoryDisk | None = None, model: StrapModel = PRO) -> Worn:
    """Put a strap together."""
    rig = rig or wallet(volatile())[0]
    env = SimEnv(5, disk=disk)
    wired = CuttableChannel(rig)
    made = Worn(rig, env, wired, Firmware(env, wired, model))
    made.firmware.listeners.signals.append(made.signals.append)
    made.firmware.send_news_to(lambda concern, raw: made.news.append((concern, raw)))
    return made
