"""The cards of one strap: which there are, how both layers see them, and which one pays."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from wristlet.companion import se_client
from wristlet.companion.errors import CompanionError
from wristlet.companion.explain import CardView
from wristlet.companion.queue import Kind
from wristlet.companion.tools import Tools, reaching_strap
from wristlet.links.channel import LinkLost
from wristlet.model.token import SeState
from wristlet.model.wallet_messages import Card, CardList
from wristlet.wire.gp.lifecycle import ContactlessState

_SE_STATES: Final = {
    ContactlessState.ACTIVATED: SeState.SELECTED,
    ContactlessState.DEACTIVATED: SeState.READY,
    ContactlessState.NON_ACTIVATABLE: SeState.DEACTIVATED,
}


async def listed(tools: Tools) -> list[Card]:
    """List the cards of this strap as the server knows them, and keep what it said."""
    found = await of_device(tools, tools.device_id)
    if tools.device_id:
        tools.remember(cards=tuple(found), cards_read_ms=tools.env.clock.now_ms())
    return found


async def of_device(tools: Tools, device_id: str) -> list[Card]:
    """List the cards of any of the wearer's straps."""
    found: list[Card] = []
    after: str | None = None
    while True:
        page = await tools.call(partial(_page, tools, device_id, after))
        found += page.data
        if not page.has_more:
            return found
        after = page.next_cursor


async def _page(tools: Tools, device_id: str, after: str | None, _key: str) -> CardList:
    return await tools.wallet.cards(device_id, after)


async def views(tools: Tools) -> list[CardView]:
    """Show the cards as last read, each with what the strap itself says now, if it can be asked.

    Needs neither server nor strap.
    """
    try:
        on_strap = await se_client.contactless_states(tools.strap)
    except (LinkLost, CompanionError):
        return [CardView(card, card.se_state, is_read_now=False) for card in tools.state.cards]
    return [_view(card, on_strap) for card in tools.state.cards]


def _view(card: Card, on_strap: dict[str, ContactlessState]) -> CardView:
    if card.instance_aid is None:
        return CardView(card, card.se_state, is_read_now=False)
    state = on_strap.get(card.instance_aid)
    if state is None:
        loading = card.se_state == SeState.LOADING
        absent = SeState.LOADING if loading else SeState.ABSENT
        return CardView(card, absent, is_read_now=True)
    return CardView(card, _SE_STATES[state], is_read_now=True)


async def active(tools: Tools) -> bytes | None:
    """Return the instance AID that pays now, as the secure element says."""
    with reaching_strap():
        return await se_client.active_instance(tools.strap)


async def select(tools: Tools, card_id: str) -> None:
    """Make a card the active one: on the secure element first, the server hears of it when it
    can.
    """
    instance = tools.state.instance_of(card_id)
    if instance is None:
        raise CompanionError("card: it is not on this strap; add it first")
    with reaching_strap():
        channel = await tools.open_channel()
        await channel.activate(bytes.fromhex(instance))
    tools.remember(cards=tuple(_chosen(card, card_id) for card in tools.state.cards))
    tools.outbox.put(Kind.ACTIVE_CARD, tools.device_id, card_id)
    await tools.outbox.flush()


def _chosen(card: Card, card_id: str) -> Card:
    """Note the wearer's choice until the server confirms it."""
    if card.id == card_id:
        return replace(card, se_state=str(SeState.SELECTED))
    if card.se_state == SeState.SELECTED:
        return replace(card, se_state=str(SeState.READY))
    return card


async def settled(tools: Tools, card: Card) -> Card:
    """Fetch a card after a sync and, when it is the only one, make it the active one."""
    card = await tools.call(lambda _: tools.wallet.card(card.id))
    if card.instance_aid is None:
        return card
    if card.state == "active" and await active(tools) is None:
        await select(tools, card.id)
        card = await tools.call(lambda _: tools.wallet.card(card.id))
    return card
