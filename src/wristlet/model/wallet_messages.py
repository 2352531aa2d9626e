"""Messages between companion (or OEM) and wallet server: the `/v1` resources.

Bytes travel as lower-case hex, certificates as base64 DER, times as Unix milliseconds. `card_jwe`,
`code_jwe` and scripts are opaque to the wallet.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wristlet.model.tsp_messages import Terms, VerificationMethod


@dataclass(frozen=True, slots=True)
class CreateWearer:
    """A person who wears straps of this brand."""

    name: str
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Wearer:
    """A wearer, as the OEM's backend sees one."""

    id: str
    name: str
    email: str | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class Session:
    """A wearer's session: the token is shown once and stored hashed."""

    token: str = field(repr=False)
    wearer_id: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class PairDevice:
    """Registers a strap's secure element for the wearer; chains as in `RegisterDevice`."""

    name: str
    attestation_chain: list[str]
    domain_chain: list[str]


@dataclass(frozen=True, slots=True)
class Device:
    """A strap; `state` is paired or lost; `commits_acknowledged` is the log's pointer."""

    id: str
    name: str
    se_id: str
    model: str
    state: str
    commits_last: int
    commits_acknowledged: int
    created_ms: int
    allowed_actions: list[str] = field(default_factory=list)
    wearer_id: str = ""


@dataclass(frozen=True, slots=True)
class RenameDevice:
    """The wearer's own name for a strap."""

    name: str


@dataclass(frozen=True, slots=True)
class DeviceList:
    """A wearer's straps, oldest first."""

    data: list[Device]
    has_more: bool
    next_cursor: str | None
    object: str = "list"


@dataclass(frozen=True, slots=True)
class CertifyPhone:
    """Asks the brand to certify a phone's P-256 key for a device: the uncompressed point."""

    public_point: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class PhoneCertificate:
    """The brand's GlobalPlatform certificate (7F21) for a phone key."""

    certificate: str


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone whose key the brand certified for a strap; `id` is the SHA-256 of its point.

    `state` is certified or revoked. Whether the strap takes the phone its secure element alone
    decides, by its own list.
    """

    id: str
    device_id: str
    name: str
    state: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class PhoneList:
    """The phones of a strap, oldest first."""

    data: list[Phone]
    has_more: bool
    next_cursor: str | None
    object: str = "list"


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """How many other sessions of the wearer were ended."""

    ended: int


@dataclass(frozen=True, slots=True)
class StartPinReset:
    """Asks for the PIN of a strap to be cleared; `card_id` names whose bank shall ask for proof."""

    card_id: str | None = None


@dataclass(frozen=True, slots=True)
class StartFurtherPhone:
    """Asks for one more phone on a strap's list; the key is certified by the brand as well."""

    public_point: str
    name: str = ""
    card_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceOrder:
    """A PIN reset or a further phone, on its way through a proof of identity to the strap.

    `kind` is pin_reset or further_phone; `state` is proof_needed, ordered (run the strap's log),
    done or ended (start anew).
    """

    id: str
    device_id: str
    kind: str
    state: str
    expires_ms: int
    card_id: str | None
    card_last4: str
    issuer_name: str
    created_ms: int
    verification_methods: list[VerificationMethod] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeviceOrderStep:
    """Outcome of a step of the proof; `result` as in `Verification`."""

    result: str
    tries_left: int
    order: DeviceOrder


@dataclass(frozen=True, slots=True)
class PinStatementSubmit:
    """The secure element's signed word about its PIN, passed on to the TSP."""

    statement: str


@dataclass(frozen=True, slots=True)
class PinState:
    """The TSP took the statement; while the PIN is blocked its cards are suspended."""

    device_id: str
    pin_set: bool
    blocked: bool


