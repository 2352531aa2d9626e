"""Tokens after their birth: looking at them, suspending, resuming and deleting them."""

from __future__ import annotations

from typing import Final

from wristlet.model.token import Suspender
from wristlet.model.tsp_messages import LifecycleAnswer, LifecycleRequest, TokenInfo
from wristlet.tsp import lifecycle, notices, renewal
from wristlet.tsp.changes import Event, apply
from wristlet.tsp.config import Caller, Role
from wristlet.tsp.context import Context
from wristlet.tsp.errors import forbidden, missing
from wristlet.tsp.lifecycle import TokenLife
from wristlet.tsp.records import TokenRow
from wristlet.tsp.repository import Repository
from wristlet.tsp.tasks import Task, keep, repeated, stored
from wristlet.tsp.unit import Unit, change

OWNERS: Final = {
    Role.REQUESTOR: frozenset(
        {Suspender.CARDHOLDER, Suspender.TOKEN_REQUESTOR, Suspender.PIN_LOCKED}
    ),
    Role.ISSUER: frozenset({Suspender.ISSUER}),
}
"""For whom a caller may speak: a requestor never removes what the issuer ordered."""

SUSPEND: Final = "suspend"
RESUME: Final = "resume"
DELETE: Final = "delete"


def owned_token(rows: Repository, caller: Caller, token_reference: str) -> TokenRow:
    """Return a caller's token; another requestor's is as unknown as none. Raises TspError."""
    token = rows.token(token_reference)
    own = token is not None and (caller.role is Role.ISSUER or token.requestor_id == caller.id)
    if token is None or not own:
        raise missing(
            "token_unknown",
            "No such token.",
            "token_reference",
            "Send the token_reference of a digitize answer.",
        )
    return token


async def token_info(context: Context, caller: Caller, token_reference: str) -> TokenInfo:
    """Return what may be known of a token; raises TspError."""
    token = await context.database.read(
        lambda connection: owned_token(Repository(connection), caller, token_reference)
    )
    return token.info()


async def change_token(
    context: Context, caller: Caller, token_reference: str, verb: str, request: LifecycleRequest
) -> LifecycleAnswer:
    """Suspend, resume or delete a token; raises TspError.

    The change counts at once for every authorisation; the script carries it to the secure element.
    """
    owner = _owner(caller, verb, request.by)
    task = Task.of(caller, f"{verb}:{token_reference}", request.task_id, request)
    earlier = await repeated(context.database, task, LifecycleAnswer)
    if earlier is not None:
        return earlier
    event = _event(verb, owner)

    def run(unit: Unit) -> LifecycleAnswer:
        twin = stored(unit.rows, task, LifecycleAnswer)
        if twin is not None:
            return twin
        answer = _apply(unit, caller, owned_token(unit.rows, caller, token_reference), event)
        keep(unit.rows, task, answer, unit.now_ms)
        return answer

    return await change(context.database, context.writer, context.env.clock.now_ms(), run)


def _apply(unit: Unit, caller: Caller, token: TokenRow, event: Event) -> LifecycleAnswer:
    """Let the event happen, also to the token that is being renewed by this one or renews it.

    Only the requestor has the element's log: others get no script, the requestor is told instead.
    """
    asked = caller.role is Role.REQUESTOR
    changed = apply(unit, token, event, asked=asked)
    follow_up = changed.follow_up
    for partner in renewal.partners(unit.rows, token):
        current = unit.rows.token(partner.token_reference)
        if current is None or current.life.ended:
            continue
        more = apply(unit, current, event, asked=asked)
        follow_up = [*follow_up, more.change, *more.follow_up]
    if not asked:
        notices.token_changed(unit.rows, changed.token, "changed_by_issuer", unit.now_ms)
        return LifecycleAnswer(changed.token.info())
    return LifecycleAnswer(changed.token.info(), changed.script, follow_up)


def _owner(caller: Caller, verb: str, by: str) -> Suspender:
    names = sorted(owner.value for owner in OWNERS[caller.role])
    if by not in names:
        raise forbidden(
            "by_not_allowed",
            "This caller may not speak for the party in by.",
            "by",
            f"Send one of: {', '.join(names)}.",
        )
    owner = Suspender(by)
    if verb == RESUME and owner is Suspender.PIN_LOCKED:
        raise forbidden(
            "pin_proof_needed",
            "A suspension by a blocked PIN ends by proof only.",
            "by",
            "Hand in a lease report: it proves that the right PIN was entered.",
        )
    return owner


def _event(verb: str, owner: Suspender) -> Event:
    def happen(life: TokenLife) -> TokenLife:
        if verb == SUSPEND:
            return lifecycle.suspend(life, owner)
        if verb == RESUME:
            return lifecycle.resume(life, owner)
        return lifecycle.delete(life)

    return happen
