"""Issuer security domain: content management under its SCP03 keys.

Its keys can lock the card and empty it. They cannot install a payment instance, nor change who
may: whoever deletes the cardholder's applet or domain loses every card in the same durable write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wristlet.se import keyset, supplementary
from wristlet.se.applets.base import CardError, Instance
from wristlet.se.channel import ChannelKind
from wristlet.se.keyset import domain_key
from wristlet.se.registry import NO_PRIORITY, is_domain
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import aids, lifecycle
from wristlet.wire.gp.commands import Ins, LifeCycleScope, StatusScope
from wristlet.wire.gp.install import InstallForInstall
from wristlet.wire.gp.lifecycle import (
    ApplicationState,
    CardState,
    ContactlessState,
    LoadFileState,
)
from wristlet.wire.gp.privileges import Privileges
from wristlet.wire.gp.registry import RegistryEntry, StatusQuery
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.context import AppContext

LIFE_KEY: Final = "sys/life"
_CARDHOLDERS: Final = (aids.CARDHOLDER_DOMAIN, aids.CARDHOLDER_APPLET)
_CARDHOLDER_DATA: Final = ("pin/", "phones/", "lease/")
_OF_CARDHOLDER: Final = (aids.CARDHOLDER_APPLET, aids.CRS)
_RELATED: Final = 0x80
_INSTALL: Final = 0x04
_SELECTABLE: Final = 0x08
_ALL_IN_TLV: Final = (0x02, 0x03)
_TAG_AID, _TAG_KEY_ID, _TAG_KEY_VERSION = 0x4F, 0xD0, 0xD2
_TRANSITIONS: Final = {
    CardState.OP_READY: {CardState.INITIALIZED, CardState.CARD_LOCKED, CardState.TERMINATED},
    CardState.INITIALIZED: {CardState.SECURED, CardState.CARD_LOCKED, CardState.TERMINATED},
    CardState.SECURED: {CardState.CARD_LOCKED, CardState.TERMINATED},
    CardState.CARD_LOCKED: {CardState.SECURED, CardState.TERMINATED},
    CardState.TERMINATED: set[CardState](),
}


def process(context: AppContext, command: Command) -> Response:
    """Handle one command; all need the domain's own session."""
    handler = _HANDLERS.get(command.ins)
    if handler is None:
        raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
    session = context.session
    if session is None or session.kind is not ChannelKind.SCP03 or session.domain != aids.ISD:
        raise CardError(SW.SECURITY_STATUS)
    if context.card.life is CardState.TERMINATED:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    return handler(context, command)


def _get_status(context: AppContext, command: Command) -> Response:
    """List card, applications and domains, or load files.

    Source: GPCS 2.3.1, GET STATUS command.
    """
    if command.p2 not in _ALL_IN_TLV:
        raise CardError(SW.WRONG_P1_P2)
    query = StatusQuery.parse(command.data)
    found = [e for e in _entries(context, command.p1) if e.aid.startswith(query.aid_prefix)]
    if not found:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    answer = b"".join(_filtered(entry.encode(), query.tags) for entry in found)
    return Response(answer, SW.OK)


def _filtered(entry: bytes, tags: tuple[int, ...] | None) -> bytes:
    if tags is None:
        return entry
    body = ber.require(entry, 0xE3)
    return ber.encode(0xE3, b"".join(t.encode() for t in ber.parse(body) if t.tag in tags))


def _entries(context: AppContext, scope: int) -> list[RegistryEntry]:
    if scope == StatusScope.ISSUER_DOMAIN:
        return [_card_entry(context)]
    if scope == StatusScope.APPLICATIONS:
        return [_entry(e) for e in context.registry.instances() if e.aid != aids.ISD]
    modules = scope == StatusScope.LOAD_FILES_AND_MODULES
    if scope != StatusScope.LOAD_FILES and not modules:
        raise CardError(SW.WRONG_P1_P2)
    payment = tuple(sorted(context.card.catalog.payment_modules))
    files = [
        (aids.PAYMENT_PACKAGE, payment),
        (supplementary.PACKAGE_AID, (supplementary.MODULE_AID,)),
    ]
    return [
        RegistryEntry(aid, LoadFileState.LOADED, modules=held if modules else ())
        for aid, held in files
    ]


def _card_entry(context: AppContext) -> RegistryEntry:
    issuer = context.registry.get(aids.ISD)
    privileges = Privileges.decode(issuer.privileges if issuer is not None else bytes(3))
    return RegistryEntry(aids.ISD, context.card.life, privileges)


def _entry(instance: Instance) -> RegistryEntry:
    return RegistryEntry(
        instance.aid,
        instance.life_cycle,
        Privileges.decode(instance.privileges),
        domain_aid=instance.domain_aid,
    )


def _install(context: AppContext, command: Command) -> Response:
    """Install a supplementary domain or an applet that exists once; never a payment instance.

    Source: GPCS 2.3.1, INSTALL command.
    """
    if command.p1 & ~_SELECTABLE != _INSTALL or command.p2:
        raise CardError(SW.WRONG_P1_P2)
    fields = InstallForInstall.parse(command.data)
    if fields.module_aid == supplementary.MODULE_AID:
        supplementary.install(context, fields.instance_aid)
    else:
        context.registry.add(_applet(context, fields))
    context.touch()
    context.bump_event()
    return Response(b"\0", SW.OK)


