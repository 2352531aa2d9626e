"""The log of scripts: reading it, and moving its pointer by accepted receipts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from sqlite3 import Connection

from wristlet.model.token import SeState
from wristlet.model.wallet_messages import (
    CommitList,
    CommitProgress,
    CommitReceipt,
    CommitReport,
)
from wristlet.wallet import shapes
from wristlet.wallet.cards import changes
from wristlet.wallet.cards import repository as cards
from wristlet.wallet.cards import rules as card_rules
from wristlet.wallet.commits import repository, rules, tasks
from wristlet.wallet.commits.repository import ACKNOWLEDGED, STUCK, SUPERSEDED, CommitRow
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import repository as devices
from wristlet.wallet.devices.repository import LOST, DeviceRow
from wristlet.wallet.errors import refuse
from wristlet.wallet.events.repository import Value
from wristlet.wallet.remote import TokenServiceRefused
from wristlet.wallet.tasks import Asked, TaskResult, TaskRunner
from wristlet.wire.receipt import Receipt

SecureLost = Callable[[Actor, str], Awaitable[None]]
CatchUp = Callable[[Actor, str], Awaitable[None]]

_SW_LIMIT = 0xFFFF
_INDEX_LIMIT = changes.APDUS_LIMIT


class CommitService:
    """One strap's log; `secure_lost` suspends what became active on a lost strap, `catch_up` asks
    the token service for scripts that a notification promised.
    """

    def __init__(
        self, context: Context, runner: TaskRunner, secure_lost: SecureLost, catch_up: CatchUp
    ) -> None:
        self._context = context
        self._runner = runner
        self._secure_lost = secure_lost
        self._catch_up = catch_up

    async def list(self, actor: Actor, device_id: str, after: int | None, limit: int) -> CommitList:
        """Return commits after a sequence number; without one, those after the pointer."""
        await self._catch_up(actor, device_id)

        def read(connection: Connection) -> CommitList:
            device = devices.require(connection, actor, device_id)
            start = device.commits_acknowledged if after is None else after
            found = repository.after(connection, device, start, limit + 1)
            page = found[:limit]
            cursor = page[-1].sequence if page else start
            return CommitList(
                [rules.view(row) for row in page],
                has_more=len(found) > limit,
                next_cursor=str(cursor),
            )

        return await self._context.database.read(read)

    async def submit_receipt(
        self, actor: Actor, device_id: str, sequence: int, request: CommitReceipt
    ) -> CommitProgress:
        """Acknowledge the first open commit; a repeated receipt changes nothing.

        Stuck ones before it are superseded: the secure element takes rising numbers only. The
        answer may bring scripts, so it takes its turn among all questions about the strap.
        """
        statement = shapes.receipt(request.receipt, "receipt")
        device, commit = await self._entry(actor, device_id, sequence)
        _check_same(statement, device, commit)

        def prepare(connection: Connection) -> Asked | TaskResult:
            current = devices.require(connection, actor, device_id)
            if repository.require(connection, current, sequence).state == ACKNOWLEDGED:
                return TaskResult(commit.card_id or "")
            first = sequence > current.commits_acknowledged and all(
                one.state == STUCK for one in repository.before(connection, current, sequence)
            )
            if not first:
                raise refuse("commit_out_of_order", "sequence")
            return tasks.asked(self._context.new_id("task"), commit, request.receipt)

        subject = tasks.subject_of(commit, request.receipt)
        try:
            await self._runner.run(actor, device_id, tasks.RECEIPT, subject, prepare)
        except TokenServiceRefused:
            raise refuse("receipt_refused", "receipt") from None
        # It may have been marked lost meanwhile, when this card was not active yet.
        device, _ = await self._entry(actor, device_id, sequence)
        if device.state == LOST:
            await self._secure_lost(actor, device_id)
        return await self._progress(actor, device_id, sequence)

    async def report(
        self, actor: Actor, device_id: str, sequence: int, request: CommitReport
    ) -> CommitProgress:
        """Keep what went wrong with a run; the card on the SE is unknown until a receipt."""
        _check_report(request)
        data: dict[str, Value] = {
            "apdu_index": request.apdu_index,
            "reason": request.reason,
            "sw": request.sw,
        }

        def record(connection: Connection) -> None:
            device = devices.require(connection, actor, device_id)
            commit = repository.require(connection, device, sequence)
            if commit.state in (ACKNOWLEDGED, SUPERSEDED):
                return
            failed = rules.after_report(commit, request)
            repository.report(connection, failed)
            env = self._context.env
            if failed.report != commit.report:
                tasks.tell(connection, env, device, commit, "commit.reported", data)
            if failed.state == STUCK != commit.state:
                why: dict[str, Value] = {"reason": rules.reason(failed)}
                tasks.tell(connection, env, device, commit, "commit.stuck", why)
            if commit.card_id is not None:
                card = cards.require(connection, actor, commit.card_id)
                unknown = replace(card, se_state=SeState.UNKNOWN)
                changes.save(connection, env, card, unknown)

        await self._context.database.write(record)
        return await self._progress(actor, device_id, sequence)

    async def _entry(
        self, actor: Actor, device_id: str, sequence: int
    ) -> tuple[DeviceRow, CommitRow]:
        def read(connection: Connection) -> tuple[DeviceRow, CommitRow]:
            device = devices.require(connection, actor, device_id)
            return device, repository.require(connection, device, sequence)

        return await self._context.database.read(read)

    async def _progress(self, actor: Actor, device_id: str, sequence: int) -> CommitProgress:
        def read(connection: Connection) -> CommitProgress:
            device = devices.require(connection, actor, device_id)
            commit = repository.require(connection, device, sequence)
            card = None
            if commit.card_id is not None:
                row = cards.require(connection, actor, commit.card_id)
                card = card_rules.view(row, device.state)
            return CommitProgress(
                sequence=sequence,
                state=commit.state,
                commits_last=device.commits_last,
                commits_acknowledged=device.commits_acknowledged,
                card=card,
            )

        return await self._context.database.read(read)


def _check_same(receipt: Receipt, device: DeviceRow, commit: CommitRow) -> None:
    """Refuse a receipt of another script before the token service is asked."""
    named = (receipt.se_id.hex(), receipt.domain_aid.hex(), receipt.number)
    if named != (device.se_id, commit.domain_aid, commit.script_number):
        raise refuse("receipt_mismatch", "receipt")


def _check_report(request: CommitReport) -> None:
    shapes.check_text(request.reason, "reason")
    if not 0 <= request.apdu_index <= _INDEX_LIMIT:
        raise refuse("parameter_invalid", "apdu_index")
    if request.sw is not None and not 0 <= request.sw <= _SW_LIMIT:
        raise refuse("parameter_invalid", "sw")
