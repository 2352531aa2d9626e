"""The wallet's application: services put together, operations turned into routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wristlet.links.problems import install_problem_handlers
from wristlet.model.wallet_messages import ErrorPage, Health
from wristlet.wallet import openapi
from wristlet.wallet.api import Call, Operation, Who, routes
from wristlet.wallet.cards import endpoints as card_endpoints
from wristlet.wallet.cards.service import CardService
from wristlet.wallet.cards.tasks import CardTasks
from wristlet.wallet.commits import endpoints as commit_endpoints
from wristlet.wallet.commits.service import CommitService
from wristlet.wallet.commits.tasks import CommitTasks
from wristlet.wallet.context import Context
from wristlet.wallet.devices import endpoints as device_endpoints
from wristlet.wallet.devices.order_service import OrderService
from wristlet.wallet.devices.phonebook import Phonebook
from wristlet.wallet.devices.service import DeviceService
from wristlet.wallet.devices.tasks import DeviceTasks
from wristlet.wallet.errors import ERRORS, refuse
from wristlet.wallet.events import endpoints as event_endpoints
from wristlet.wallet.events.service import EventService
from wristlet.wallet.replies import Replies
from wristlet.wallet.tasks import TaskRunner
from wristlet.wallet.tenants.service import Gate
from wristlet.wallet.transactions import endpoints as transaction_endpoints
from wristlet.wallet.transactions.service import TransactionService
from wristlet.wallet.wearers import endpoints as wearer_endpoints
from wristlet.wallet.wearers.service import WearerService

_REQUEST_ID_BYTES = 12


def operations(context: Context) -> tuple[Operation, ...]:
    """Put the services together and declare everything they offer."""
    every = (CardTasks(context), CommitTasks(context), DeviceTasks(context))
    runner = TaskRunner(
        context, {name: kind for one in every for name, kind in one.kinds().items()}
    )
    card_service = CardService(context, runner)
    device_service = DeviceService(context, runner, card_service)
    phonebook = Phonebook(context)
    order_service = OrderService(context, runner, phonebook)
    commit_service = CommitService(
        context, runner, device_service.secure_lost, device_service.catch_up
    )
    transactions = TransactionService(context, device_service.ask_again)
    return (
        *wearer_endpoints.operations(WearerService(context)),
        *device_endpoints.operations(device_service, phonebook, order_service),
        *card_endpoints.operations(card_service),
        *commit_endpoints.operations(commit_service),
        *transaction_endpoints.operations(transactions),
        *event_endpoints.operations(EventService(context)),
        *_service_operations(context),
    )


def create_app(context: Context) -> Starlette:
    """Build the application over an open database."""
    declared = operations(context)
    served = routes(declared, Gate(context), Replies(context))
    app = Starlette(routes=[*served, Route("/openapi.json", _openapi_endpoint(declared))])
    install_problem_handlers(app, new_request_id=_request_ids(context))
    return app


def _service_operations(context: Context) -> tuple[Operation, ...]:
    async def health(_: Call) -> Health:
        await context.database.read(lambda c: c.execute("SELECT 1").fetchone())
        return Health("ok", context.database.durability)

    async def error_page(call: Call) -> ErrorPage:
        kind = ERRORS.get(call.path["code"])
        if kind is None:
            raise refuse("object_not_found", "code")
        return ErrorPage(kind.code, kind.status, kind.type, kind.message, kind.next_step)

    return (
        Operation(
            "health_get",
            "service",
            "GET",
            "/health",
            "Tell that the server works, and how durable its answers are",
            health,
            Health,
            Who.PUBLIC,
        ),
        Operation(
            "error_get",
            "service",
            "GET",
            "/docs/errors/{code}",
            "Explain an error code",
            error_page,
            ErrorPage,
            Who.PUBLIC,
        ),
    )


def _openapi_endpoint(declared: tuple[Operation, ...]) -> Callable[[Request], Awaitable[Response]]:
    @cache
    def document() -> bytes:
        return msgspec.json.encode(openapi.document(declared))

    async def serve(_: Request) -> Response:
        return Response(document(), media_type="application/json")

    return serve


def _request_ids(context: Context) -> Callable[[], str]:
    return lambda: f"req_{context.env.random.bytes(_REQUEST_ID_BYTES).hex()}"
