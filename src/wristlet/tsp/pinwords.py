"""A secure element's signed word about its PIN: blocked suspends its tokens, set anew ends that.

Words are put in order by the element's own event counter: an old one, kept back or sent again,
changes nothing.
"""

from __future__ import annotations

from typing import Final

from wristlet.model.token import Suspender
from wristlet.model.tsp_messages import PinStatementCounted, SubmitPinStatement, TokenChange
from wristlet.tsp import lifecycle
from wristlet.tsp.changes import apply
from wristlet.tsp.checked import open_statement
from wristlet.tsp.config import Caller
from wristlet.tsp.context import Context
from wristlet.tsp.errors import conflict
from wristlet.tsp.lifecycle import TokenLife
from wristlet.tsp.records import Device
from wristlet.tsp.tasks import Task, keep, stored
from wristlet.tsp.unit import Unit, change
from wristlet.wire.receipt import TAG_PIN_STATEMENT, PinStatement

_OPERATION: Final = "pin_statement"


async def submit_pin_statement(
    context: Context, caller: Caller, request: SubmitPinStatement
) -> PinStatementCounted:
    """Suspend the caller's tokens while the PIN is blocked; a repeated one orders nothing twice.

    Raises TspError: not genuine, or older than what is known.
    """

    def run(unit: Unit) -> PinStatementCounted:
        statement, device = open_statement(
            unit.rows, request.statement, PinStatement, TAG_PIN_STATEMENT, "statement"
        )
        body = statement.body().hex()
        task = Task.of(caller, _OPERATION, f"{_OPERATION}:{body}", body)
        counted = stored(unit.rows, task, PinStatementCounted)
        if counted is not None:
            return counted
        if not is_news(unit, device, statement.event_counter):
            raise conflict(
                "statement_stale",
                "A newer word about this PIN is known.",
                "statement",
                "Read the statement from the secure element again.",
            )
        follow_up: list[TokenChange] = []
        if statement.blocked:
            follow_up = lock(unit, caller, device.se_id)
        elif statement.pin_set:
            follow_up = unlock(unit, caller, device.se_id)
        answer = PinStatementCounted(device.se_id, statement.pin_set, statement.blocked, follow_up)
        keep(unit.rows, task, answer, unit.now_ms)
        return answer

    return await change(context.database, context.writer, context.env.clock.now_ms(), run)


def is_news(unit: Unit, device: Device, event_counter: int) -> bool:
    """Whether a word is not older than the newest one; it is the newest from now on."""
    if event_counter < device.pin_event:
        return False
    unit.rows.run("device_set_pin_event", se_id=device.se_id, event=event_counter)
    return True


def lock(unit: Unit, caller: Caller, se_id: str) -> list[TokenChange]:
    """Suspend a caller's living tokens on an element whose PIN is blocked."""
    return _each(unit, caller, se_id, locked=True)


def unlock(unit: Unit, caller: Caller, se_id: str) -> list[TokenChange]:
    """End the suspension of a caller's tokens by a blocked PIN, and only that."""
    return _each(unit, caller, se_id, locked=False)


def _each(unit: Unit, caller: Caller, se_id: str, *, locked: bool) -> list[TokenChange]:
    changes: list[TokenChange] = []
    for row in unit.rows.tokens_of_device(se_id):
        # One before may have deleted it meanwhile.
        token = unit.rows.token(row.token_reference) or row
        is_locked = Suspender.PIN_LOCKED in token.life.suspended_by
        if token.requestor_id != caller.id or token.life.ended or is_locked == locked:
            continue
        changed = apply(unit, token, _locked if locked else _proved)
        changes += [changed.change, *changed.follow_up]
    return changes


def _locked(life: TokenLife) -> TokenLife:
    return lifecycle.suspend(life, Suspender.PIN_LOCKED)


def _proved(life: TokenLife) -> TokenLife:
    return lifecycle.resume(life, Suspender.PIN_LOCKED)
