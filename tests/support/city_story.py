"""What journeys on the city ask again and again."""

from __future__ import annotations

from wristlet.lab.city import City
from wristlet.model.testcards import AOBA, Bank, Outcome, find_card
from wristlet.model.wallet_messages import Card

PIN = "482615"


async def add(city: City, bank: Bank = AOBA, outcome: Outcome = Outcome.GREEN) -> Card:
    """Type a card and load it."""
    card = find_card(bank, outcome)
    return await city.phone.add_card(card.number.reveal(), "12/30", card.security_code.reveal())


async def load_later(city: City, bank: Bank = AOBA, outcome: Outcome = Outcome.GREEN) -> Card:
    """Digitise a card whose script does not get to the strap yet."""
    card = find_card(bank, outcome)
    offer = await city.phone.check_card(card.number.reveal(), "12/30", card.security_code.reveal())
    return await city.phone.accept_terms(offer)


async def shown(city: City, card: Card) -> Card:
    """The card as the wallet shows it now."""
    return next(one for one in await city.phone.cards() if one.id == card.id)


def on_strap(city: City) -> dict[str, int]:
    """Each payment instance on the secure element with its contactless state."""
    return {one.aid.hex(): int(one.contactless) for one in city.card.registry.payment()}


async def tokens(city: City) -> dict[str, tuple[str, str]]:
    """Each token's state and suspenders, as the token service has them, oldest first."""
    query = "SELECT token_reference, state, suspended_by FROM tokens ORDER BY created_ms"
    rows = await city.tsp.context.database.read(lambda c: c.execute(query).fetchall())
    return {reference: (state, owners) for reference, state, owners in rows}


async def states(city: City) -> list[str]:
    """The tokens' states in alphabetical order."""
    return sorted(state for state, _ in (await tokens(city)).values())