@dataclass(frozen=True, slots=True)
class CheckEligibility:
    """Asks whether a card can go onto a device."""

    device_id: str
    card_jwe: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The card can be added once the terms are accepted."""

    id: str
    device_id: str
    expires_ms: int
    issuer_name: str
    product: str
    card_last4: str
    card_art: str
    terms: Terms
    challenge: str


@dataclass(frozen=True, slots=True)
class RedigitizeCard:
    """Asks for an offer to put a card onto a strap by reference, without typing it again."""

    device_id: str


@dataclass(frozen=True, slots=True)
class AddCard:
    """Adds an eligible card; `pin_statement` proves that the secure element has a PIN."""

    eligibility_id: str
    terms_accepted: bool
    pin_statement: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card on a device: the TSP's state and the secure element's, shown apart.

    `replaces` is the card whose place this one takes once it is active; `renewal` says why a
    successor of this one is due or on its way (counter, expiry, reissue or rollback).
    """

    id: str
    device_id: str
    token_reference: str | None
    state: str
    suspended_by: list[str]
    se_state: str
    card_last4: str
    token_last4: str | None
    issuer_name: str
    product: str
    card_art: str
    instance_aid: str | None
    decision: str
    reason: str
    created_ms: int
    verification_methods: list[VerificationMethod] = field(default_factory=list)
    allowed_actions: list[str] = field(default_factory=list)
    party: str = ""
    replaces: str | None = None
    renewal: str = ""


@dataclass(frozen=True, slots=True)
class StartVerification:
    """Chooses a verification method."""

    method_id: str


@dataclass(frozen=True, slots=True)
class FinishVerification:
    """The wearer's code as JWE for the TSP."""

    code_jwe: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Outcome of a verification step; `result` as in `tsp_messages.VerificationResult`."""

    result: str
    tries_left: int
    card: Card


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of a device's ordered log: an opaque script to run on the secure element.

    `kind` is the script's purpose. `state` is pending, reported (a run went wrong), stuck (the
    secure element refused it again and again: what comes after it waits no longer), superseded (a
    later one was carried out, so this one never can be) or acknowledged; `reason` says why in one
    plain sentence.
    """

    sequence: int
    kind: str
    card_id: str | None
    domain_aid: str
    script_number: int
    apdu_count: int
    apdus: list[str]
    created_ms: int
    state: str = "pending"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CommitProgress:
    """Where a commit and its device's log stand after a receipt or a report."""

    sequence: int
    state: str
    commits_last: int
    commits_acknowledged: int
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class CommitReceipt:
    """The secure element's signed receipt for a commit's script."""

    receipt: str


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What went wrong while a script ran: the outcome stays unknown, the pointer stays."""

    apdu_index: int
    reason: str
    sw: int | None = None


@dataclass(frozen=True, slots=True)
class LeaseReportSubmit:
    """The secure element's signed lease report, passed on to the TSP."""

    report: str


@dataclass(frozen=True, slots=True)
class LeaseReportAccepted:
    """The TSP took the lease report of this device."""

    device_id: str


@dataclass(frozen=True, slots=True)
class ActiveCard:
    """The wearer's choice on the secure element, told to the server afterwards."""

    card_id: str


@dataclass(frozen=True, slots=True)
class ChangeReason:
    """Why a card or device changes."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the event log."""

    id: str
    sequence: int
    type: str
    created_ms: int
    device_id: str | None
    card_id: str | None
    data: dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class EventList:
    """A page of events, oldest first; `next_cursor` is always there, to go on from later."""

    data: list[Event]
    has_more: bool
    next_cursor: str | None
    object: str = "list"


@dataclass(frozen=True, slots=True)
class CardList:
    """A wearer's cards."""

    data: list[Card]
    has_more: bool
    next_cursor: str | None
    object: str = "list"


@dataclass(frozen=True, slots=True)
class CommitList:
    """The commits of a device after a sequence number, oldest first."""

    data: list[Commit]
    has_more: bool
    next_cursor: str | None
    object: str = "list"


@dataclass(frozen=True, slots=True)
class Transaction:
    """A payment with a card: `state` is authorized, declined or reversed.

    `sequence` rises with every change, so that a reader's cursor meets a changed one again;
    `currency` is ISO 4217 alphabetic; `reason` says why it was declined.
    """

    id: str
    sequence: int
    device_id: str
    card_id: str
    card_last4: str
    token_last4: str
    state: str
    amount_minor: int
    currency: str
    merchant: str
    reason: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class TransactionList:
    """A page of transactions in the order of their last change; `next_cursor` is always there."""

    data: list[Transaction]
    has_more: bool
    next_cursor: str | None
    object: str = "list"


@dataclass(frozen=True, slots=True)
class Health:
    """The server works; `durability` says what its answers survive: power, crash or none."""

    status: str
    durability: str


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What an error code means and what to do."""

    code: str
    status: int
    type: str
    message: str
    next_step: str
