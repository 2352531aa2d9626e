"""A card added over Bluetooth, from the typed number to the active card: where the time goes.

The whole chain runs in one process, the strap on an emulated radio; each part's clock runs while
it works for the card, and what is under another part's clock is taken off.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from bench.measure import Result
from wristlet.env.real import real_env
from wristlet.lab.city import City, running_city
from wristlet.links.ble import Air
from wristlet.links.bonds import BondFile
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.strap_ble import BlePhone
from wristlet.links.strap_client import StrapClient
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.strap.comparison import Comparison
from wristlet.strap.peripheral import Peripheral
from wristlet.wire.strap.concerns import Concern

PIN: Final = "482615"
PARTS: Final = ("link", "strap", "secure element", "server", "phone")


@dataclass
class Clocks:
    """Seconds of each part for the card that is being added."""

    taken: dict[str, float] = field(default_factory=dict)

    def around(self, part: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Return the same call with a clock running around it."""

        async def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return await call(*arguments, **named)
            finally:
                self.taken[part] = self.taken.get(part, 0.0) + time.perf_counter() - start

        return timed


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Add cards one after the other; each part's share of the whole."""
    cards = asyncio.run(_run(folder, 3 if quick else 25))
    whole = statistics.median(sum(card.values()) for card in cards)
    results = []
    for part in PARTS:
        ours = statistics.median(card[part] for card in cards)
        share = statistics.median(card[part] / sum(card.values()) for card in cards)
        name = f"a card over Bluetooth: {part}, of all"
        figures = (ours * 1e6, whole * 1e6, share)
        count = len(cards)
        results.append(Result(name, "us", *figures, "information", None, count, count))
    return results


async def _run(folder: Path, count: int) -> list[dict[str, float]]:
    env, clocks = real_env(), Clocks()
    async with AsyncExitStack() as stack:
        city = await stack.enter_async_context(running_city(folder / "city", env))
        link = await _on_air(stack, city, folder)
        await city.phone.pair("bench", confirm=city.press)
        await city.phone.create_pin(PIN)
        for target, name, part in (
            (link, "ask", "ask"),
            (city.wires.wallet, "handle_async_request", "server"),
            (city.gatt.endpoint(Concern.APDU), "handle", "handle"),
            (LoopbackChannel, "transmit", "secure element"),
        ):
            timed = clocks.around(part, getattr(target, name))
            stack.enter_context(patch.object(target, name, timed))
        return [await _card(city, clocks) for _ in range(count)]


async def _card(city: City, clocks: Clocks) -> dict[str, float]:
    """Add one card and take it off again, so that the element does not fill up."""
    card = find_card(AOBA, Outcome.GREEN)
    clocks.taken.clear()
    start = time.perf_counter()
    added = await city.phone.add_card(card.number.reveal(), "12/30", card.security_code.reveal())
    whole = time.perf_counter() - start
    taken = dict(clocks.taken)
    if added.state != "active":
        raise RuntimeError(f"the card is {added.state}")
    await city.phone.delete(added.id)
    await city.phone.sync()
    return {
        "link": taken["ask"] - taken["handle"],
        "strap": taken["handle"] - taken["secure element"],
        "secure element": taken["secure element"],
        "server": taken["server"],
        "phone": whole - taken["ask"] - taken["server"],
    }


async def _on_air(stack: AsyncExitStack, city: City, folder: Path) -> StrapClient:
    """Put the city's strap on the air and its phone on Bluetooth."""
    env, air, loop = real_env(), Air(), asyncio.get_running_loop()

    def press(_: str) -> None:
        """Be a wearer who presses at once: pairing is not what is measured."""
        loop.call_soon(comparison.confirm)

    async def fits(_: str) -> bool:
        return True

    comparison = Comparison(env.clock, press)
    bonds = BondFile(env, str(folder / "strap-bonds"))
    strap = Peripheral(env, air.radio(), "bench", bonds, city.gatt.serve, comparison)
    await strap.start()
    stack.push_async_callback(strap.stop)
    phone = BlePhone(env, air.radio(), BondFile(env, str(folder / "bonds")), fits)
    stack.push_async_callback(phone.close)
    link = StrapClient(env, phone.connect)
    stack.push_async_callback(link.close)
    city.phone.strap = link
    return link
