"""From an accepted offer to a token and its script: the second step of adding a card."""

from __future__ import annotations

import hmac
import sqlite3
from typing import Final

from wristlet.model.issuer_messages import HolderPurpose, IdvDecision, IdvRequest
from wristlet.model.tsp_messages import DigitizeAnswer, DigitizeRequest
from wristlet.tsp.births import DRAWS_MAX, DpanTaken, Parents, bear
from wristlet.tsp.cards import CardData, read_kept_card
from wristlet.tsp.checked import open_statement, trusted_device
from wristlet.tsp.config import Caller
from wristlet.tsp.context import Context
from wristlet.tsp.decisions import Decision, Opinion, Outcome, Vote, decide
from wristlet.tsp.eligibility import program_of
from wristlet.tsp.errors import conflict, invalid, missing, refused
from wristlet.tsp.holder import prove_holder
from wristlet.tsp.idv import ask_issuer, encrypt_for_issuer
from wristlet.tsp.minting import Mint, mint
from wristlet.tsp.programs import network_opinion
from wristlet.tsp.records import Eligibility
from wristlet.tsp.repository import Repository
from wristlet.tsp.tasks import Task, keep, stored
from wristlet.tsp.unit import Unit, change
from wristlet.tsp.vault import CARD_DATA
from wristlet.wire.receipt import TAG_PIN_STATEMENT, PinStatement

OPERATION: Final = "digitize"
_NO_METHOD: Final = Decision(Outcome.DECLINED, "issuer", "no_verification_method")


async def digitize(context: Context, caller: Caller, request: DigitizeRequest) -> DigitizeAnswer:
    """Decide about an eligible card and, unless a party refuses, mint a token with its script.

    A party's refusal is an answer (`declined` with party and reason), not an error. Raises
    TspError: offer unknown, expired or taken; terms or PIN statement wrong; issuer not reachable
    (nothing was changed: repeat with the same task_id).
    """
    task = Task.of(caller, OPERATION, request.task_id, request)
    now_ms = context.env.clock.now_ms()

    def look(connection: sqlite3.Connection) -> DigitizeAnswer | Eligibility:
        rows = Repository(connection)
        earlier = stored(rows, task, DigitizeAnswer)
        return earlier or _checked_offer(rows, caller, request, now_ms)

    offer = await context.database.read(look)
    if isinstance(offer, DigitizeAnswer):
        return offer
    card = read_kept_card(
        context.vault.open(CARD_DATA, offer.eligibility_id, offer.card_sealed or b"")
    )
    decision, idv = await _decide(context, caller, request, offer, card)
    for _ in range(DRAWS_MAX):
        job = _Job(context, task, request, offer, decision, idv, card)
        try:
            return await change(context.database, context.writer, now_ms, job.run)
        except DpanTaken:
            continue
    raise RuntimeError("no free token number was drawn: the token range is all but used up")


def _checked_offer(
    rows: Repository, caller: Caller, request: DigitizeRequest, now_ms: int
) -> Eligibility:
    """Return the offer if everything the wearer and the secure element had to do is done."""
    offer = rows.eligibility(caller.id, request.eligibility_id)
    again = "Ask again with POST /tsp/v1/eligibility."
    if offer is None:
        raise missing("eligibility_unknown", "No such offer.", "eligibility_id", again)
    if offer.used_by_task is not None:
        raise _taken()
    if offer.expires_ms <= now_ms or offer.card_sealed is None:
        raise refused("eligibility_expired", "The offer has expired.", "eligibility_id", again)
    if request.terms_id != offer.terms_id or request.terms_accepted_ms <= 0:
        raise invalid(
            "terms_not_accepted",
            "These are not the offer's terms, or they were not accepted.",
            "terms_id",
            "Show the offer's terms and send their id with the time of acceptance.",
        )
    trusted_device(rows, offer.se_id, "eligibility_id")
    _check_pin(rows, request, offer)
    return offer


def _check_pin(rows: Repository, request: DigitizeRequest, offer: Eligibility) -> None:
    param = "pin_statement"
    statement, device = open_statement(
        rows, request.pin_statement, PinStatement, TAG_PIN_STATEMENT, param
    )
    fresh = hmac.compare_digest(statement.challenge, offer.challenge)
    if device.se_id != offer.se_id or not fresh:
        raise invalid(
            "pin_statement_stale",
            "The PIN statement is of another secure element or answers another challenge.",
            param,
            "Read GET DATA 7F61 with the offer's challenge from the offer's secure element.",
        )
    if not statement.pin_set:
        raise refused(
            "pin_missing", "No PIN is set.", param, "Let the wearer create the PIN first."
        )
    if statement.blocked:
        raise refused("pin_blocked", "The PIN is blocked.", param, "Reset the PIN first.")


