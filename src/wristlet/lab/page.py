"""The bench page of `wristlet demo --serve`: steps, a terminal to tap, and the trace, live.

The page is one template, its scripts and styles are files; nothing comes from outside, and the
policy it is served with lets nothing else run.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import jinja2
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wristlet import web
from wristlet.lab.hub import Hub, LabEvent
from wristlet.lab.steps import LARGE_MINOR, SMALL_MINOR, STEPS
from wristlet.links.problems import (
    CONFLICT,
    INVALID_REQUEST,
    PERMISSION,
    ApiError,
    install_problem_handlers,
)
from wristlet.links.process import serving_http
from wristlet.pos.config import TerminalConfig
from wristlet.wire.emv.tags import TAGS

Tap = Callable[[int], Awaitable[dict[str, Any]]]

AMOUNT_MIN: Final = 1
AMOUNT_MAX: Final = 99_999_999
BODY_BYTES_MAX: Final = 1_024
HEARTBEAT_S: Final = 15.0
_RETRY_MS: Final = 2_000
_PRESETS: Final = (SMALL_MINOR, 2_500, LARGE_MINOR)

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SecurityHeaders:
    """Puts the page's policy on every reply; a plain ASGI layer, so that streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                cached = scope["path"].startswith("/static/")
                headers["Cache-Control"] = "no-cache" if cached else "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def load_texts() -> dict[str, dict[str, str]]:
    """Return all texts: language, then key, then text with `{name}` for what is filled in."""
    texts: dict[str, dict[str, str]] = json.loads(web.TEXTS.read_text(encoding="utf-8"))
    return texts


def choose_language(asked: str | None, accepted: str, known: Mapping[str, Any]) -> str:
    """Return the language asked for by name, else the best of an Accept-Language, else English."""
    if asked in known:
        return str(asked)
    best, best_weight = "en", 0.0
    for part in accepted.split(","):
        name, _, weight_text = part.partition(";")
        language = name.strip().lower().split("-")[0]
        weight = _weight(weight_text)
        if language in known and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


