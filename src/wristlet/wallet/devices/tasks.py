"""The questions about a strap itself: asked until answered, recorded with what follows.

Its lease report, its word about the PIN, the proof for an order to it, and what waits for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from sqlite3 import Connection

import msgspec

from wristlet.model.tsp_messages import (
    ConfirmVerification,
    DeviceOrderResult,
    FetchOrders,
    LeaseReportCounted,
    OrdersFetched,
    PinStatementCounted,
    SubmitLeaseReport,
    SubmitPinStatement,
)
from wristlet.wallet.cards import changes
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import orders, repository
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import Value
from wristlet.wallet.tasks import Asked, TaskKind, TaskResult, TaskRow
from wristlet.wire.receipt import TAG_LEASE_REPORT, LeaseReport, SignedStatement

LEASE_REPORT = "lease_report"
PIN_STATEMENT, ORDERS, CONFIRM_ORDER = "pin_statement", "orders", "confirm_order"
ORDERS_SUBJECT = "all"


class DeviceTasks:
    """The kinds of tasks about a strap itself, over one context."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def kinds(self) -> dict[str, TaskKind]:
        """Return every kind by name."""
        return {
            LEASE_REPORT: TaskKind(self._submit, self._record),
            PIN_STATEMENT: TaskKind(self._submit_pin, self._record_pin),
            ORDERS: TaskKind(self._fetch, self._record_orders),
            CONFIRM_ORDER: TaskKind(self._confirm, self._record_proof),
        }

    async def _submit(self, row: TaskRow) -> LeaseReportCounted:
        return await self._context.tsp.submit_lease_report(_request(row))

    def _record(
        self, connection: Connection, row: TaskRow, answer: LeaseReportCounted
    ) -> TaskResult:
        """Store which tokens the right PIN brought back, and the scripts for the strap."""
        env = self._context.env
        device = repository.require(connection, Actor(row.tenant_id), row.device_id)
        statement = SignedStatement.parse(bytes.fromhex(_request(row).report), TAG_LEASE_REPORT)
        report = LeaseReport.parse(statement.body)
        data: dict[str, Value] = {
            "unlock_counter": report.unlock_counter,
            "taps_max": report.taps_max,
        }
        event = events.NewEvent("unlock.reported", device.wearer_id, device.device_id, None, data)
        events.append(connection, env, device.tenant_id, event)
        changes.follow(connection, env, device, (None, None), answer.follow_up)
        return TaskResult("")

    async def _submit_pin(self, row: TaskRow) -> PinStatementCounted:
        request = msgspec.json.decode(row.request, type=SubmitPinStatement)
        return await self._context.tsp.submit_pin_statement(request)

    def _record_pin(
        self, connection: Connection, row: TaskRow, answer: PinStatementCounted
    ) -> TaskResult:
        """Store which tokens a blocked PIN suspended, or a new one brought back."""
        env = self._context.env
        device = repository.require(connection, Actor(row.tenant_id), row.device_id)
        if answer.blocked or answer.pin_set:
            type_ = "pin.locked" if answer.blocked else "pin.usable"
            event = events.NewEvent(type_, device.wearer_id, device.device_id)
            events.append(connection, env, device.tenant_id, event)
        changes.follow(connection, env, device, (None, None), answer.follow_up)
        return TaskResult("")

    async def _fetch(self, row: TaskRow) -> OrdersFetched:
        device = await self._context.database.read(
            lambda c: repository.require(c, Actor(row.tenant_id), row.device_id)
        )
        request = msgspec.json.decode(row.request, type=_Fetch)
        return await self._context.tsp.fetch_orders(device.se_id, FetchOrders(request.task_id))

    def _record_orders(
        self, connection: Connection, row: TaskRow, answer: OrdersFetched
    ) -> TaskResult:
        """Store the tokens as they are now, with scripts and successors that waited."""
        device = repository.require(connection, Actor(row.tenant_id), row.device_id)
        request = msgspec.json.decode(row.request, type=_Fetch)
        changes.follow(connection, self._context.env, device, (None, None), answer.follow_up)
        repository.refreshed(connection, device, request.seen)
        return TaskResult("")

    async def _confirm(self, row: TaskRow) -> DeviceOrderResult:
        order = await self._context.database.read(
            lambda c: orders.require(c, Actor(row.tenant_id), row.device_id, row.card_id)
        )
        request = msgspec.json.decode(row.request, type=ConfirmVerification)
        return await self._context.tsp.confirm_order_verification(order.reference, request)

    def _record_proof(
        self, connection: Connection, row: TaskRow, answer: DeviceOrderResult
    ) -> TaskResult:
        """Store how the proof went; the right code puts the order's script into the log."""
        env, actor = self._context.env, Actor(row.tenant_id)
        device = repository.require(connection, actor, row.device_id)
        order = orders.require(connection, actor, row.device_id, row.card_id)
        orders.answered(connection, env, device, order, answer)
        changes.follow(connection, env, device, (None, answer.script), ())
        return TaskResult(order.order_id, answer.result, answer.tries_left)


@dataclass(frozen=True, slots=True)
class _Fetch:
    """The stored question for what waits; `seen` is the newest notification before it."""

    task_id: str
    seen: int


def asked_orders(task_id: str, seen: int) -> Asked:
    """Return the question for what waits for a strap."""
    request = msgspec.json.encode(_Fetch(task_id, seen)).decode()
    return Asked(ORDERS, ORDERS_SUBJECT, "", task_id, request)


def asked_pin(task_id: str, statement: str) -> Asked:
    """Return the question about one statement; the same statement is the same question."""
    request = msgspec.json.encode(SubmitPinStatement(statement)).decode()
    subject = hashlib.sha256(statement.encode()).hexdigest()
    return Asked(PIN_STATEMENT, subject, "", task_id, request)


def asked_proof(task_id: str, order_id: str, code_jwe: str) -> Asked:
    """Return the question about one code for an order."""
    request = msgspec.json.encode(ConfirmVerification(code_jwe, task_id)).decode()
    subject = f"{order_id} {hashlib.sha256(code_jwe.encode()).hexdigest()}"
    return Asked(CONFIRM_ORDER, subject, order_id, task_id, request)


def asked(task_id: str, report: str) -> Asked:
    """Return the question about one report; the same report is the same question."""
    request = msgspec.json.encode(SubmitLeaseReport(report)).decode()
    subject = hashlib.sha256(report.encode()).hexdigest()
    return Asked(LEASE_REPORT, subject, "", task_id, request)


def _request(row: TaskRow) -> SubmitLeaseReport:
    return msgspec.json.decode(row.request, type=SubmitLeaseReport)
