"""What a wearer does with cards: add, verify, look, suspend, resume, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from sqlite3 import Connection

import msgspec

from wristlet.model.token import Suspender, TokenState
from wristlet.model.tsp_messages import (
    CardKey,
    ConfirmVerification,
    DigitizeRequest,
    EligibilityAnswer,
    EligibilityRequest,
    LifecycleRequest,
    RedigitizeRequest,
    SelectVerification,
    TokenInfo,
)
from wristlet.model.wallet_messages import (
    AddCard,
    Card,
    CardList,
    ChangeReason,
    CheckEligibility,
    Eligibility,
    FinishVerification,
    RedigitizeCard,
    StartVerification,
    Verification,
)
from wristlet.wallet import shapes
from wristlet.wallet.cards import changes, repository, rules, tasks
from wristlet.wallet.cards.repository import CardRow, EligibilityRow
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import repository as devices
from wristlet.wallet.devices.repository import LOST, DeviceRow
from wristlet.wallet.errors import refuse
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import NewEvent
from wristlet.wallet.remote import TokenServiceAnswerError, ask_tsp
from wristlet.wallet.tasks import Asked, Prepare, TaskResult, TaskRunner
from wristlet.wire.receipt import TAG_PIN_STATEMENT


class CardService:
    """Cards on straps; every method refuses what the actor may not see like what is not there."""

    def __init__(self, context: Context, runner: TaskRunner) -> None:
        self._context = context
        self._runner = runner

    # Adding

    async def card_key(self) -> CardKey:
        """Pass on the token service's card-data key; the phone checks its chain itself."""
        return await ask_tsp(self._context.tsp.card_key())

    async def check_eligibility(self, actor: Actor, request: CheckEligibility) -> Eligibility:
        """Ask the token service about a card; the same JWE asked again is the same question."""
        shapes.check_jwe(request.card_jwe, "card_jwe")
        device = await self._device(actor, request.device_id)
        _at_hand(device)
        place = f"{device.tenant_id}\n{device.device_id}\n{request.card_jwe}".encode()
        task_id = f"task_{hashlib.sha256(place).hexdigest()[:40]}"
        question = EligibilityRequest(task_id, device.se_id, request.card_jwe)
        answer = await ask_tsp(self._context.tsp.check_eligibility(question))
        return await self._keep_offer(device, task_id, answer, None)

    async def redigitize(self, actor: Actor, card_id: str, request: RedigitizeCard) -> Eligibility:
        """Ask for an offer about a card that the wearer has, for the same or another strap."""
        device = await self._device(actor, request.device_id)
        _at_hand(device)
        card = await self._card(actor, card_id)
        living = card.state in (TokenState.ACTIVE, TokenState.SUSPENDED)
        if card.token_reference is None or not living or card.wearer_id != device.wearer_id:
            raise refuse("action_not_allowed")
        task_id = self._context.new_id("task")
        question = RedigitizeRequest(task_id, device.se_id)
        answer = await ask_tsp(self._context.tsp.redigitize(card.token_reference, question))
        return await self._keep_offer(device, task_id, answer, card_id)

    async def _keep_offer(
        self,
        device: DeviceRow,
        task_id: str,
        answer: EligibilityAnswer,
        source_card_id: str | None,
    ) -> Eligibility:
        _check_offer(answer)
        row = EligibilityRow(
            tenant_id=device.tenant_id,
            eligibility_id=self._context.new_id("elig"),
            device_id=device.device_id,
            wearer_id=device.wearer_id,
            task_id=task_id,
            answer=msgspec.json.encode(answer).decode(),
            expires_ms=answer.expires_ms,
            created_ms=self._context.now_ms(),
            source_card_id=source_card_id,
        )

        def record(connection: Connection) -> EligibilityRow:
            stored = repository.insert_eligibility(connection, row)
            if stored.eligibility_id == row.eligibility_id:
                data = {"eligibility_id": row.eligibility_id, "product": answer.product}
                event = NewEvent(
                    "card.eligibility_checked", row.wearer_id, row.device_id, None, data
                )
                events.append(connection, self._context.env, row.tenant_id, event)
            return stored

        return _eligibility(await self._context.database.write(record))

    async def add(self, actor: Actor, request: AddCard) -> Card:
        """Have an eligible card digitised; an eligibility becomes one card, however often asked."""
        shapes.check_reference(request.eligibility_id, "eligibility_id")
        shapes.statement_body(request.pin_statement, TAG_PIN_STATEMENT, "pin_statement")
        if not request.terms_accepted:
            raise refuse("terms_not_accepted", "terms_accepted")
        found = await self._context.database.read(
            lambda c: repository.require_eligibility(c, actor, request.eligibility_id)
        )

        def prepare(connection: Connection) -> Asked | TaskResult:
            known = repository.of_eligibility(connection, actor.tenant_id, found.eligibility_id)
            if known is not None:
                return TaskResult(known)
            _at_hand(devices.require(connection, actor, found.device_id))
            if found.expires_ms <= self._context.now_ms():
                raise refuse("eligibility_expired", "eligibility_id")
            return self._digitize(found, request.pin_statement)

        result = await self._runner.run(
            actor, found.device_id, tasks.DIGITIZE, found.eligibility_id, prepare
        )
        return await self.get(actor, result.card_id)

    def _digitize(self, row: EligibilityRow, pin_statement: str) -> Asked:
        offer = msgspec.json.decode(row.answer, type=EligibilityAnswer)
        question = DigitizeRequest(
            task_id=self._context.new_id("task"),
            eligibility_id=offer.eligibility_id,
            terms_id=offer.terms.id,
            terms_accepted_ms=self._context.now_ms(),
            pin_statement=pin_statement,
        )
        return _asked(tasks.DIGITIZE, row.eligibility_id, self._context.new_id("card"), question)

    # Looking

    async def get(self, actor: Actor, card_id: str, *, refresh: bool = False) -> Card:
        """Return a card; `refresh` asks the token service for the token's state first."""
        card = await self._card(actor, card_id)
        if refresh and card.token_reference is not None:
            token = await ask_tsp(self._context.tsp.token(card.token_reference))
            await self._store_token(actor, card_id, token)
        return await self._context.database.read(lambda c: _shown(c, actor, card_id))

    async def _store_token(self, actor: Actor, card_id: str, token: TokenInfo) -> None:
        def record(connection: Connection) -> None:
            card = repository.require(connection, actor, card_id)
            device = devices.require(connection, actor, card.device_id)
            rules.check_token(token, device.se_id, card.token_reference)
            changes.save(connection, self._context.env, card, rules.with_token(card, token))

        try:
            await self._context.database.write(record)
        except TokenServiceAnswerError:
            raise refuse("token_service_failed") from None

    async def list(self, actor: Actor, device_id: str | None, after: str, limit: int) -> CardList:
        """Return a page of cards, by id."""

        def read(connection: Connection) -> CardList:
            if device_id is not None:
                devices.require(connection, actor, device_id)
            found = repository.page(connection, actor, device_id, after, limit + 1)
            page = found[:limit]
            states = {row.device_id: "" for row in page}
            for each in states:
                states[each] = devices.require(connection, actor, each).state
            more = len(found) > limit
            return CardList(
                [rules.view(row, states[row.device_id]) for row in page],
                has_more=more,
                next_cursor=page[-1].card_id if more else None,
            )

        return await self._context.database.read(read)

    # Verification

    async def start_verification(
        self, actor: Actor, card_id: str, request: StartVerification
    ) -> Verification:
        """Have a code sent to the wearer."""
        task_id = self._context.new_id("task")
        question = SelectVerification(request.method_id, task_id)

        def allowed(card: CardRow) -> None:
            if request.method_id not in {method.id for method in rules.methods(card)}:
                raise refuse("parameter_invalid", "method_id")

        return await self._verify(actor, card_id, tasks.SELECT, task_id, question, allowed)

    async def confirm_verification(
        self, actor: Actor, card_id: str, request: FinishVerification
    ) -> Verification:
        """Have the wearer's code checked."""
        shapes.check_jwe(request.code_jwe, "code_jwe")
        task_id = self._context.new_id("task")
        question = ConfirmVerification(request.code_jwe, task_id)
        return await self._verify(
            actor, card_id, tasks.CONFIRM, task_id, question, lambda card: None
        )

    async def _verify(
        self,
        actor: Actor,
        card_id: str,
        kind: str,
        task_id: str,
        question: SelectVerification | ConfirmVerification,
        check: Callable[[CardRow], None],
    ) -> Verification:
        def prepare(connection: Connection) -> Asked | TaskResult:
            card = repository.require(connection, actor, card_id)
            _at_hand(devices.require(connection, actor, card.device_id))
            if kind == tasks.CONFIRM and rules.is_verified(card):
                return TaskResult(card_id, tasks.SUCCESS)
            if not rules.needs_verification(card):
                raise refuse("action_not_allowed")
            check(card)
            return _asked(kind, subject, card_id, question)

        # Another code is another question: the same one asked again finishes the open task.
        detail = (
            question.method_id
            if isinstance(question, SelectVerification)
            else hashlib.sha256(question.code_jwe.encode()).hexdigest()
        )
        subject = f"{card_id} {detail}"
        card = await self._card(actor, card_id)
        result = await self._runner.run(actor, card.device_id, kind, subject, prepare)
        shown = await self.get(actor, card_id)
        return Verification(result.result, result.tries_left, shown)

    # Life cycle

    async def suspend(self, actor: Actor, card_id: str, request: ChangeReason) -> Card:
        """Suspend a card as its holder."""
        return await self._change(actor, card_id, tasks.SUSPEND, request)

    async def resume(self, actor: Actor, card_id: str, request: ChangeReason) -> Card:
        """Take back the holder's own suspension."""
        return await self._change(actor, card_id, tasks.RESUME, request)

    async def delete(self, actor: Actor, card_id: str, request: ChangeReason) -> Card:
        """End a card's token."""
        return await self._change(actor, card_id, tasks.DELETE, request)

    async def _change(self, actor: Actor, card_id: str, kind: str, request: ChangeReason) -> Card:
        shapes.check_text(request.reason, "reason", empty=True)
        card = await self._card(actor, card_id)
        prepare = self.preparation(actor, card_id, kind, Suspender.CARDHOLDER, request.reason)
        await self._runner.run(actor, card.device_id, kind, card_id, prepare)
        return await self.get(actor, card_id)

    def preparation(
        self, actor: Actor, card_id: str, kind: str, by: Suspender, reason: str
    ) -> Prepare:
        """Return what checks a change of a token's life and stores its question."""

        def prepare(connection: Connection) -> Asked | TaskResult:
            card = repository.require(connection, actor, card_id)
            if _is_done(card, kind, by):
                return TaskResult(card_id)
            if not _is_possible(card, kind, by):
                raise refuse("action_not_allowed")
            question = LifecycleRequest(self._context.new_id("task"), by, reason)
            return _asked(kind, card_id, card_id, question)

        return prepare

    # Common

    async def _card(self, actor: Actor, card_id: str) -> CardRow:
        return await self._context.database.read(lambda c: repository.require(c, actor, card_id))

    async def _device(self, actor: Actor, device_id: str) -> DeviceRow:
        return await self._context.database.read(lambda c: devices.require(c, actor, device_id))


