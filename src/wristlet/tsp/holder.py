"""The holder of a card that was digitised before: found in the vault, proved by the issuer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wristlet.model.issuer_messages import HolderPurpose, IdvDecision, ProveHolder
from wristlet.model.pan import Pan
from wristlet.tsp.cards import CardData
from wristlet.tsp.idv import ask_issuer, encrypt_for_issuer
from wristlet.tsp.vault import CARD_EXPIRY, FPAN

if TYPE_CHECKING:
    from wristlet.tsp.config import Caller
    from wristlet.tsp.context import Context
    from wristlet.tsp.repository import Repository


def card_of(context: Context, rows: Repository, card_id: str) -> CardData:
    """Return number and date of a card as it is now: of the one it was reissued as, if it was."""
    seen = set()
    while card_id not in seen:
        seen.add(card_id)
        row = rows.card(card_id)
        if row is None:
            break
        if row.reissued_as is None:
            number = context.vault.open(FPAN, card_id, row.fpan_sealed).decode("ascii")
            expiry = context.vault.open(CARD_EXPIRY, card_id, row.expiry_sealed).decode("ascii")
            return CardData(Pan(number), expiry)
        card_id = row.reissued_as
    raise LookupError("a token's card is not recorded")


async def prove_holder(
    context: Context, caller: Caller, card: CardData, purpose: HolderPurpose
) -> IdvDecision:
    """Open a case at the issuer; raises TspError when it does not answer."""
    fields = {"pan": card.pan.reveal(), "expiry_yymm": card.expiry_yymm}
    envelope = await encrypt_for_issuer(context, json.dumps(fields).encode())
    question = ProveHolder(envelope, caller.id, purpose.value)
    return await ask_issuer(context.issuer.prove_holder(question))
