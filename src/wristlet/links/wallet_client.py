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
    DeviceOrder,
    DeviceOrderStep,
    Eligibility,
    EventList,
    FinishVerification,
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
    TransactionList,
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

    async def end_other_sessions(self, *, key: str | None = None) -> SessionsEnded:
        """End every other session of the wearer, as after the loss of a phone."""
        return await self._http.post("/v1/sessions/end-others", None, SessionsEnded, key)

    async def pair_device(self, request: PairDevice, *, key: str | None = None) -> Device:
        """Register a strap's secure element."""
        return await self._http.post("/v1/devices", request, Device, key)

    async def devices(self, after: str | None = None, limit: int | None = None) -> DeviceList:
        """List straps."""
        return await self._http.get("/v1/devices", DeviceList, {"after": after, "limit": limit})

    async def device(self, device_id: str) -> Device:
        """Fetch a strap."""
        return await self._http.get(f"/v1/devices/{device_id}", Device)

    async def rename_device(
        self, device_id: str, request: RenameDevice, *, key: str | None = None
    ) -> Device:
        """Give a strap another name."""
        return await self._http.post(f"/v1/devices/{device_id}/rename", request, Device, key)

    async def certify_phone(
        self, device_id: str, request: CertifyPhone, *, key: str | None = None
    ) -> PhoneCertificate:
        """Have the brand certify a phone's key."""
        path = f"/v1/devices/{device_id}/phones"
        return await self._http.post(path, request, PhoneCertificate, key)

    async def phones(self, device_id: str) -> PhoneList:
        """List the phones that the brand certified for a strap."""
        return await self._http.get(f"/v1/devices/{device_id}/phones", PhoneList)

    async def revoke_phone(
        self, device_id: str, phone_id: str, request: ChangeReason, *, key: str | None = None
    ) -> Phone:
        """Note that a phone is no longer one of the strap's; its key is not certified again."""
        path = f"/v1/devices/{device_id}/phones/{phone_id}/revoke"
        return await self._http.post(path, request, Phone, key)

    async def start_pin_reset(
        self, device_id: str, request: StartPinReset, *, key: str | None = None
    ) -> DeviceOrder:
        """Begin a PIN reset: after a proof of identity to a card's bank it runs as a script."""
        path = f"/v1/devices/{device_id}/pin-reset"
        return await self._http.post(path, request, DeviceOrder, key)

    async def start_further_phone(
        self, device_id: str, request: StartFurtherPhone, *, key: str | None = None
    ) -> DeviceOrder:
        """Begin to put this phone onto a strap's list without another phone's help."""
        path = f"/v1/devices/{device_id}/further-phone"
        return await self._http.post(path, request, DeviceOrder, key)

    async def device_order(self, device_id: str, order_id: str) -> DeviceOrder:
        """Fetch how far a PIN reset or a further phone is."""
        return await self._http.get(f"/v1/devices/{device_id}/orders/{order_id}", DeviceOrder)

    async def send_order_code(
        self, device_id: str, order_id: str, request: StartVerification, *, key: str | None = None
    ) -> DeviceOrderStep:
        """Have a code sent for a PIN reset or a further phone."""
        path = f"/v1/devices/{device_id}/orders/{order_id}/verification"
        return await self._http.post(path, request, DeviceOrderStep, key)

    async def confirm_order(
        self, device_id: str, order_id: str, request: FinishVerification, *, key: str | None = None
    ) -> DeviceOrderStep:
        """Hand in the code; the right one puts the order's script into the strap's log."""
        path = f"/v1/devices/{device_id}/orders/{order_id}/verification/confirm"
        return await self._http.post(path, request, DeviceOrderStep, key)

    async def submit_pin_statement(
        self, device_id: str, request: PinStatementSubmit, *, key: str | None = None
    ) -> PinState:
        """Pass the secure element's word about its PIN on to the TSP (blocked, or set anew)."""
        path = f"/v1/devices/{device_id}/pin-statements"
        return await self._http.post(path, request, PinState, key)

    async def refresh_device(self, device_id: str, *, key: str | None = None) -> Device:
        """Ask the TSP for all that it decided by itself about a strap's cards, scripts included."""
        return await self._http.post(f"/v1/devices/{device_id}/refresh", None, Device, key)

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

    async def redigitize_card(
        self, card_id: str, request: RedigitizeCard, *, key: str | None = None
    ) -> Eligibility:
        """Ask for an offer to put a card onto a strap by reference; take it with `add_card`."""
        path = f"/v1/cards/{card_id}/redigitize"
        return await self._http.post(path, request, Eligibility, key)

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

    async def transactions(
        self,
        device_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        *,
        card_id: str | None = None,
    ) -> TransactionList:
        """Read payments in the order of their last change, from a cursor."""
        params = {"device_id": device_id, "card_id": card_id, "after": after, "limit": limit}
        return await self._http.get("/v1/transactions", TransactionList, params)

    async def events(self, after: str | None = None, limit: int | None = None) -> EventList:
        """Read the event log from a cursor."""
        return await self._http.get("/v1/events", EventList, {"after": after, "limit": limit})
