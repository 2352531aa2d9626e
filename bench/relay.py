"""The strap's relay over Bluetooth: requests and answers in our frames, against bare GATT."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.limits.relay import BareGatt
from bench.measure import Result, Side, compare
from wristlet.env.real import real_env
from wristlet.links.ble import Air
from wristlet.links.bonds import BondFile
from wristlet.links.strap_ble import BlePhone
from wristlet.links.strap_client import StrapClient
from wristlet.strap.comparison import Comparison
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.peripheral import Peripheral
from wristlet.wire.strap.concerns import Concern

SHORT_BYTES, LONG_BYTES = 255, 30_000
SHORT_MIN, LONG_MIN = 0.6, 0.5


class Echo:
    """Answers with what was asked: the secure element's time is not of this bench."""

    async def handle(self, message: bytes) -> bytes:
        """Answer at once."""
        return message

    def connected(self) -> None:
        """Nothing waits."""

    def disconnected(self) -> None:
        """Nothing is half done."""


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Compare short and long exchanges; both on one stack, in one process."""
    return asyncio.run(_run(folder, quick))


async def _run(folder: Path, quick: bool) -> list[Result]:
    env = real_env()
    air, server = Air(), GattServer(env)
    server.attach({Concern.APDU: Echo()})
    loop = asyncio.get_running_loop()

    def press(_: str) -> None:
        """Be a wearer who presses at once: pairing is not what is measured."""
        loop.call_soon(comparison.confirm)

    comparison = Comparison(env.clock, press)
    bonds = BondFile(env, str(folder / "strap-bonds"))
    strap = Peripheral(env, air.radio(), "bench", bonds, server.serve, comparison)
    await strap.start()

    async def compare_digits(_: str) -> bool:
        return True

    phone = BlePhone(env, air.radio(), BondFile(env, str(folder / "bonds")), compare_digits)
    link = StrapClient(env, phone.connect)
    await link.open()
    bare = BareGatt(Air())
    await bare.start()
    results = []
    for name, size, count, least in (
        ("relay over Bluetooth, 255 bytes each way", SHORT_BYTES, 40, SHORT_MIN),
        ("relay over Bluetooth, 30,000 bytes each way", LONG_BYTES, 2, LONG_MIN),
    ):
        rounds = 3 if quick else 31
        many = max(1, count // 10) if quick else count
        found = await compare(_ours(link, size, many), _bare(bare, size, many), rounds)
        results.append(found.as_rate(name, least))
    await link.close()
    await phone.close()
    await server.close()
    await strap.stop()
    return results


def _ours(link: StrapClient, size: int, count: int) -> Side:
    message = bytes(size)

    async def side() -> float:
        start = time.perf_counter()
        for _ in range(count):
            if len(await link.ask(Concern.APDU, message)) != size:
                raise RuntimeError("the relay answered something else")
        return (time.perf_counter() - start) / count

    return side


def _bare(bare: BareGatt, size: int, count: int) -> Side:
    async def side() -> float:
        start = time.perf_counter()
        for _ in range(count):
            await bare.exchange(size)
        return (time.perf_counter() - start) / count

    return side
