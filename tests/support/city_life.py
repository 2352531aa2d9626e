"""More straps and phones for a city, and what a wearer does when a PIN, phone or strap is gone."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wristlet.companion import pairing, se_client
from wristlet.companion.core import Companion
from wristlet.companion.errors import PinBlocked, PinWrong
from wristlet.companion.store import PhoneStore
from wristlet.crypto.seal import SealKey
from wristlet.lab import setup
from wristlet.lab.city import City, ContactlessField, StrapBody, start_strap
from wristlet.links.http import HttpClient
from wristlet.links.strap_link import StrapLink
from wristlet.links.wallet_client import WalletClient
from wristlet.model.testcards import OTP_RIGHT
from wristlet.model.wallet_messages import (
    AddCard,
    Card,
    DeviceOrder,
    Eligibility,
    FinishVerification,
    PinState,
    PinStatementSubmit,
    StartVerification,
)
from wristlet.se import create as se_create
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card as Element


@dataclass
class Strap:
    """One more strap: its element and what is around it."""

    element: Element
    body: StrapBody

    async def press(self, _code: str) -> None:
        await self.body.firmware.relay.press_confirm()


def wallet_of(phone: Companion) -> WalletClient:
    """The phone's own client, for operations that the phone does not offer itself."""
    return phone.tools.wallet


def device_of(phone: Companion) -> str:
    """The id of the strap that a phone is paired with."""
    return phone.tools.device_id


def another_strap(city: City, name: str) -> Strap:
    """A second strap of the same maker and brand."""
    env, paths = city.bench.env, city.sandbox.paths
    folder, counter = str(paths.root / name), str(paths.root / "seal-keys" / f"{name}.counter")
    key = setup.seal_key(env, paths, name)
    owner = setup.open_store(env, paths, "owner")
    se_create.create(env, folder, key, owner, city.card.profile, sandbox=True, counter_path=counter)
    element = Element.open(env, folder, key, sandbox=True, counter_path=counter)
    return Strap(element, start_strap(env, element, str(paths.root / f"{name}-strap")))


async def another_phone(
    city: City, strap: StrapLink, name: str, wallet: WalletClient | None = None
) -> Companion:
    """One more phone of the wearer; with `wallet` it shares a session, else it signs in anew."""
    env, paths = city.bench.env, city.sandbox.paths
    store = PhoneStore(env, str(paths.folder("phone") / f"{name}.sealed"), SealKey(os.urandom(32)))
    return Companion(
        env,
        store,
        wallet or await signed_in(city),
        strap,
        card_data_root_der=city.sandbox.tsp.card_data_root_der,
        maker_root_der=city.sandbox.maker_root_der,
    )


async def signed_in(city: City) -> WalletClient:
    """A new session of the city's wearer, as the brand's backend opens one."""
    query = "SELECT wearer_id FROM devices"
    path = city.sandbox.paths.database("wallet")
    wearer_id = _query(path, query)
    office = WalletClient(HttpClient("http://wallet", city.sandbox.api_key, city.wires.wallet))
    session = await office.create_session(wearer_id)
    return WalletClient(HttpClient("http://wallet", session.token, city.wires.wallet))


def _query(path: Path, query: str) -> str:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return str(database.execute(query).fetchone()[0])


async def know_strap(old: Companion, new: Companion) -> None:
    """Let a new phone learn of the strap what the server and the strap tell anybody."""
    strap = await pairing.attest(new.tools)
    device = (await wallet_of(new).devices()).data[0]
    assert device.id == device_of(old)
    pairing.keep(new.tools, strap, device, "", "")


async def block_pin(phone: Companion) -> None:
    """Three wrong PINs."""
    for _ in range(3):
        try:
            await phone.verify_pin("111999")
        except (PinWrong, PinBlocked):
            continue
    assert (await phone.state()).blocked


async def tell_pin(phone: Companion) -> PinState:
    """Have the element say how its PIN is, and pass that on."""
    statement = await se_client.pin_statement(phone.strap, os.urandom(16))
    request = PinStatementSubmit(statement.hex())
    return await wallet_of(phone).submit_pin_statement(device_of(phone), request)


async def code_for(phone: Companion, code: str = OTP_RIGHT) -> FinishVerification:
    """A one-time code as the phone sends it."""
    return FinishVerification(await phone.tools.seal_for_tsp(msgspec.json.encode({"code": code})))


async def prove(phone: Companion, order: DeviceOrder, code: str = OTP_RIGHT) -> str:
    """Have a code sent for an order and enter one; the result."""
    wallet = wallet_of(phone)
    method = StartVerification(order.verification_methods[0].id)
    await wallet.send_order_code(order.device_id, order.id, method)
    step = await wallet.confirm_order(order.device_id, order.id, await code_for(phone, code))
    return step.result


async def take_offer(phone: Companion, offer: Eligibility) -> Card:
    """Accept an offer by reference, load the card and prove the wearer's identity."""
    statement = await se_client.pin_statement(phone.strap, bytes.fromhex(offer.challenge))
    card = await wallet_of(phone).add_card(
        AddCard(offer.id, terms_accepted=True, pin_statement=statement.hex())
    )
    await phone.sync()
    assert card.state == "inactive"
    await phone.send_code(card.id, card.verification_methods[0].id)
    return await phone.confirm_code(card.id, OTP_RIGHT)


def saved_element(city: City, folder: Path) -> Path:
    """Copy the element's state and its rollback counter, as an attacker with the host would."""
    shutil.copytree(city.sandbox.paths.folder("se"), folder / "se")
    shutil.copy(city.sandbox.paths.counter, folder / "counter")
    return folder


def put_back(city: City, folder: Path) -> None:
    """Put a copied state back and power the strap up with it."""
    env, paths = city.bench.env, city.sandbox.paths
    shutil.copytree(folder / "se", paths.folder("se"), dirs_exist_ok=True)
    shutil.copy(folder / "counter", paths.counter)
    key = setup.seal_key(env, paths, "se")
    element = Element.open(
        env, str(paths.folder("se")), key, sandbox=True, counter_path=paths.counter
    )
    city.card = element
    body = start_strap(env, element, str(paths.folder("strap")))
    city.firmware, city.relay, city.phone.strap = body.firmware, body.firmware.relay, body.link
    port = element.port(Interface.CONTACTLESS)
    city.bench.field = ContactlessField(port, None, body.firmware.field_moved)


def tap_field(strap: Strap) -> ContactlessField:
    """Another strap's contactless interface."""
    port = strap.element.port(Interface.CONTACTLESS)
    return ContactlessField(port, None, strap.body.firmware.field_moved)
