"""What waits for an element because its requestor has not asked yet: scripts, and successors.

Numbers of scripts rise in the order in which they reach the element's log. So what was decided
without the requestor (a bank's suspension, a rolled-back element, a renewal) becomes a script only
when the requestor fetches it.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Final

from wristlet.model.token import TokenState
from wristlet.model.tsp_messages import FetchOrders, OrdersFetched, TokenChange
from wristlet.tsp import renewal
from wristlet.tsp.births import DRAWS_MAX, DpanTaken, Parents, bear
from wristlet.tsp.cards import yymm_of
from wristlet.tsp.changes import bring_up_to_date
from wristlet.tsp.checked import trusted_device
from wristlet.tsp.config import Caller
from wristlet.tsp.context import Context
from wristlet.tsp.eligibility import program_of
from wristlet.tsp.holder import card_of
from wristlet.tsp.minting import Mint, mint
from wristlet.tsp.records import TokenRow
from wristlet.tsp.repository import Repository
from wristlet.tsp.tasks import Task, keep, repeated, stored
from wristlet.tsp.unit import Unit, change

OPERATION: Final = "fetch_orders"
SUCCESSORS_MAX: Final = 3
"""So often a successor is made in vain: an element may have no room, for example."""
_TOLD_MAX: Final = 64


async def fetch_orders(
    context: Context, caller: Caller, se_id: str, request: FetchOrders
) -> OrdersFetched:
    """Return the caller's tokens on an element as they are now, with the scripts that were due.

    A token whose time has come gets its successor here. The same task gets the same answer.
    Raises TspError.
    """
    task = Task.of(caller, f"{OPERATION}:{se_id}", request.task_id, request)
    earlier = await repeated(context.database, task, OrdersFetched)
    if earlier is not None:
        return earlier
    now_ms = context.env.clock.now_ms()
    for _ in range(DRAWS_MAX):
        drawn = await context.database.read(lambda c: _draw(context, caller, se_id, c))
        run = partial(_answer, context, task, caller, se_id, drawn)
        try:
            return await change(context.database, context.writer, now_ms, run)
        except DpanTaken:
            continue
    raise RuntimeError("no free token number was drawn: the token range is all but used up")


def _answer(
    context: Context, task: Task, caller: Caller, se_id: str, drawn: dict[str, Mint], unit: Unit
) -> OrdersFetched:
    twin = stored(unit.rows, task, OrdersFetched)
    if twin is not None:
        return twin
    trusted_device(unit.rows, se_id, "se_id")
    answer = OrdersFetched(se_id, _due(context, unit, caller, se_id, drawn))
    keep(unit.rows, task, answer, unit.now_ms)
    return answer


def due_scripts(unit: Unit, caller: Caller, se_id: str) -> list[TokenChange]:
    """Return the tokens whose scripts were due, with these."""
    changes = []
    for token in _own(unit.rows, caller, se_id):
        life = token.life
        if life.personalised and life.wanted is not token.wanted_by_scripts:
            changes.append(bring_up_to_date(unit, token).change)
    return changes


def _draw(
    context: Context, caller: Caller, se_id: str, connection: sqlite3.Connection
) -> dict[str, Mint]:
    """Draw what successors need, outside of the writer's transaction."""
    rows = Repository(connection)
    drawn = {}
    for token in _own(rows, caller, se_id):
        if _is_due(rows, token) or _is_expiring(context, token):
            card = card_of(context, rows, token.card_id)
            drawn[token.token_reference] = mint(context, program_of(context, card), card)
    return drawn


def _own(rows: Repository, caller: Caller, se_id: str) -> list[TokenRow]:
    found = [row for row in rows.tokens_of_device(se_id) if row.requestor_id == caller.id]
    return found[-_TOLD_MAX:]


def _is_due(rows: Repository, token: TokenRow) -> bool:
    if not token.renewal or token.life.state is not TokenState.ACTIVE:
        return False
    made = rows.successors(token.token_reference)
    return len(made) < SUCCESSORS_MAX and all(one.life.ended for one in made)


def _is_expiring(context: Context, token: TokenRow) -> bool:
    month = yymm_of(context.env.clock.now_ms() + context.config.renew_before_expiry_ms)
    active = token.life.state is TokenState.ACTIVE
    return active and not token.renewal and token.expiry_yymm <= month


def _due(
    context: Context, unit: Unit, caller: Caller, se_id: str, drawn: dict[str, Mint]
) -> list[TokenChange]:
    rows = unit.rows
    changes = []
    for token in _own(rows, caller, se_id):
        changes.append(bring_up_to_date(unit, token).change)
        if _is_expiring(context, token):
            renewal.mark_due(rows, token.token_reference, renewal.EXPIRY, unit.now_ms)
        successor = drawn.get(token.token_reference)
        current = rows.token(token.token_reference)
        if successor is None or current is None or not _is_due(rows, current):
            continue
        if rows.tokens_held(se_id) >= context.config.tokens_per_device:
            continue
        parents = Parents(
            requestor_id=caller.id,
            se_id=se_id,
            idv_id=token.idv_id,
            methods=[],
            step_up=False,
            replaces=token.token_reference,
        )
        changes[-1] = TokenChange(current.info(), changes[-1].script)
        born, script = bear(unit, successor, parents)
        changes.append(TokenChange(born.info(), script))
    return changes
