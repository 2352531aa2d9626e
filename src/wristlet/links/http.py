"""The JSON client under every HTTP wire: dataclasses in, dataclasses out, two kinds of error."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar, cast

import httpx2
import msgspec

from wristlet.model.tsp_messages import Problem

Answer = TypeVar("Answer")

_TIMEOUT_MS = 10_000


class RemoteError(Exception):
    """Base of everything that can go wrong on an HTTP wire."""


class RemoteProblem(RemoteError):
    """The other part answered with an error: HTTP's status, and what to do in `problem`."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(f"{status} {problem.code}: {problem.message}")
        self.status = status
        self.problem = problem


class RemoteUnavailable(RemoteError):
    """No usable answer came: it may or may not have been done, so repeat it with the same id."""


class HttpClient:
    """Speaks JSON with one part.

    `base_url` is like `http://127.0.0.1:8080`; `token` becomes the bearer token; `transport`
    replaces the network (`httpx2.ASGITransport(app)` for a part in the same process). Raises
    RemoteProblem and RemoteUnavailable.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        timeout_ms: int = _TIMEOUT_MS,
    ) -> None:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._timeout_s = timeout_ms / 1000
        self._client = httpx2.AsyncClient(
            base_url=base_url,
            headers=headers,
            # The whole call has one deadline, in `_exchange`.
            timeout=None,
            transport=transport,
            # A proxy named in the environment must never see this traffic.
            trust_env=False,
        )

    async def get(
        self,
        path: str,
        answer_type: type[Answer],
        params: Mapping[str, str | int | None] | None = None,
    ) -> Answer:
        """Fetch `path`; parameters that are None are left out."""
        kept = {name: value for name, value in (params or {}).items() if value is not None}
        return await self._exchange("GET", path, answer_type, params=kept)

    async def post(
        self,
        path: str,
        body: Any,
        answer_type: type[Answer],
        idempotency_key: str | None = None,
    ) -> Answer:
        """Send a dataclass (or None for an empty body); the same key gets the same answer.

        With `answer_type` NoneType any success will do and its content is not looked at.
        """
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        content = b"" if body is None else msgspec.json.encode(body)
        return await self._exchange("POST", path, answer_type, headers=headers, content=content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _exchange(
        self, method: str, path: str, answer_type: type[Answer], **request: Any
    ) -> Answer:
        where = f"{method} {path}"
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.request(method, path, **request)
        except TimeoutError as error:
            raise RemoteUnavailable(f"{where}: no answer in time") from error
        except httpx2.HTTPError as error:
            raise RemoteUnavailable(f"{where}: {type(error).__name__}") from error
        if response.is_success:
            return _decode(response.content, answer_type, where)
        raise _refusal(response, where)


class _ErrorBody(msgspec.Struct):
    error: Problem


def _decode(content: bytes, answer_type: type[Answer], where: str) -> Answer:
    if answer_type is NoneType:
        return cast(Answer, None)
    try:
        return msgspec.json.decode(content, type=answer_type)
    except msgspec.MsgspecError as error:
        # Its text names field and expected type only.
        raise RemoteUnavailable(
            f"{where}: the answer is not a {answer_type.__name__} ({error})"
        ) from None


def _refusal(response: httpx2.Response, where: str) -> RemoteError:
    """An error answer that is not ours (a proxy's page) counts as no answer."""
    try:
        body = msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.MsgspecError:
        return RemoteUnavailable(f"{where}: status {response.status_code} without a problem")
    return RemoteProblem(response.status_code, body.error)
