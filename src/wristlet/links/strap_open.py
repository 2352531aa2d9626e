"""Reaches a strap by URL, so that radio, emulated radio and socket differ by one string.

The Bluetooth stack is loaded when a connection is first made: a phone that is only started does
not pay for it.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from wristlet.env.base import Env
from wristlet.links.bonds import BondFile
from wristlet.links.channel import LinkLost
from wristlet.links.strap_carrier import Carrier
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_socket import SocketCarrier

if TYPE_CHECKING:
    from wristlet.links.strap_ble import BlePhone

SCHEMES: Final = "unix:PATH, or ble:CONTROLLER as in ble:usb:0 and ble:unix:PATH"
STACK: Final = "bumble"


class BluetoothMissing(RuntimeError):
    """The Bluetooth stack is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Bluetooth: install wristlet[ble], or carry the same bytes over a socket instead"
        )


def has_bluetooth() -> bool:
    """Tell whether the Bluetooth stack is installed, without loading it."""
    return importlib.util.find_spec(STACK) is not None


class Bluetooth:
    """A phone's Bluetooth that switches itself on with the first connection."""

    def __init__(
        self,
        env: Env,
        controller: str,
        bonds: BondFile,
        compare: Callable[[str], Awaitable[bool]],
    ) -> None:
        """Take a controller's URL; `compare` shows six digits and says whether they fit."""
        if not has_bluetooth():
            raise BluetoothMissing
        self._env = env
        self._controller = controller
        self._bonds = bonds
        self._compare = compare
        self._phone: BlePhone | None = None
        self._opening = asyncio.Lock()

    async def connect(self) -> Carrier:
        """Connect to the bonded strap, or pair with one that is near; raises LinkLost."""
        async with self._opening:
            if self._phone is None:
                await asyncio.to_thread(importlib.import_module, "wristlet.links.strap_ble")
                from wristlet.links import ble
                from wristlet.links.strap_ble import BlePhone

                try:
                    radio = await ble.open_radio(self._controller)
                except OSError as error:
                    raise LinkLost(
                        "Bluetooth: the controller cannot be reached; is the strap's process up?"
                    ) from error
                self._phone = BlePhone(self._env, radio, self._bonds, self._compare)
            return await self._phone.connect()

    async def close(self) -> None:
        """Switch Bluetooth off."""
        if self._phone is not None:
            await self._phone.close()
            self._phone = None


@asynccontextmanager
async def opened_strap(
    env: Env,
    url: str,
    bonds: Callable[[], BondFile],
    compare: Callable[[str], Awaitable[bool]],
) -> AsyncIterator[StrapClient]:
    """Reach a strap while the block runs; it connects with the first question.

    `bonds` and `compare` are for Bluetooth alone. Raises ValueError for a URL of unknown kind,
    BluetoothMissing.
    """
    scheme, _, place = url.partition(":")
    if scheme not in ("unix", "ble") or not place:
        raise ValueError(f"link: no way to a strap is called so; use {SCHEMES}")
    bluetooth = Bluetooth(env, place, bonds(), compare) if scheme == "ble" else None

    async def connect() -> Carrier:
        return await (bluetooth.connect() if bluetooth else SocketCarrier.connect(place))

    client = StrapClient(env, connect)
    try:
        yield client
    finally:
        await client.close()
        if bluetooth is not None:
            await bluetooth.close()
