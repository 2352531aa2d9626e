"""What a request or reversal does to the books: one transaction each, repeatable and in any order.

A request under a known trace is a repeat and gets the stored answer; once reversed it is declined,
also when the reversal came first.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from wristlet.issuer import ledger, repository
from wristlet.issuer.authorize import (
    APPROVED,
    OTHER_REQUEST,
    REVERSED,
    AccountView,
    Decision,
    RequestView,
    decide,
)
from wristlet.issuer.repository import Account, Authorisation

ACCEPTED: Final = "00"
NOT_FOUND: Final = "25"
WRONG_AMOUNT: Final = "64"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the bank books it; the card's number is already a keyed index.

    `authorisation_id` is what field 38 will say if the bank approves.
    """

    trace: str
    pan_index: str
    view: RequestView
    acquirer: str
    token_reference: str
    merchant: str
    authorisation_id: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Reversal:
    """One reversal: the trace of the request it undoes and what it says that request was."""

    trace: str
    pan_index: str
    amount_minor: int
    currency: str
    acquirer: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Fields 39 and 38 of the answer; `authorisation_id` is empty unless approved."""

    code: str
    authorisation_id: str = ""


def book(connection: sqlite3.Connection, request: Request) -> Answer:
    """Decide on a request and write hold and answer; a repeat only reads them."""
    known = repository.authorisation(connection, request.trace)
    if known is not None:
        return _repeated(known, request)
    account = repository.account_by_index(connection, request.pan_index)
    decision = decide(_view(account), request.view)
    account_id = "" if account is None else account.account_id
    if decision.approved:
        view = request.view
        target = ledger.authorised(request.acquirer)
        hold = ledger.move(ledger.cardholder(account_id), target, view.amount_minor, view.currency)
        ledger.post(connection, "authorisation", request.trace, request.now_ms, hold)
    answer = Answer(decision.code, request.authorisation_id if decision.approved else "")
    _remember(connection, request, account_id, decision, answer)
    return answer


def undo(connection: sqlite3.Connection, reversal: Reversal) -> str:
    """Give back what a request held, once; return field 39.

    A request that was declined or undone before needs nothing. One that has not arrived yet is
    written down as reversed, so that it is declined when it does.
    """
    known = repository.authorisation(connection, reversal.trace)
    if known is None:
        _refuse_later(connection, reversal)
        return ACCEPTED
    if known.reversed:
        return ACCEPTED
    if known.pan_index != reversal.pan_index:
        return NOT_FOUND
    if (known.amount_minor, known.currency) != (reversal.amount_minor, reversal.currency):
        return WRONG_AMOUNT
    if known.response_code == APPROVED.code:
        source, target = ledger.authorised(known.acquirer), ledger.cardholder(known.account_id)
        back = ledger.move(source, target, known.amount_minor, known.currency)
        ledger.post(connection, "reversal", reversal.trace, reversal.now_ms, back)
    repository.run(connection, "authorisation_reverse", trace_key=reversal.trace)
    return ACCEPTED


def _repeated(known: Authorisation, request: Request) -> Answer:
    if known.reversed:
        return Answer(REVERSED.code)
    asked = (request.pan_index, request.view.amount_minor, request.view.currency)
    if (known.pan_index, known.amount_minor, known.currency) != asked:
        return Answer(OTHER_REQUEST.code)
    return Answer(known.response_code, known.authorisation_id)


def _view(account: Account | None) -> AccountView | None:
    if account is None:
        return None
    return AccountView(
        status=account.status,
        expiry_yymm=account.expiry_yymm,
        currency=account.currency,
        limit_minor=account.limit_minor,
        balance_minor=account.balance_minor,
    )


def _remember(
    connection: sqlite3.Connection,
    request: Request,
    account_id: str,
    decision: Decision,
    answer: Answer,
) -> None:
    repository.run(
        connection,
        "authorisation_add",
        trace_key=request.trace,
        acquirer=request.acquirer,
        pan_index=request.pan_index,
        account_id=account_id,
        amount_minor=request.view.amount_minor,
        currency=request.view.currency,
        response_code=answer.code,
        reason=decision.reason,
        authorisation_id=answer.authorisation_id,
        token_reference=request.token_reference,
        merchant=request.merchant,
        reversed=0,
        created_ms=request.now_ms,
    )


def _refuse_later(connection: sqlite3.Connection, reversal: Reversal) -> None:
    repository.run(
        connection,
        "authorisation_add",
        trace_key=reversal.trace,
        acquirer=reversal.acquirer,
        pan_index=reversal.pan_index,
        account_id="",
        amount_minor=reversal.amount_minor,
        currency=reversal.currency,
        response_code=REVERSED.code,
        reason=REVERSED.reason,
        authorisation_id="",
        token_reference="",
        merchant="",
        reversed=1,
        created_ms=reversal.now_ms,
    )
