"""Messages between token service and issuer for identification and verification (ID&V).

Card data and codes travel as JWE for the issuer's key; times are Unix milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from wristlet.model.tsp_messages import VerificationMethod


@dataclass(frozen=True, slots=True)
class IdvRequest:
    """Asks the issuer about a card: the JWE holds pan, expiry_yymm and security_code."""

    card_jwe: str
    requestor_id: str
    wallet_recommendation: str


@dataclass(frozen=True, slots=True)
class IdvDecision:
    """`decision` is green, yellow or red; `idv_id` names the case for later codes."""

    idv_id: str
    decision: str
    reason: str
    issuer_name: str
    methods: list[VerificationMethod] = field(default_factory=list)


class HolderPurpose(StrEnum):
    """What a cardholder's proof of identity is for."""

    PIN_RESET = "pin_reset"
    FURTHER_PHONE = "further_phone"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class ProveHolder:
    """Asks the issuer to have the holder of a digitised card prove identity.

    The JWE holds pan and expiry_yymm; `purpose` is a `HolderPurpose`. The decision is yellow with
    methods, or red; a code is always asked for.
    """

    card_jwe: str
    requestor_id: str
    purpose: str


@dataclass(frozen=True, slots=True)
class SendCode:
    """Asks the issuer to send a one-time code by one of the offered methods."""

    idv_id: str
    method_id: str


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way; it can be used once until `expires_ms`."""

    idv_id: str
    expires_ms: int
    tries_left: int = 3


@dataclass(frozen=True, slots=True)
class VerifyCode:
    """Asks the issuer to check a code: the JWE holds `code`.

    The code counts once, and for the `task_id` it counted for it counts again: an answer that was
    lost costs the cardholder nothing.
    """

    idv_id: str
    code_jwe: str
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class CodeVerified:
    """`result` is success, incorrect_code, expired_code or tries_exceeded."""

    result: str
    tries_left: int


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """The issuer's P-256 key for card data and codes: uncompressed point as hex."""

    kid: str
    public_point: str