def _applet(context: AppContext, fields: InstallForInstall) -> Instance:
    catalog = context.card.catalog
    module = fields.module_aid
    if catalog.get(module) is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    if module in catalog.payment_modules or fields.privileges:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if fields.instance_aid != module:
        raise CardError(SW.WRONG_DATA)
    domain = aids.CARDHOLDER_DOMAIN if module in _OF_CARDHOLDER else aids.ISD
    if context.registry.get(domain) is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    state = ContactlessState.DEACTIVATED
    return Instance(module, module, domain, ApplicationState.SELECTABLE, state, NO_PRIORITY)


def _delete(context: AppContext, command: Command) -> Response:
    """Delete an application, a domain with all that is in it, or keys.

    Source: GPCS 2.3.1, DELETE command.
    """
    if command.p1 or command.p2 & ~_RELATED:
        raise CardError(SW.WRONG_P1_P2)
    aid = ber.find(command.data, _TAG_AID)
    if aid is None:
        _delete_keys(context, command.data)
    else:
        _delete_instance(context, aid, related=bool(command.p2 & _RELATED))
    context.touch()
    context.bump_event()
    return Response(b"\0", SW.OK)


def _delete_keys(context: AppContext, data: bytes) -> None:
    kid, kvn = ber.find(data, _TAG_KEY_ID), ber.find(data, _TAG_KEY_VERSION)
    held = keyset.load(context.state, aids.ISD)
    gone = [
        key for key in held if kid in (None, bytes((key.kid,))) and kvn in (None, bytes((key.kvn,)))
    ]
    if not gone or (kid is None and kvn is None):
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    left = [key for key in held if key not in gone]
    # Without a key set nobody could manage the card, without the attestation key nobody trust it.
    whole = {keyset.Kid.ENC, keyset.Kid.MAC, keyset.Kid.DEK, keyset.Kid.ATTESTATION}
    if not whole <= {key.kid for key in left}:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    keyset.save(context.state, aids.ISD, left)


def _delete_instance(context: AppContext, aid: bytes, *, related: bool) -> None:
    instance = context.registry.get(aid)
    if instance is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    if aid == aids.ISD:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if context.registry.is_payment(instance):
        context.remove_instance(instance)
        return
    if aid in _CARDHOLDERS:
        _forget_cardholder(context)
    if is_domain(instance):
        _delete_domain(context, aid, related=related)
    context.registry.remove(aid)


def _forget_cardholder(context: AppContext) -> None:
    """Empty the strap: who takes the cardholder's protection away takes the cards along."""
    context.remove_all_payment_instances()
    for prefix in _CARDHOLDER_DATA:
        for key in context.state.keys(prefix):
            context.state.delete(key)


def _delete_domain(context: AppContext, aid: bytes, *, related: bool) -> None:
    inside = [entry for entry in context.registry.instances() if entry.domain_aid == aid]
    inside = [entry for entry in inside if entry.aid != aid]
    if inside and not related:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    for entry in inside:
        _delete_instance(context, entry.aid, related=True)
    for key in context.state.keys(domain_key(aid, "")):
        context.state.delete(key)


def _set_status(context: AppContext, command: Command) -> Response:
    """Move the card's life cycle, or lock and unlock an application or domain.

    Source: GPCS 2.3.1, SET STATUS command.
    """
    if command.p1 == LifeCycleScope.ISSUER_DOMAIN:
        present = context.card.life
        wanted = [state for state in CardState if state == command.p2]
        if not wanted or wanted[0] not in _TRANSITIONS[present]:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        context.state.put(LIFE_KEY, bytes((wanted[0],)))
    elif command.p1 in (LifeCycleScope.APPLICATION, LifeCycleScope.DOMAIN_AND_APPLICATIONS):
        _lock(context, command.data, command)
    else:
        raise CardError(SW.WRONG_P1_P2)
    context.touch()
    context.bump_event()
    return Response(b"", SW.OK)


def _lock(context: AppContext, aid: bytes, command: Command) -> None:
    instance = context.registry.get(aid)
    if instance is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    if aid == aids.ISD:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    chosen = [instance]
    if command.p1 == LifeCycleScope.DOMAIN_AND_APPLICATIONS:
        chosen += [e for e in context.registry.instances() if e.domain_aid == aid != e.aid]
    change = lifecycle.locked if lifecycle.is_locked(command.p2) else lifecycle.unlocked
    for entry in chosen:
        context.registry.update(replace(entry, life_cycle=change(entry.life_cycle)))


_HANDLERS: Final[dict[int, Callable[[AppContext, Command], Response]]] = {
    Ins.GET_STATUS: _get_status,
    Ins.INSTALL: _install,
    Ins.DELETE: _delete,
    Ins.SET_STATUS: _set_status,
}
