"""Operations declared as data, and the plain Starlette application that serves them.

One declaration gives the route, the check of who may call, the decoded body, the stored answer for
an idempotency key, and the entry in the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wristlet.wallet.context import Actor
from wristlet.wallet.errors import refuse
from wristlet.wallet.replies import Replies
from wristlet.wallet.tenants.service import Gate

BODY_LIMIT = 128 * 1024
PAGE_LIMIT, PAGE_DEFAULT = 100, 20
_NUMBER_LIMIT = 2**53

_JSON = "application/json"


class Who(Enum):
    """Who may call an operation."""

    PUBLIC = "public"
    TENANT = "tenant"
    WEARER = "wearer"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter; a number lies from `minimum` to `maximum`."""

    name: str
    kind: type[str] | type[int] | type[bool]
    description: str
    default: str | int | bool | None = None
    minimum: int = 0
    maximum: int = _NUMBER_LIMIT


LIMIT = Query("limit", int, "Objects per page.", PAGE_DEFAULT, 1, PAGE_LIMIT)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed the door; `actor` is nobody's for public operations."""

    actor: Actor
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: `id` is noun_verb and stays for ever, `errors` are codes."""

    id: str
    tag: str
    method: str
    path: str
    summary: str
    handler: Callable[[Call], Awaitable[Any]]
    answer: type
    who: Who = Who.ANY
    body: type | None = None
    query: tuple[Query, ...] = ()
    status: int = HTTPStatus.OK
    errors: tuple[str, ...] = ()


def routes(operations: Sequence[Operation], gate: Gate, replies: Replies) -> list[Route]:
    """Return the routes of operations."""
    return [
        Route(operation.path, _endpoint(operation, gate, replies), methods=[operation.method])
        for operation in operations
    ]


def _endpoint(
    operation: Operation, gate: Gate, replies: Replies
) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        _check_size(request)
        actor = await _admit(operation, gate, request)

        async def perform() -> Response:
            call = Call(
                actor,
                request.path_params,
                _query(operation, request),
                await _body(operation, request),
            )
            answer = await operation.handler(call)
            return Response(msgspec.json.encode(answer), operation.status, media_type=_JSON)

        key = request.headers.get("idempotency-key")
        if request.method != "POST" or key is None:
            return await perform()
        return await replies.answer(actor, key, request, perform)

    return serve


def _check_size(request: Request) -> None:
    length = request.headers.get("content-length")
    if length is None:
        if "transfer-encoding" in request.headers:
            raise refuse("length_required")
    elif not length.isdecimal() or int(length) > BODY_LIMIT:
        raise refuse("body_too_large")


async def _admit(operation: Operation, gate: Gate, request: Request) -> Actor:
    if operation.who is Who.PUBLIC:
        return Actor("")
    actor = await gate.actor(request.headers.get("authorization"))
    if operation.who is Who.TENANT and actor.wearer_id is not None:
        raise refuse("tenant_key_required")
    if operation.who is Who.WEARER and actor.wearer_id is None:
        raise refuse("wearer_session_required")
    return actor


async def _body(operation: Operation, request: Request) -> Any:
    if operation.body is None:
        return None
    raw = await request.body()
    try:
        # An empty body is an object without fields: enough where all have defaults.
        return msgspec.json.decode(raw or b"{}", type=operation.body)
    except msgspec.ValidationError as error:
        raise _field_error(str(error)) from None
    except msgspec.DecodeError:
        raise refuse("json_invalid") from None


def _field_error(text: str) -> Exception:
    """Name the field out of the library's sentence, which holds names and types, never values."""
    finding, _, place = text.partition(" - at `$")
    param = place.strip("`").lstrip(".")
    if finding.startswith("Object missing required field"):
        name = finding.split("`")[1]
        return refuse("parameter_missing", f"{param}.{name}" if param else name)
    return refuse("parameter_invalid", param or "body")


def _query(operation: Operation, request: Request) -> dict[str, Any]:
    return {
        each.name: _value(each, request.query_params.get(each.name)) for each in operation.query
    }


def _value(query: Query, text: str | None) -> str | int | bool | None:
    if text is None:
        return query.default
    if query.kind is int:
        good = text.isascii() and text.isdecimal() and len(text) <= len(str(_NUMBER_LIMIT))
        if good and query.minimum <= int(text) <= query.maximum:
            return int(text)
    elif query.kind is bool:
        if text in ("true", "false"):
            return text == "true"
    elif len(text) <= PAGE_LIMIT:
        return text
    raise refuse("parameter_invalid", query.name)
