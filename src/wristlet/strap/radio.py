"""Puts the strap's GATT server on the air: an emulated radio for processes of this machine, or a
controller by URL.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from wristlet.env.base import Env
from wristlet.links.bonds import BondFile
from wristlet.links.strap_carrier import Serve
from wristlet.links.strap_open import BluetoothMissing, has_bluetooth
from wristlet.strap.comparison import Comparison

if TYPE_CHECKING:
    from wristlet.strap.peripheral import Peripheral


Invite: TypeAlias = Callable[[Callable[[], asyncio.Protocol]], Awaitable[asyncio.Server]]
"""Listens for other processes and serves each by a protocol of its own."""


@dataclass(frozen=True, slots=True)
class RadioSettings:
    """How the strap goes on the air: under `name`, by the controller at `hci` if there is one.

    Without, the air is emulated, and other processes get controllers on it by `invite`.
    """

    name: str
    hci: str = ""
    invite: Invite | None = None


@asynccontextmanager
async def on_air(
    env: Env, settings: RadioSettings, bonds: BondFile, serve: Serve, compare: Comparison
) -> AsyncIterator[Peripheral]:
    """Advertise and serve while the block runs; raises BluetoothMissing, OSError, ValueError."""
    if not has_bluetooth():
        raise BluetoothMissing
    # Loading the stack takes a good part of a second: the loop goes on meanwhile.
    await asyncio.to_thread(importlib.import_module, "wristlet.strap.peripheral")
    from wristlet.links import ble
    from wristlet.strap.peripheral import Peripheral

    async with AsyncExitStack() as stack:
        if settings.hci:
            radio = await ble.open_radio(settings.hci)
        else:
            air = ble.Air()
            if settings.invite is not None:
                stack.callback((await settings.invite(air.guest)).close)
            radio = air.radio()
        peripheral = Peripheral(env, radio, settings.name, bonds, serve, compare)
        stack.push_async_callback(peripheral.stop)
        await peripheral.start()
        yield peripheral
