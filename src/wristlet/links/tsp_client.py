"""Wallet → token service: one method per operation of the neutral port with MDES's verbs."""

from __future__ import annotations

from wristlet.links.http import HttpClient
from wristlet.model.tsp_messages import (
    CardKey,
    CardReissueCounted,
    CardReissued,
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
    SelectVerification,
    StartDeviceOrder,
    SubmitLeaseReport,
    SubmitPinStatement,
    SubmitReceipt,
    TokenInfo,
    VerificationResult,
)

_BASE = "/tsp/v1"


class TspClient:
    """Calls the TSP; every method raises RemoteProblem or RemoteUnavailable.

    Requests with a `task_id` may be repeated: the same id with the same body gets the same answer.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def card_key(self) -> CardKey:
        """Fetch the key to which phones encrypt card data, with its certificate chain."""
        return await self._http.get(f"{_BASE}/card-key", CardKey)

    async def register_device(self, request: RegisterDevice) -> DeviceRegistered:
        """Show the TSP a secure element's certificate chains."""
        return await self._http.post(f"{_BASE}/devices", request, DeviceRegistered)

    async def check_eligibility(self, request: EligibilityRequest) -> EligibilityAnswer:
        """Ask whether a card may go onto a secure element."""
        return await self._http.post(f"{_BASE}/eligibility", request, EligibilityAnswer)

    async def digitize(self, request: DigitizeRequest) -> DigitizeAnswer:
        """Turn an eligible card into a token for one secure element."""
        return await self._http.post(f"{_BASE}/digitize", request, DigitizeAnswer)

    async def token(self, token_reference: str) -> TokenInfo:
        """Fetch a token's state."""
        return await self._http.get(f"{_BASE}/tokens/{token_reference}", TokenInfo)

    async def select_verification(
        self, token_reference: str, request: SelectVerification
    ) -> VerificationResult:
        """Have the issuer send the wearer a code."""
        path = f"{_BASE}/tokens/{token_reference}/verification/select"
        return await self._http.post(path, request, VerificationResult)

    async def confirm_verification(
        self, token_reference: str, request: ConfirmVerification
    ) -> VerificationResult:
        """Have the issuer check the wearer's code."""
        path = f"{_BASE}/tokens/{token_reference}/verification/confirm"
        return await self._http.post(path, request, VerificationResult)

    async def submit_receipt(self, request: SubmitReceipt) -> ReceiptAccepted:
        """Hand in a secure element's receipt; a repeated one gets the same answer."""
        return await self._http.post(f"{_BASE}/receipts", request, ReceiptAccepted)

    async def submit_lease_report(self, request: SubmitLeaseReport) -> LeaseReportCounted:
        """Hand in a secure element's lease report; a repeated one orders nothing twice."""
        return await self._http.post(f"{_BASE}/lease-reports", request, LeaseReportCounted)

    async def submit_pin_statement(self, request: SubmitPinStatement) -> PinStatementCounted:
        """Hand in a secure element's word about its PIN; a repeated one orders nothing twice."""
        return await self._http.post(f"{_BASE}/pin-statements", request, PinStatementCounted)

    async def start_order(self, se_id: str, request: StartDeviceOrder) -> DeviceOrder:
        """Begin a PIN reset or a further phone: the issuer of a card there asks for a proof."""
        return await self._http.post(f"{_BASE}/devices/{se_id}/orders", request, DeviceOrder)

    async def order(self, order_id: str) -> DeviceOrder:
        """Fetch how far an order is."""
        return await self._http.get(f"{_BASE}/orders/{order_id}", DeviceOrder)

    async def select_order_verification(
        self, order_id: str, request: SelectVerification
    ) -> DeviceOrderResult:
        """Have the issuer send the wearer a code for an order."""
        path = f"{_BASE}/orders/{order_id}/verification/select"
        return await self._http.post(path, request, DeviceOrderResult)

    async def confirm_order_verification(
        self, order_id: str, request: ConfirmVerification
    ) -> DeviceOrderResult:
        """Have the issuer check the wearer's code; the right one brings the order's script."""
        path = f"{_BASE}/orders/{order_id}/verification/confirm"
        return await self._http.post(path, request, DeviceOrderResult)

    async def fetch_orders(self, se_id: str, request: FetchOrders) -> OrdersFetched:
        """Fetch all tokens on a secure element, with scripts that nobody was handed yet."""
        path = f"{_BASE}/devices/{se_id}/orders/fetch"
        return await self._http.post(path, request, OrdersFetched)

    async def redigitize(
        self, token_reference: str, request: RedigitizeRequest
    ) -> EligibilityAnswer:
        """Ask for an offer to put a token's card onto a secure element, then `digitize` it."""
        path = f"{_BASE}/tokens/{token_reference}/redigitize"
        return await self._http.post(path, request, EligibilityAnswer)

    async def card_reissued(self, request: CardReissued) -> CardReissueCounted:
        """Tell of a card's new number or date (the issuer's token only)."""
        return await self._http.post(f"{_BASE}/cards/reissued", request, CardReissueCounted)

    async def notification_key(self) -> NotificationKey:
        """Fetch the key that signs notifications."""
        return await self._http.get(f"{_BASE}/notification-key", NotificationKey)

    async def suspend(self, token_reference: str, request: LifecycleRequest) -> LifecycleAnswer:
        """Add an owner to the token's suspenders."""
        return await self._lifecycle(token_reference, "suspend", request)

    async def resume(self, token_reference: str, request: LifecycleRequest) -> LifecycleAnswer:
        """Take an owner from the token's suspenders."""
        return await self._lifecycle(token_reference, "resume", request)

    async def delete(self, token_reference: str, request: LifecycleRequest) -> LifecycleAnswer:
        """End the token."""
        return await self._lifecycle(token_reference, "delete", request)

    async def _lifecycle(
        self, token_reference: str, verb: str, request: LifecycleRequest
    ) -> LifecycleAnswer:
        path = f"{_BASE}/tokens/{token_reference}/{verb}"
        return await self._http.post(path, request, LifecycleAnswer)
