"""Orders to an element's cardholder applet: a PIN reset, a further phone.

A requestor can ask for them and carry their scripts; what makes one is the wearer's proof of
identity to the bank of a card that pays from this element. The requestor alone gets no script.
"""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import asdict, replace
from typing import Final

from wristlet.model.ids import RANDOM_SIZE, new_id
from wristlet.model.issuer_messages import HolderPurpose, IdvDecision, SendCode, VerifyCode
from wristlet.model.token import Suspender
from wristlet.model.tsp_messages import (
    ConfirmVerification,
    DeviceOrder,
    DeviceOrderResult,
    ScriptPackage,
    SelectVerification,
    StartDeviceOrder,
)
from wristlet.tsp.cards import CardData, open_code
from wristlet.tsp.checked import trusted_device
from wristlet.tsp.config import Caller
from wristlet.tsp.context import Context
from wristlet.tsp.decisions import Vote
from wristlet.tsp.errors import conflict, invalid, missing, refused
from wristlet.tsp.holder import card_of, prove_holder
from wristlet.tsp.idv import SENT, SUCCESS, ask_issuer, encrypt_for_issuer
from wristlet.tsp.records import OrderRow, TokenRow, methods_from_text, methods_to_text
from wristlet.tsp.repository import Repository
from wristlet.tsp.scripts import Purpose
from wristlet.tsp.tasks import Task, keep, repeated, stored
from wristlet.tsp.unit import Unit, change, load
from wristlet.wire import script
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids

PROOF_NEEDED, ORDERED, DONE, ENDED = "proof_needed", "ordered", "done", "ended"
ORDERS_MAX: Final = 3
"""So often an order is written again when a later script was committed first."""

_PURPOSES: Final = {
    HolderPurpose.PIN_RESET: Purpose.PIN_RESET,
    HolderPurpose.FURTHER_PHONE: Purpose.FURTHER_PHONE,
}
_PHONE_HASH: Final = re.compile(r"[0-9a-f]{64}\Z")
_NOTHING: Final = re.compile(r"\Z")


async def start(
    context: Context, caller: Caller, se_id: str, request: StartDeviceOrder
) -> DeviceOrder:
    """Begin an order; the issuer of one of the element's cards names ways to prove identity.

    A new order of a kind ends the one before that still waits for its proof. Raises TspError.
    """
    task = Task.of(caller, f"device_order:{se_id}", request.task_id, request)
    earlier = await repeated(context.database, task, DeviceOrder)
    if earlier is not None:
        return earlier
    kind = _kind(request)

    def look(connection: sqlite3.Connection) -> tuple[TokenRow, CardData]:
        rows = Repository(connection)
        trusted_device(rows, se_id, "se_id")
        token = _witness(rows, caller, se_id, request.token_reference)
        return token, card_of(context, rows, token.card_id)

    token, card = await context.database.read(look)
    idv = await prove_holder(context, caller, card, kind)
    _check_decision(idv)
    now_ms = context.env.clock.now_ms()
    order = OrderRow(
        order_id=new_id("ord", now_ms, context.env.random.bytes(RANDOM_SIZE)),
        requestor_id=caller.id,
        se_id=se_id,
        kind=kind.value,
        phone_hash=request.phone_hash,
        token_reference=token.token_reference,
        idv_id=idv.idv_id,
        methods=methods_to_text(idv.methods),
        state=PROOF_NEEDED,
        script_number=0,
        orders=0,
        expires_ms=now_ms + context.config.order_ms,
        created_ms=now_ms,
    )

    def run(unit: Unit) -> DeviceOrder:
        twin = stored(unit.rows, task, DeviceOrder)
        if twin is not None:
            return twin
        for other in unit.rows.open_orders(caller.id, se_id):
            if (other.kind, other.state) == (order.kind, PROOF_NEEDED):
                _save(unit.rows, replace(other, state=ENDED))
        unit.rows.run("order_add", **asdict(order))
        answer = _view(unit.rows, order, now_ms)
        keep(unit.rows, task, answer, now_ms)
        return answer

    return await change(context.database, context.writer, now_ms, run)


async def look_at(context: Context, caller: Caller, order_id: str) -> DeviceOrder:
    """Return how far an order is; raises TspError."""
    now_ms = context.env.clock.now_ms()

    def look(connection: sqlite3.Connection) -> DeviceOrder:
        rows = Repository(connection)
        return _view(rows, _owned(rows, caller, order_id), now_ms)

    return await context.database.read(look)


