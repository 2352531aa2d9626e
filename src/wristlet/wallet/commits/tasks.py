"""Handing a receipt to the token service: asked until answered, recorded with all that follows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from sqlite3 import Connection

import msgspec

from wristlet.env.base import Env
from wristlet.model.token import SeState
from wristlet.model.tsp_messages import ReceiptAccepted, SubmitReceipt
from wristlet.wallet.cards import changes, rules
from wristlet.wallet.cards import repository as cards
from wristlet.wallet.commits import repository
from wristlet.wallet.commits.repository import CommitRow
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import orders
from wristlet.wallet.devices import repository as devices
from wristlet.wallet.devices.repository import DeviceRow
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import NewEvent, Value
from wristlet.wallet.remote import TokenServiceAnswerError
from wristlet.wallet.tasks import Asked, TaskKind, TaskResult, TaskRow

RECEIPT = "receipt"


class CommitTasks:
    """The kind of task about a strap's log, over one context."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def kinds(self) -> dict[str, TaskKind]:
        """Return every kind by name."""
        return {RECEIPT: TaskKind(self._submit, self._record)}

    async def _submit(self, row: TaskRow) -> ReceiptAccepted:
        request = msgspec.json.decode(row.request, type=SubmitReceipt)
        return await self._context.tsp.submit_receipt(request)

    def _record(self, connection: Connection, row: TaskRow, answer: ReceiptAccepted) -> TaskResult:
        """Move the log's pointer, and store what the token service says of cards and scripts."""
        env = self._context.env
        device = devices.require(connection, Actor(row.tenant_id), row.device_id)
        commit = repository.require(connection, device, _sequence_of(row))
        if (answer.se_id, answer.number) != (device.se_id, commit.script_number):
            raise TokenServiceAnswerError("number")
        overtaken = repository.before(connection, device, commit.sequence)
        if devices.acknowledge(connection, device, commit.sequence):
            for one in overtaken:
                repository.supersede(connection, one)
                tell(connection, env, device, one, "commit.superseded", {})
            repository.finish(connection, commit)
            tell(connection, env, device, commit, "commit.acknowledged", {})
            if commit.card_id is not None:
                self._move_card(connection, device, commit.card_id, answer)
            orders.committed(connection, env, device, commit)
            changes.follow(connection, env, device, (None, None), answer.follow_up, answer.scripts)
        return TaskResult(row.card_id)

    def _move_card(
        self, connection: Connection, device: DeviceRow, card_id: str, answer: ReceiptAccepted
    ) -> None:
        env = self._context.env
        card = cards.require(connection, Actor(device.tenant_id), card_id)
        if answer.token is not None:
            rules.check_token(answer.token, device.se_id, card.token_reference)
            card = changes.save(connection, env, card, rules.with_token(card, answer.token))
        se_state = rules.se_state_of(answer.contactless_state)
        was_selected = card.se_state == SeState.SELECTED
        changes.move_on_se(connection, env, card, se_state)
        if was_selected and se_state == SeState.ABSENT:
            changes.hand_over(connection, env, card)


def subject_of(commit: CommitRow, receipt: str) -> str:
    """Tell questions apart: another receipt for the same script is another question."""
    return f"{commit.sequence} {hashlib.sha256(receipt.encode()).hexdigest()}"


def asked(task_id: str, commit: CommitRow, receipt: str) -> Asked:
    """Return the question about one receipt."""
    request = msgspec.json.encode(SubmitReceipt(receipt)).decode()
    return Asked(RECEIPT, subject_of(commit, receipt), commit.card_id or "", task_id, request)


def _sequence_of(row: TaskRow) -> int:
    return int(row.subject.partition(" ")[0])


def tell(
    connection: Connection,
    env: Env,
    device: DeviceRow,
    commit: CommitRow,
    type_: str,
    data: Mapping[str, Value],
) -> None:
    """Write an event about one script of the log."""
    whole = {"sequence": commit.sequence, "kind": commit.kind, **data}
    event = NewEvent(type_, device.wearer_id, device.device_id, commit.card_id, whole)
    events.append(connection, env, device.tenant_id, event)
