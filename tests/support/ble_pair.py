"""A strap and phones on an emulated radio in one process, and a wearer who compares digits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from support.strap_pair import Echo
from wristlet.env.base import Env
from wristlet.env.memory_disk import MemoryDisk
from wristlet.env.real import real_env
from wristlet.links.ble import Air, Radio
from wristlet.links.bonds import BondFile
from wristlet.links.strap_ble import BlePhone
from wristlet.links.strap_client import StrapClient
from wristlet.strap.comparison import Comparison
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.peripheral import Peripheral
from wristlet.wire.strap import gatt
from wristlet.wire.strap.concerns import Concern


def memory_env() -> Env:
    """The real clock, since the stack has no other, and a disk in memory."""
    real = real_env()
    return Env(real.clock, real.random, MemoryDisk())


@dataclass
class Wearer:
    """Looks at both ends; `presses` says whether the button is pressed when the digits fit."""

    comparison: Comparison
    shown: list[str]
    presses: bool = True
    compared: list[str] = field(default_factory=list)

    async def compare(self, digits: str) -> bool:
        self.compared.append(digits)
        while not self.comparison.is_pending:
            await asyncio.sleep(0)
        assert self.shown[-1] == digits
        if self.presses:
            self.comparison.confirm()
        return True


class StrapOnAir:
    """One strap with endpoints that a test sees through."""

    def __init__(self, env: Env | None = None, name: str = "wristlet") -> None:
        self.env = env or memory_env()
        self.air = Air()
        self.shown: list[str] = []
        self.comparison = Comparison(self.env.clock, self.shown.append)
        self.wearer = Wearer(self.comparison, self.shown)
        self.bonds = BondFile(self.env, "strap-bonds")
        self.echo, self.other = Echo(), Echo()
        self.server = GattServer(self.env)
        self.server.attach({Concern.APDU: self.echo, Concern.MESSAGES: self.other})
        self.server.offer(gatt.BATTERY_LEVEL, lambda: b"\x50")
        self.peripheral = Peripheral(
            self.env, self.air.radio(), name, self.bonds, self.server.serve, self.comparison
        )
        self.phones: list[BlePhone] = []

    async def __aenter__(self) -> StrapOnAir:
        await self.peripheral.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for phone in self.phones:
            await phone.close()
        await self.server.close()
        await self.peripheral.stop()

    def radio(self) -> Radio:
        """One more controller."""
        return self.air.radio()

    def phone(self, bonds: BondFile | None = None) -> BlePhone:
        """One more phone, new or with its bonds."""
        file = bonds or BondFile(memory_env(), "phone-bonds")
        phone = BlePhone(self.env, self.radio(), file, self.wearer.compare)
        self.phones.append(phone)
        return phone

    def client(self, phone: BlePhone | None = None) -> StrapClient:
        """The phone's core over Bluetooth."""
        return StrapClient(self.env, (phone or self.phone()).connect)
