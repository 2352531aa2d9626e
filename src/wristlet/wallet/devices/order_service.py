"""What a wearer does about a forgotten PIN or a new phone, when no enrolled phone can help."""

from __future__ import annotations

import hashlib
from sqlite3 import Connection

import msgspec

from wristlet.model import tsp_messages as tsp
from wristlet.model.wallet_messages import (
    CertifyPhone,
    DeviceOrder,
    DeviceOrderStep,
    FinishVerification,
    StartFurtherPhone,
    StartPinReset,
    StartVerification,
)
from wristlet.wallet import shapes
from wristlet.wallet.cards import repository as cards
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import orders, phones, repository, tasks
from wristlet.wallet.devices.orders import OrderRow
from wristlet.wallet.devices.phonebook import Phonebook
from wristlet.wallet.devices.repository import LOST, DeviceRow
from wristlet.wallet.errors import refuse
from wristlet.wallet.remote import ask_tsp
from wristlet.wallet.tasks import Asked, TaskResult, TaskRunner


class OrderService:
    """Orders to straps; every method refuses what the actor may not see like what is not there."""

    def __init__(self, context: Context, runner: TaskRunner, phonebook: Phonebook) -> None:
        self._context = context
        self._runner = runner
        self._phonebook = phonebook

    async def start_pin_reset(
        self, actor: Actor, device_id: str, request: StartPinReset
    ) -> DeviceOrder:
        """Begin a PIN reset: a card's bank will ask the wearer for a code."""
        return await self._start(actor, device_id, orders.PIN_RESET, "", request.card_id)

    async def start_further_phone(
        self, actor: Actor, device_id: str, request: StartFurtherPhone
    ) -> DeviceOrder:
        """Begin to put a phone onto the strap's list; the brand certifies its key as well."""
        point = phones.read_point(request.public_point)
        certify = CertifyPhone(request.public_point, request.name)
        await self._phonebook.certify(actor, device_id, certify)
        phone_hash = hashlib.sha256(point).hexdigest()
        kind = orders.FURTHER_PHONE
        return await self._start(actor, device_id, kind, phone_hash, request.card_id)

    async def get(self, actor: Actor, device_id: str, order_id: str) -> DeviceOrder:
        """Return an order; while it is open the token service is asked how far it is."""
        row = await self._row(actor, device_id, order_id)
        if row.state not in (orders.PROOF_NEEDED, orders.ORDERED):
            return await self._shown(row)
        known = await ask_tsp(self._context.tsp.order(row.reference))
        if known.state == orders.ENDED:
            await self._context.database.write(lambda c: orders.end(c, row))
        return await self._shown(await self._row(actor, device_id, order_id))

    async def send_code(
        self, actor: Actor, device_id: str, order_id: str, request: StartVerification
    ) -> DeviceOrderStep:
        """Have a code sent to the wearer."""
        row = await self._open(actor, device_id, order_id)
        if request.method_id not in {one.id for one in row.asked.verification_methods}:
            raise refuse("parameter_invalid", "method_id")
        question = tsp.SelectVerification(request.method_id)
        answer = await ask_tsp(self._context.tsp.select_order_verification(row.reference, question))
        return DeviceOrderStep(answer.result, answer.tries_left, await self._shown(row))

    async def confirm(
        self, actor: Actor, device_id: str, order_id: str, request: FinishVerification
    ) -> DeviceOrderStep:
        """Have the wearer's code checked; the right one puts a script into the strap's log."""
        shapes.check_jwe(request.code_jwe, "code_jwe")
        question = tasks.asked_proof(self._context.new_id("task"), order_id, request.code_jwe)

        def prepare(connection: Connection) -> Asked | TaskResult:
            row = orders.require(connection, actor, device_id, order_id)
            if row.state in (orders.ORDERED, orders.DONE):
                return TaskResult(order_id, "success")
            if row.state == orders.ENDED:
                raise refuse("action_not_allowed")
            return question

        result = await self._runner.run(actor, device_id, question.kind, question.subject, prepare)
        row = await self._row(actor, device_id, order_id)
        return DeviceOrderStep(result.result, result.tries_left, await self._shown(row))

    async def _start(
        self, actor: Actor, device_id: str, kind: str, phone_hash: str, card_id: str | None
    ) -> DeviceOrder:
        def look(connection: Connection) -> tuple[DeviceRow, str | None]:
            device = repository.require(connection, actor, device_id)
            if device.state == LOST:
                raise refuse("device_lost", "device_id")
            if card_id is None:
                return device, None
            card = cards.require(connection, actor, card_id)
            if card.device_id != device_id or card.token_reference is None:
                raise refuse("action_not_allowed", "card_id")
            return device, card.token_reference

        device, reference = await self._context.database.read(look)
        # Asked anew after a lost answer it begins anew, which ends the one before.
        task_id = self._context.new_id("task")
        question = tsp.StartDeviceOrder(task_id, kind, phone_hash, reference)
        answer = await ask_tsp(self._context.tsp.start_order(device.se_id, question))
        _check(answer, device)
        row = OrderRow(
            tenant_id=device.tenant_id,
            order_id=self._context.new_id("ord"),
            device_id=device.device_id,
            wearer_id=device.wearer_id,
            kind=kind,
            reference=answer.order_id,
            phone_hash=phone_hash,
            state=orders.PROOF_NEEDED,
            script_number=0,
            answer=msgspec.json.encode(answer).decode(),
            created_ms=self._context.now_ms(),
        )
        await self._context.database.write(lambda c: orders.insert(c, row))
        return await self._shown(row)

    async def _row(self, actor: Actor, device_id: str, order_id: str) -> OrderRow:
        return await self._context.database.read(
            lambda c: orders.require(c, actor, device_id, order_id)
        )

    async def _open(self, actor: Actor, device_id: str, order_id: str) -> OrderRow:
        row = await self._row(actor, device_id, order_id)
        if row.state != orders.PROOF_NEEDED:
            raise refuse("action_not_allowed")
        return row

    async def _shown(self, row: OrderRow) -> DeviceOrder:
        asked = row.asked
        mine = await self._context.database.read(
            lambda c: cards.of_device(c, row.tenant_id, row.device_id)
        )
        card_ids = {card.token_reference: card.card_id for card in mine}
        waits = row.state == orders.PROOF_NEEDED
        return DeviceOrder(
            id=row.order_id,
            device_id=row.device_id,
            kind=row.kind,
            state=row.state,
            expires_ms=asked.expires_ms,
            card_id=card_ids.get(asked.token_reference),
            card_last4=asked.card_last4,
            issuer_name=asked.issuer_name,
            created_ms=row.created_ms,
            verification_methods=asked.verification_methods if waits else [],
        )


def _check(answer: tsp.DeviceOrder, device: DeviceRow) -> None:
    """Refuse an answer about another strap, or one that holds what must not be kept."""
    texts = [answer.issuer_name]
    for method in answer.verification_methods:
        texts += [method.kind, method.hint]
    good = (
        answer.se_id == device.se_id
        and shapes.is_reference(answer.order_id)
        and shapes.is_reference(answer.token_reference)
        and shapes.is_last4(answer.card_last4)
        and all(shapes.is_reference(method.id) for method in answer.verification_methods)
        and all(shapes.is_plain_text(text) for text in texts)
    )
    if not good:
        raise refuse("token_service_failed")
