"""Straps: registering, certifying phones, losing and finding."""

from __future__ import annotations

from contextlib import suppress
from sqlite3 import Connection
from typing import Protocol

from wristlet.links.problems import ApiError
from wristlet.model.token import Suspender
from wristlet.model.tsp_messages import DeviceRegistered, RegisterDevice
from wristlet.model.wallet_messages import (
    ActiveCard,
    Card,
    ChangeReason,
    Device,
    DeviceList,
    LeaseReportAccepted,
    LeaseReportSubmit,
    PairDevice,
    PinState,
    PinStatementSubmit,
    RenameDevice,
)
from wristlet.wallet import shapes
from wristlet.wallet.cards import changes, rules, tasks
from wristlet.wallet.cards import repository as cards
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import repository
from wristlet.wallet.devices import tasks as device_tasks
from wristlet.wallet.devices.repository import LOST, PAIRED, DeviceRow
from wristlet.wallet.errors import refuse
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import Value
from wristlet.wallet.remote import TokenServiceRefused, ask_tsp
from wristlet.wallet.tasks import Asked, Prepare, TaskRunner


class CardChanges(Protocol):
    """What lost and found need of the card service."""

    def preparation(
        self, actor: Actor, card_id: str, kind: str, by: Suspender, reason: str
    ) -> Prepare:
        """Return what checks a change of a token's life and stores its question."""
        ...

    async def get(self, actor: Actor, card_id: str, *, refresh: bool = False) -> Card:
        """Return a card, with `refresh` as the token service sees it now."""
        ...


