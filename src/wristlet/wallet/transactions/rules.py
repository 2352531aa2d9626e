"""What a notification about a payment may say, and how a payment changes."""

from __future__ import annotations

import re

from wristlet.model.tsp_messages import Notification, TransactionInfo
from wristlet.wallet.remote import TokenServiceAnswerError
from wristlet.wallet.shapes import is_last4, is_plain_text, is_reference
from wristlet.wallet.transactions.repository import TransactionRow

AUTHORIZED, DECLINED, REVERSED = "authorized", "declined", "reversed"

EVENTS = {
    AUTHORIZED: "transaction.authorized",
    DECLINED: "transaction.declined",
    REVERSED: "transaction.reversed",
}
_CURRENCY = re.compile(r"[A-Z]{3}\Z|[0-9]{3}\Z")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_AMOUNT_LIMIT = 10**12


def check(note: Notification, info: TransactionInfo) -> None:
    """Refuse a payment that holds what must not be here; raises TokenServiceAnswerError."""
    checks = (
        ("card_last4", is_last4(note.card_last4)),
        ("token_last4", is_last4(note.token_last4)),
        ("transaction_id", is_reference(info.transaction_id)),
        ("state", info.state in EVENTS),
        ("amount_minor", 0 <= info.amount_minor < _AMOUNT_LIMIT),
        ("currency", _CURRENCY.match(info.currency) is not None),
        ("reason", _WORD.match(info.reason) is not None),
    )
    for name, good in checks:
        if not good:
            raise TokenServiceAnswerError(name)


def merchant_of(info: TransactionInfo) -> str:
    """Return the merchant's name as it may be shown; one that looks like a card is left out."""
    shown = info.merchant.isprintable() and is_plain_text(info.merchant)
    return info.merchant if shown else ""


def is_news(before: TransactionRow | None, state: str) -> bool:
    """Whether a state follows on what is known: an answer is final but for its reversal."""
    if before is None:
        return True
    return before.state == AUTHORIZED and state == REVERSED
