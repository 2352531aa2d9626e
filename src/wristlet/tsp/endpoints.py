"""The HTTP side: one short function per operation; errors are `Problem`s with the next step."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from wristlet.links.problems import ApiError, install_problem_handlers
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
from wristlet.tsp import tokens
from wristlet.tsp.config import Caller
from wristlet.tsp.errors import TspError, unauthenticated
from wristlet.tsp.service import TokenService

_BASE = "/tsp/v1"
_SCHEME = "bearer "


class _Route(APIRoute):
    """Turns the service's refusals into answers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_refusals(request: Request) -> Response:
            try:
                return await handle(request)
            except TspError as error:
                raise ApiError(
                    error.status,
                    error.type,
                    error.code,
                    error.message,
                    error.param,
                    next_step=error.next_step,
                ) from None

        return handle_refusals


def known_caller(request: Request, authorization: Annotated[str, Header()] = "") -> Caller:
    """Return whose bearer token the request carries; raises TspError."""
    if not authorization.lower().startswith(_SCHEME):
        raise unauthenticated()
    service: TokenService = request.app.state.service
    return service.caller(authorization[len(_SCHEME) :].strip())


Known = Annotated[Caller, Depends(known_caller)]
_KNOWN_ONLY = [Depends(known_caller)]


def create_app(service: TokenService) -> FastAPI:
    """Return the token service's HTTP application; its database must be open."""
    app = FastAPI(title="wristlet token service", version="1")
    app.state.service = service
    app.router.route_class = _Route
    install_problem_handlers(app)
    _add_health(app, service)
    _add_card_routes(app, service)
    _add_token_routes(app, service)
    _add_order_routes(app, service)
    _add_reference_routes(app, service)
    return app


def _add_health(app: FastAPI, service: TokenService) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Say that the service answers and how durable its answers are."""
        durability = service.context.database.durability
        return {"status": "ok", "part": "tsp", "durability": durability}


def _add_card_routes(app: FastAPI, service: TokenService) -> None:
    @app.get(f"{_BASE}/card-key", dependencies=_KNOWN_ONLY)
    async def card_key() -> CardKey:
        """The key for card data, with its chain."""
        return service.card_key()

    @app.post(f"{_BASE}/devices", dependencies=_KNOWN_ONLY)
    async def devices(body: RegisterDevice) -> DeviceRegistered:
        """Register a secure element by its certificate chains."""
        return await service.register_device(body)

    @app.post(f"{_BASE}/eligibility")
    async def eligibility(body: EligibilityRequest, caller: Known) -> EligibilityAnswer:
        """Ask whether a card may go onto a secure element."""
        return await service.check_eligibility(caller, body)

    @app.post(f"{_BASE}/digitize")
    async def digitize(body: DigitizeRequest, caller: Known) -> DigitizeAnswer:
        """Turn an eligible card into a token."""
        return await service.digitize(caller, body)

    @app.post(f"{_BASE}/receipts")
    async def receipts(body: SubmitReceipt, caller: Known) -> ReceiptAccepted:
        """Hand in a script's receipt."""
        return await service.submit_receipt(caller, body)

    @app.post(f"{_BASE}/lease-reports")
    async def lease_reports(body: SubmitLeaseReport, caller: Known) -> LeaseReportCounted:
        """Hand in a lease report."""
        return await service.submit_lease_report(caller, body)


def _add_token_routes(app: FastAPI, service: TokenService) -> None:
    token = f"{_BASE}/tokens/{{token_reference}}"

    @app.get(token)
    async def token_info(token_reference: str, caller: Known) -> TokenInfo:
        """Fetch a token."""
        return await service.token(caller, token_reference)

    @app.post(f"{token}/verification/select")
    async def select(
        token_reference: str, body: SelectVerification, caller: Known
    ) -> VerificationResult:
        """Have a code sent."""
        return await service.select_verification(caller, token_reference, body)

    @app.post(f"{token}/verification/confirm")
    async def confirm(
        token_reference: str, body: ConfirmVerification, caller: Known
    ) -> VerificationResult:
        """Have a code checked."""
        return await service.confirm_verification(caller, token_reference, body)

    for verb in (tokens.SUSPEND, tokens.RESUME, tokens.DELETE):
        app.add_api_route(f"{token}/{verb}", _change(service, verb), methods=["POST"], name=verb)


def _add_order_routes(app: FastAPI, service: TokenService) -> None:
    device, order = f"{_BASE}/devices/{{se_id}}", f"{_BASE}/orders/{{order_id}}"

    @app.post(f"{_BASE}/pin-statements")
    async def pin_statements(body: SubmitPinStatement, caller: Known) -> PinStatementCounted:
        """Hand in a word about the PIN."""
        return await service.submit_pin_statement(caller, body)

    @app.post(f"{device}/orders")
    async def start_order(se_id: str, body: StartDeviceOrder, caller: Known) -> DeviceOrder:
        """Begin a PIN reset or a further phone."""
        return await service.start_order(caller, se_id, body)

    @app.post(f"{device}/orders/fetch")
    async def fetch_orders(se_id: str, body: FetchOrders, caller: Known) -> OrdersFetched:
        """Fetch what an element should hear of."""
        return await service.fetch_orders(caller, se_id, body)

    @app.get(order)
    async def order_info(order_id: str, caller: Known) -> DeviceOrder:
        """Fetch an order."""
        return await service.order(caller, order_id)

    @app.post(f"{order}/verification/select")
    async def select_for_order(
        order_id: str, body: SelectVerification, caller: Known
    ) -> DeviceOrderResult:
        """Have a code sent for an order."""
        return await service.select_order_verification(caller, order_id, body)

    @app.post(f"{order}/verification/confirm")
    async def confirm_for_order(
        order_id: str, body: ConfirmVerification, caller: Known
    ) -> DeviceOrderResult:
        """Have a code checked for an order."""
        return await service.confirm_order_verification(caller, order_id, body)


def _add_reference_routes(app: FastAPI, service: TokenService) -> None:
    @app.post(f"{_BASE}/tokens/{{token_reference}}/redigitize")
    async def redigitize(
        token_reference: str, body: RedigitizeRequest, caller: Known
    ) -> EligibilityAnswer:
        """Ask for an offer to put a token's card onto another element."""
        return await service.redigitize(caller, token_reference, body)

    @app.post(f"{_BASE}/cards/reissued")
    async def card_reissued(body: CardReissued, caller: Known) -> CardReissueCounted:
        """Tell of a card's new number or date."""
        return await service.card_reissued(caller, body)

    @app.get(f"{_BASE}/notification-key")
    async def notification_key(caller: Known) -> NotificationKey:
        """The key that signs notifications."""
        return service.notification_key(caller)


def _change(service: TokenService, verb: str) -> Callable[..., Any]:
    async def change(
        token_reference: str, body: LifecycleRequest, caller: Known
    ) -> LifecycleAnswer:
        return await service.change_token(caller, token_reference, verb, body)

    change.__doc__ = f"{verb.capitalize()} a token."
    return change