async def select_verification(
    context: Context, caller: Caller, order_id: str, request: SelectVerification
) -> DeviceOrderResult:
    """Have the issuer send a code by one of the offered methods; raises TspError."""
    task = _task(caller, "order_select", order_id, request.task_id, request)
    if task is not None:
        earlier = await repeated(context.database, task, DeviceOrderResult)
        if earlier is not None:
            return earlier
    now_ms = context.env.clock.now_ms()
    order = await _open(context, caller, order_id, now_ms)
    if request.method_id not in {method.id for method in methods_from_text(order.methods)}:
        raise invalid(
            "method_unknown",
            "This method was not offered.",
            "method_id",
            "Choose one of the order's verification_methods.",
        )
    sent = await ask_issuer(context.issuer.send_code(SendCode(order.idv_id, request.method_id)))
    return await _answer(context, caller, order_id, task, SENT, sent.tries_left)


async def confirm_verification(
    context: Context, caller: Caller, order_id: str, request: ConfirmVerification
) -> DeviceOrderResult:
    """Have the issuer check the wearer's code; the right one makes the order's script.

    An order that was proved already gets its script again, so that a lost answer costs no second
    code. Raises TspError.
    """
    task = _task(caller, "order_confirm", order_id, request.task_id, request)
    if task is not None:
        earlier = await repeated(context.database, task, DeviceOrderResult)
        if earlier is not None:
            return earlier
    now_ms = context.env.clock.now_ms()
    done = await context.database.read(
        lambda connection: _proved_before(Repository(connection), caller, order_id, now_ms)
    )
    if done is not None:
        return done
    order = await _open(context, caller, order_id, now_ms)
    code = open_code(request.code_jwe, context.keys.card_data)
    envelope = await encrypt_for_issuer(context, json.dumps({"code": code.reveal()}).encode())
    # The bank's answer may get lost, or we may stop before it is kept: the same task asks again.
    name = "" if task is None else f"{task.requestor_id}:{task.task_id}"
    checked = await ask_issuer(context.issuer.verify_code(VerifyCode(order.idv_id, envelope, name)))
    if checked.result != SUCCESS:
        return await _answer(context, caller, order_id, task, checked.result, checked.tries_left)

    def prove(unit: Unit) -> DeviceOrderResult:
        twin = stored(unit.rows, task, DeviceOrderResult) if task is not None else None
        twin = twin or _proved_before(unit.rows, caller, order_id, now_ms)
        if twin is not None:
            return twin
        current = _owned(unit.rows, caller, order_id)
        if current.state != PROOF_NEEDED:
            raise _not_open()
        ordered, package = _write(unit, current)
        view = _view(unit.rows, ordered, now_ms)
        answer = DeviceOrderResult(SUCCESS, checked.tries_left, view, package)
        if task is not None:
            keep(unit.rows, task, answer, now_ms)
        return answer

    return await change(context.database, context.writer, now_ms, prove)


def committed(unit: Unit, requestor_id: str, se_id: str, number: int) -> list[ScriptPackage]:
    """Note that an element committed a script; return orders that it overtook, written again.

    The proof was given: an order that only came too late is not asked for anew.
    """
    again = []
    for order in unit.rows.open_orders(requestor_id, se_id):
        if order.state != ORDERED or order.script_number > number:
            continue
        if order.script_number == number:
            _save(unit.rows, replace(order, state=DONE))
        elif order.orders < ORDERS_MAX:
            again.append(_write(unit, order)[1])
        else:
            _save(unit.rows, replace(order, state=ENDED))
    return again


def _write(unit: Unit, order: OrderRow) -> tuple[OrderRow, ScriptPackage]:
    purpose = _PURPOSES[HolderPurpose(order.kind)]
    package = unit.device_script(order.se_id, order.requestor_id, purpose, _groups(order))
    ordered = replace(order, state=ORDERED, script_number=package.number, orders=order.orders + 1)
    _save(unit.rows, ordered)
    return ordered, package


def _groups(order: OrderRow) -> tuple[Dgi, ...]:
    if order.kind == HolderPurpose.PIN_RESET.value:
        return (script.PIN_RESET,)
    return (script.further_phone(bytes.fromhex(order.phone_hash)),)


def _kind(request: StartDeviceOrder) -> HolderPurpose:
    kinds = {kind.value: kind for kind in _PURPOSES}
    kind = kinds.get(request.kind)
    if kind is None:
        raise invalid(
            "order_unknown",
            "kind is pin_reset or further_phone.",
            "kind",
            "Send one of the two.",
        )
    shape = _PHONE_HASH if kind is HolderPurpose.FURTHER_PHONE else _NOTHING
    if not shape.match(request.phone_hash):
        raise invalid(
            "phone_hash_invalid",
            "phone_hash does not fit the kind of order.",
            "phone_hash",
            "Send the SHA-256 of the phone's public point as hex, for a further phone only.",
        )
    return kind


