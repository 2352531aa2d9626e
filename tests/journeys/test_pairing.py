"""Somebody between phone and strap: the digits differ, and what the link claims counts nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from wristlet.companion import pairing
from wristlet.companion.errors import CompanionError, StrapUntrusted
from wristlet.companion.phone_channel import PhoneChannel
from wristlet.crypto import ec, gpcert
from wristlet.crypto.seal import KeyUsage
from wristlet.lab import setup
from wristlet.lab.city import City, running_city
from wristlet.links.strap_link import AskedStrap, StrapStatus
from wristlet.strap.relay import StrapRelay
from wristlet.wallet.tenants.service import phone_root_name
from wristlet.wire.gp.certs import Certificate
from wristlet.wire.strap.concerns import Concern

pytestmark = pytest.mark.slow

ATTACKER = ec.point_of(ec.private_key(bytes(31) + b"\x05"))


class Between(AskedStrap):
    """Passes everything on, but gives the strap a key of its own in place of the phone's."""

    def __init__(self, strap: StrapRelay) -> None:
        self.strap = strap
        self.rewrites: dict[bytes, bytes] = {}

    async def transmit(self, command: bytes) -> bytes:
        answer = await self.strap.transmit(command)
        return self.rewrites.get(command, answer)

    async def pair_offer(self, public_point: bytes) -> bytes:
        return await self.strap.pair_offer(ATTACKER)

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        return await self.strap.pair_reveal(phone_nonce)

    async def status(self) -> StrapStatus:
        return await self.strap.status()

    def listen(self, concern: Concern, take: Callable[[bytes], None]) -> None:
        """It tells nothing of what the strap says unasked."""


class Patient(Between):
    """Commits itself towards the phone, as it has to, and shows the strap's digits to nobody."""

    async def pair_offer(self, public_point: bytes) -> bytes:
        from wristlet.crypto import pairing

        await self.strap.pair_offer(ATTACKER)
        return pairing.commitment(public_point, bytes(16))

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        await self.strap.pair_reveal(phone_nonce)
        return bytes(16)


class Careless(Patient):
    """Lets the phone's key through and enrols its own by another way."""

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        answer = await super().pair_reveal(phone_nonce)
        await self.strap.press_confirm()
        return answer


class Usurper(Patient):
    """Gets onto the list first, lets the phone in as a second one, and says that it is alone.

    It works with the brand's own phone root, as a hostile wallet server would.
    """

    def __init__(self, city: City) -> None:
        super().__init__(city.relay)
        self._city = city
        self._is_in = False

    async def pair_reveal(self, phone_nonce: bytes) -> bytes:
        answer = await super().pair_reveal(phone_nonce)
        await self.strap.press_confirm()
        channel = await PhoneChannel.open(
            self.strap,
            private_scalar=bytes(31) + b"\x05",
            certificate=await self._certificate(),
            domain_point=await self._domain_point(),
            ephemeral_scalar=os.urandom(32),
        )
        victim = self._city.phone.tools.public_point()
        await channel.enrol(hashlib.sha256(victim).digest())
        self._is_in = True
        return answer

    async def transmit(self, command: bytes) -> bytes:
        answer = await super().transmit(command)
        is_state = command[:4] == b"\x80\xca\xdf\x50"
        return answer[:14] + b"\x01" + answer[15:] if is_state and self._is_in else answer

    async def _certificate(self) -> bytes:
        paths, env = self._city.sandbox.paths, self._city.bench.env
        keys = setup.open_store(env, paths, "wallet")
        name = phone_root_name(self._city.sandbox.tenant_id)
        root_id = self._city.card.profile.tenant_root.id
        forged = Certificate(b"\x01", root_id, b"subject", "20400101", ATTACKER)
        return gpcert.issue(ec.private_key(keys.get(name, KeyUsage.SIGN)), forged).encode()

    async def _domain_point(self) -> bytes:
        return (await pairing.attest(self._city.phone.tools)).domain_point


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running_city(tmp_path / "city") as running:
        yield running


async def test_a_swapped_key_breaks_the_commitment(city: City) -> None:
    city.phone.strap = Between(city.relay)
    shown: list[str] = []

    async def confirm(code: str) -> None:
        shown.append(code)

    with pytest.raises(StrapUntrusted):
        await city.phone.pair("strap", confirm)
    assert shown == []


async def test_the_phone_shows_its_own_digits_not_the_straps(city: City) -> None:
    city.phone.strap = Patient(city.relay)
    shown: list[str] = []

    async def compare(code: str) -> None:
        shown.append(code)

    with pytest.raises(StrapUntrusted, match="did not take this phone"):
        await city.phone.pair("strap", compare)
    assert len(shown) == 1
    assert shown[0] != city.relay.display


async def test_another_phone_enrolled_in_its_place_is_noticed(city: City) -> None:
    city.phone.strap = Careless(city.relay)

    async def confirm(_: str) -> None:
        return

    with pytest.raises(CompanionError, match="does not accept this phone"):
        await city.phone.pair("strap", confirm)
    assert (await city.phone.state()).phones == 1


async def test_somebody_who_was_on_the_list_first_is_noticed_though_nothing_was_compared(
    city: City,
) -> None:
    """A strap that shows nothing: the secure element itself says that the phone is not alone."""
    city.phone.strap = Usurper(city)

    async def confirm(_: str) -> None:
        return

    with pytest.raises(StrapUntrusted, match="another phone got onto it"):
        await city.phone.pair("strap", confirm)
    assert city.phone.tools.store.state.straps == ()
    with pytest.raises(StrapUntrusted, match="another phone got onto it"):
        await city.phone.pair("strap", confirm)
    assert city.phone.tools.store.state.straps == ()


async def test_both_ends_show_the_same_digits(city: City) -> None:
    shown: list[str] = []

    async def confirm(code: str) -> None:
        shown.append(code)
        assert city.relay.display == code
        await city.relay.press_confirm()

    await city.phone.pair("strap", confirm)
    assert len(shown) == 1
