"""What the token service's failures mean here: unknown, wrong, or a refusal to pass on.

Its texts are passed on only after a check: they come from outside and are shown to people.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from http import HTTPStatus
from typing import TypeVar

from wristlet.links.http import RemoteProblem, RemoteUnavailable
from wristlet.links.problems import INVALID_REQUEST, NOT_FOUND, ApiError
from wristlet.wallet.errors import refuse
from wristlet.wallet.shapes import is_plain_text

Answer = TypeVar("Answer")

REFUSED = "refused_error"

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
# Fields that the caller of the wallet sent as well.
_SHARED_PARAMS = frozenset(
    {
        "attestation_chain",
        "card_jwe",
        "code_jwe",
        "domain_chain",
        "eligibility_id",
        "method_id",
        "pin_statement",
        "receipt",
        "report",
        "statement",
    }
)
# The wallet's own fault or the operator's, never the caller's.
_OURS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.METHOD_NOT_ALLOWED})
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_TYPES = {HTTPStatus.BAD_REQUEST: INVALID_REQUEST, HTTPStatus.NOT_FOUND: NOT_FOUND}


class TokenServiceRefused(ApiError):
    """The token service said no: nothing was done there and nothing is unknown."""


class TokenServiceAnswerError(Exception):
    """The token service's answer contradicts the question; the text names the field."""


async def ask_tsp(call: Awaitable[Answer]) -> Answer:
    """Await a call to the token service and turn its failures into answers of ours."""
    try:
        return await call
    except RemoteUnavailable:
        raise refuse("token_service_unavailable") from None
    except RemoteProblem as error:
        raise _meaning(error) from None


def _meaning(error: RemoteProblem) -> ApiError:
    problem = error.problem
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _LATER:
        return refuse("token_service_unavailable")
    if error.status in _OURS or problem.code in ("task_id_reused", "route_not_found"):
        return refuse("token_service_failed")
    return TokenServiceRefused(
        error.status,
        _TYPES.get(HTTPStatus(error.status), REFUSED),
        problem.code if _CODE.match(problem.code) else "token_service_refused",
        _shown(problem.message) or "The token service refused.",
        problem.param if problem.param in _SHARED_PARAMS else None,
        next_step=_shown(problem.next_step or "")
        or "Read the object again and see what it allows.",
    )


def _shown(text: str) -> str:
    return text if is_plain_text(text) and text.isprintable() else ""
