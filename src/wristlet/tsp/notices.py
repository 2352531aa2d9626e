"""What requestors are told without having asked: written in the transaction of what it tells.

The outbox holds references and last fours only. It is delivered by `courier`, in the order of its
numbers, until the requestor has taken it; whoever gets an entry twice knows its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from wristlet.model.money import CurrencyError, alpha_code
from wristlet.model.tsp_messages import TransactionInfo

if TYPE_CHECKING:
    from wristlet.tsp.records import TapRow, TokenRow
    from wristlet.tsp.repository import Repository
    from wristlet.wire.iso8583.message import Message

TRANSACTION: Final = "transaction"
TOKEN: Final = "token"  # noqa: S105 - a kind of notification, not a password
AUTHORIZED: Final = "authorized"
DECLINED: Final = "declined"
REVERSED: Final = "reversed"
BY_ISSUER: Final = "issuer"

_APPROVED: Final = "00"
_MERCHANT_NAME: Final = slice(25)
"""Of DE 43: name (25), city (13), country (2)."""


def merchant_of(message: Message) -> str:
    """Return the merchant's name of a request, empty if it names none."""
    return message.text(43)[_MERCHANT_NAME].strip() if 43 in message.fields else ""


def token_changed(rows: Repository, token: TokenRow, reason: str, now_ms: int) -> None:
    """Tell that a token's state or needs changed; what they are the requestor asks for then."""
    _add(rows, token, TOKEN, reason, "", now_ms)


def answered(
    rows: Repository, row: TapRow, atc: int, code: str, reason: str, message: Message, now_ms: int
) -> None:
    """Tell of a request that got its final answer."""
    info = TransactionInfo(
        transaction_id=_transaction_id(row, atc),
        state=AUTHORIZED if code == _APPROVED else DECLINED,
        amount_minor=int(message.text(4)),
        currency=_currency(message.text(49)),
        merchant=merchant_of(message),
        response_code=code,
        reason=reason,
        created_ms=now_ms,
    )
    _add(rows, row, TRANSACTION, info.state, _json(info), now_ms)


def reversed_under(rows: Repository, row: TapRow, trace: str, code: str, now_ms: int) -> None:
    """Tell of what a token was asked under a trace and was now reversed."""
    for atc, amount_minor, currency in rows.traced(row.token_reference, trace):
        info = TransactionInfo(
            transaction_id=_transaction_id(row, atc),
            state=REVERSED,
            amount_minor=amount_minor,
            currency=_currency(currency),
            merchant="",
            response_code=code,
            reason=REVERSED,
            created_ms=now_ms,
        )
        _add(rows, row, TRANSACTION, REVERSED, _json(info), now_ms)


def _transaction_id(row: TapRow, atc: int) -> str:
    return f"{row.token_reference}-{atc}"


def _currency(numeric: str) -> str:
    try:
        return alpha_code(numeric)
    except CurrencyError:
        return numeric


def _json(info: TransactionInfo) -> str:
    return msgspec.json.encode(info).decode()


def _add(
    rows: Repository, token: TokenRow | TapRow, kind: str, reason: str, detail: str, now_ms: int
) -> None:
    rows.run(
        "notification_add",
        requestor_id=token.requestor_id,
        kind=kind,
        token_reference=token.token_reference,
        reason=reason,
        detail=detail,
        created_ms=now_ms,
    )
