"""One example of every message of the API, for its reference; the values are made up."""

from __future__ import annotations

from typing import Any

from wristlet.links.problems import ProblemBody
from wristlet.model.tsp_messages import (
    CardKey,
    DeliverNotifications,
    NotificationsTaken,
    Problem,
    Terms,
    VerificationMethod,
)
from wristlet.model.wallet_messages import (
    ActiveCard,
    AddCard,
    Card,
    CardList,
    CertifyPhone,
    ChangeReason,
    CheckEligibility,
    Commit,
    CommitList,
    CommitProgress,
    CommitReceipt,
    CommitReport,
    CreateWearer,
    Device,
    DeviceList,
    DeviceOrder,
    DeviceOrderStep,
    Eligibility,
    ErrorPage,
    Event,
    EventList,
    FinishVerification,
    Health,
    LeaseReportAccepted,
    LeaseReportSubmit,
    PairDevice,
    Phone,
    PhoneCertificate,
    PhoneList,
    PinState,
    PinStatementSubmit,
    RedigitizeCard,
    RenameDevice,
    Session,
    SessionsEnded,
    StartFurtherPhone,
    StartPinReset,
    StartVerification,
    Transaction,
    TransactionList,
    Verification,
    Wearer,
)

_NOW_MS = 1_767_225_600_000
_WEARER = "wear_01KDVDNX00R8JBX0Z4VAQ7H3TD"
_DEVICE = "dev_01KDVDNX00W2V5R0GQ6T1Z8KJY"
_CARD = "card_01KDVDNX00D3M7N4S5P6Q8R9TV"
_ELIGIBILITY = "elig_01KDVDNX00H5J6K7M8N9P0Q1RS"
_JWE = (
    "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSJ9..AAAAAAAAAAAAAAAA.c2VjcmV0.AAAAAAAAAAAAAAAAAAAAAA"
)
_DOMAIN = "f0575249534c54545001"
_METHOD = VerificationMethod("sms-1", "sms", "ends in 42")
_TERMS = Terms("terms-aoba-1", "Terms of Aoba Bank", "The wearer agrees to ...")

_CARD_EXAMPLE = Card(
    id=_CARD,
    device_id=_DEVICE,
    token_reference="tok-6f1d2c3b4a5968778695a4b3c2d1e0f0",  # noqa: S106 - no password
    state="active",
    suspended_by=[],
    se_state="selected",
    card_last4="0001",
    token_last4="4821",  # noqa: S106 - no password
    issuer_name="Aoba Bank",
    product="Aoba Debit",
    card_art="aoba-green",
    instance_aid="a000000003101000000001",
    decision="approved",
    reason="",
    created_ms=_NOW_MS,
    allowed_actions=["suspend", "redigitize", "delete"],
    party="issuer",
)
_COMMIT_EXAMPLE = Commit(
    sequence=1,
    kind="personalise",
    card_id=_CARD,
    domain_aid=_DOMAIN,
    script_number=1,
    apdu_count=2,
    apdus=["00a404000af0575249534c5454500100", "80e6..."],
    created_ms=_NOW_MS,
)
_DEVICE_EXAMPLE = Device(
    id=_DEVICE,
    name="Strap of Hana",
    se_id="00112233445566778899aabbccddeeff",
    model="wristlet-se-1",
    state="paired",
    commits_last=1,
    commits_acknowledged=1,
    created_ms=_NOW_MS,
    allowed_actions=["certify_phone", "check_eligibility", "reset_pin", "add_phone", "mark_lost"],
    wearer_id=_WEARER,
)
_EVENT_EXAMPLE = Event(
    id="evt_01KDVDNX00X1Y2Z3A4B5C6D7EF",
    sequence=7,
    type="token.activated",
    created_ms=_NOW_MS,
    device_id=_DEVICE,
    card_id=_CARD,
    data={"state": "active", "state_before": "inactive", "suspended_by": ""},
)
_PHONE_EXAMPLE = Phone("5f" * 32, _DEVICE, "Hana's phone", "certified", _NOW_MS)
_ORDER_EXAMPLE = DeviceOrder(
    id="ord_01KDVDNX00Z9Y8X7W6V5T4S3RQ",
    device_id=_DEVICE,
    kind="pin_reset",
    state="proof_needed",
    expires_ms=_NOW_MS + 900_000,
    card_id=_CARD,
    card_last4="0001",
    issuer_name="Aoba Bank",
    created_ms=_NOW_MS,
    verification_methods=[_METHOD],
)
_TRANSACTION_EXAMPLE = Transaction(
    id="tok-6f1d2c3b4a5968778695a4b3c2d1e0f0-12",
    sequence=9,
    device_id=_DEVICE,
    card_id=_CARD,
    card_last4="0001",
    token_last4="4821",  # noqa: S106 - no password
    state="authorized",
    amount_minor=480,
    currency="JPY",
    merchant="KITAGAWA BAKERY",
    reason="issuer",
    created_ms=_NOW_MS,
)
_PROBLEM_EXAMPLE = Problem(
    type="conflict_error",
    code="action_not_allowed",
    message="The card's state does not allow this.",
    request_id="req_0a1b2c3d4e5f",
    doc_url="/docs/errors/action_not_allowed",
    next_step="Read the card; its allowed_actions say what can be done now.",
)

