"""Messages between wallet and token service (TSP): the neutral port with MDES's verbs.

Both ends use these dataclasses. Bytes travel as lower-case hex, X.509 certificates as base64 DER,
times as Unix milliseconds. Nothing here can hold a card number or a DPAN: card data and one-time
codes are compact JWE strings for the TSP's key, personalisation is an opaque script.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RegisterDevice:
    """Shows the TSP a secure element: chains are base64 DER, leaf last, without the maker root."""

    attestation_chain: list[str]
    domain_chain: list[str]


@dataclass(frozen=True, slots=True)
class DeviceRegistered:
    """The TSP trusts this secure element."""

    se_id: str
    model: str


@dataclass(frozen=True, slots=True)
class CardKey:
    """The TSP's card-data key: `x5c` is base64 DER, leaf first, whose P-256 key is `kid`."""

    kid: str
    x5c: list[str]


@dataclass(frozen=True, slots=True)
class EligibilityRequest:
    """Asks whether a card may go onto an SE; the JWE holds pan, expiry_yymm, security_code."""

    task_id: str
    se_id: str
    card_jwe: str


@dataclass(frozen=True, slots=True)
class Terms:
    """The issuer's terms, to be accepted by the wearer before digitisation."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class EligibilityAnswer:
    """The card may be digitised; the SE's PIN statement signs `challenge` (16 bytes)."""

    eligibility_id: str
    expires_ms: int
    issuer_name: str
    product: str
    card_last4: str
    card_art: str
    terms: Terms
    challenge: str


@dataclass(frozen=True, slots=True)
class VerificationMethod:
    """One way for the wearer to prove identity; `hint` is masked (a phone number's end)."""

    id: str
    kind: str
    hint: str


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What anybody outside the TSP may know of a token."""

    token_reference: str
    state: str
    suspended_by: list[str]
    card_last4: str
    token_last4: str
    token_expiry_yymm: str
    issuer_name: str
    product: str
    card_art: str
    se_id: str
    instance_aid: str


@dataclass(frozen=True, slots=True)
class ScriptPackage:
    """An opaque SCP11c script for one secure element: APDUs as hex, in order."""

    se_id: str
    domain_aid: str
    number: int
    purpose: str
    apdus: list[str]


@dataclass(frozen=True, slots=True)
class DigitizeRequest:
    """Digitises an eligible card; `pin_statement` is the secure element's signed TLV 7F61."""

    task_id: str
    eligibility_id: str
    terms_id: str
    terms_accepted_ms: int
    pin_statement: str
    wallet_recommendation: str = "green"


@dataclass(frozen=True, slots=True)
class DigitizeAnswer:
    """What became of the card.

    `decision` is approved, require_additional_authentication or declined; `party` names who
    said so.
    """

    decision: str
    reason: str
    party: str
    token: TokenInfo | None = None
    script: ScriptPackage | None = None
    verification_methods: list[VerificationMethod] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SelectVerification:
    """Chooses how the wearer proves identity; the issuer then sends a code.

    A repeated `task_id` gets the same answer and sends no second code.
    """

    method_id: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class ConfirmVerification:
    """The wearer's one-time code, encrypted for the TSP: the JWE holds `code`.

    A repeated `task_id` with the same body gets the same answer, with the same script.
    """

    code_jwe: str
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class TokenChange:
    """A token that changed as a consequence and, where its element should hear of it, a script.

    Example: the token that a newly activated one replaces is deleted.
    """

    token: TokenInfo
    script: ScriptPackage | None = None


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """`result` is sent, success, incorrect_code, expired_code or tries_exceeded."""

    result: str
    tries_left: int
    token: TokenInfo
    script: ScriptPackage | None = None
    follow_up: list[TokenChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SubmitReceipt:
    """A secure element's signed receipt (TLV 7F60) for a committed script."""

    receipt: str


@dataclass(frozen=True, slots=True)
class ReceiptAccepted:
    """The receipt is genuine and counted once; `token` is absent if it concerned none."""

    se_id: str
    number: int
    purpose: str
    token: TokenInfo | None = None
    contactless_state: int = 0
    follow_up: list[TokenChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SubmitLeaseReport:
    """A secure element's signed lease report (TLV 7F62)."""

    report: str


@dataclass(frozen=True, slots=True)
class LeaseReportCounted:
    """The report is genuine; `follow_up` are the tokens whose suspension by a blocked PIN ended."""

    follow_up: list[TokenChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LifecycleRequest:
    """Suspends, resumes or deletes a token; `by` is cardholder, token_requestor or issuer."""

    task_id: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class LifecycleAnswer:
    """The token after the change and, where the secure element should hear of it, a script."""

    token: TokenInfo
    script: ScriptPackage | None = None
    follow_up: list[TokenChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error answer of any HTTP part: typed, with the field at fault and the next step."""

    type: str
    code: str
    message: str
    param: str | None = None
    request_id: str | None = None
    doc_url: str | None = None
    next_step: str | None = None
