"""The OpenAPI 3.1 document, made of the same declarations as the routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from wristlet import __version__
from wristlet.links.problems import ProblemBody
from wristlet.model.token import SeState, TokenState
from wristlet.wallet.api import Operation, Query, Who
from wristlet.wallet.errors import ERRORS
from wristlet.wallet.examples import EXAMPLES

_REF = "#/components/schemas/{name}"
_PATH_PARAM = re.compile(r"\{(\w+)(?::int)?\}")
_JSON = "application/json"

_TAGS = {
    "wearers": "People, and the sessions of their phones.",
    "devices": "Straps: pairing, phones, PIN resets, lost and found.",
    "cards": "Cards on straps: adding, verifying, life cycle.",
    "commits": "The log of scripts for a strap; its pointer moves by receipts only.",
    "transactions": "Payments, as the token service told of them.",
    "notifications": "The door for what the token service tells.",
    "events": "The log of everything that changed.",
    "service": "The server itself.",
}
_ENUMS: dict[tuple[str, str], list[str]] = {
    ("Card", "state"): list(TokenState),
    ("Card", "se_state"): list(SeState),
    ("Card", "decision"): ["approved", "require_additional_authentication", "declined"],
    ("Device", "state"): ["paired", "lost"],
    ("DeviceOrder", "state"): ["proof_needed", "ordered", "done", "ended"],
    ("DeviceOrder", "kind"): ["pin_reset", "further_phone"],
    ("Phone", "state"): ["certified", "revoked"],
    ("Transaction", "state"): ["authorized", "declined", "reversed"],
    ("Commit", "state"): ["pending", "reported", "stuck", "superseded", "acknowledged"],
}
_ALWAYS = ("parameter_invalid",)
_WITH_ACTOR = ("credentials_unknown",)
_WITH_KEY = ("idempotency_key_reused", "idempotency_in_progress", "idempotency_key_invalid")
_WITH_BODY = ("json_invalid", "parameter_missing", "body_too_large", "length_required")
_ONLY_FOR = {Who.TENANT: ("tenant_key_required",), Who.WEARER: ("wearer_session_required",)}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Build the whole document."""
    types = {operation.answer for operation in operations} | {ProblemBody}
    types |= {operation.body for operation in operations if operation.body is not None}
    ordered = sorted(types, key=lambda each: str(each.__name__))
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REF)
    _add_enums_and_examples(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PATH_PARAM.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wristlet wallet",
            "version": __version__,
            "summary": "Cards on straps: adding, switching, suspending.",
            "description": (
                "Sandbox only. Card numbers and codes travel as JWE for the token service; this "
                "server cannot read them. Repeat a request whose answer did not come with the "
                "same Idempotency-Key."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A tenant's API key `wk_test_...` or a session `ws_...`.",
                }
            },
        },
    }


def _add_enums_and_examples(schemas: dict[str, Any]) -> None:
    for (name, field), values in _ENUMS.items():
        if name in schemas:
            schemas[name]["properties"][field]["enum"] = values
    for example in EXAMPLES:
        name = type(example).__name__
        if name in schemas:
            schemas[name]["examples"] = [msgspec.to_builtins(example)]


def _operation(operation: Operation) -> dict[str, Any]:
    success = {
        "description": HTTPStatus(operation.status).phrase,
        "headers": {"Request-Id": {"schema": {"type": "string"}}},
        "content": _content(operation.answer),
    }
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": {str(int(operation.status)): success, **_errors(operation)},
    }
    if operation.who is Who.PUBLIC:
        described["security"] = []
    if operation.body is not None:
        required = bool(
            msgspec.json.schema(operation.body)["$defs"][operation.body.__name__].get("required")
        )
        described["requestBody"] = {"required": required, "content": _content(operation.body)}
    return described


def _content(type_: type) -> dict[str, Any]:
    if type_ is dict:
        return {_JSON: {"schema": {"type": "object"}}}
    return {_JSON: {"schema": {"$ref": _REF.format(name=type_.__name__)}}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [
        {
            "name": match.group(1),
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if match.group().endswith(":int}") else "string"},
        }
        for match in _PATH_PARAM.finditer(operation.path)
    ]
    found += [_query_parameter(query) for query in operation.query]
    if operation.method == "POST":
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "A random key: the same request with it is performed once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        )
    return found


def _query_parameter(query: Query) -> dict[str, Any]:
    names = {str: "string", int: "integer", bool: "boolean"}
    schema: dict[str, Any] = {"type": names[query.kind]}
    if query.kind is int:
        schema |= {"minimum": query.minimum, "maximum": query.maximum}
    if query.default is not None:
        schema["default"] = query.default
    return {
        "name": query.name,
        "in": "query",
        "required": False,
        "description": query.description,
        "schema": schema,
    }


def _errors(operation: Operation) -> dict[str, Any]:
    codes = [*_ALWAYS, *operation.errors, *_ONLY_FOR.get(operation.who, ())]
    if operation.who is not Who.PUBLIC:
        codes += _WITH_ACTOR
    if operation.method == "POST":
        codes += _WITH_KEY
    if operation.body is not None:
        codes += _WITH_BODY
    if "{" in operation.path:
        codes.append("object_not_found")
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(ERRORS[code].status, []).append(code)
    return {
        str(status): {
            "description": "Codes: " + ", ".join(sorted(found)) + ".",
            "content": _content(ProblemBody),
        }
        for status, found in sorted(by_status.items())
    }