def _asked(
    kind: str,
    subject: str,
    card_id: str,
    question: DigitizeRequest | SelectVerification | ConfirmVerification | LifecycleRequest,
) -> Asked:
    request = msgspec.json.encode(question).decode()
    return Asked(kind, subject, card_id, question.task_id or "", request)


def _at_hand(device: DeviceRow) -> None:
    if device.state == LOST:
        raise refuse("device_lost", "device_id")


def _is_done(card: CardRow, kind: str, by: Suspender) -> bool:
    """Whether the change has been made before: asking again is no mistake."""
    if kind == tasks.DELETE:
        return card.state == TokenState.DELETED
    if kind == tasks.RESUME:
        return card.state == TokenState.ACTIVE
    held = by in rules.owners(card)
    return card.state in rules.LIVING and held == (kind != tasks.FIND)


def _is_possible(card: CardRow, kind: str, by: Suspender) -> bool:
    if card.token_reference is None:
        return False
    if kind == tasks.DELETE:
        return card.state != TokenState.DECLINED
    if kind == tasks.LOSE:
        return card.state in rules.LIVING
    if kind == tasks.SUSPEND:
        return card.state in (TokenState.ACTIVE, TokenState.SUSPENDED)
    return card.state in rules.LIVING and by in rules.owners(card)


def _shown(connection: Connection, actor: Actor, card_id: str) -> Card:
    card = repository.require(connection, actor, card_id)
    return rules.view(card, devices.require(connection, actor, card.device_id).state)


def _check_offer(answer: EligibilityAnswer) -> None:
    texts = (answer.issuer_name, answer.product, answer.card_art, answer.terms.title)
    good = (
        shapes.is_reference(answer.eligibility_id)
        and shapes.is_reference(answer.terms.id)
        and shapes.is_last4(answer.card_last4)
        and shapes.is_hex(answer.challenge)
        and all(shapes.is_plain_text(text) for text in texts)
        and not shapes.has_card_number(answer.terms.text)
    )
    if not good:
        raise refuse("token_service_failed")


def _eligibility(row: EligibilityRow) -> Eligibility:
    offer = msgspec.json.decode(row.answer, type=EligibilityAnswer)
    return Eligibility(
        id=row.eligibility_id,
        device_id=row.device_id,
        expires_ms=row.expires_ms,
        issuer_name=offer.issuer_name,
        product=offer.product,
        card_last4=offer.card_last4,
        card_art=offer.card_art,
        terms=offer.terms,
        challenge=offer.challenge,
    )
