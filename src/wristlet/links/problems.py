"""The server's side of HTTP errors: one typed answer for every failure, an id for every request."""

from __future__ import annotations

import logging
import secrets
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wristlet.model.tsp_messages import Problem

_LOG = logging.getLogger(__name__)

INVALID_REQUEST = "invalid_request_error"
AUTHENTICATION = "authentication_error"
PERMISSION = "permission_error"
NOT_FOUND = "not_found_error"
CONFLICT = "conflict_error"
IDEMPOTENCY = "idempotency_error"
REMOTE = "remote_error"
API = "api_error"

_DOC_BASE = "/docs/errors/"
_STATUS_TYPES = {401: AUTHENTICATION, 403: PERMISSION, 404: NOT_FOUND, 409: CONFLICT}


class ApiError(Exception):
    """A refusal that the caller may see: it becomes the answer, so its texts never hold secrets."""

    def __init__(
        self,
        status: int,
        type: str,
        code: str,
        message: str,
        param: str | None = None,
        *,
        next_step: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.type = type
        self.code = code
        self.message = message
        self.param = param
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class ProblemBody:
    """The JSON of every error answer: `{"error": {...}}`."""

    error: Problem


def _default_request_id() -> str:
    # A name for support, no secret and no decision: it need not be the injected randomness.
    return f"req_{secrets.token_hex(12)}"


def install_problem_handlers(
    app: Starlette,
    *,
    new_request_id: Callable[[], str] = _default_request_id,
    doc_base: str = _DOC_BASE,
) -> None:
    """Make every failure of `app` a `Problem`, and put `Request-Id` on every reply.

    `app` is a Starlette or FastAPI application. `doc_base` goes before the code to form `doc_url`.
    Input values are never echoed nor logged.
    """
    app.state.problem_doc_base = doc_base
    app.add_middleware(RequestIdMiddleware, new_request_id=new_request_id)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _http_error)
    if "fastapi" in sys.modules:
        # Not imported otherwise: it takes half a second, which a plain application need not wait.
        from fastapi.exceptions import RequestValidationError

        app.add_exception_handler(RequestValidationError, _validation_error)


class RequestIdMiddleware:
    """Names each request and turns an unexpected exception into a 500 without leaking its text."""

    def __init__(self, app: ASGIApp, new_request_id: Callable[[], str]) -> None:
        self._app = app
        self._new_request_id = new_request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._new_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:  # noqa: BLE001 - the last line of a server
            log_unexpected(error, request_id)
            if not started:
                response = unexpected_response(Request(scope))
                await response(scope, receive, send_named)


def log_unexpected(error: Exception, request_id: str) -> None:
    """Log where an unexpected exception arose: its text may quote input, so it stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    places = "".join(f"\n  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    _LOG.error("%s: unexpected %s at%s", request_id, type(error).__name__, places)


def problem_response(
    request: Request,
    status: int,
    problem: Problem,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Build the answer, completing `request_id` and `doc_url`."""
    doc_base = request.app.state.problem_doc_base
    complete = replace(
        problem,
        request_id=getattr(request.state, "request_id", None),
        doc_url=f"{doc_base}{problem.code}",
    )
    return Response(
        msgspec.json.encode(ProblemBody(complete)), status, headers, media_type="application/json"
    )


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class only
    return api_error_response(request, error)


def api_error_response(request: Request, error: ApiError) -> Response:
    """Build the answer of a refusal."""
    problem = Problem(
        type=error.type,
        code=error.code,
        message=error.message,
        param=error.param,
        next_step=error.next_step,
    )
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
    return problem_response(request, error.status, problem, headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    findings: list[Mapping[str, Any]] = error.errors()  # type: ignore[attr-defined] # its class only
    return problem_response(request, HTTPStatus.BAD_REQUEST, _validation_problem(findings[0]))


def _validation_problem(finding: Mapping[str, Any]) -> Problem:
    """Name field and rule; the library's own text may quote the input, so it is not used."""
    kind = str(finding["type"])
    if kind == "json_invalid":
        return Problem(
            type=INVALID_REQUEST,
            code="json_invalid",
            message="The body is not valid JSON.",
            next_step="Send a JSON object with Content-Type: application/json.",
        )
    where = [str(part) for part in finding["loc"]]
    param = ".".join(where[1:]) or where[0]
    missing = kind == "missing"
    return Problem(
        type=INVALID_REQUEST,
        code="parameter_missing" if missing else "parameter_invalid",
        message=f"{param} is missing." if missing else f"{param} is not valid ({kind}).",
        param=param,
        next_step=f"Correct {param} and send the request again.",
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = HTTPStatus(error.status_code)
    problem = Problem(
        type=_STATUS_TYPES.get(status, INVALID_REQUEST),
        code="route_not_found" if status == HTTPStatus.NOT_FOUND else status.name.lower(),
        message=f"{request.method} on this path: {status.phrase}.",
        next_step="Compare method and path with /openapi.json.",
    )
    return problem_response(request, status, problem, error.headers)


def unexpected_response(request: Request) -> Response:
    """Build the answer for a failure that nobody foresaw; log it with `log_unexpected`."""
    problem = Problem(
        type=API,
        code="internal_error",
        message="The server failed in an unexpected way; nothing of this request is certain.",
        next_step="Look at the object, then send a new request; name the request id to support.",
    )
    return problem_response(request, HTTPStatus.INTERNAL_SERVER_ERROR, problem)
