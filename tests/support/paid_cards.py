"""A whole secure element with a phone, a PIN and two payment cards, and what a terminal does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.payment_cards import K2, K3, PIN, CardData, Wish
from support.se_cards import (
    DIRECTORY,
    SEAL_KEY,
    HostSession,
    Rig,
    open_scp11a,
    run,
    select,
    transmit,
)
from wristlet.env.sim import SimEnv
from wristlet.se import catalog
from wristlet.se.card import Card
from wristlet.wire import ber
from wristlet.wire.apdu import Response
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.install import InstallForInstall, instance_parameters
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.script import ScriptDgi

__all__ = ["PIN", "add_card", "built_in", "card_script", "pay", "phone", "reopened", "wallet"]


def built_in(rig: Rig) -> Rig:
    """The card with the applets that are shipped."""
    card = Card(rig.env, rig.card.store, catalog.installed(), sandbox=True)
    return Rig(rig.env, rig.owner, rig.identity, card)


def reopened(rig: Rig) -> Rig:
    """The card after power came back."""
    rig.disk.restart()
    env = SimEnv(99, disk=rig.disk)
    card = Card.open(env, DIRECTORY, SEAL_KEY, sandbox=True, catalog=catalog.installed())
    return Rig(env, rig.owner, rig.identity, card)


def phone(rig: Rig) -> HostSession:
    """The phone's channel on the cardholder applet."""
    session = open_scp11a(rig)
    assert isinstance(session, HostSession)
    return session


def card_script(rig: Rig, number: int, card: CardData) -> tuple[bytes, tuple[bytes, ...]]:
    """AID and APDUs of a personalisation that ends by making the new card the active one."""
    aid = aids.instance_aid(card.product.registered_aid, number)
    draft = rig.draft(number)
    parameters = instance_parameters(ContactlessState.DEACTIVATED)
    module = card.product.module_aid
    draft.add(
        commands.install_for_install(
            InstallForInstall(aids.PAYMENT_PACKAGE, module, aid, parameters=parameters)
        )
    )
    groups = [Dgi(group, value) for group, value in sorted(card.dgis().items())]
    draft.personalize(aid, groups, card.product.secret_numbers)
    draft.add_group(Dgi(ScriptDgi.ACTIVATE, aid))
    return aid, draft.finish().script.apdus


def add_card(rig: Rig, number: int, card: CardData) -> bytes:
    """Run a personalisation script that ends by making the new card the active one."""
    aid, apdus = card_script(rig, number, card)
    answers = run(rig.wired, apdus)
    assert answers[-1].ok, f"{answers[-1].sw:04X}"
    return aid


def wallet(rig: Rig) -> tuple[Rig, bytes, bytes]:
    """A paired card with a PIN, a kernel 3 and then a kernel 2 card."""
    rig = built_in(rig)
    rig.enrol_phone()
    assert phone(rig).send(commands.create_pin(PIN)).ok
    many: dict[str, Any] = {"taps_max": 200, "sum_max": 10_000}
    return rig, add_card(rig, 1, replace(K3, **many)), add_card(rig, 2, replace(K2, **many))


def pay(rig: Rig, wish: Wish | None = None) -> Response:
    """What a terminal does: directory, best card, transaction."""
    wish = wish or Wish()
    directory = select(rig.contactless, aids.PPSE)
    if not directory.ok:
        return directory
    entry = ber.require(directory.data, 0x6F, 0xA5, 0xBF0C, 0x61)
    aid = ber.require(entry, 0x4F)
    assert select(rig.contactless, aid).ok
    if ber.require(entry, 0x9F2A) == b"\x03":
        return transmit(rig.contactless, bytes.fromhex(wish.gpo()))
    assert transmit(rig.contactless, bytes.fromhex("80A8000002830000")).ok
    assert transmit(rig.contactless, bytes.fromhex("00B2010C00")).ok
    return transmit(rig.contactless, bytes.fromhex(wish.generate_ac()))
