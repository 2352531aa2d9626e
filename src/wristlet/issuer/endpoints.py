"""The bank over HTTP, for the token service: decisions, codes, its key; a view for the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header

from wristlet.issuer.idv import IdvError
from wristlet.issuer.repository import ListedAuthorisation
from wristlet.issuer.service import AccountSummary, IssuerService
from wristlet.links.problems import (
    AUTHENTICATION,
    INVALID_REQUEST,
    ApiError,
    install_problem_handlers,
)
from wristlet.model.issuer_messages import (
    CodeSent,
    CodeVerified,
    IdvDecision,
    IdvRequest,
    IssuerKey,
    SendCode,
    VerifyCode,
)

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

    @routes.post("/idv/code")
    async def send_code(request: SendCode) -> CodeSent:
        return await _answer(service.idv.send_code(request))

    @routes.post("/idv/verify")
    async def verify_code(request: VerifyCode) -> CodeVerified:
        return await _answer(service.idv.verify_code(request))

    return routes


def _sandbox_routes(service: IssuerService) -> APIRouter:
    routes = APIRouter(prefix="/issuer/v1/accounts")

    @routes.get("")
    async def accounts() -> list[AccountSummary]:
        return await service.accounts()

    @routes.get("/{account_id}/authorisations")
    async def authorisations(account_id: str) -> list[ListedAuthorisation]:
        return await service.authorisations(account_id)

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
