"""More than one of everything: further straps and further phones in a city."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from wristlet.companion.phone import Phone
from wristlet.companion.store import PhoneStore
from wristlet.lab import setup
from wristlet.lab.bench import Bench, BreakableStrap
from wristlet.lab.city import City, ContactlessField, start_strap
from wristlet.links.http import HttpClient
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_link import StrapLink
from wristlet.links.wallet_client import WalletClient
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card as Element
from wristlet.se.create import fleet
from wristlet.strap.firmware import Firmware
from wristlet.wire.strap.invitation import Invitation


@dataclass(slots=True)
class OtherStrap:
    """A strap beside the city's own, with a terminal's field of its own."""

    element: Element
    firmware: Firmware
    link: BreakableStrap
    bench: Bench

    async def press(self, _code: str) -> None:
        await self.firmware.relay.press_confirm()

    async def invite(self) -> Invitation:
        return Invitation.of(await self.firmware.relay.se_id(), self.firmware.invitations.open())


def another_strap(city: City) -> OtherStrap:
    """Make a strap of the same maker, with a secure element of its own."""
    env = city.bench.env
    owner = setup.open_store(env, city.sandbox.paths, "owner")
    element, identity = next(fleet(env, owner, city.card.profile, 1, sandbox=True))
    folder = city.sandbox.paths.folder(f"strap-{identity.se_id.hex()[:8]}")
    body = start_strap(env, element, str(folder))
    link = BreakableStrap(_same(body.link), body.link)
    port = element.port(Interface.CONTACTLESS)
    field = ContactlessField(port, None, body.firmware.field_moved)
    return OtherStrap(element, body.firmware, link, replace(city.bench, field=field))


def _same(link: StrapClient) -> Callable[[], Awaitable[StrapLink]]:
    async def connect() -> StrapLink:
        return link

    return connect


def phone_of(city: City) -> Phone:
    """The city's own phone, with the operations that may wait."""
    tools = city.phone.tools
    return Phone(city.bench.env, tools.store, tools.wallet, tools.roots)


async def another_phone(city: City, name: str = "second phone") -> Phone:
    """A phone of the same wearer: signed in, with nothing on it yet."""
    tools, env = city.phone.tools, city.bench.env
    device = await tools.wallet.device(tools.device_id)
    brand = WalletClient(HttpClient("http://wallet", city.sandbox.api_key, city.wires.wallet))
    session = await brand.create_session(device.wearer_id)
    wallet = WalletClient(HttpClient("http://wallet", session.token, city.wires.wallet))
    path = city.sandbox.paths.folder("phone") / f"{name}.sealed"
    store = PhoneStore(env, str(path), setup.seal_key(env, city.sandbox.paths, "phone"))
    store.change(name=name)
    return Phone(env, store, wallet, tools.roots)
