"""Companion or OEM → wallet server: one method per operation of `/v1`."""

from __future__ import annotations

from wristlet.links.http import HttpClient
from wristlet.model.tsp_messages import CardKey
from wristlet.model.wallet_messages import (
    ActiveCard,
    AddCard,
    Card,
    CardList,
    CertifyPhone,
    ChangeReason,
    CheckEligibility,
    CommitList,
    CommitProgress,
    CommitReceipt,
    CommitReport,
    CreateWearer,
    Device,
    DeviceList,
    Eligibility,
    EventList,
    FinishVerification,
    LeaseReportAccepted,
    LeaseReportSubmit,
    PairDevice,
    PhoneCertificate,
    Session,
    StartVerification,
    Verification,
    Wearer,
)


class WalletClient:
    """Calls the wallet as a tenant or a wearer, by the token in `http`.

    Raises RemoteProblem and RemoteUnavailable. After RemoteUnavailable send the same request with
    the same `key` (its Idempotency-Key): what was done is then not done twice.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def create_wearer(self, request: CreateWearer, *, key: str | None = None) -> Wearer:
        """Create a wearer (tenant's key only)."""
        return await self._http.post("/v1/wearers", request, Wearer, key)

    async def create_session(self, wearer_id: str, *, key: str | None = None) -> Session:
        """Open a session for a wearer's phone (tenant's key only)."""
        return await self._http.post(f"/v1/wearers/{wearer_id}/sessions", None, Session, key)

    async def pair_device(self, request: PairDevice, *, key: str | None = None) -> Device:
        """Register a strap's secure element."""
        return await self._http.post("/v1/devices", request, Device, key)

    async def devices(self, after: str | None = None, limit: int | None = None) -> DeviceList:
        """List straps."""
        return await self._http.get("/v1/devices", DeviceList, {"after": after, "limit": limit})

    async def device(self, device_id: str) -> Device:
        """Fetch a strap."""
        return await self._http.get(f"/v1/devices/{device_id}", Device)

    async def certify_phone(
        self, device_id: str, request: CertifyPhone, *, key: str | None = None
    ) -> PhoneCertificate:
        """Have the brand certify a phone's key."""
        path = f"/v1/devices/{device_id}/phones"
        return await self._http.post(path, request, PhoneCertificate, key)

    async def mark_lost(
        self, device_id: str, request: ChangeReason, *, key: str | None = None
    ) -> Device:
        """Suspend every card of a strap at the TSP."""
        return await self._http.post(f"/v1/devices/{device_id}/lost", request, Device, key)

    async def mark_found(
        self, device_id: str, request: ChangeReason, *, key: str | None = None
    ) -> Device:
        """Take back what `mark_lost` did, and only that."""
        return await self._http.post(f"/v1/devices/{device_id}/found", request, Device, key)

    async def report_active_card(
        self, device_id: str, request: ActiveCard, *, key: str | None = None
    ) -> Card:
        """Tell which card the wearer chose on the secure element."""
        return await self._http.post(f"/v1/devices/{device_id}/active-card", request, Card, key)

    async def submit_lease_report(
        self, device_id: str, request: LeaseReportSubmit, *, key: str | None = None
    ) -> LeaseReportAccepted:
        """Pass a signed lease report on to the TSP."""
        path = f"/v1/devices/{device_id}/lease-reports"
        return await self._http.post(path, request, LeaseReportAccepted, key)

    async def card_key(self) -> CardKey:
        """Fetch the TSP's card-data key with its chain; check the chain against the pinned root."""
        return await self._http.get("/v1/card-key", CardKey)

    async def check_eligibility(
        self, request: CheckEligibility, *, key: str | None = None
    ) -> Eligibility:
        """Ask whether a card can go onto a strap."""
        return await self._http.post("/v1/cards/eligibility", request, Eligibility, key)

    async def add_card(self, request: AddCard, *, key: str | None = None) -> Card:
        """Add an eligible card; a declined one comes back with `state` declined."""
        return await self._http.post("/v1/cards", request, Card, key)

    async def cards(
        self, device_id: str | None = None, after: str | None = None, limit: int | None = None
    ) -> CardList:
        """List cards, of one strap or of all."""
        params = {"device_id": device_id, "after": after, "limit": limit}
        return await self._http.get("/v1/cards", CardList, params)

    async def card(self, card_id: str, *, refresh: bool = False) -> Card:
        """Fetch a card; `refresh` asks the TSP for the token's state first."""
        params = {"refresh": "true" if refresh else None}
        return await self._http.get(f"/v1/cards/{card_id}", Card, params)

    async def start_verification(
        self, card_id: str, request: StartVerification, *, key: str | None = None
    ) -> Verification:
        """Have a code sent to the wearer."""
        path = f"/v1/cards/{card_id}/verification"
        return await self._http.post(path, request, Verification, key)

    async def confirm_verification(
        self, card_id: str, request: FinishVerification, *, key: str | None = None
    ) -> Verification:
        """Hand in the wearer's code."""
        path = f"/v1/cards/{card_id}/verification/confirm"
        return await self._http.post(path, request, Verification, key)

    async def suspend_card(
        self, card_id: str, request: ChangeReason, *, key: str | None = None
    ) -> Card:
        """Suspend a card as its holder."""
        return await self._http.post(f"/v1/cards/{card_id}/suspend", request, Card, key)

    async def resume_card(
        self, card_id: str, request: ChangeReason, *, key: str | None = None
    ) -> Card:
        """Take back the holder's own suspension."""
        return await self._http.post(f"/v1/cards/{card_id}/resume", request, Card, key)

    async def delete_card(
        self, card_id: str, request: ChangeReason, *, key: str | None = None
    ) -> Card:
        """End a card's token; the secure element hears of it by the commit log."""
        return await self._http.post(f"/v1/cards/{card_id}/delete", request, Card, key)

    async def commits(
        self, device_id: str, after: int | None = None, limit: int | None = None
    ) -> CommitList:
        """List a strap's commits after a sequence number, oldest first."""
        path = f"/v1/devices/{device_id}/commits"
        return await self._http.get(path, CommitList, {"after": after, "limit": limit})

    async def submit_receipt(
        self, device_id: str, sequence: int, request: CommitReceipt, *, key: str | None = None
    ) -> CommitProgress:
        """Hand in the secure element's receipt for a commit; only this moves the log's pointer."""
        path = f"/v1/devices/{device_id}/commits/{sequence}/receipt"
        return await self._http.post(path, request, CommitProgress, key)

    async def report_commit(
        self, device_id: str, sequence: int, request: CommitReport, *, key: str | None = None
    ) -> CommitProgress:
        """Tell that a run went wrong; the pointer stays."""
        path = f"/v1/devices/{device_id}/commits/{sequence}/report"
        return await self._http.post(path, request, CommitProgress, key)

    async def events(self, after: str | None = None, limit: int | None = None) -> EventList:
        """Read the event log from a cursor."""
        return await self._http.get("/v1/events", EventList, {"after": after, "limit": limit})
