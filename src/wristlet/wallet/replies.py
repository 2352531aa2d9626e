"""Idempotency keys: the first answer is kept, sealed, and given again; Stripe's contract.

An answer that says "unknown" or "busy" (429, 502, 503) and a refused input (400) are not kept, so
that the same key can go on. Whatever else the first request got, also a 500, is the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from sqlite3 import Connection

from starlette.requests import Request
from starlette.responses import Response

from wristlet.crypto.seal import KeyUsage, SealKey, open_sealed, seal
from wristlet.links.problems import (
    ApiError,
    api_error_response,
    log_unexpected,
    unexpected_response,
)
from wristlet.wallet.context import Actor, Context, load_queries
from wristlet.wallet.errors import refuse

REPLY_KEY = "wallet.replies"

_KEPT_MS = 24 * 3600 * 1000
# Longer than any request can take: afterwards the first one is known to be dead.
_LOCK_MS = 120_000
_KEY_LIMIT = 255
_NONCE_SIZE = 12
_NOT_KEPT = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)

Perform = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """A kept answer; `status` 0 while the first request runs."""

    fingerprint: str
    status: int
    body_sealed: str
    locked_until_ms: int


_SQL = load_queries(__file__, "replies", ReplyRow=ReplyRow)


class Replies:
    """Answers POST requests once per key, tenant and actor."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # Answers may hold what is shown only once, such as a session token.
        self._seal_key = SealKey(context.keys.get(REPLY_KEY, KeyUsage.ENCRYPT))

    async def answer(self, actor: Actor, key: str, request: Request, perform: Perform) -> Response:
        """Perform the request, or give the kept answer of the first one with this key."""
        if not 1 <= len(key) <= _KEY_LIMIT or not (key.isascii() and key.isprintable()):
            raise refuse("idempotency_key_invalid", "Idempotency-Key")
        head = f"{request.method} {request.url.path}\n".encode()
        fingerprint = hashlib.sha256(head + await request.body()).hexdigest()
        name = {
            "tenant_id": actor.tenant_id,
            "actor": actor.name,
            # Callers put anything into their keys: only the hash is kept.
            "key_hash": hashlib.sha256(key.encode()).hexdigest(),
        }
        write = self._context.database.write
        kept = await write(lambda connection: self._claim(connection, name, fingerprint))
        if kept is not None:
            return self._replay(name, kept)
        response = await self._perform(request, perform)
        if response.status_code in _NOT_KEPT:
            await write(lambda connection: _SQL.release(connection, **name))
        else:
            sealed = self._sealed(name, bytes(response.body))
            status = response.status_code
            await write(
                lambda connection: _SQL.finish(
                    connection, **name, status=status, body_sealed=sealed
                )
            )
        return response

    def _claim(
        self, connection: Connection, name: dict[str, str], fingerprint: str
    ) -> ReplyRow | None:
        """Return the kept answer, or None when this request is the one to perform."""
        now_ms = self._context.now_ms()
        _SQL.prune(connection, tenant_id=name["tenant_id"], before_ms=now_ms - _KEPT_MS)
        until = {"locked_until_ms": now_ms + _LOCK_MS}
        if _SQL.claim(connection, **name, **until, fingerprint=fingerprint, now_ms=now_ms):
            return None
        row: ReplyRow = _SQL.find(connection, **name)
        if row.fingerprint != fingerprint:
            raise refuse("idempotency_key_reused", "Idempotency-Key")
        if row.status:
            return row
        if row.locked_until_ms > now_ms:
            raise refuse("idempotency_in_progress", "Idempotency-Key")
        _SQL.take_over(connection, **name, **until)
        return None

    async def _perform(self, request: Request, perform: Perform) -> Response:
        try:
            return await perform()
        except ApiError as error:
            return api_error_response(request, error)
        except Exception as error:  # noqa: BLE001 - it is logged, and its 500 is kept as the answer
            log_unexpected(error, request.state.request_id)
            return unexpected_response(request)

    def _sealed(self, name: dict[str, str], body: bytes) -> str:
        nonce = self._context.env.random.bytes(_NONCE_SIZE)
        return seal(self._seal_key, body, _seal_context(name), nonce).hex()

    def _replay(self, name: dict[str, str], row: ReplyRow) -> Response:
        sealed = bytes.fromhex(row.body_sealed)
        body = bytes(open_sealed(self._seal_key, sealed, _seal_context(name)))
        headers = {"Idempotent-Replayed": "true"}
        return Response(body, row.status, headers, media_type="application/json")


def _seal_context(name: dict[str, str]) -> bytes:
    return "\n".join(("reply", *name.values())).encode()
