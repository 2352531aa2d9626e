"""The token service as one object: its operations by name, for the HTTP side and for tests."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from wristlet.crypto import ec
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
from wristlet.tsp import (
    byreference,
    devices,
    digitization,
    eligibility,
    idv,
    orders,
    pinwords,
    receipts,
    tokens,
    waiting,
)
from wristlet.tsp.authorize import Authorizer
from wristlet.tsp.config import Caller, TspConfig, caller_for
from wristlet.tsp.context import Context
from wristlet.tsp.courier import Courier
from wristlet.tsp.errors import unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wristlet.env.base import Env
    from wristlet.env.database import Database
    from wristlet.links.iso8583_peer import Iso8583Client
    from wristlet.links.issuer_client import IssuerClient
    from wristlet.links.requestor_client import RequestorClient
    from wristlet.tsp.setup import TspKeys


class TokenService:
    """All operations; every one raises TspError for what it refuses.

    `database` is opened and closed by whoever made it (migrations: `repository.MIGRATIONS`).
    """

    def __init__(
        self,
        env: Env,
        database: Database,
        keys: TspKeys,
        config: TspConfig,
        issuer: IssuerClient,
    ) -> None:
        self.context = Context.build(env, database, keys, config, issuer)

    def authorizer(self, switch: Iso8583Client) -> Authorizer:
        """Return the authorisation path; `switch` takes the requests with card numbers."""
        return Authorizer(self.context, switch)

    def courier(self, requestors: Mapping[str, RequestorClient]) -> Courier:
        """Return who delivers notifications to requestors, by their names."""
        return Courier(self.context, requestors)

    def caller(self, token: str) -> Caller:
        """Return whose bearer token this is; raises TspError."""
        caller = caller_for(self.context.config.callers, token)
        if caller is None:
            raise unauthenticated()
        return caller

    def card_key(self) -> CardKey:
        """Return the key to which phones encrypt card data."""
        keys = self.context.keys
        return CardKey(keys.card_data_kid, [_base64(der) for der in keys.card_data_chain])

    async def register_device(self, request: RegisterDevice) -> DeviceRegistered:
        """See `devices.register_device`."""
        return await devices.register_device(self.context, request)

    async def check_eligibility(
        self, caller: Caller, request: EligibilityRequest
    ) -> EligibilityAnswer:
        """See `eligibility.check_eligibility`."""
        return await eligibility.check_eligibility(self.context, caller, request)

    async def digitize(self, caller: Caller, request: DigitizeRequest) -> DigitizeAnswer:
        """See `digitization.digitize`."""
        return await digitization.digitize(self.context, caller, request)

    async def token(self, caller: Caller, token_reference: str) -> TokenInfo:
        """See `tokens.token_info`."""
        return await tokens.token_info(self.context, caller, token_reference)

    async def select_verification(
        self, caller: Caller, token_reference: str, request: SelectVerification
    ) -> VerificationResult:
        """See `idv.select_verification`."""
        return await idv.select_verification(self.context, caller, token_reference, request)

    async def confirm_verification(
        self, caller: Caller, token_reference: str, request: ConfirmVerification
    ) -> VerificationResult:
        """See `idv.confirm_verification`."""
        answer = await idv.confirm_verification(self.context, caller, token_reference, request)
        self.context.bell.ring()
        return answer

    async def submit_receipt(self, caller: Caller, request: SubmitReceipt) -> ReceiptAccepted:
        """See `receipts.submit_receipt`."""
        answer = await receipts.submit_receipt(self.context, caller, request)
        self.context.bell.ring()
        return answer

    async def submit_lease_report(
        self, caller: Caller, request: SubmitLeaseReport
    ) -> LeaseReportCounted:
        """See `receipts.submit_lease_report`."""
        return await receipts.submit_lease_report(self.context, caller, request)

    async def submit_pin_statement(
        self, caller: Caller, request: SubmitPinStatement
    ) -> PinStatementCounted:
        """See `pinwords.submit_pin_statement`."""
        return await pinwords.submit_pin_statement(self.context, caller, request)

    async def start_order(
        self, caller: Caller, se_id: str, request: StartDeviceOrder
    ) -> DeviceOrder:
        """See `orders.start`."""
        return await orders.start(self.context, caller, se_id, request)

    async def order(self, caller: Caller, order_id: str) -> DeviceOrder:
        """See `orders.look_at`."""
        return await orders.look_at(self.context, caller, order_id)

    async def select_order_verification(
        self, caller: Caller, order_id: str, request: SelectVerification
    ) -> DeviceOrderResult:
        """See `orders.select_verification`."""
        return await orders.select_verification(self.context, caller, order_id, request)

    async def confirm_order_verification(
        self, caller: Caller, order_id: str, request: ConfirmVerification
    ) -> DeviceOrderResult:
        """See `orders.confirm_verification`."""
        return await orders.confirm_verification(self.context, caller, order_id, request)

    async def fetch_orders(self, caller: Caller, se_id: str, request: FetchOrders) -> OrdersFetched:
        """See `waiting.fetch_orders`."""
        return await waiting.fetch_orders(self.context, caller, se_id, request)

    async def redigitize(
        self, caller: Caller, token_reference: str, request: RedigitizeRequest
    ) -> EligibilityAnswer:
        """See `byreference.redigitize`."""
        return await byreference.redigitize(self.context, caller, token_reference, request)

    async def card_reissued(self, caller: Caller, request: CardReissued) -> CardReissueCounted:
        """See `byreference.card_reissued`."""
        answer = await byreference.card_reissued(self.context, caller, request)
        self.context.bell.ring()
        return answer

    def notification_key(self, caller: Caller) -> NotificationKey:
        """Return the key that signs notifications to a caller."""
        keys = self.context.keys
        point = ec.point_of(keys.notification)
        return NotificationKey(keys.notification_kid, point.hex(), caller.id)

    async def change_token(
        self, caller: Caller, token_reference: str, verb: str, request: LifecycleRequest
    ) -> LifecycleAnswer:
        """See `tokens.change_token`; `verb` is suspend, resume or delete."""
        answer = await tokens.change_token(self.context, caller, token_reference, verb, request)
        self.context.bell.ring()
        return answer


def _base64(der: bytes) -> str:
    return base64.b64encode(der).decode()
