"""SELECT: which domain or application a name finds through which interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from wristlet.se import domains
from wristlet.se.applets.base import CardError, Interface
from wristlet.se.context import AppContext
from wristlet.se.registry import is_domain
from wristlet.wire.apdu import SW_DONE, Command, Response
from wristlet.wire.gp import aids
from wristlet.wire.gp.lifecycle import is_locked
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Applet, Instance
    from wristlet.se.card import Card
    from wristlet.se.context import Slot

_BY_NAME: Final = 0x04
_FIRST, _NEXT = 0x00, 0x02
_WIRED: Final = Interface.WIRED


class Served(NamedTuple):
    """Who answers for an AID as the registry stands: `locked` refuses every command to it."""

    instance: Instance
    applet: Applet | None
    in_domain: bool
    locked: bool


def served(context: AppContext) -> Served | None:
    """Tell who answers for the selected AID; None when there is nobody (any more)."""
    store = context.state
    if context.generation != store.generation:
        context.served = store.kept((_served, context.aid), _served, context.card, context.aid)
        context.generation = store.generation
    return context.served


def _served(card: Card, aid: bytes) -> Served | None:
    instance = card.registry.get(aid)
    if instance is None:
        return None
    applet = card.catalog.get(instance.module_aid)
    locked = instance.aid != aids.ISD and (card.is_locked or is_locked(instance.life_cycle))
    return Served(instance, applet, is_domain(instance), locked)


def select(card: Card, slot: Slot, interface: Interface, command: Command) -> Response:
    """Select by full or partial name, the first match or the one behind the present selection.

    A name that finds nothing leaves the selection as it was. Any SELECT ends the secure channel.

    Source: GPCS 2.3.1, SELECT command; ISO/IEC 7816-4, selection by DF name.
    """
    if slot.secure is not None:
        slot.end_session()
    if command.p1 != _BY_NAME:
        raise CardError(SW.WRONG_P1_P2)
    name, wired = command.data, interface is _WIRED
    if not name and wired:
        name = aids.ISD
    if command.p2 == _FIRST:
        chosen = card.store.kept((_first, wired, name), _first, card, interface, name)
    elif command.p2 == _NEXT:
        aid = _next(_found(card, interface, name), slot).aid
        chosen = card.store.kept((_served, aid), _served, card, aid)
    else:
        raise CardError(SW.WRONG_P1_P2)
    if chosen is None:
        raise CardError(SW.NOT_FOUND)
    instance, applet, in_domain, _ = chosen
    context = AppContext(card, slot, interface, instance.aid, chosen)
    if in_domain:
        answer = domains.select(context, instance)
    elif applet is not None:
        answer = applet.select(context, name)
    else:
        raise CardError(SW.NOT_FOUND)
    if slot.context is not None:
        deselect(slot)
    slot.context = context
    return Response(answer, SW_DONE)


def _first(card: Card, interface: Interface, name: bytes) -> Served | None:
    """Prefer the full name over longer ones that begin with it."""
    exact = card.registry.get(name)
    if exact is None or not _is_candidate(card, interface, exact):
        exact = _found(card, interface, name)[0]
    return _served(card, exact.aid)


def _found(card: Card, interface: Interface, name: bytes) -> list[Instance]:
    found = candidates(card, interface, name)
    if not name or not found:
        raise CardError(SW.NOT_FOUND)
    return found


def _is_candidate(card: Card, interface: Interface, entry: Instance) -> bool:
    """Tell whether an instance is among the candidates of its own name."""
    if card.is_locked:
        return entry.aid == aids.ISD and _wired(interface)
    registry = card.registry
    if registry.is_payment(entry) and not registry.is_active(entry):
        return False
    return _serves(card, entry, interface)


def candidates(card: Card, interface: Interface, name: bytes) -> list[Instance]:
    """Return what can be selected now by a full or partial name, in the order of selection.

    On contactless the payment instances are those that are active, by priority; on a locked
    card only the issuer domain is left.
    """
    named = [entry for entry in card.registry.instances() if entry.aid.startswith(name)]
    if card.is_locked:
        return [entry for entry in named if entry.aid == aids.ISD and _wired(interface)]
    others = [entry for entry in named if not card.registry.is_payment(entry)]
    if len(others) < len(named):
        others += [entry for entry in card.registry.active() if entry.aid.startswith(name)]
    return [entry for entry in others if _serves(card, entry, interface)]


def _wired(interface: Interface) -> bool:
    return interface is Interface.WIRED


def _serves(card: Card, entry: Instance, interface: Interface) -> bool:
    if entry.aid == aids.ISD:
        return _wired(interface)
    if is_locked(entry.life_cycle):
        return False
    if is_domain(entry):
        return _wired(interface)
    applet = card.catalog.get(entry.module_aid)
    return applet is not None and applet.serves(interface, card.profile)


def _next(found: list[Instance], slot: Slot) -> Instance:
    present = slot.context.aid if slot.context is not None else None
    places = [index for index, entry in enumerate(found) if entry.aid == present]
    behind = found[places[0] + 1 :] if places else []
    if not behind:
        raise CardError(SW.NOT_FOUND)
    return behind[0]


def current(card: Card, slot: Slot, interface: Interface) -> AppContext:
    """Return the selection; on the wired interface the issuer domain is selected by default."""
    if slot.context is None:
        if interface is not Interface.WIRED:
            raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
        slot.context = AppContext(card, slot, interface, aids.ISD)
    return slot.context


def deselect(slot: Slot) -> None:
    """Tell the selected applet that it is left and forget the selection and its memory."""
    context, slot.context = slot.context, None
    if context is None:
        return
    present = served(context)
    if present is not None and present.applet is not None and not present.in_domain:
        present.applet.deselect(context)
    context.transient.clear()
