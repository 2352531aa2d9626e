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


def _change(service: TokenService, verb: str) -> Callable[..., Any]:
    async def change(
        token_reference: str, body: LifecycleRequest, caller: Known
    ) -> LifecycleAnswer:
        return await service.change_token(caller, token_reference, verb, body)

    change.__doc__ = f"{verb.capitalize()} a token."
    return change
