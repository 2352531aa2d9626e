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
    """What anybody outside the TSP may know of a token.

    `replaces` is the reference of the token that this one takes the place of once it is active;
    `renewal` says why a successor of this one is due or on its way (empty: none is): counter,
    expiry, reissue or rollback.
    """

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
    replaces: str | None = None
    renewal: str = ""


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
    """The receipt is genuine and counted once; `token` is absent if it concerned none.

    `scripts` are orders to the element itself, about no token, that have to be written again.
    """

    se_id: str
    number: int
    purpose: str
    token: TokenInfo | None = None
    contactless_state: int = 0
    follow_up: list[TokenChange] = field(default_factory=list)
    scripts: list[ScriptPackage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SubmitLeaseReport:
    """A secure element's signed lease report (TLV 7F62)."""

    report: str


@dataclass(frozen=True, slots=True)
class LeaseReportCounted:
    """The report is genuine; `follow_up` are the tokens whose suspension by a blocked PIN ended."""

    follow_up: list[TokenChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SubmitPinStatement:
    """A secure element's signed word about its PIN (TLV 7F61), answering any challenge."""

    statement: str


@dataclass(frozen=True, slots=True)
class PinStatementCounted:
    """The statement is genuine and not older than what is known; tokens followed it."""

    se_id: str
    pin_set: bool
    blocked: bool
    follow_up: list[TokenChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StartDeviceOrder:
    """Asks for an order to a secure element's cardholder applet, by proof of identity only.

    `kind` is pin_reset or further_phone; `phone_hash` (SHA-256 of the phone's public point) is for
    the latter. `token_reference` names the card whose bank shall ask for the proof; without it the
    token service takes one.
    """

    task_id: str
    kind: str
    phone_hash: str = ""
    token_reference: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceOrder:
    """An order on its way: proof_needed, ordered (its script was written), done or ended.

    `state` is ended when it expired, was proved wrong too often, or could not be carried out.
    """

    order_id: str
    se_id: str
    kind: str
    state: str
    expires_ms: int
    token_reference: str
    card_last4: str
    issuer_name: str
    verification_methods: list[VerificationMethod] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeviceOrderResult:
    """A step of the proof; `result` as in `VerificationResult`, `script` comes with success."""

    result: str
    tries_left: int
    order: DeviceOrder
    script: ScriptPackage | None = None


@dataclass(frozen=True, slots=True)
class FetchOrders:
    """Asks for all that a secure element should hear of and nobody was handed yet."""

    task_id: str


@dataclass(frozen=True, slots=True)
class OrdersFetched:
    """The caller's tokens on a secure element as they are now, with the scripts that were due.

    A token that the caller has not heard of names in `replaces` the one whose place it takes.
    """

    se_id: str
    follow_up: list[TokenChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RedigitizeRequest:
    """Asks for an offer to put a token's card onto a secure element without typing the card."""

    task_id: str
    se_id: str


@dataclass(frozen=True, slots=True)
class CardReissued:
    """The issuer's word that a card has a new number or date: JWEs with pan and expiry_yymm."""

    task_id: str
    old_card_jwe: str
    new_card_jwe: str


@dataclass(frozen=True, slots=True)
class CardReissueCounted:
    """`tokens` of the card are renewed in the background; none if it was never digitised."""

    tokens: int


@dataclass(frozen=True, slots=True)
class NotificationKey:
    """The P-256 key that signs notifications (uncompressed point as hex), and for whom it asks."""

    kid: str
    public_point: str
    requestor_id: str


@dataclass(frozen=True, slots=True)
class TransactionInfo:
    """One payment as the wearer may see it: `state` is authorized, declined or reversed.

    `currency` is ISO 4217 alphabetic; `reason` is the token service's result class, or
    `issuer` when the issuer decided.
    """

    transaction_id: str
    state: str
    amount_minor: int
    currency: str
    merchant: str
    response_code: str
    reason: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that happened to a token without its requestor having asked.

    `kind` is transaction (then `transaction` is there) or token; `reason` says why a token changed
    in one word. `sequence` rises; a requestor that has seen it skips it. `requestor_id` is whom it
    is for.
    """

    requestor_id: str
    sequence: int
    kind: str
    created_ms: int
    token_reference: str
    token_last4: str
    card_last4: str
    se_id: str
    reason: str = ""
    transaction: TransactionInfo | None = None


@dataclass(frozen=True, slots=True)
class DeliverNotifications:
    """Notifications in rising order, each a compact JWS (ES256) of a `Notification`."""

    notifications: list[str]


@dataclass(frozen=True, slots=True)
class NotificationsTaken:
    """Everything up to `cursor` is durable at the requestor and need not come again."""

    cursor: int


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
