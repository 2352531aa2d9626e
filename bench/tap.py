"""The card side of a tap, commands in and answers out as bytes, no data authentication."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import uvloop

from bench.limits import tap as limits
from bench.measure import Result, compare, nothing, timed
from bench.workshop import LEASE_TAPS, Element, Workshop
from wristlet.se.applets.base import Interface
from wristlet.wire import products
from wristlet.wire.gp import aids, commands
from wristlet.wire.products import Product

VOLATILE_MAX: Final = 4.0
SEALED_MAX: Final = 1.5
PRODUCTS: Final = (products.K3, products.K2)
DURABLE_COMMANDS: Final = {"K3": 1, "K2": 2}
"""Kernel 3 commits at GET PROCESSING OPTIONS, kernel 2 there and at GENERATE AC."""

_COMMON: Final = bytes.fromhex("0000000010000000000000000392000000000003922601010011223344")
_TTQ: Final = bytes.fromhex("36004000")
_CDOL1_REST: Final = bytes.fromhex("21000000000000000000003F0002")
_ARQC: Final = bytes.fromhex("9F270180")


class Tap:
    """One element in a terminal's field, tapped again and again."""

    def __init__(self, element: Element) -> None:
        self._element = element
        self._port = element.card.port(Interface.CONTACTLESS)
        self._commands = _commands(element.product, element.aid)
        self._last = b""

    def prepare(self) -> None:
        """Let the next taps have a lease; refuse to measure a card that does not pay."""
        self._element.recharge()
        self.tap()
        if self._last[-2:] != b"\x90\x00" or _ARQC not in self._last:
            raise RuntimeError(f"the card does not pay: {self._last[-2:].hex()}")

    def tap(self) -> None:
        """Send the terminal's commands."""
        process = self._port.process
        for command in self._commands:
            self._last = process(command)


def _commands(product: Product, aid: bytes) -> tuple[bytes, ...]:
    directory, application = (commands.select(name).encode() for name in (aids.PPSE, aid))
    if product.kernel == products.KERNEL_3:
        options = bytes.fromhex("80A8000023 8321") + _TTQ + _COMMON + b"\0"
        return directory, application, options
    options = bytes.fromhex("80A8000002830000")
    record = bytes.fromhex("00B2010C00")
    generate = bytes.fromhex("80AE80002B") + _COMMON + _CDOL1_REST + b"\0"
    return directory, application, options, record, generate


def volatile(folder: Path, *, quick: bool) -> list[Result]:
    """Compare taps of a secure element in memory with their cryptography."""
    workshop = Workshop(folder)
    return [
        uvloop.run(_volatile(workshop, product, quick, bare=bare))
        for bare in (False, True)
        for product in PRODUCTS
    ]


async def _volatile(workshop: Workshop, product: Product, quick: bool, *, bare: bool) -> Result:
    element = workshop.volatile(product)
    ours = Tap(element)
    make = limits.BareTap if bare else limits.CryptoTap
    limit = make(element.master_key, limits.INPUT_SIZES[product.name])
    count = 20 if quick else LEASE_TAPS - 5
    found = await compare(
        timed(ours.prepare, ours.tap, count),
        timed(nothing, limit.tap, count * 4),
        rounds=3 if quick else 81,
    )
    if bare:
        return found.as_time(f"the same, no context kept, {product.name}", None)
    return found.as_time(f"tap, volatile store, {product.name}", VOLATILE_MAX)


def sealed(folder: Path, *, quick: bool) -> list[Result]:
    """Compare taps of a sealed secure element with cryptography and durable writes."""
    workshop = Workshop(folder)
    return [uvloop.run(_sealed(workshop, product, quick)) for product in PRODUCTS]


async def _sealed(workshop: Workshop, product: Product, quick: bool) -> Result:
    element = workshop.sealed(product)
    ours = Tap(element)
    limit = limits.DurableTap(
        element.master_key,
        limits.INPUT_SIZES[product.name],
        workshop.folder / f"limit-{product.name}",
        DURABLE_COMMANDS[product.name],
    )
    count = 10 if quick else 60
    try:
        found = await compare(
            timed(ours.prepare, ours.tap, count),
            timed(nothing, limit.tap, count),
            rounds=3 if quick else 61,
        )
    finally:
        limit.close()
    return found.as_time(f"tap, sealed store, {product.name}", SEALED_MAX)
