"""Cards that are known already: put onto another element, or replaced by their bank."""

from __future__ import annotations

import sqlite3
from typing import Final

from wristlet.model.token import Suspender
from wristlet.model.tsp_messages import (
    CardReissueCounted,
    CardReissued,
    EligibilityAnswer,
    RedigitizeRequest,
)
from wristlet.tsp import renewal
from wristlet.tsp.cards import CardData, open_numbered
from wristlet.tsp.checked import trusted_device
from wristlet.tsp.config import Caller, Role
from wristlet.tsp.context import Context
from wristlet.tsp.eligibility import checked_program, make_offer, record_offer
from wristlet.tsp.errors import forbidden, refused
from wristlet.tsp.holder import card_of
from wristlet.tsp.minting import draw_par
from wristlet.tsp.repository import Repository
from wristlet.tsp.tasks import Task, keep, repeated, stored
from wristlet.tsp.tokens import owned_token
from wristlet.tsp.vault import CARD_EXPIRY, FPAN

_MOVE: Final = "redigitize"
_REISSUE: Final = "card_reissued"


async def redigitize(
    context: Context, caller: Caller, token_reference: str, request: RedigitizeRequest
) -> EligibilityAnswer:
    """Offer to put a token's card onto an element, so that nobody types it again.

    The offer is taken by `digitize`, which has the wearer prove identity to the bank; the old token
    ends once the new one is active. Raises TspError.
    """
    task = Task.of(caller, f"{_MOVE}:{token_reference}", request.task_id, request)
    earlier = await repeated(context.database, task, EligibilityAnswer)
    if earlier is not None:
        return earlier
    now_ms = context.env.clock.now_ms()

    def look(connection: sqlite3.Connection) -> CardData:
        rows = Repository(connection)
        token = owned_token(rows, caller, token_reference)
        trusted_device(rows, request.se_id, "se_id")
        if token.life.ended or not token.verified or Suspender.ISSUER in token.life.suspended_by:
            raise refused(
                "token_not_movable",
                "This token's card cannot be put onto another element.",
                "token_reference",
                "Type the card, or ask its bank if the bank has suspended it.",
            )
        return card_of(context, rows, token.card_id)

    card = await context.database.read(look)
    answer = make_offer(context, checked_program(context, card, now_ms), card, now_ms)

    def run(connection: sqlite3.Connection) -> EligibilityAnswer:
        rows = Repository(connection)
        twin = stored(rows, task, EligibilityAnswer)
        if twin is not None:
            return twin
        record_offer(context, rows, caller, request.se_id, answer, card, token_reference)
        keep(rows, task, answer, now_ms)
        return answer

    return await context.database.write(run)


async def card_reissued(
    context: Context, caller: Caller, request: CardReissued
) -> CardReissueCounted:
    """Take the issuer's word that a card has a new number or date.

    A new date alone changes the record. A new number makes a new card, and every token of the old
    one gets a successor in the background; until that is active it goes on. Raises TspError.
    """
    if caller.role is not Role.ISSUER:
        raise forbidden(
            "issuer_only",
            "Only a card's issuer can say this.",
            "Authorization",
            "Send the issuer's bearer token.",
        )
    task = Task.of(caller, _REISSUE, request.task_id, request)
    earlier = await repeated(context.database, task, CardReissueCounted)
    if earlier is not None:
        return earlier
    key = context.keys.card_data
    old = open_numbered(request.old_card_jwe, key, "old_card_jwe")
    new = open_numbered(request.new_card_jwe, key, "new_card_jwe")
    now_ms = context.env.clock.now_ms()
    checked_program(context, new, now_ms)
    reissue = _Reissue(context, old, new, now_ms)

    def run(connection: sqlite3.Connection) -> CardReissueCounted:
        rows = Repository(connection)
        twin = stored(rows, task, CardReissueCounted)
        if twin is not None:
            return twin
        answer = CardReissueCounted(reissue.record(rows))
        keep(rows, task, answer, now_ms)
        return answer

    return await context.database.write(run)


class _Reissue:
    """All is sealed and drawn beforehand, so that the recording may run any number of times."""

    def __init__(self, context: Context, old: CardData, new: CardData, now_ms: int) -> None:
        vault = context.vault
        number, expiry = new.pan.reveal(), new.expiry_yymm.encode()
        self._now_ms = now_ms
        self._old_id = vault.index(FPAN, old.pan.reveal()).hex()
        self._new_id = vault.index(FPAN, number).hex()
        self._old_expiry = vault.seal(CARD_EXPIRY, self._old_id, expiry)
        self._new_expiry = vault.seal(CARD_EXPIRY, self._new_id, expiry)
        self._new_number = vault.seal(FPAN, self._new_id, number.encode())
        self._par = draw_par(context.env.random)

    def record(self, rows: Repository) -> int:
        """Write the new date or card; return how many tokens are to be renewed."""
        card = rows.card(self._old_id)
        if card is None:
            return 0
        if self._new_id == self._old_id:
            rows.run("card_set_expiry", card_id=self._old_id, expiry_sealed=self._old_expiry)
            return 0
        # The account keeps its reference; the old number gets one that means nothing.
        rows.run(
            "card_give_up",
            card_id=self._old_id,
            par=self._par,
            reissued_as=self._new_id,
            expiry_sealed=self._old_expiry,
        )
        rows.run(
            "card_put",
            card_id=self._new_id,
            fpan_sealed=self._new_number,
            expiry_sealed=self._new_expiry,
            par=card.par,
            created_ms=self._now_ms,
        )
        tokens = rows.references("tokens_with_card", card_id=self._old_id)
        return sum(
            renewal.mark_due(rows, reference, renewal.REISSUE, self._now_ms) for reference in tokens
        )