def _witness(rows: Repository, caller: Caller, se_id: str, token_reference: str | None) -> TokenRow:
    """Return the token whose bank is asked: of the card that is on the element longest.

    Any other could be somebody else's, put there by a hostile requestor to prove by it. So what a
    requestor may do to tokens (suspending them, for example) does not change the choice.
    """
    tokens = rows.tokens_of_device(se_id)
    roots = _roots(tokens)
    living = [row for row in tokens if row.personalised and row.verified and not row.life.ended]
    eldest = min(living, key=lambda row: roots[row.token_reference], default=None)
    if (
        eldest is None
        or eldest.requestor_id != caller.id
        or Suspender.ISSUER in eldest.life.suspended_by
    ):
        raise refused(
            "no_card_to_prove_by",
            "No card on this secure element has a bank that could ask for a proof of identity.",
            "token_reference",
            "Ask the bank of the card that was added first; a strap without cards can be reset.",
        )
    if token_reference is not None and roots.get(token_reference) != roots[eldest.token_reference]:
        raise refused(
            "card_not_the_first",
            "Only the card that is on this secure element longest can prove it.",
            "token_reference",
            "Leave token_reference out, or delete older cards first.",
        )
    return eldest


def _roots(tokens: list[TokenRow]) -> dict[str, int]:
    """Return for each token when its card came to the element: a successor is as old as the first.

    `tokens` are all of one element, oldest first; the age is a place in that order.
    """
    places = {row.token_reference: place for place, row in enumerate(tokens)}
    before = {row.token_reference: row.replaces or "" for row in tokens}

    def root(reference: str) -> int:
        chain = [reference]
        while (older := before[chain[-1]]) in places and older not in chain:
            chain.append(older)
        return places[chain[-1]]

    return {reference: root(reference) for reference in places}


def _check_decision(idv: IdvDecision) -> None:
    if idv.decision == Vote.RED.value or not idv.methods:
        raise refused(
            "holder_not_provable",
            "The card's bank does not offer a proof of identity now.",
            "token_reference",
            "Name another card of this strap, or ask the bank.",
        )


def _owned(rows: Repository, caller: Caller, order_id: str) -> OrderRow:
    order = rows.order(order_id)
    if order is None or order.requestor_id != caller.id:
        raise missing(
            "order_not_found", "No such order.", "order_id", "Send the order_id of a started order."
        )
    return order


async def _open(context: Context, caller: Caller, order_id: str, now_ms: int) -> OrderRow:
    order = await context.database.read(lambda c: _owned(Repository(c), caller, order_id))
    if order.state != PROOF_NEEDED or order.expires_ms <= now_ms:
        raise _not_open()
    return order


def _not_open() -> Exception:
    return conflict(
        "verification_not_open",
        "The order does not wait for a verification.",
        "order_id",
        "Fetch the order; start a new one if this one has ended.",
    )


def _proved_before(
    rows: Repository, caller: Caller, order_id: str, now_ms: int
) -> DeviceOrderResult | None:
    order = _owned(rows, caller, order_id)
    if order.state not in (ORDERED, DONE):
        return None
    package = None
    if order.state == ORDERED:
        row = rows.script(order.se_id, aids.TSP_DOMAIN, order.script_number)
        package = None if row is None else load(row.package, ScriptPackage)
    return DeviceOrderResult(SUCCESS, 0, _view(rows, order, now_ms), package)


async def _answer(
    context: Context, caller: Caller, order_id: str, task: Task | None, result: str, left: int
) -> DeviceOrderResult:
    """Answer a step that made no script, and keep the answer unless a twin was faster."""
    now_ms = context.env.clock.now_ms()

    def run(unit: Unit) -> DeviceOrderResult:
        twin = stored(unit.rows, task, DeviceOrderResult) if task is not None else None
        if twin is not None:
            return twin
        view = _view(unit.rows, _owned(unit.rows, caller, order_id), now_ms)
        answer = DeviceOrderResult(result, left, view)
        if task is not None:
            keep(unit.rows, task, answer, now_ms)
        return answer

    return await change(context.database, context.writer, now_ms, run)


def _task(
    caller: Caller, operation: str, order_id: str, task_id: str | None, body: object
) -> Task | None:
    return None if task_id is None else Task.of(caller, f"{operation}:{order_id}", task_id, body)


def _save(rows: Repository, order: OrderRow) -> None:
    rows.run(
        "order_set",
        order_id=order.order_id,
        state=order.state,
        script_number=order.script_number,
        orders=order.orders,
    )


def _view(rows: Repository, order: OrderRow, now_ms: int) -> DeviceOrder:
    token = rows.token(order.token_reference)
    waits = order.state == PROOF_NEEDED
    expired = waits and order.expires_ms <= now_ms
    return DeviceOrder(
        order_id=order.order_id,
        se_id=order.se_id,
        kind=order.kind,
        state=ENDED if expired else order.state,
        expires_ms=order.expires_ms,
        token_reference=order.token_reference,
        card_last4="" if token is None else token.card_last4,
        issuer_name="" if token is None else token.issuer_name,
        verification_methods=methods_from_text(order.methods) if waits and not expired else [],
    )
