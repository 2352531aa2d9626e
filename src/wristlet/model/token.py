"""The vocabulary of a token's life and of the check of its cryptograms."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, StrEnum


class TokenState(StrEnum):
    """Where a token stands at the token service, which alone decides it."""

    REQUESTED = "requested"
    INACTIVE = "inactive"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"
    DECLINED = "declined"


class Suspender(StrEnum):
    """Who suspended a token; each removes only its own suspension."""

    CARDHOLDER = "cardholder"
    TOKEN_REQUESTOR = "token_requestor"  # noqa: S105 - a role, not a password
    ISSUER = "issuer"
    PIN_LOCKED = "pin_locked"


class SeState(StrEnum):
    """Where a card stands on the secure element, kept beside the token's state."""

    ABSENT = "absent"
    LOADING = "loading"
    READY = "ready"
    SELECTED = "selected"
    DEACTIVATED = "deactivated"
    UNKNOWN = "unknown"


class ResultClass(Enum):
    """What the token service found in an authorisation request.

    The order of definition is the precedence: everything is evaluated, then the
    first class that applies is reported (`min` of those found). What cannot be
    read comes first, then who the token is and whether it may pay here, then
    whether the cryptogram is its own, then whether it is fresh, last whether
    card, lease and terminal allow the payment.
    """

    FORMAT_ERROR = "format_error"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - a result, not a password
    TOKEN_DELETED = "token_deleted"  # noqa: S105 - as above
    TOKEN_INACTIVE = "token_inactive"  # noqa: S105 - as above
    TOKEN_SUSPENDED = "token_suspended"  # noqa: S105 - as above
    DOMAIN_VIOLATION = "domain_violation"
    NOT_AN_ARQC = "not_an_arqc"
    CVN_OR_KEY_MISMATCH = "cvn_or_key_mismatch"
    INVALID_CRYPTOGRAM = "invalid_cryptogram"
    ATC_REPLAY = "atc_replay"
    ATC_OUT_OF_RANGE = "atc_out_of_range"
    ATC_ROLLBACK = "atc_rollback"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - as above
    PAN_EXPIRED = "pan_expired"
    VERDICT_MISMATCH = "verdict_mismatch"
    LEASE_EXPIRED = "lease_expired"
    LEASE_REQUIRED = "lease_required"
    VALID = "valid"

    @property
    def meaning(self) -> str:
        """One plain sentence."""
        return MEANINGS[self]

    def __lt__(self, other: ResultClass) -> bool:
        """Say whether this class is reported before the other."""
        return _RANK[self] < _RANK[other]


MEANINGS: dict[ResultClass, str] = {
    ResultClass.FORMAT_ERROR: "The request or its chip data cannot be read.",
    ResultClass.UNKNOWN_TOKEN: "No token has this number.",
    ResultClass.TOKEN_DELETED: "The token was deleted.",
    ResultClass.TOKEN_INACTIVE: "The token is not active yet.",
    ResultClass.TOKEN_SUSPENDED: "The token is suspended.",
    ResultClass.DOMAIN_VIOLATION: "The token may not be used in this way or place.",
    ResultClass.NOT_AN_ARQC: "The cryptogram does not ask for an online decision.",
    ResultClass.CVN_OR_KEY_MISMATCH: "Key index or cryptogram version are not the token's.",
    ResultClass.INVALID_CRYPTOGRAM: "The cryptogram was not made by this token over these data.",
    ResultClass.ATC_REPLAY: "The transaction counter was used before.",
    ResultClass.ATC_OUT_OF_RANGE: "The transaction counter is too far ahead.",
    ResultClass.ATC_ROLLBACK: "The transaction counter fell behind: the element may be copied.",
    ResultClass.TOKEN_EXPIRED: "The token has expired.",
    ResultClass.PAN_EXPIRED: "The card behind the token has expired.",
    ResultClass.VERDICT_MISMATCH: "Element and terminal disagree about the cardholder.",
    ResultClass.LEASE_EXPIRED: "The unlock is too old: the PIN must be entered again.",
    ResultClass.LEASE_REQUIRED: "The amount needs an unlock by PIN.",
    ResultClass.VALID: "Nothing speaks against the payment.",
}
_RANK = {result: rank for rank, result in enumerate(ResultClass)}


def reported(found: Iterable[ResultClass]) -> ResultClass:
    """Return the class to report of those found; `VALID` if nothing was."""
    return min(found, default=ResultClass.VALID)
