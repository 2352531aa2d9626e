"""Cards move by reference: renewed on the same strap, or put onto a new one, without retyping.

The old token pays until the new one is active; then the token service deletes it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wristlet.companion import adding, cards
from wristlet.companion.errors import CompanionError, ServerUnreachable, StrapUnreachable
from wristlet.companion.tools import Tools
from wristlet.model.token import TokenState
from wristlet.model.wallet_messages import Card, RedigitizeCard

MOVABLE: Final = (TokenState.ACTIVE, TokenState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one card: its successor, or the reason why there is none (yet)."""

    old: Card
    new: Card | None
    reason: str = ""


async def renew(tools: Tools, card_id: str) -> Card:
    """Order a successor of a card on the same strap; it loads with the next sync."""
    return await _again(tools, card_id)


async def _again(tools: Tools, card_id: str) -> Card:
    request = RedigitizeCard(tools.device_id)
    offer = await tools.call(lambda key: tools.wallet.redigitize_card(card_id, request, key=key))
    return await adding.accept_terms(tools, offer)


async def order_moves(tools: Tools, old_device_id: str) -> list[Moved]:
    """Order every card of an old strap anew on this one; each on its own, again after a break.

    What has a successor here already is not ordered twice. Raises ServerUnreachable and
    StrapUnreachable; what one card's bank refuses stands in its report.
    """
    here = await cards.listed(tools)
    by_old = {card.replaces: card for card in here if card.replaces}
    moved: list[Moved] = []
    for old in await cards.of_device(tools, old_device_id):
        if old.state not in MOVABLE:
            continue
        known = by_old.get(old.id)
        if known is not None and known.state not in (TokenState.DELETED, TokenState.DECLINED):
            moved.append(Moved(old, known))
            continue
        try:
            moved.append(Moved(old, await _again(tools, old.id)))
        except (ServerUnreachable, StrapUnreachable):
            raise
        except CompanionError as error:
            moved.append(Moved(old, None, str(error)))
    return moved
