"""What the terminal is told: response codes by result class, and the card's answer (ARPC)."""

from __future__ import annotations

from typing import Final

from wristlet.crypto.cryptogram import Cvn18, arpc_method1, arpc_method2
from wristlet.crypto.retail import RetailKey
from wristlet.model.token import ResultClass
from wristlet.wire import ber

APPROVED: Final = "00"
FORMAT_ERROR: Final = "30"
UNKNOWN_NUMBER: Final = "14"
ISSUER_UNAVAILABLE: Final = "91"
NOT_SUPPORTED: Final = "40"
REVERSED: Final = "05"

RESPONSE_CODES: Final = {
    ResultClass.FORMAT_ERROR: FORMAT_ERROR,
    ResultClass.UNKNOWN_TOKEN: UNKNOWN_NUMBER,
    ResultClass.TOKEN_DELETED: UNKNOWN_NUMBER,
    ResultClass.TOKEN_INACTIVE: "57",
    ResultClass.TOKEN_SUSPENDED: "62",
    ResultClass.DOMAIN_VIOLATION: "57",
    ResultClass.NOT_AN_ARQC: "05",
    ResultClass.CVN_OR_KEY_MISMATCH: "05",
    ResultClass.INVALID_CRYPTOGRAM: "05",
    ResultClass.ATC_REPLAY: "05",
    ResultClass.ATC_OUT_OF_RANGE: "05",
    ResultClass.ATC_ROLLBACK: "05",
    ResultClass.TOKEN_EXPIRED: "54",
    ResultClass.PAN_EXPIRED: "54",
    ResultClass.VERDICT_MISMATCH: "05",
    ResultClass.LEASE_EXPIRED: "65",
    ResultClass.LEASE_REQUIRED: "65",
}
"""DE 39 for every class that is refused here; ISO 8583:1987 response codes."""

_TAG_ISSUER_AUTHENTICATION: Final = 0x91
_CSU_APPROVED: Final = bytes.fromhex("00820000")
"""Card status update: the issuer approves, counters go back to zero."""
_CSU_DECLINED: Final = bytes(4)


def issuer_data(cvn: int, session: RetailKey, ac: bytes, response_code: str) -> bytes:
    """Return DE 55 of the answer: tag 91 by method 2 (version 18) or method 1 (version 21).

    `session` is the key of the tap's counter.

    Source: EMV 4.3 Book 2, Issuer Authentication.
    """
    if cvn == Cvn18.NUMBER:
        update = _CSU_APPROVED if response_code == APPROVED else _CSU_DECLINED
        value = arpc_method2(session, ac, update) + update
    else:
        code = response_code.encode("ascii")
        value = arpc_method1(session.whole, ac, code) + code
    return ber.encode(_TAG_ISSUER_AUTHENTICATION, value)
