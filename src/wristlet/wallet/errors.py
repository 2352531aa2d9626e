"""Everything the wallet refuses, as one table: status, type, what it means, what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from wristlet.links.problems import (
    AUTHENTICATION,
    CONFLICT,
    IDEMPOTENCY,
    INVALID_REQUEST,
    NOT_FOUND,
    PERMISSION,
    REMOTE,
    ApiError,
)

RATE_LIMIT = "rate_limit_error"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One error code, as its page shows it; `{param}` stands for the field at fault."""

    code: str
    status: int
    type: str
    message: str
    next_step: str


_TABLE = (
    ErrorKind(
        "json_invalid",
        400,
        INVALID_REQUEST,
        "The body is not a valid JSON object.",
        "Send a JSON object with Content-Type: application/json.",
    ),
    ErrorKind(
        "parameter_missing",
        400,
        INVALID_REQUEST,
        "{param} is missing.",
        "Add {param} and send the request again.",
    ),
    ErrorKind(
        "parameter_invalid",
        400,
        INVALID_REQUEST,
        "{param} is not valid.",
        "Compare {param} with /openapi.json, correct it and send the request again.",
    ),
    ErrorKind(
        "clear_digits_refused",
        400,
        INVALID_REQUEST,
        "{param} looks like a card number or a code in clear; it was not kept.",
        "Encrypt it on the phone as JWE for the key from GET /v1/card-key.",
    ),
    ErrorKind(
        "idempotency_key_invalid",
        400,
        IDEMPOTENCY,
        "Idempotency-Key must have 1 to 255 printable characters.",
        "Send a fresh random key, for example a UUID.",
    ),
    ErrorKind(
        "terms_not_accepted",
        400,
        INVALID_REQUEST,
        "The issuer's terms were not accepted.",
        "Show the terms to the wearer and send terms_accepted: true.",
    ),
    ErrorKind(
        "credentials_unknown",
        401,
        AUTHENTICATION,
        "The bearer token is missing, unknown or expired.",
        "Send Authorization: Bearer with the tenant's API key or a current wearer session.",
    ),
    ErrorKind(
        "tenant_key_required",
        403,
        PERMISSION,
        "Only the tenant's backend can do this.",
        "Send the tenant's API key instead of a wearer session.",
    ),
    ErrorKind(
        "wearer_session_required",
        403,
        PERMISSION,
        "Only the wearer can do this.",
        "Send a session from POST /v1/wearers/{id}/sessions.",
    ),
    ErrorKind(
        "object_not_found",
        404,
        NOT_FOUND,
        "There is no such object for you: {param}.",
        "Check the id; list the objects that you can see.",
    ),
    ErrorKind(
        "device_taken",
        409,
        CONFLICT,
        "This secure element belongs to another wearer.",
        "The other wearer must give the strap up first.",
    ),
    ErrorKind(
        "device_lost",
        409,
        CONFLICT,
        "The strap is marked lost.",
        "Mark it found with POST /v1/devices/{id}/found, then try again.",
    ),
    ErrorKind(
        "eligibility_expired",
        409,
        CONFLICT,
        "The eligibility has expired.",
        "Ask again with POST /v1/cards/eligibility.",
    ),
    ErrorKind(
        "action_not_allowed",
        409,
        CONFLICT,
        "The card's state does not allow this.",
        "Read the card; its allowed_actions say what can be done now.",
    ),
    ErrorKind(
        "commit_out_of_order",
        409,
        CONFLICT,
        "Receipts are taken in order of the log only.",
        "Read GET /v1/devices/{id}/commits and hand in the receipt of the first commit there.",
    ),
    ErrorKind(
        "receipt_mismatch",
        409,
        CONFLICT,
        "The statement is of another secure element, domain or script.",
        "Read the receipt of this commit's script_number from the strap and send that.",
    ),
    ErrorKind(
        "receipt_refused",
        409,
        CONFLICT,
        "The token service does not accept the receipt; the log's pointer stays.",
        "Read the receipt from the strap again; if it is refused again, run the script again.",
    ),
    ErrorKind(
        "phone_revoked",
        409,
        CONFLICT,
        "This phone was revoked for the strap.",
        "Make a new key on the phone and begin again with that.",
    ),
    ErrorKind(
        "notification_refused",
        403,
        PERMISSION,
        "The notification is not signed by the token service for this server.",
        "Sign it with the key of GET /tsp/v1/notification-key and send it unchanged.",
    ),
    ErrorKind(
        "idempotency_key_reused",
        409,
        IDEMPOTENCY,
        "This Idempotency-Key came before with another request.",
        "Take a new key for a new request, or repeat the first request unchanged.",
    ),
    ErrorKind(
        "idempotency_in_progress",
        409,
        IDEMPOTENCY,
        "The first request with this Idempotency-Key is still running.",
        "Wait a moment, then repeat the request with the same key.",
    ),
    ErrorKind(
        "length_required",
        411,
        INVALID_REQUEST,
        "The request has no Content-Length.",
        "Send the body with Content-Length instead of in chunks.",
    ),
    ErrorKind(
        "body_too_large",
        413,
        INVALID_REQUEST,
        "The body is too large.",
        "Send at most 128 KiB.",
    ),
    ErrorKind(
        "device_busy",
        429,
        RATE_LIMIT,
        "Another request is changing this strap's cards.",
        "Wait a moment, then repeat the request.",
    ),
    ErrorKind(
        "token_service_failed",
        502,
        REMOTE,
        "The token service gave an answer that cannot be right; nothing was changed here.",
        "Repeat the request later, with the same Idempotency-Key; tell your operator.",
    ),
    ErrorKind(
        "token_service_unavailable",
        503,
        REMOTE,
        "The token service did not answer; whether it did anything is unknown.",
        "Repeat the request with the same Idempotency-Key: nothing is done twice.",
    ),
)

ERRORS = {kind.code: kind for kind in _TABLE}


def refuse(code: str, param: str | None = None, *, message: str | None = None) -> ApiError:
    """Build a refusal from the table; `message` replaces the general sentence by a closer one."""
    kind = ERRORS[code]
    name = param or "a field"
    return ApiError(
        kind.status,
        kind.type,
        code,
        message or kind.message.replace("{param}", name),
        param,
        next_step=kind.next_step.replace("{param}", name),
    )
