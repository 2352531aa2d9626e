"""Handing a lease report to the token service: asked until answered, recorded with what follows."""

from __future__ import annotations

import hashlib
from sqlite3 import Connection

import msgspec

from wristlet.model.tsp_messages import LeaseReportCounted, SubmitLeaseReport
from wristlet.wallet.cards import changes
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import repository
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import Value
from wristlet.wallet.tasks import Asked, TaskKind, TaskResult, TaskRow
from wristlet.wire.receipt import TAG_LEASE_REPORT, LeaseReport, SignedStatement

LEASE_REPORT = "lease_report"


class DeviceTasks:
    """The kind of task about a strap itself, over one context."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def kinds(self) -> dict[str, TaskKind]:
        """Return every kind by name."""
        return {LEASE_REPORT: TaskKind(self._submit, self._record)}

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
        changes.follow(connection, env, device, ("", None), answer.follow_up)
        return TaskResult("")


def asked(task_id: str, report: str) -> Asked:
    """Return the question about one report; the same report is the same question."""
    request = msgspec.json.encode(SubmitLeaseReport(report)).decode()
    subject = hashlib.sha256(report.encode()).hexdigest()
    return Asked(LEASE_REPORT, subject, "", task_id, request)


def _request(row: TaskRow) -> SubmitLeaseReport:
    return msgspec.json.decode(row.request, type=SubmitLeaseReport)
