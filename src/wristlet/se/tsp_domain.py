"""A token service's domain: scripts under SCP11c, staged in memory, real in one durable write.

An SCP11c session can be replayed by nature, so nothing in it has an effect before the commit: the
header names secure element, domain and script number, the commands are collected, the commit
carries them out together with the new number. An uncommitted script may run again from its first
APDU any number of times, a committed one never.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from wristlet.crypto import sd_dek
from wristlet.se.applets import cardholder
from wristlet.se.applets.base import CardError, Instance, instance_key
from wristlet.se.channel import ChannelKind, SecureSession
from wristlet.se.keyset import domain_key
from wristlet.se.registry import NO_PRIORITY
from wristlet.wire import ber, dgi
from wristlet.wire.apdu import Command, Response
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, install
from wristlet.wire.gp.commands import Ins, StoreMode
from wristlet.wire.gp.install import InstallForInstall, InstallForPersonalization
from wristlet.wire.gp.lifecycle import ApplicationState, ContactlessState, DomainState
from wristlet.wire.receipt import (
    STATE_ABSENT,
    TAG_RECEIPT,
    TAG_SCRIPT_NUMBER,
    Receipt,
    SignedStatement,
)
from wristlet.wire.script import ScriptDgi, ScriptHeader, check_order, parse_hand_over
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.context import AppContext

RECEIPTS_KEPT: Final = 16
_WAS_ACTIVE: Final = "was-active"
_NUMBER_SIZE: Final = 4
_FOR_INSTALL: Final = 0x04
_SELECTABLE: Final = 0x08
_FOR_PERSONALIZATION: Final = 0x20
_RELATED: Final = 0x80
_TAG_AID: Final = 0x4F
_CARDHOLDER_ORDERS: Final = (ScriptDgi.PIN_RESET, ScriptDgi.FURTHER_PHONE)
_NAMELESS: Final = (*_CARDHOLDER_ORDERS, ScriptDgi.HAND_OVER)
"""Orders that are about no single instance: a receipt does not name them."""
_NEEDS_PIN: Final = (ScriptDgi.MAKE_ACTIVATABLE, ScriptDgi.ACTIVATE)


@dataclass(slots=True)
class _Staging:
    """What one script has asked for so far; nothing of it is written."""

    number: int
    installs: dict[bytes, Instance] = field(default_factory=dict)
    groups: dict[bytes, dict[int, bytes]] = field(default_factory=dict)
    encrypted: dict[bytes, set[int]] = field(default_factory=dict)
    actions: list[tuple[int, bytes]] = field(default_factory=list)
    target: bytes | None = None

    @property
    def subject(self) -> bytes:
        """The instance that the receipt speaks of: the last one installed or ordered about."""
        if self.installs:
            return next(reversed(self.installs))
        named = [value for number, value in self.actions if number not in _NAMELESS]
        return named[-1] if named else b""


def process(context: AppContext, instance: Instance, command: Command) -> Response:
    """Handle one command of a script; outside its session nothing is done.

    PUT KEY, DELETE [key] and SET STATUS do not exist here (GPCS Amendment F, SCP11c).
    """
    handler = _HANDLERS.get(command.ins)
    if handler is None:
        raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
    session = context.session
    if session is None or session.kind is not ChannelKind.SCP11C or session.domain != instance.aid:
        raise CardError(SW.SECURITY_STATUS)
    return handler(context, session, command)


def receipt(context: AppContext, domain: bytes, data: bytes) -> Response:
    """Return the receipt of one script number (DF01) or, without data, of the last script."""
    wanted = ber.require(data, TAG_SCRIPT_NUMBER) if data else _committed_bytes(context, domain)
    stored = context.state.get(_receipt_key(domain, int.from_bytes(wanted, "big")))
    if stored is None or stored[:_NUMBER_SIZE] != wanted:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    return Response(stored[_NUMBER_SIZE:], SW.OK)


def number_key(domain: bytes) -> str:
    """Key of a domain's last committed number; it outlives instances and the domain itself."""
    return f"script/{domain.hex().upper()}/number"


def _committed_bytes(context: AppContext, domain: bytes) -> bytes:
    return context.state.get(number_key(domain)) or bytes(_NUMBER_SIZE)


def _receipt_key(domain: bytes, number: int) -> str:
    return domain_key(domain, f"receipt/{number % RECEIPTS_KEPT:02d}")


def _staging(session: SecureSession) -> _Staging:
    """Return the open script; without a header a session only reads."""
    staging = session.staging
    if not isinstance(staging, _Staging):
        raise CardError(SW.SECURITY_STATUS)
    return staging


# ------------------------------------------------------------------ commands


