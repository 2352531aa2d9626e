"""The bank over HTTP, for the token service: decisions, codes, its key; a view for the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header

from wristlet.issuer.cardholders import (
    CardholderError,
    CardReplaced,
    ReissueCard,
    TokenOrder,
)
from wristlet.issuer.idv import IdvError
from wristlet.issuer.repository import ListedAuthorisation
from wristlet.issuer.service import AccountSummary, IssuerService
from wristlet.links.http import RemoteProblem, RemoteUnavailable
from wristlet.links.problems import (
    AUTHENTICATION,
    INVALID_REQUEST,
    REMOTE,
    ApiError,
    install_problem_handlers,
)
from wristlet.model.issuer_messages import (
    CodeSent,
    CodeVerified,
    IdvDecision,
    IdvRequest,
    IssuerKey,
    ProveHolder,
    SendCode,
    VerifyCode,
)
from wristlet.model.tsp_messages import TokenInfo

T = TypeVar("T")

_BEARER = "bearer "


def create_app(service: IssuerService) -> FastAPI:
    """Return the bank's HTTP application."""
    app = FastAPI(title="wristlet issuer", docs_url=None, redoc_url=None)
    install_problem_handlers(app)
    admitted = [Depends(_guard(service))]

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "durability": service.durability}

    app.include_router(_idv_routes(service), dependencies=admitted)
    if service.sandbox:
        app.include_router(_sandbox_routes(service), dependencies=admitted)
    return app


def _idv_routes(service: IssuerService) -> APIRouter:
    routes = APIRouter(prefix="/issuer/v1")

    @routes.get("/keys")
    async def keys() -> IssuerKey:
        return IssuerKey(service.identity.kid, service.identity.public_point.hex())

    @routes.post("/idv")
    async def decide(request: IdvRequest) -> IdvDecision:
        return await _answer(service.idv.decide(request))

    @routes.post("/idv/holder")
    async def prove_holder(request: ProveHolder) -> IdvDecision:
        return await _answer(service.idv.prove_holder(request))

    @routes.post("/idv/code")
    async def send_code(request: SendCode) -> CodeSent:
        return await _answer(service.idv.send_code(request))

    @routes.post("/idv/verify")
    async def verify_code(request: VerifyCode) -> CodeVerified:
        return await _answer(service.idv.verify_code(request))

    return routes


def _sandbox_routes(service: IssuerService) -> APIRouter:
    routes = APIRouter(prefix="/issuer/v1")

    @routes.get("/accounts")
    async def accounts() -> list[AccountSummary]:
        return await service.accounts()

    @routes.get("/accounts/{account_id}/authorisations")
    async def authorisations(account_id: str) -> list[ListedAuthorisation]:
        return await service.authorisations(account_id)

    @routes.post("/accounts/{account_id}/reissue")
    async def reissue(account_id: str, request: ReissueCard) -> CardReplaced:
        return await _told(service.cardholders.reissue(account_id, request))

    @routes.post("/tokens/{token_reference}/{verb}")
    async def change_token(
        token_reference: str, verb: Literal["suspend", "resume", "delete"], request: TokenOrder
    ) -> TokenInfo:
        work = service.cardholders.change_token(token_reference, verb, request)
        return (await _told(work)).token

    return routes


def _guard(service: IssuerService) -> Callable[[str | None], Awaitable[None]]:
    async def guard(authorization: Annotated[str | None, Header()] = None) -> None:
        given = authorization or ""
        token = given[len(_BEARER) :] if given.lower().startswith(_BEARER) else None
        if not service.admits(token):
            raise ApiError(
                401,
                AUTHENTICATION,
                "token_invalid",
                "The bearer token is missing or not the token service's.",
                next_step="Send the token that the bank was set up with.",
            )

    return guard


async def _answer(work: Awaitable[T]) -> T:
    try:
        return await work
    except IdvError as error:
        message = f"{error.param}: {error}"
        raise ApiError(422, INVALID_REQUEST, error.code, message, error.param) from None


async def _told(work: Awaitable[T]) -> T:
    """Await what the token service has to hear of; its refusals are passed on."""
    try:
        return await work
    except CardholderError as error:
        message = f"{error.param}: {error}"
        raise ApiError(error.status, INVALID_REQUEST, error.code, message, error.param) from None
    except RemoteUnavailable:
        raise ApiError(
            503,
            REMOTE,
            "token_service_unavailable",
            "The token service does not answer.",
            next_step="Send the same request again: what was begun is finished then.",
        ) from None
    except RemoteProblem as error:
        problem = error.problem
        raise ApiError(
            error.status,
            problem.type,
            problem.code,
            problem.message,
            problem.param,
            next_step=problem.next_step,
        ) from None