class _Page:
    """The page's endpoints over one hub and one way to tap."""

    def __init__(self, hub: Hub, tap: Tap, heartbeat_s: float) -> None:
        self._hub = hub
        self._tap = tap
        self._heartbeat_s = heartbeat_s
        self._tapping = False
        # Names this run: a page that outlives it must not mix its events with the next one's.
        self._run = secrets.token_hex(8)
        self.closing = asyncio.Event()
        self._texts = load_texts()
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(web.TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("lab.html")

    async def show(self, request: Request) -> Response:
        """Render the page in the reader's language."""
        accepted = request.headers.get("accept-language", "")
        language = choose_language(request.query_params.get("lang"), accepted, self._texts)
        texts = self._texts[language]
        html = self._template.render(
            language=language,
            languages={code: own["language.name"] for code, own in self._texts.items()},
            t=texts,
            steps=[
                {
                    "id": step.id,
                    "title": texts[f"step.{step.id}"],
                    "wire": texts.get(f"wire.{step.id}", step.wire),
                }
                for step in STEPS
            ],
            tags={f"{tag:X}": info.name for tag, info in TAGS.items()},
            presets=_PRESETS,
            limit=TerminalConfig().limits[2].cvm_minor,
            amount_max=AMOUNT_MAX,
        )
        return HTMLResponse(html, headers={"Content-Language": language, "Vary": "Accept-Language"})

    async def events(self, request: Request) -> Response:
        """Stream the hub's events from where the reader left off."""
        after = _resume_point(request)
        return StreamingResponse(
            self._stream(after),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def _stream(self, after: int) -> AsyncIterator[str]:
        hello = json.dumps({"run": self._run})
        yield f"retry: {_RETRY_MS}\nevent: hello\ndata: {hello}\n\n"
        following = self._hub.follow(after)
        ended = asyncio.ensure_future(self.closing.wait())
        coming = asyncio.ensure_future(anext(following))
        try:
            while not ended.done():
                done, _ = await asyncio.wait(
                    {coming, ended},
                    timeout=self._heartbeat_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if coming in done:
                    yield _frame(coming.result())
                    coming = asyncio.ensure_future(anext(following))
                elif not done:
                    yield ": still here\n\n"
        finally:
            coming.cancel()
            ended.cancel()
            await asyncio.gather(coming, ended, return_exceptions=True)

    async def pay(self, request: Request) -> Response:
        """Tap once for the amount in the body; one tap at a time."""
        _require_same_origin(request.headers)
        amount_minor = _amount(await _json_body(request))
        if self._tapping:
            raise ApiError(
                409,
                CONFLICT,
                "tap_in_progress",
                "The strap is at the terminal for another tap.",
                next_step="Wait for its result, then tap again.",
            )
        self._tapping = True
        try:
            payment = await self._tap(amount_minor)
        finally:
            self._tapping = False
        return JSONResponse(payment)


def create_page(hub: Hub, tap: Tap, *, heartbeat_s: float = HEARTBEAT_S) -> Starlette:
    """Return the page as an application.

    `tap` takes an amount in minor units and returns the payment as JSON. Setting
    `app.state.closing` ends open event streams, which else hold up the end of a server;
    `serving_page` does so.
    """
    page = _Page(hub, tap, heartbeat_s)
    app = Starlette(
        routes=[
            Route("/", page.show),
            Route("/events", page.events),
            Route("/tap", page.pay, methods=["POST"]),
            Mount("/static", StaticFiles(directory=web.STATIC)),
        ]
    )
    app.state.closing = page.closing
    install_problem_handlers(app)
    app.add_middleware(SecurityHeaders)
    return app


@asynccontextmanager
async def serving_page(page: Starlette, listener: socket.socket) -> AsyncIterator[str]:
    """Serve the page on a listening socket while the block runs; yields its URL."""
    async with serving_http(page, listener) as url:
        try:
            yield url
        finally:
            page.state.closing.set()


def _frame(event: LabEvent) -> str:
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.number}\nevent: {event.kind}\ndata: {data}\n\n"


def _resume_point(request: Request) -> int:
    """Return the number after which to begin; the header wins, since reconnecting browsers keep
    the first address.
    """
    text = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _invalid("after", "must be the number of an event, or 0 for all that is kept")
    return int(text)


def _require_same_origin(headers: Headers) -> None:
    """Refuse what another site's page sends; programs that are no browsers name no origin."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    foreign = origin is not None and origin.partition("://")[2] != headers.get("host")
    if foreign or site not in {None, "same-origin"}:
        raise ApiError(
            403,
            PERMISSION,
            "origin_not_allowed",
            "Only this page itself may tap.",
            next_step="Open the page at its own address and tap there.",
        )


async def _json_body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(
            415,
            INVALID_REQUEST,
            "content_type_not_json",
            "The body must be JSON.",
            next_step='Send {"amount_minor": 480} with Content-Type: application/json.',
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(
                413,
                INVALID_REQUEST,
                "body_too_large",
                f"The body has more than {BODY_BYTES_MAX} bytes.",
                next_step='Send {"amount_minor": 480} and nothing more.',
            )
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid("body", "is not valid JSON") from error


def _amount(body: Any) -> int:
    if not isinstance(body, dict):
        raise _invalid("body", "must be a JSON object")
    if "amount_minor" not in body:
        raise _invalid("amount_minor", "is missing", code="parameter_missing")
    amount = body["amount_minor"]
    # A JSON true is an int to Python.
    if type(amount) is not int or not AMOUNT_MIN <= amount <= AMOUNT_MAX:
        raise _invalid(
            "amount_minor", f"must be a whole number from {AMOUNT_MIN} to {AMOUNT_MAX:,}"
        )
    return amount


def _invalid(param: str, rule: str, *, code: str = "parameter_invalid") -> ApiError:
    return ApiError(
        400,
        INVALID_REQUEST,
        code,
        f"{param} {rule}.",
        param,
        next_step=f"Correct {param} and send the request again.",
    )