def _install(context: AppContext, session: SecureSession, command: Command) -> Response:
    """Stage an instance, or name the one that the next data are for.

    Source: GPCS 2.3.1, INSTALL command.
    """
    staging = _staging(session)
    if command.p1 == _FOR_PERSONALIZATION:
        target = InstallForPersonalization.parse(command.data).application_aid
        if target not in staging.installs:
            raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
        staging.target = target
        return Response(b"\0", SW.OK)
    if command.p1 & ~_SELECTABLE != _FOR_INSTALL:
        raise CardError(SW.WRONG_P1_P2)
    instance = _new_instance(context, session.domain, InstallForInstall.parse(command.data))
    if instance.aid in staging.installs:
        raise CardError(SW.ALREADY_EXISTS)
    present = len(context.registry.payment()) + len(staging.installs)
    if present >= context.profile.max_instances:
        raise CardError(SW.NOT_ENOUGH_MEMORY)
    staging.installs[instance.aid] = instance
    staging.groups[instance.aid] = {}
    staging.encrypted[instance.aid] = set()
    return Response(b"\0", SW.OK)


def _new_instance(context: AppContext, domain: bytes, fields: InstallForInstall) -> Instance:
    """Management is restricted to the payment package."""
    known = fields.module_aid in context.card.catalog.payment_modules
    if fields.package_aid != aids.PAYMENT_PACKAGE or not known or fields.privileges:
        raise CardError(SW.WRONG_DATA)
    if context.registry.get(fields.instance_aid) is not None:
        raise CardError(SW.ALREADY_EXISTS)
    return Instance(
        fields.instance_aid,
        fields.module_aid,
        domain,
        ApplicationState.SELECTABLE,
        install.initial_state(fields.parameters),
        NO_PRIORITY,
    )


def _delete(context: AppContext, session: SecureSession, command: Command) -> Response:
    """Stage the removal of one of the domain's own instances.

    Source: GPCS 2.3.1, DELETE command.
    """
    staging = _staging(session)
    if command.p1 or command.p2 & ~_RELATED:
        raise CardError(SW.WRONG_P1_P2)
    aid = ber.require(command.data, _TAG_AID)
    _own(context, session.domain, aid)
    staging.actions.append((Ins.DELETE, aid))
    return Response(b"\0", SW.OK)


def _own(context: AppContext, domain: bytes, aid: bytes) -> Instance:
    instance = context.registry.get(aid)
    if instance is None or instance.domain_aid != domain:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    if not context.registry.is_payment(instance):
        raise CardError(SW.WRONG_DATA)
    return instance


def _store_data(context: AppContext, session: SecureSession, command: Command) -> Response:
    """Take groupings: header, commit and orders of the domain itself, or personalisation data.

    Source: GPCS 2.3.1, STORE DATA command; EMV Card Personalization Specification.
    """
    if not command.p1 & StoreMode.DGI or command.p1 & StoreMode.BER:
        raise CardError(SW.WRONG_P1_P2)
    secret = command.p1 & StoreMode.ENCRYPTED
    if secret not in (0, StoreMode.ENCRYPTED):
        raise CardError(SW.WRONG_P1_P2)
    answer = b""
    for group in dgi.parse(command.data):
        answer = _take(context, session, group, encrypted=bool(secret))
    return Response(answer, SW.OK)


def _take(context: AppContext, session: SecureSession, group: Dgi, *, encrypted: bool) -> bytes:
    own = group.number in ScriptDgi.__members__.values()
    if own:
        check_order(group)
    if group.number == ScriptDgi.HEADER:
        _begin(context, session, ScriptHeader.parse(group.value))
        return b""
    staging = _staging(session)
    if group.number == ScriptDgi.COMMIT:
        try:
            return _commit(context, session, staging)
        except CardError:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED) from None
    if own:
        _stage_order(context, session.domain, staging, group)
        return b""
    target = staging.target
    if target is None or group.number in staging.groups[target]:
        raise CardError(SW.WRONG_DATA)
    value = group.value
    if encrypted:
        value = sd_dek.decrypt_dgi(session.dek, value)
        staging.encrypted[target].add(group.number)
    staging.groups[target][group.number] = value
    return b""


def _begin(context: AppContext, session: SecureSession, header: ScriptHeader) -> None:
    """Open a script for this card and domain with a number above the last committed one."""
    committed = int.from_bytes(_committed_bytes(context, session.domain), "big")
    mine = header.se_id == context.se_id and header.domain_aid == session.domain
    if session.staging is not None or not mine or header.number <= committed:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    session.staging = _Staging(header.number)


def _stage_order(context: AppContext, domain: bytes, staging: _Staging, group: Dgi) -> None:
    if group.number in _CARDHOLDER_ORDERS:
        present = context.registry.get(aids.CARDHOLDER_APPLET) is not None
        if domain != context.profile.pin_authority or not present:
            raise CardError(SW.SECURITY_STATUS)
    else:
        for aid in _named(group):
            if aid not in staging.installs:
                _own(context, domain, aid)
    staging.actions.append((group.number, group.value))


def _named(group: Dgi) -> tuple[bytes, ...]:
    if group.number == ScriptDgi.HAND_OVER:
        return parse_hand_over(group.value)
    return (group.value,)


# ------------------------------------------------------------------ commit


