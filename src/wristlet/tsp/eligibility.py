"""May this card go onto that secure element? The first step of adding a card."""

from __future__ import annotations

import sqlite3

from wristlet.model.ids import RANDOM_SIZE, new_id
from wristlet.model.tsp_messages import EligibilityAnswer, EligibilityRequest
from wristlet.tsp.cards import CardData, open_card, yymm_of
from wristlet.tsp.checked import trusted_device
from wristlet.tsp.config import Caller
from wristlet.tsp.context import Context
from wristlet.tsp.errors import TspError, refused
from wristlet.tsp.programs import BIN_DIGITS, Program, eligible
from wristlet.tsp.repository import Repository
from wristlet.tsp.tasks import Task, keep, repeated, stored
from wristlet.tsp.vault import CARD_DATA
from wristlet.wire.receipt import CHALLENGE_BYTES

OPERATION = "eligibility"


async def check_eligibility(
    context: Context, caller: Caller, request: EligibilityRequest
) -> EligibilityAnswer:
    """Answer whether the card can be digitised; the offer and its challenge expire.

    Card data waits sealed until the offer is taken or expires. Raises TspError: device unknown or
    blocked, card data wrong (the field is named), or the card not eligible (the party is named).
    """
    task = Task.of(caller, OPERATION, request.task_id, request)
    earlier = await repeated(context.database, task, EligibilityAnswer)
    if earlier is not None:
        return earlier
    card = open_card(request.card_jwe, context.keys.card_data)
    now_ms = context.env.clock.now_ms()
    program = checked_program(context, card, now_ms)
    answer = make_offer(context, program, card, now_ms)

    def change(connection: sqlite3.Connection) -> EligibilityAnswer:
        rows = Repository(connection)
        twin = stored(rows, task, EligibilityAnswer)
        if twin is not None:
            return twin
        trusted_device(rows, request.se_id, "se_id")
        record_offer(context, rows, caller, request.se_id, answer, card)
        keep(rows, task, answer, now_ms)
        return answer

    return await context.database.write(change)


def record_offer(
    context: Context,
    rows: Repository,
    caller: Caller,
    se_id: str,
    offer: EligibilityAnswer,
    card: CardData,
    source_reference: str | None = None,
) -> None:
    """Keep an offer with its card data sealed; offers that nobody took are erased now."""
    now_ms = context.env.clock.now_ms()
    rows.run("eligibility_forget", now_ms=now_ms)
    rows.run(
        "eligibility_add",
        eligibility_id=offer.eligibility_id,
        requestor_id=caller.id,
        se_id=se_id,
        card_sealed=context.vault.seal(CARD_DATA, offer.eligibility_id, card.encode()),
        challenge=bytes.fromhex(offer.challenge),
        terms_id=offer.terms.id,
        expires_ms=offer.expires_ms,
        source_reference=source_reference,
        created_ms=now_ms,
    )


def program_of(context: Context, card: CardData) -> Program:
    """Return the programme of a card's BIN; raises TspError for a number of no bank here."""
    program = context.programs.get(card.pan.reveal()[:BIN_DIGITS])
    if program is None:
        raise _not_eligible("the token service knows no bank for this card")
    return program


def checked_program(context: Context, card: CardData, now_ms: int) -> Program:
    """Return the programme of a card that may be digitised; raises TspError."""
    program = program_of(context, card)
    if not eligible(card.pan.reveal()):
        raise _not_eligible("the network does not let this card into wallets")
    if card.expiry_yymm < yymm_of(now_ms):
        raise refused(
            "card_expired",
            "The card has expired.",
            "card_jwe.expiry_yymm",
            "Use the card's successor, or correct the date.",
        )
    return program


def _not_eligible(why: str) -> TspError:
    return refused(
        "card_not_eligible",
        f"Refused by the network: {why}.",
        "card_jwe.pan",
        "Use another card.",
    )


def make_offer(
    context: Context, program: Program, card: CardData, now_ms: int
) -> EligibilityAnswer:
    """Draw an offer with its challenge."""
    random = context.env.random
    return EligibilityAnswer(
        eligibility_id=new_id("el", now_ms, random.bytes(RANDOM_SIZE)),
        expires_ms=now_ms + context.config.eligibility_ms,
        issuer_name=program.issuer_name,
        product=program.card_name,
        card_last4=card.pan.last4,
        card_art=program.card_art,
        terms=program.terms,
        challenge=random.bytes(CHALLENGE_BYTES).hex(),
    )
