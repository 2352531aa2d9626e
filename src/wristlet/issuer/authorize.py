"""Approve or decline: pure rules over an account and a request, in the order of the table below.

Response codes are those of ISO 8583:1987, field 39.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class AccountView:
    """What the rules need of an account; amounts in minor units of its currency."""

    status: str
    expiry_yymm: str
    currency: str
    limit_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class RequestView:
    """What the rules need of a request; `today_yymm` is the bank's date."""

    amount_minor: int
    currency: str
    today_yymm: str
    token_checked: bool
    terminal_says_verified: bool
    lease_used: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Field 39 and the reason in plain words."""

    code: str
    reason: str

    @property
    def approved(self) -> bool:
        """Tell whether the bank pays."""
        return self.code == APPROVED.code


Applies: TypeAlias = Callable[[AccountView, RequestView], bool]

# The first rule that applies gives the answer: code, reason, when it applies.
RULES: Final[tuple[tuple[str, str, Applies], ...]] = (
    ("59", "the token service did not vouch for this tap", lambda a, r: not r.token_checked),
    ("14", "the account is closed", lambda a, r: a.status == "closed"),
    ("41", "the card was reported lost", lambda a, r: a.status == "lost"),
    ("43", "the card was reported stolen", lambda a, r: a.status == "stolen"),
    (
        "54",
        "the card has expired",
        lambda a, r: a.status == "expired" or a.expiry_yymm < r.today_yymm,
    ),
    (
        "59",
        "terminal and secure element disagree about the cardholder",
        lambda a, r: r.terminal_says_verified and not r.lease_used,
    ),
    ("57", "the currency is not the account's", lambda a, r: a.currency != r.currency),
    ("13", "the amount is not an amount", lambda a, r: r.amount_minor <= 0),
    ("61", "the amount is above the card's limit", lambda a, r: r.amount_minor > a.limit_minor),
    ("51", "not enough money", lambda a, r: r.amount_minor > a.balance_minor),
)
APPROVED: Final = Decision("00", "approved")
UNKNOWN_ACCOUNT: Final = Decision("14", "no such card")
REVERSED: Final = Decision("05", "reversed by its sender")
OTHER_REQUEST: Final = Decision("94", "another request was made under the same trace")


def decide(account: AccountView | None, request: RequestView) -> Decision:
    """Return the bank's answer to one request."""
    if account is None:
        return UNKNOWN_ACCOUNT
    for code, reason, applies in RULES:
        if applies(account, request):
            return Decision(code, reason)
    return APPROVED
