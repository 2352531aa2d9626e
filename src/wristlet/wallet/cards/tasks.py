"""The questions about cards that the token service answers: how each is put and recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from sqlite3 import Connection
from typing import Any

import msgspec

from wristlet.model.token import SeState, TokenState
from wristlet.model.tsp_messages import (
    ConfirmVerification,
    DigitizeAnswer,
    DigitizeRequest,
    EligibilityAnswer,
    LifecycleAnswer,
    LifecycleRequest,
    SelectVerification,
    VerificationResult,
)
from wristlet.wallet.cards import changes, repository, rules
from wristlet.wallet.cards.repository import CardRow, EligibilityRow
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import repository as devices
from wristlet.wallet.devices.repository import DeviceRow
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import NewEvent
from wristlet.wallet.remote import TokenServiceAnswerError
from wristlet.wallet.shapes import is_plain_text, is_reference
from wristlet.wallet.tasks import TaskKind, TaskResult, TaskRow

DIGITIZE, SELECT, CONFIRM = "digitize", "select_verification", "confirm_verification"
SUSPEND, RESUME, DELETE = "suspend", "resume", "delete"
LOSE, FIND = "lose", "find"

SUCCESS = "success"
_RESULTS = frozenset({"sent", SUCCESS, "incorrect_code", "expired_code", "tries_exceeded"})
_TRIES_LIMIT = 99

Lifecycle = Callable[[str, LifecycleRequest], Awaitable[LifecycleAnswer]]


class CardTasks:
    """The kinds of tasks about cards, over one context."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def kinds(self) -> dict[str, TaskKind]:
        """Return every kind by name."""
        tsp = self._context.tsp
        verbs = {
            SUSPEND: tsp.suspend,
            RESUME: tsp.resume,
            DELETE: tsp.delete,
            LOSE: tsp.suspend,
            FIND: tsp.resume,
        }
        return {
            DIGITIZE: TaskKind(self._digitize, self._record_digitized),
            SELECT: TaskKind(self._select, self._record_verification),
            CONFIRM: TaskKind(self._confirm, self._record_verification),
            **{kind: self._lifecycle(call) for kind, call in verbs.items()},
        }

    # Digitisation

    async def _digitize(self, row: TaskRow) -> DigitizeAnswer:
        return await self._context.tsp.digitize(_request(row, DigitizeRequest))

    def _record_digitized(
        self, connection: Connection, row: TaskRow, answer: DigitizeAnswer
    ) -> TaskResult:
        actor = Actor(row.tenant_id)
        device = devices.require(connection, actor, row.device_id)
        eligibility = repository.require_eligibility(connection, actor, row.subject)
        card = self._new_card(row, device, eligibility, answer)
        if card.replaces_card_id is None and answer.token is not None:
            mine = repository.of_device(connection, row.tenant_id, row.device_id)
            known = {one.token_reference: one.card_id for one in mine}
            # The same card typed again takes the older one's place.
            card = replace(card, replaces_card_id=known.get(answer.token.replaces or ""))
        repository.insert(connection, card)
        data = {"decision": card.decision, "reason": card.reason, "party": card.party}
        self._tell(connection, card, "card.added", data)
        if card.state == TokenState.DECLINED:
            self._tell(connection, card, "token.declined", data)
        elif rules.needs_verification(card):
            self._tell(connection, card, "token.verification_required", {})
        changes.follow(connection, self._context.env, device, (card.card_id, answer.script), ())
        return TaskResult(card.card_id)

    def _new_card(
        self, row: TaskRow, device: DeviceRow, eligibility: EligibilityRow, answer: DigitizeAnswer
    ) -> CardRow:
        _check_decision(answer)
        offer = msgspec.json.decode(eligibility.answer, type=EligibilityAnswer)
        declined = answer.decision == TokenState.DECLINED
        card = CardRow(
            tenant_id=row.tenant_id,
            card_id=row.card_id,
            device_id=row.device_id,
            wearer_id=device.wearer_id,
            eligibility_id=eligibility.eligibility_id,
            token_reference=None,
            state=TokenState.DECLINED if declined else TokenState.REQUESTED,
            suspended_by="",
            se_state=SeState.ABSENT if declined else SeState.LOADING,
            card_last4=offer.card_last4,
            token_last4=None,
            issuer_name=offer.issuer_name,
            product=offer.product,
            card_art=offer.card_art,
            instance_aid=None,
            decision=answer.decision,
            reason=answer.reason,
            party=answer.party,
            verification_methods=msgspec.json.encode(answer.verification_methods).decode(),
            verified=0,
            created_ms=self._context.now_ms(),
            replaces_card_id=eligibility.source_card_id,
        )
        if answer.token is None or declined:
            return card
        rules.check_token(answer.token, device.se_id, None)
        return rules.with_token(card, answer.token)

    # Verification

    async def _select(self, row: TaskRow) -> VerificationResult:
        reference = await self._reference(row)
        request = _request(row, SelectVerification)
        return await self._context.tsp.select_verification(reference, request)

    async def _confirm(self, row: TaskRow) -> VerificationResult:
        reference = await self._reference(row)
        request = _request(row, ConfirmVerification)
        return await self._context.tsp.confirm_verification(reference, request)

    def _record_verification(
        self, connection: Connection, row: TaskRow, answer: VerificationResult
    ) -> TaskResult:
        if answer.result not in _RESULTS or not 0 <= answer.tries_left <= _TRIES_LIMIT:
            raise TokenServiceAnswerError("result")
        card = repository.require(connection, Actor(row.tenant_id), row.card_id)
        device = devices.require(connection, Actor(row.tenant_id), row.device_id)
        rules.check_token(answer.token, device.se_id, card.token_reference)
        verified = card.verified or int(answer.result == SUCCESS)
        changed = replace(rules.with_token(card, answer.token), verified=verified)
        changes.save(connection, self._context.env, card, changed)
        data = {"result": answer.result, "tries_left": answer.tries_left}
        self._tell(connection, changed, "token.verification_answered", data)
        own = (card.card_id, answer.script)
        changes.follow(connection, self._context.env, device, own, answer.follow_up)
        return TaskResult(card.card_id, answer.result, answer.tries_left)

    # Life cycle

    def _lifecycle(self, call: Lifecycle) -> TaskKind:
        async def ask(row: TaskRow) -> LifecycleAnswer:
            return await call(await self._reference(row), _request(row, LifecycleRequest))

        return TaskKind(ask, self._record_lifecycle)

    def _record_lifecycle(
        self, connection: Connection, row: TaskRow, answer: LifecycleAnswer
    ) -> TaskResult:
        card = repository.require(connection, Actor(row.tenant_id), row.card_id)
        device = devices.require(connection, Actor(row.tenant_id), row.device_id)
        rules.check_token(answer.token, device.se_id, card.token_reference)
        changed = rules.with_token(card, answer.token)
        changes.save(connection, self._context.env, card, changed)
        own = (card.card_id, answer.script)
        changes.follow(connection, self._context.env, device, own, answer.follow_up)
        return TaskResult(card.card_id)

    # Common

    async def _reference(self, row: TaskRow) -> str:
        card = await self._context.database.read(
            lambda c: repository.require(c, Actor(row.tenant_id), row.card_id)
        )
        # Every card for which a task is stored has a token; `-` names none.
        return card.token_reference or "-"

    def _tell(
        self, connection: Connection, card: CardRow, type_: str, data: dict[str, Any]
    ) -> None:
        event = NewEvent(type_, card.wearer_id, card.device_id, card.card_id, data)
        events.append(connection, self._context.env, card.tenant_id, event)


def _request(row: TaskRow, kind: type[Any]) -> Any:
    return msgspec.json.decode(row.request, type=kind)


def _check_decision(answer: DigitizeAnswer) -> None:
    """Refuse a decision that contradicts itself or holds what must not be kept."""
    declined = answer.decision == TokenState.DECLINED
    whole = answer.token is not None and answer.script is not None
    texts = [answer.reason, answer.party]
    for method in answer.verification_methods:
        texts += [method.kind, method.hint]
    checks = (
        ("decision", answer.decision in rules.DECISIONS),
        ("script", answer.script is None if declined else whole),
        ("verification_methods", all(is_reference(m.id) for m in answer.verification_methods)),
        ("verification_methods", declined or answer.decision == rules.APPROVED or bool(texts[2:])),
        ("reason", all(is_plain_text(text) for text in texts)),
    )
    for name, good in checks:
        if not good:
            raise TokenServiceAnswerError(name)
