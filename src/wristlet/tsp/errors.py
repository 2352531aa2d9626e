"""What the token service refuses, as typed errors that name the field and the next step.

Drawn as a tree: `TspError` ← `invalid`, `missing`, `conflict`, `refused` (constructors by kind).
No text here ever quotes an input.
"""

from __future__ import annotations


class TspError(Exception):
    """A refusal that the caller may see: HTTP status, type, code, sentence, field, next step."""

    def __init__(
        self,
        status: int,
        type: str,
        code: str,
        message: str,
        param: str | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.type = type
        self.code = code
        self.message = message
        self.param = param
        self.next_step = next_step


def invalid(code: str, message: str, param: str, next_step: str) -> TspError:
    """A field of the request is wrong (400)."""
    return TspError(400, "invalid_request_error", code, message, param, next_step)


def forbidden(code: str, message: str, param: str, next_step: str) -> TspError:
    """The caller may not do this (403)."""
    return TspError(403, "permission_error", code, message, param, next_step)


def missing(code: str, message: str, param: str, next_step: str) -> TspError:
    """What the request names does not exist for this caller (404)."""
    return TspError(404, "not_found_error", code, message, param, next_step)


def conflict(code: str, message: str, param: str | None, next_step: str) -> TspError:
    """The request contradicts what already happened (409)."""
    return TspError(409, "conflict_error", code, message, param, next_step)


def task_conflict() -> TspError:
    """A task id came back with another body (409)."""
    return TspError(
        409,
        "idempotency_error",
        "task_id_reused",
        "task_id was used before with another request.",
        "task_id",
        "Take a new task_id, or repeat the first request unchanged.",
    )


def refused(code: str, message: str, param: str | None, next_step: str) -> TspError:
    """The request is well formed but the answer is no (422)."""
    return TspError(422, "refused_error", code, message, param, next_step)


def remote(code: str, message: str, next_step: str) -> TspError:
    """Another host that is needed did not answer (503); nothing was changed."""
    return TspError(503, "remote_error", code, message, None, next_step)


def unauthenticated() -> TspError:
    """No known bearer token (401)."""
    return TspError(
        401,
        "authentication_error",
        "token_unknown",
        "The bearer token is missing or unknown.",
        "Authorization",
        "Send Authorization: Bearer with the requestor's token.",
    )
