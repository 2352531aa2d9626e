"""A scripted token service over ASGI: idempotent by task id, and breakable at every call."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any

import httpx2
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wristlet.crypto import ec
from wristlet.links.problems import ApiError, install_problem_handlers
from wristlet.model.tsp_messages import (
    CardKey,
    ConfirmVerification,
    DeviceOrder,
    DeviceOrderResult,
    DeviceRegistered,
    DigitizeAnswer,
    DigitizeRequest,
    EligibilityAnswer,
    EligibilityRequest,
    FetchOrders,
    LeaseReportCounted,
    LifecycleAnswer,
    LifecycleRequest,
    NotificationKey,
    OrdersFetched,
    PinStatementCounted,
    ReceiptAccepted,
    RedigitizeRequest,
    RegisterDevice,
    ScriptPackage,
    SelectVerification,
    StartDeviceOrder,
    SubmitLeaseReport,
    SubmitPinStatement,
    SubmitReceipt,
    Terms,
    TokenChange,
    TokenInfo,
    VerificationMethod,
    VerificationResult,
)
from wristlet.wire.receipt import (
    TAG_LEASE_REPORT,
    TAG_PIN_STATEMENT,
    TAG_RECEIPT,
    PinStatement,
    Receipt,
    SignedStatement,
)

REQUESTOR = "wallet"
DOMAIN = "f0575249534c54545001"
GENUINE = b"\x11" * 64
CODE_RIGHT, CODE_WRONG = "cmlnaHQ", "d3Jvbmc"
CHALLENGE = "0f" * 16


def jwe(ciphertext: str = "c2VjcmV0") -> str:
    """A compact JWE by shape."""
    header = "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSJ9"
    return f"{header}..{'A' * 16}.{ciphertext}.{'B' * 22}"


class FakeTsp:
    """Answers like a token service; `decision` is what the next card gets."""

    def __init__(self) -> None:
        self.decision = "approved"
        self.tokens: dict[str, TokenInfo] = {}
        self.scripts: dict[tuple[str, int], tuple[str, str]] = {}
        self.calls: list[str] = []
        self.bodies: list[bytes] = []
        self.refuse: ApiError | None = None
        self.rewrite: dict[str, Any] = {}
        self.rewrite_script: dict[str, Any] = {}
        self._offers: dict[str, EligibilityRequest] = {}
        self._answers: dict[str, tuple[bytes, Any]] = {}
        self._numbers: Counter[str] = Counter()
        self._verified: set[str] = set()
        self._loaded: set[str] = set()
        self._tries: Counter[str] = Counter()
        self.orders: dict[str, DeviceOrder] = {}
        self.due: list[TokenChange] = []
        self.key = ec.private_key(bytes(31) + b"\x51")

    def app(self) -> Starlette:
        """The HTTP side."""
        plan = {
            "devices": (RegisterDevice, self._register),
            "eligibility": (EligibilityRequest, self._eligibility),
            "digitize": (DigitizeRequest, self._digitize),
            "receipts": (SubmitReceipt, self._receipt),
            "lease-reports": (SubmitLeaseReport, self._lease),
            "pin-statements": (SubmitPinStatement, self._pin),
            "devices/{ref}/orders": (StartDeviceOrder, self._start_order),
            "devices/{ref}/orders/fetch": (FetchOrders, self._fetch),
            "orders/{ref}/verification/select": (SelectVerification, self._select_order),
            "orders/{ref}/verification/confirm": (ConfirmVerification, self._confirm_order),
            "tokens/{ref}/redigitize": (RedigitizeRequest, self._redigitize),
            "tokens/{ref}/verification/select": (SelectVerification, self._select),
            "tokens/{ref}/verification/confirm": (ConfirmVerification, self._confirm),
            "tokens/{ref}/suspend": (LifecycleRequest, self._suspend),
            "tokens/{ref}/resume": (LifecycleRequest, self._resume),
            "tokens/{ref}/delete": (LifecycleRequest, self._delete),
        }
        routes = [
            Route(f"/tsp/v1/{path}", self._endpoint(path, *how), methods=["POST"])
            for path, how in plan.items()
        ]
        routes.append(Route("/tsp/v1/card-key", self._endpoint("card-key", None, self._card_key)))
        routes.append(Route("/tsp/v1/tokens/{ref}", self._endpoint("token", None, self._token)))
        key = self._endpoint("notification-key", None, self._notification_key)
        routes.append(Route("/tsp/v1/notification-key", key))
        routes.append(Route("/tsp/v1/orders/{ref}", self._endpoint("order", None, self._order)))
        app = Starlette(routes=routes)
        install_problem_handlers(app)
        return app

    def _endpoint(self, name: str, kind: Any, handler: Any) -> Any:
        async def serve(request: Request) -> Response:
            raw = await request.body()
            self.calls.append(name.rpartition("/")[2])
            self.bodies.append(raw)
            if self.refuse is not None:
                error, self.refuse = self.refuse, None
                raise error
            body = msgspec.json.decode(raw, type=kind) if kind else None
            answer = self._once(raw, body, lambda: handler(request.path_params.get("ref"), body))
            changes = {k: v for k, v in self.rewrite.items() if hasattr(answer, k)}
            content = msgspec.json.encode(replace(answer, **changes) if changes else answer)
            return Response(content, media_type="application/json")

        return serve

    def _once(self, raw: bytes, body: Any, perform: Any) -> Any:
        task_id = getattr(body, "task_id", None)
        if task_id is None:
            return perform()
        if task_id not in self._answers:
            self._answers[task_id] = (raw, perform())
        before, answer = self._answers[task_id]
        if before != raw:
            raise ApiError(409, "idempotency_error", "task_id_reused", "Another body.")
        return answer

    def _card_key(self, ref: str, body: None) -> CardKey:
        return CardKey("card-data-1", ["MIIB"])

    def _token(self, ref: str, body: None) -> TokenInfo:
        return self._known(ref)

    def _known(self, ref: str) -> TokenInfo:
        if ref not in self.tokens:
            raise ApiError(404, "not_found_error", "token_unknown", "No such token.")
        return self.tokens[ref]

    def _register(self, ref: str, body: RegisterDevice) -> DeviceRegistered:
        se_id = hashlib.sha256(body.attestation_chain[0].encode()).hexdigest()[:32]
        return DeviceRegistered(se_id, "wristlet-se-1")

    def _eligibility(self, ref: str, body: EligibilityRequest) -> EligibilityAnswer:
        offer = f"offer-{len(self._offers) + 1}"
        self._offers[offer] = body
        terms = Terms("terms-1", "Terms", "Agree?")
        return EligibilityAnswer(
            offer, 1_900_000_000_000, "Aoba Bank", "Debit", "0001", "green", terms, CHALLENGE
        )

    def _digitize(self, ref: str, body: DigitizeRequest) -> DigitizeAnswer:
        if self.decision == "declined":
            return DigitizeAnswer("declined", "card_lost", "issuer")
        offer = self._offers[body.eligibility_id]
        index = len(self.tokens) + 1
        token = TokenInfo(
            token_reference=f"tok-{index}",
            state="inactive",
            suspended_by=[],
            card_last4="0001",
            token_last4=f"{4000 + index}",
            token_expiry_yymm="3012",
            issuer_name="Aoba Bank",
            product="Debit",
            card_art="green",
            se_id=offer.se_id,
            instance_aid=f"a00000000310100000{index:04x}",
        )
        self.tokens[token.token_reference] = token
        approved = self.decision == "approved"
        if approved:
            self._verified.add(token.token_reference)
        methods = [] if approved else [VerificationMethod("sms-1", "sms", "ends in 42")]
        script = self._script(token, "personalise")
        return DigitizeAnswer(self.decision, "", "issuer", token, script, methods)

    def _script(self, token: TokenInfo, purpose: str) -> ScriptPackage:
        return self._number(token.se_id, token.token_reference, purpose)

    def _number(self, se_id: str, reference: str, purpose: str) -> ScriptPackage:
        self._numbers[se_id] += 1
        number = self._numbers[se_id]
        self.scripts[se_id, number] = (reference, purpose)
        apdus = ["00a4040000", f"80e60000{number:02x}"]
        script = ScriptPackage(se_id, DOMAIN, number, purpose, apdus)
        return replace(script, **self.rewrite_script)

    def _set(self, ref: str, **fields: Any) -> TokenInfo:
        self.tokens[ref] = replace(self.tokens[ref], **fields)
        return self.tokens[ref]

    def _wake(self, ref: str) -> None:
        token = self.tokens[ref]
        if token.state == "inactive" and ref in self._verified and ref in self._loaded:
            self._set(ref, state="suspended" if token.suspended_by else "active")

    def _select(self, ref: str, body: SelectVerification) -> VerificationResult:
        return VerificationResult("sent", 3 - self._tries[ref], self._known(ref))

    def _confirm(self, ref: str, body: ConfirmVerification) -> VerificationResult:
        if body.code_jwe.split(".")[3] != CODE_RIGHT:
            self._tries[ref] += 1
            return VerificationResult("incorrect_code", 3 - self._tries[ref], self._known(ref))
        self._verified.add(ref)
        self._wake(ref)
        script = self._script(self.tokens[ref], "make_activatable")
        return VerificationResult("success", 3, self.tokens[ref], script)

    def _receipt(self, ref: str, body: SubmitReceipt) -> ReceiptAccepted:
        statement = SignedStatement.parse(bytes.fromhex(body.receipt), TAG_RECEIPT)
        receipt = Receipt.parse(statement.body)
        key = (receipt.se_id.hex(), receipt.number)
        if statement.signature != GENUINE or key not in self.scripts:
            raise ApiError(422, "refused_error", "receipt_forged", "The signature does not fit.")
        token, purpose = self.scripts[key]
        if purpose == "personalise":
            self._loaded.add(token)
            self._wake(token)
        return ReceiptAccepted(key[0], key[1], purpose, self.tokens.get(token), receipt.state)

    def _lease(self, ref: str, body: SubmitLeaseReport) -> LeaseReportCounted:
        SignedStatement.parse(bytes.fromhex(body.report), TAG_LEASE_REPORT)
        return LeaseReportCounted()

    def _pin(self, ref: str, body: SubmitPinStatement) -> PinStatementCounted:
        statement = SignedStatement.parse(bytes.fromhex(body.statement), TAG_PIN_STATEMENT)
        said = PinStatement.parse(statement.body)
        changes = []
        for name, token in self.tokens.items():
            if token.se_id == said.se_id.hex() and token.state in ("active", "suspended"):
                state = "suspended" if said.blocked else "active"
                owners = ["pin_locked"] if said.blocked else []
                changed = self._set(name, state=state, suspended_by=owners)
                purpose = "make_non_activatable" if said.blocked else "make_activatable"
                changes.append(TokenChange(changed, self._script(changed, purpose)))
        return PinStatementCounted(said.se_id.hex(), said.pin_set, said.blocked, changes)

    def _start_order(self, ref: str, body: StartDeviceOrder) -> DeviceOrder:
        name = f"order-{len(self.orders) + 1}"
        methods = [VerificationMethod("sms-1", "sms", "ends in 42")]
        reference = body.token_reference or "tok-1"
        self.orders[name] = DeviceOrder(
            name,
            ref,
            body.kind,
            "proof_needed",
            1_900_000_000_000,
            reference,
            "0001",
            "Aoba Bank",
            methods,
        )
        return self.orders[name]

    def _order(self, ref: str, body: None) -> DeviceOrder:
        return self.orders[ref]

    def _select_order(self, ref: str, body: SelectVerification) -> DeviceOrderResult:
        return DeviceOrderResult("sent", 3, self.orders[ref])

    def _confirm_order(self, ref: str, body: ConfirmVerification) -> DeviceOrderResult:
        order = self.orders[ref]
        if body.code_jwe.split(".")[3] != CODE_RIGHT:
            return DeviceOrderResult("incorrect_code", 2, order)
        self.orders[ref] = order = replace(order, state="ordered", verification_methods=[])
        script = self._number(order.se_id, "", order.kind)
        return DeviceOrderResult("success", 2, order, script)

    def _fetch(self, ref: str, body: FetchOrders) -> OrdersFetched:
        due, self.due = self.due, []
        return OrdersFetched(ref, due)

    def _redigitize(self, ref: str, body: RedigitizeRequest) -> EligibilityAnswer:
        self._known(ref)
        return self._eligibility("", EligibilityRequest(body.task_id, body.se_id, ""))

    def _notification_key(self, ref: str, body: None) -> NotificationKey:
        return NotificationKey("note-1", ec.point_of(self.key).hex(), REQUESTOR)

    def _suspend(self, ref: str, body: LifecycleRequest) -> LifecycleAnswer:
        token = self._known(ref)
        if token.state == "deleted":
            raise ApiError(409, "conflict_error", "token_deleted", "The token is deleted.")
        first = not token.suspended_by and token.state == "active"
        owners = sorted({*token.suspended_by, body.by})
        waits = token.state == "inactive"
        token = self._set(ref, state="inactive" if waits else "suspended", suspended_by=owners)
        return LifecycleAnswer(
            token, self._script(token, "make_non_activatable") if first else None
        )

    def _resume(self, ref: str, body: LifecycleRequest) -> LifecycleAnswer:
        owners = [owner for owner in self._known(ref).suspended_by if owner != body.by]
        waits = self.tokens[ref].state == "inactive"
        state = "inactive" if waits else "suspended" if owners else "active"
        token = self._set(ref, state=state, suspended_by=owners)
        silent = bool(owners) or waits
        return LifecycleAnswer(token, None if silent else self._script(token, "make_activatable"))

    def _delete(self, ref: str, body: LifecycleRequest) -> LifecycleAnswer:
        self._known(ref)
        token = self._set(ref, state="deleted", suspended_by=[])
        return LifecycleAnswer(token, self._script(token, "delete"))


class Wire(httpx2.AsyncBaseTransport):
    """The network before the fake: it loses so many requests or replies, or holds one back.

    `lose_after`: requests that still pass before all others are lost.
    """

    def __init__(self, app: Starlette) -> None:
        self._inner = httpx2.ASGITransport(app=app)
        self.lose_requests = 0
        self.lose_replies = 0
        self.lose_after: int | None = None
        self.hold: asyncio.Event | None = None
        self.entered = asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry one exchange, or lose half of it."""
        self.entered.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.lose_after is not None:
            self.lose_requests = int(self.lose_after == 0)
            self.lose_after -= 1
        if self.lose_requests:
            self.lose_requests -= 1
            raise httpx2.ConnectError("refused")
        response = await self._inner.handle_async_request(request)
        if self.lose_replies:
            self.lose_replies -= 1
            raise httpx2.ReadError("cut")
        return response