EXAMPLES: tuple[Any, ...] = (
    CreateWearer("Hana", "hana@example.org"),
    Wearer(_WEARER, "Hana", "hana@example.org", _NOW_MS),
    Session("ws_9w3l...", _WEARER, _NOW_MS + 30 * 24 * 3600 * 1000),
    PairDevice("Strap of Hana", ["MIIB..."], ["MIIB..."]),
    _DEVICE_EXAMPLE,
    DeviceList([_DEVICE_EXAMPLE], has_more=False, next_cursor=None),
    RenameDevice("Hana's second strap"),
    CertifyPhone("04" + "1f" * 64),
    PhoneCertificate("7f2181..."),
    CardKey("card-data-1", ["MIIB...", "MIIB..."]),
    CheckEligibility(_DEVICE, _JWE),
    Eligibility(
        id=_ELIGIBILITY,
        device_id=_DEVICE,
        expires_ms=_NOW_MS + 900_000,
        issuer_name="Aoba Bank",
        product="Aoba Debit",
        card_last4="0001",
        card_art="aoba-green",
        terms=_TERMS,
        challenge="00112233445566778899aabbccddeeff",
    ),
    _TERMS,
    AddCard(_ELIGIBILITY, terms_accepted=True, pin_statement="7f61..."),
    _CARD_EXAMPLE,
    CardList([_CARD_EXAMPLE], has_more=False, next_cursor=None),
    _METHOD,
    StartVerification("sms-1"),
    FinishVerification(_JWE),
    Verification("success", 3, _CARD_EXAMPLE),
    ChangeReason("left at the gym"),
    _COMMIT_EXAMPLE,
    CommitList([_COMMIT_EXAMPLE], has_more=False, next_cursor="1"),
    CommitReceipt("7f60..."),
    CommitReport(apdu_index=3, reason="the strap went out of reach", sw=None),
    CommitProgress(1, "acknowledged", 1, 1, _CARD_EXAMPLE),
    LeaseReportSubmit("7f62..."),
    SessionsEnded(1),
    _PHONE_EXAMPLE,
    PhoneList([_PHONE_EXAMPLE], has_more=False, next_cursor=None),
    StartPinReset(_CARD),
    StartFurtherPhone("04" + "1f" * 64, "Hana's phone"),
    _ORDER_EXAMPLE,
    DeviceOrderStep("sent", 3, _ORDER_EXAMPLE),
    PinStatementSubmit("7f61..."),
    PinState(_DEVICE, pin_set=True, blocked=True),
    RedigitizeCard(_DEVICE),
    _TRANSACTION_EXAMPLE,
    TransactionList([_TRANSACTION_EXAMPLE], has_more=False, next_cursor="9"),
    DeliverNotifications(["eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.eyJzZXF1ZW5jZSI6MX0.c2lnbmF0dXJl"]),
    NotificationsTaken(1),
    LeaseReportAccepted(_DEVICE),
    ActiveCard(_CARD),
    _EVENT_EXAMPLE,
    EventList([_EVENT_EXAMPLE], has_more=False, next_cursor="7"),
    Health("ok", "power"),
    ErrorPage(
        _PROBLEM_EXAMPLE.code,
        409,
        _PROBLEM_EXAMPLE.type,
        _PROBLEM_EXAMPLE.message,
        _PROBLEM_EXAMPLE.next_step or "",
    ),
    _PROBLEM_EXAMPLE,
    ProblemBody(_PROBLEM_EXAMPLE),
)
