"""P36: whoever is on the link to the strap learns nothing, changes nothing, locks nobody out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from unittest.mock import patch

from bumble import att

from promises.harness import Promise, Weakness, share
from support.ble_pair import memory_env
from support.link_attacker import (
    HostilePhone,
    Strap,
    new_strap,
    phone_channel,
    secrets_of,
    whole_life,
)
from support.link_stranger import OnAir, Stranger
from support.payment_cards import PIN
from wristlet.companion.errors import CompanionError
from wristlet.crypto.channel import HostChannel
from wristlet.lab.canary import needles, scan_bytes
from wristlet.links import ble
from wristlet.strap import peripheral, relay
from wristlet.wire.apdu import Command
from wristlet.wire.masked import SecretDigits

FROM_PHONE = FROM_STRANGER = 5_000


def on_the_link(seed: int, scale: int) -> tuple[int, int]:
    """Capture a life, then attack as a bonded phone and as a stranger on the radio."""
    return asyncio.run(_attacks(seed, scale))


async def _attacks(seed: int, scale: int) -> tuple[int, int]:
    strap = new_strap(seed, memory_env())
    captured, failures = await captures(strap)
    recorded = list(strap.apdus)
    for attack, count in ((bonded, FROM_PHONE), (stranger, FROM_STRANGER)):
        sent, found = await attack(strap, recorded, random.Random(seed), share(count, scale))
        captured, failures = captured + sent, failures + found
    await strap.server.close()
    return captured, failures


async def captures(strap: Strap) -> tuple[int, int]:
    """Frames of a whole life, and secrets found in them."""
    failures, link = 0, strap.client()
    try:
        await whole_life(strap, link)
    except (CompanionError, AssertionError):
        failures += 1
    await link.close()
    wanted = needles(secrets_of(strap))
    # Also with frame heads taken away: a long command crosses in pieces.
    for text in (b"".join(strap.captured), b"".join(strap.apdus)):
        failures += len(scan_bytes(text, wanted, "link"))
    return len(strap.captured), failures


async def bonded(
    strap: Strap, recorded: list[bytes], chance: random.Random, count: int
) -> tuple[int, int]:
    """A bonded phone turned hostile: what the element keeps stays, and the owner gets in."""
    before = strap.kept()
    phone = HostilePhone(strap, chance, recorded)
    await phone.attack(count)
    phone.leave()
    failures = int(strap.kept() != before)
    link = strap.client()
    try:
        channel = await phone_channel(strap, link, 0x201)
        await channel.verify_pin(SecretDigits(PIN))
    except (CompanionError, OSError, AssertionError):
        failures += 1
    await link.close()
    return phone.sent, failures


async def stranger(
    strap: Strap, recorded: list[bytes], chance: random.Random, count: int
) -> tuple[int, int]:
    """Somebody with a radio and no bond: not one command comes through, not one frame back."""
    on_air = OnAir(strap)
    await on_air.start()
    before, passed = strap.kept(), len(strap.apdus)
    somebody = Stranger(on_air, chance, recorded)
    await somebody.attack(count)
    failures = int(strap.kept() != before) + len(strap.apdus) - passed + len(somebody.heard)
    failures += not await on_air.owner_is_let_in()
    await on_air.stop()
    return somebody.sent, failures


@contextmanager
def unprotected() -> Iterator[None]:
    """The phone's channel sends its commands as they are."""

    def wrap(self: HostChannel, command: Command) -> Command:
        return command

    with patch.object(HostChannel, "wrap", wrap):
        yield


@contextmanager
def open_to_all() -> Iterator[None]:
    """The strap serves whoever connects."""

    async def trusted(*_: object) -> bool:
        return True

    with ExitStack() as stack:
        stack.enter_context(patch.object(ble, "is_trusted", trusted))
        stack.enter_context(patch.object(peripheral, "_WRITING", att.Attribute.WRITEABLE))
        consider = peripheral.Peripheral._connected

        def connected(self: peripheral.Peripheral, connection: object) -> None:
            consider(self, connection)  # type: ignore[arg-type] # the stack's connection
            for line in self._lines.values():
                self._spawn(self._consider(line))

        stack.enter_context(patch.object(peripheral.Peripheral, "_connected", connected))
        yield


def touched_from_afar() -> AbstractContextManager[object]:
    """The strap relays what stands for a touch of its button."""
    return patch.object(relay, "needs_a_touch", lambda command: False)


PROMISES = (
    Promise(
        "P36",
        "On the strap's link nobody learns a secret, moves a counter or locks the owner out",
        "frames of a whole life scanned; hostile frames of a bonded phone and of a stranger on an"
        " emulated radio",
        on_the_link,
        (
            Weakness("phone's channel not encrypted", unprotected),
            Weakness("commands that mean a touch relayed", touched_from_afar),
            Weakness("connections without a bond served", open_to_all),
        ),
    ),
)