def _commit(context: AppContext, session: SecureSession, staging: _Staging) -> bytes:
    """Check everything, then write everything: instances, orders, number and receipt."""
    _check_commit(context, staging)
    for aid, instance in staging.installs.items():
        _create(context, instance, staging.groups[aid])
    for number, value in staging.actions:
        _carry_out(context, number, value)
    event = context.bump_event()
    statement = Receipt(
        se_id=context.se_id,
        domain_aid=session.domain,
        number=staging.number,
        script_hash=session.script.digest(),
        instance_aid=staging.subject,
        state=_state_of(context, staging.subject),
        event_counter=event & 0xFFFF_FFFF,
    )
    signature = context.sign(statement.message())
    signed = SignedStatement(statement.body(), signature).encode(TAG_RECEIPT)
    committed = staging.number.to_bytes(_NUMBER_SIZE, "big")
    context.state.put(number_key(session.domain), committed)
    context.state.put(_receipt_key(session.domain, staging.number), committed + signed)
    context.touch()
    session.staging = None
    return signed


def _check_commit(context: AppContext, staging: _Staging) -> None:
    """Refuse (6985) what must not become real; nothing is written yet."""
    if not staging.installs and not staging.actions:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    adds = staging.installs or any(number in _NEEDS_PIN for number, _ in staging.actions)
    if adds and not _pin_is_set(context):
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    for aid, instance in staging.installs.items():
        module = context.card.catalog.payment(instance.module_aid)
        if module is None:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        module.check_perso(instance, staging.groups[aid], frozenset(staging.encrypted[aid]))


def _pin_is_set(context: AppContext) -> bool:
    applet = context.registry.get(aids.CARDHOLDER_APPLET)
    return applet is not None and cardholder.pin_is_set(context)


def _create(context: AppContext, instance: Instance, groups: dict[int, bytes]) -> None:
    context.registry.add(instance)
    module = context.card.catalog.payment(instance.module_aid)
    if module is not None:
        module.commit_perso(context, instance, groups)
    context.registry.update(
        replace(_present(context, instance.aid), life_cycle=DomainState.PERSONALIZED)
    )


def _present(context: AppContext, aid: bytes) -> Instance:
    instance = context.registry.get(aid)
    if instance is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    return instance


def _carry_out(context: AppContext, number: int, value: bytes) -> None:
    if number in _CARDHOLDER_ORDERS:
        cardholder.order(context, number, value)
        return
    if number == ScriptDgi.HAND_OVER:
        _hand_over(context, *parse_hand_over(value))
        return
    instance = _present(context, value)
    if number == Ins.DELETE:
        context.remove_instance(instance)
    elif number == ScriptDgi.MAKE_NON_ACTIVATABLE:
        _suspend(context, instance)
    elif number == ScriptDgi.MAKE_ACTIVATABLE:
        _resume(context, instance)
    else:
        context.registry.activate(instance.aid)


def _hand_over(context: AppContext, old_aid: bytes, new_aid: bytes) -> None:
    """Let a successor take the active card's place, so that the wearer notices no change.

    Also the place of one that is suspended and would be active again, and also by a successor that
    may not be active yet: it remembers.
    """
    old, new = _present(context, old_aid), _present(context, new_aid)
    was_active = old.contactless is ContactlessState.ACTIVATED
    if (
        old.contactless is ContactlessState.NON_ACTIVATABLE
        and not context.registry.active_durably()
    ):
        was_active = context.state.get(instance_key(old_aid, _WAS_ACTIVE)) is not None
    if not was_active:
        return
    if new.contactless is ContactlessState.NON_ACTIVATABLE:
        context.state.put(instance_key(new_aid, _WAS_ACTIVE), b"\x01")
    else:
        context.registry.activate(new_aid)


def _suspend(context: AppContext, instance: Instance) -> None:
    """Make the instance NON_ACTIVATABLE and remember whether it was the active one."""
    if instance.contactless is ContactlessState.NON_ACTIVATABLE:
        return
    key = instance_key(instance.aid, _WAS_ACTIVE)
    if instance.contactless is ContactlessState.ACTIVATED:
        context.state.put(key, b"\x01")
    else:
        context.state.delete(key)
    context.registry.set_contactless(instance.aid, ContactlessState.NON_ACTIVATABLE)


def _resume(context: AppContext, instance: Instance) -> None:
    """Make the instance activatable; it is active again if it was and no other is by now."""
    if instance.contactless is not ContactlessState.NON_ACTIVATABLE:
        return
    key = instance_key(instance.aid, _WAS_ACTIVE)
    restored = context.state.get(key) is not None and not context.registry.active_durably()
    context.state.delete(key)
    state = ContactlessState.ACTIVATED if restored else ContactlessState.DEACTIVATED
    context.registry.set_contactless(instance.aid, state)


def _state_of(context: AppContext, aid: bytes) -> int:
    instance = context.registry.get(aid) if aid else None
    return STATE_ABSENT if instance is None else int(instance.contactless)


_HANDLERS: Final[dict[int, Callable[[AppContext, SecureSession, Command], Response]]] = {
    Ins.INSTALL: _install,
    Ins.DELETE: _delete,
    Ins.STORE_DATA: _store_data,
}