class DeviceService:
    """Straps; every method refuses what the actor may not see like what is not there."""

    def __init__(self, context: Context, runner: TaskRunner, card_changes: CardChanges) -> None:
        self._context = context
        self._runner = runner
        self._cards = card_changes

    # Registering

    async def pair(self, actor: Actor, request: PairDevice) -> Device:
        """Register a strap for the wearer: first at the token service, which must trust its SE."""
        shapes.check_text(request.name, "name")
        shapes.check_certificates(request.attestation_chain, "attestation_chain")
        shapes.check_certificates(request.domain_chain, "domain_chain")
        question = RegisterDevice(request.attestation_chain, request.domain_chain)
        answer = await ask_tsp(self._context.tsp.register_device(question))
        _check_registered(answer)
        row = DeviceRow(
            tenant_id=actor.tenant_id,
            device_id=self._context.new_id("dev"),
            wearer_id=actor.wearer_id or "",
            name=request.name,
            se_id=answer.se_id,
            model=answer.model,
            state=PAIRED,
            commits_last=0,
            commits_acknowledged=0,
            created_ms=self._context.now_ms(),
        )

        def record(connection: Connection) -> DeviceRow:
            known = repository.of_se(connection, row.tenant_id, row.se_id)
            if known is None:
                repository.insert(connection, row)
                self._tell(connection, row, "device.paired", {"model": row.model})
                return row
            if known.wearer_id != row.wearer_id:
                raise refuse("device_taken")
            return known

        return view(await self._context.database.write(record))

    # Looking

    async def get(self, actor: Actor, device_id: str) -> Device:
        """Return a strap."""
        return view(await self._row(actor, device_id))

    async def rename(self, actor: Actor, device_id: str, request: RenameDevice) -> Device:
        """Give a strap another name; the same name again changes nothing."""
        shapes.check_text(request.name, "name")

        def record(connection: Connection) -> None:
            device = repository.require(connection, actor, device_id)
            if device.name != request.name:
                repository.set_name(connection, device, request.name)
                self._tell(connection, device, "device.renamed", {"name": request.name})

        await self._context.database.write(record)
        return await self.get(actor, device_id)

    async def list(self, actor: Actor, after: str, limit: int) -> DeviceList:
        """Return a page of straps, by id."""
        found = await self._context.database.read(
            lambda c: repository.page(c, actor, after, limit + 1)
        )
        page = found[:limit]
        more = len(found) > limit
        return DeviceList(
            [view(row) for row in page],
            has_more=more,
            next_cursor=page[-1].device_id if more else None,
        )

    # Lost and found

    async def mark_lost(self, actor: Actor, device_id: str, request: ChangeReason) -> Device:
        """Mark a strap lost, then suspend each of its tokens; repeat it until it succeeds."""
        shapes.check_text(request.reason, "reason", empty=True)

        def mark(connection: Connection) -> None:
            device = repository.require(connection, actor, device_id)
            if device.state != LOST:
                repository.set_state(connection, device, LOST)
                self._tell(connection, device, "device.lost", {"reason": request.reason})

        await self._context.database.write(mark)
        await self.secure_lost(actor, device_id, request.reason)
        return await self.get(actor, device_id)

    async def secure_lost(self, actor: Actor, device_id: str, reason: str = "") -> None:
        """Suspend every token of a lost strap that is not yet suspended for that."""
        await self._each_card(actor, device_id, tasks.LOSE, reason)

    async def mark_found(self, actor: Actor, device_id: str, request: ChangeReason) -> Device:
        """Take back what losing did to each token, and only that; then the strap is paired."""
        shapes.check_text(request.reason, "reason", empty=True)
        device = await self._row(actor, device_id)
        if device.state == LOST:
            await self._each_card(actor, device_id, tasks.FIND, request.reason)

        def mark(connection: Connection) -> None:
            current = repository.require(connection, actor, device_id)
            if current.state == LOST:
                repository.set_state(connection, current, PAIRED)
                self._tell(connection, current, "device.found", {"reason": request.reason})

        await self._context.database.write(mark)
        return await self.get(actor, device_id)

    async def _each_card(self, actor: Actor, device_id: str, kind: str, reason: str) -> None:
        """Change all tokens of a strap, one after another; what is done stays done."""
        rows = await self._context.database.read(
            lambda c: cards.of_device(c, actor.tenant_id, device_id)
        )
        wanted = [row for row in rows if _concerns(row, kind)]
        for done, row in enumerate(wanted):
            try:
                await self._change(actor, row, kind, reason)
            except ApiError as error:
                if kind == tasks.LOSE and not isinstance(error, TokenServiceRefused):
                    raise _partly_lost(error, done, len(wanted)) from None
                raise

    async def _change(self, actor: Actor, row: cards.CardRow, kind: str, reason: str) -> None:
        by = Suspender.TOKEN_REQUESTOR
        prepare = self._cards.preparation(actor, row.card_id, kind, by, reason)
        try:
            await self._runner.run(actor, row.device_id, kind, row.card_id, prepare)
        except TokenServiceRefused:
            # Deleted there meanwhile? Then there is nothing left to do.
            card = await self._cards.get(actor, row.card_id, refresh=True)
            still = await self._context.database.read(lambda c: cards.require(c, actor, card.id))
            if _concerns(still, kind):
                raise

    # Reports from the strap

    async def report_active_card(self, actor: Actor, device_id: str, request: ActiveCard) -> Card:
        """Store which card the wearer chose on the secure element."""

        def record(connection: Connection) -> Card:
            device = repository.require(connection, actor, device_id)
            card = cards.require(connection, actor, request.card_id)
            if card.device_id != device_id or not rules.can_select(card):
                raise refuse("action_not_allowed", "card_id")
            chosen = changes.select(connection, self._context.env, card)
            return rules.view(chosen, device.state)

        return await self._context.database.write(record)

    async def submit_lease_report(
        self, actor: Actor, device_id: str, request: LeaseReportSubmit
    ) -> LeaseReportAccepted:
        """Pass a lease report on to the token service, which checks its signature.

        The answer may bring scripts, so it takes its turn among all questions about the strap.
        """
        report = shapes.lease_report(request.report, "report")
        device = await self._row(actor, device_id)
        if report.se_id.hex() != device.se_id:
            raise refuse("receipt_mismatch", "report")
        question = device_tasks.asked(self._context.new_id("task"), request.report)
        await self._runner.run(
            actor, device_id, question.kind, question.subject, lambda _: question
        )
        return LeaseReportAccepted(device_id)

    async def submit_pin_statement(
        self, actor: Actor, device_id: str, request: PinStatementSubmit
    ) -> PinState:
        """Pass the secure element's word about its PIN on to the token service.

        While the PIN is blocked its tokens are suspended for that; the answer may bring scripts.
        """
        statement = shapes.pin_statement(request.statement, "statement")
        device = await self._row(actor, device_id)
        if statement.se_id.hex() != device.se_id:
            raise refuse("receipt_mismatch", "statement")
        question = device_tasks.asked_pin(self._context.new_id("task"), request.statement)
        await self._runner.run(
            actor, device_id, question.kind, question.subject, lambda _: question
        )
        return PinState(device_id, statement.pin_set, statement.blocked)

    # What the token service decided by itself

    async def refresh(self, actor: Actor, device_id: str) -> Device:
        """Ask the token service for its tokens on a strap, and for scripts that wait there."""
        await self.ask_again(actor, device_id)
        return await self.get(actor, device_id)

    async def ask_again(self, actor: Actor, device_id: str) -> None:
        """Do the asking of `refresh`; what notifications came before it needs no asking more."""

        def prepare(connection: Connection) -> Asked:
            device = repository.require(connection, actor, device_id)
            seen = repository.refresh_due(connection, device)
            return device_tasks.asked_orders(self._context.new_id("task"), seen)

        await self._runner.run(
            actor, device_id, device_tasks.ORDERS, device_tasks.ORDERS_SUBJECT, prepare
        )

    async def catch_up(self, actor: Actor, device_id: str) -> None:
        """Ask if a notification said that there is something to ask for; never refuses."""

        def is_due(connection: Connection) -> bool:
            device = repository.require(connection, actor, device_id)
            return repository.refresh_due(connection, device) > 0

        if await self._context.database.read(is_due):
            with suppress(ApiError):
                await self.ask_again(actor, device_id)

    # Common

    async def _row(self, actor: Actor, device_id: str) -> DeviceRow:
        return await self._context.database.read(lambda c: repository.require(c, actor, device_id))

    def _tell(
        self, connection: Connection, row: DeviceRow, type_: str, data: dict[str, Value]
    ) -> None:
        event = events.NewEvent(type_, row.wearer_id, row.device_id, None, data)
        events.append(connection, self._context.env, row.tenant_id, event)


