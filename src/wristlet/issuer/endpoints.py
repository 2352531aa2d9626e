"""The bank over HTTP, for the token service: decisions, codes, its key; and a view for the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from fastapi import FastAPI

from wristlet.issuer.idv import IdvError, IdvService
from wristlet.issuer.service import IssuerService
from wristlet.links.problems import ApiError, install_problem_handlers
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


async def _answer(work: Awaitable[T]) -> T:
    try:
        return await work
    except IdvError as error:
        raise ApiError(422, "invalid_request", error.code, str(error)) from error


def create_app(service: IssuerService) -> FastAPI:
    """Return the bank's HTTP application."""
    app = FastAPI(title="wristlet issuer", docs_url=None, redoc_url=None)
    install_problem_handlers(app)
    idv: IdvService = service.idv

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "durability": service.durability}

    @app.get("/issuer/v1/keys")
    async def keys() -> IssuerKey:
        return IssuerKey(service.identity.kid, service.identity.public_point.hex())

    @app.post("/issuer/v1/idv")
    async def decide(request: IdvRequest) -> IdvDecision:
        return await _answer(idv.decide(request.card_jwe))

    @app.post("/issuer/v1/idv/code")
    async def send_code(request: SendCode) -> CodeSent:
        return await _answer(idv.send_code(request.idv_id, request.method_id))

    @app.post("/issuer/v1/idv/verify")
    async def verify_code(request: VerifyCode) -> CodeVerified:
        return await _answer(idv.verify_code(request.idv_id, request.code_jwe))

    @app.get("/issuer/v1/accounts")
    async def accounts() -> list[dict[str, str | int]]:
        return await service.accounts()

    return app