async def _decide(
    context: Context,
    caller: Caller,
    request: DigitizeRequest,
    offer: Eligibility,
    card: CardData,
) -> tuple[Decision, IdvDecision | None]:
    """Join the three votes; the issuer is only asked when nobody has refused yet.

    A card that was not typed proves nothing: its holder has to, whatever the issuer thinks of the
    card. Else a wallet alone could put every card it knows onto an element of its own.
    """
    by_reference = offer.source_reference is not None
    moved = Opinion("network", Vote.YELLOW, "card_not_typed")
    network = moved if by_reference else network_opinion(card.pan.reveal())
    opinions = [network, _wallet_opinion(request)]
    if any(opinion.vote is Vote.RED for opinion in opinions):
        return decide(opinions), None
    if by_reference:
        idv = await prove_holder(context, caller, card, HolderPurpose.MOVE)
    else:
        envelope = await encrypt_for_issuer(context, card.encode())
        question = IdvRequest(envelope, caller.id, request.wallet_recommendation)
        idv = await ask_issuer(context.issuer.decide(question))
    issuer = Opinion("issuer", _vote(idv.decision), idv.reason)
    decision = decide([opinions[0], issuer, opinions[1]])
    if decision.outcome is Outcome.STEP_UP and not idv.methods:
        return _NO_METHOD, idv
    return decision, idv


def _wallet_opinion(request: DigitizeRequest) -> Opinion:
    try:
        vote = Vote(request.wallet_recommendation)
    except ValueError:
        raise invalid(
            "recommendation_unknown",
            "wallet_recommendation is green, yellow or red.",
            "wallet_recommendation",
            "Send one of the three.",
        ) from None
    return Opinion("wallet", vote, "wallet_recommendation")


def _vote(text: str) -> Vote:
    """Read the issuer's vote; one that is not understood counts as a refusal."""
    return Vote(text) if text in {vote.value for vote in Vote} else Vote.RED


def _taken() -> Exception:
    return conflict(
        "eligibility_used",
        "The offer was already taken by another task.",
        "eligibility_id",
        "Ask again with POST /tsp/v1/eligibility, or repeat the first task_id.",
    )


class _Job:
    """The recording part: all is drawn beforehand, so that it may run any number of times."""

    def __init__(
        self,
        context: Context,
        task: Task,
        request: DigitizeRequest,
        offer: Eligibility,
        decision: Decision,
        idv: IdvDecision | None,
        card: CardData,
    ) -> None:
        self._context = context
        self._task = task
        self._request = request
        self._offer = offer
        self._decision = decision
        self._idv = idv
        self._program = program_of(context, card)
        declined = decision.outcome is Outcome.DECLINED
        self._mint = None if declined else mint(context, self._program, card)

    def run(self, unit: Unit) -> DigitizeAnswer:
        """Take the offer, record the token, write the script, keep the answer."""
        twin = stored(unit.rows, self._task, DigitizeAnswer)
        if twin is not None:
            return twin
        taken = unit.rows.run(
            "eligibility_use",
            eligibility_id=self._offer.eligibility_id,
            task_id=self._task.task_id,
        )
        if not taken:
            raise _taken()
        answer = self._declined() if self._mint is None else self._minted(unit, self._mint)
        keep(unit.rows, self._task, answer, unit.now_ms)
        return answer

    def _declined(self) -> DigitizeAnswer:
        decision = self._decision
        return DigitizeAnswer(decision.outcome.value, decision.reason, decision.party)

    def _minted(self, unit: Unit, drawn: Mint) -> DigitizeAnswer:
        self._check_room(unit)
        decision, idv = self._decision, self._idv
        parents = Parents(
            requestor_id=self._task.requestor_id,
            se_id=self._offer.se_id,
            idv_id=idv.idv_id if idv is not None else "",
            methods=idv.methods if idv is not None else [],
            step_up=decision.outcome is Outcome.STEP_UP,
            replaces=self._offer.source_reference or self._older(unit, drawn),
        )
        token, script = bear(unit, drawn, parents)
        return DigitizeAnswer(
            decision=decision.outcome.value,
            reason=decision.reason,
            party=decision.party,
            token=token.info(),
            script=script,
            verification_methods=token.verification_methods(),
        )

    def _older(self, unit: Unit, drawn: Mint) -> str | None:
        """Return the living token of the same card here, when the card was only typed again."""
        older = [
            row.token_reference
            for row in unit.rows.tokens_of_card(self._offer.se_id, drawn.card_id)
            if row.requestor_id == self._task.requestor_id and not row.life.ended
        ]
        return older[-1] if older else None

    def _check_room(self, unit: Unit) -> None:
        if unit.rows.tokens_held(self._offer.se_id) >= self._context.config.tokens_per_device:
            raise refused(
                "device_full",
                "The secure element holds as many tokens as it may.",
                "eligibility_id",
                "Delete a card on this strap first.",
            )