def view(row: DeviceRow) -> Device:
    """Return a strap as the API shows it."""
    paired = ["certify_phone", "check_eligibility", "reset_pin", "add_phone", "mark_lost"]
    return Device(
        id=row.device_id,
        name=row.name,
        se_id=row.se_id,
        model=row.model,
        state=row.state,
        commits_last=row.commits_last,
        commits_acknowledged=row.commits_acknowledged,
        created_ms=row.created_ms,
        allowed_actions=paired if row.state == PAIRED else ["mark_lost", "mark_found"],
        wearer_id=row.wearer_id,
    )


def _concerns(row: cards.CardRow, kind: str) -> bool:
    """Whether a token still has to be suspended for the loss, or resumed after it."""
    held = Suspender.TOKEN_REQUESTOR in rules.owners(row)
    return row.state in rules.LIVING and held == (kind == tasks.FIND)


def _partly_lost(error: ApiError, done: int, total: int) -> ApiError:
    message = (
        f"The strap is marked lost; {done} of {total} cards are suspended at the token service, "
        "the others not yet."
    )
    return refuse(error.code, message=message)


def _check_registered(answer: DeviceRegistered) -> None:
    if not shapes.is_hex(answer.se_id) or not shapes.is_reference(answer.model):
        raise refuse("token_service_failed")
