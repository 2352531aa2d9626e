"""Wallet → token service: one method per operation of the neutral port with MDES's verbs."""

from __future__ import annotations

from wristlet.links.http import HttpClient
from wristlet.model.tsp_messages import (
    CardKey,
    ConfirmVerification,
    DeviceRegistered,
    DigitizeAnswer,
    DigitizeRequest,
    EligibilityAnswer,
    EligibilityRequest,
    LeaseReportCounted,
    LifecycleAnswer,
    LifecycleRequest,
    ReceiptAccepted,
    RegisterDevice,
    SelectVerification,
    SubmitLeaseReport,
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
