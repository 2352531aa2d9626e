"""Walks through the cards at the secure element, for the button."""

from __future__ import annotations

from dataclasses import dataclass

from wristlet.strap.device import ShortPress
from wristlet.strap.relay import StrapRelay
from wristlet.strap.signs import CardPlace
from wristlet.wire.strap.settings import Settings


@dataclass(frozen=True, slots=True)
class Walk:
    """How the walk goes on: from `cursor` if a card is being shown, else from the active one."""

    cursor: bytes
    settings: Settings
    short_press: ShortPress


async def show_next(relay: StrapRelay, walk: Walk) -> CardPlace | None:
    """Go on to the next card, and make it the active one where a short press does that.

    None when there is no card. Raises StrapRefused, LinkLost.
    """
    cards = await relay.payable()
    if not cards:
        return None
    names = [aid for aid, _ in cards]
    front = _front(cards, walk.cursor)
    chosen = names[0] if front is None else names[(names.index(front) + 1) % len(names)]
    if walk.short_press is ShortPress.SWITCHES and (chosen, True) not in cards:
        await relay.activate(chosen)
    return place_of(chosen, names, walk.settings)


async def pay_with_shown(relay: StrapRelay, walk: Walk) -> CardPlace | None:
    """Let the card in front alone answer until the next field ends; None when there is no card.

    Raises StrapRefused, LinkLost.
    """
    cards = await relay.payable()
    if not cards:
        return None
    chosen = _front(cards, walk.cursor) or cards[0][0]
    await relay.pay_once(chosen)
    return place_of(chosen, [aid for aid, _ in cards], walk.settings)


def place_of(aid: bytes, names: list[bytes], settings: Settings) -> CardPlace:
    """Return a card's place and name; ValueError when it is not among them."""
    return CardPlace(aid, names.index(aid) + 1, len(names), settings.card(aid))


def _front(cards: tuple[tuple[bytes, bool], ...], cursor: bytes) -> bytes | None:
    if any(aid == cursor for aid, _ in cards):
        return cursor
    return next((aid for aid, is_active in cards if is_active), None)
