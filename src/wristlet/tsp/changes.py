"""What an event does to a token and, through scripts, to its secure element: one rule for all.

Scripts address an instance only once its personalisation was confirmed by a receipt: none waits
for an instance that never came; what was decided meanwhile follows with that receipt.
The exception is the script after a proof of identity: it follows the personalisation in order.

An event that the token's requestor did not ask for writes no script: numbers rise in the order in
which scripts reach the element's log, and only the requestor has that log. It is told, and fetches
what is due (`waiting`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wristlet.model.token import TokenState
from wristlet.model.tsp_messages import ScriptPackage, TokenChange
from wristlet.tsp import lifecycle, notices
from wristlet.tsp.errors import conflict
from wristlet.tsp.lifecycle import LifecycleError, TokenLife, Wanted
from wristlet.tsp.records import TokenRow
from wristlet.tsp.scripts import PURPOSE_FOR, Purpose
from wristlet.tsp.unit import Unit
from wristlet.wire.dgi import Dgi
from wristlet.wire.script import hand_over

Event = Callable[[TokenLife], TokenLife]


@dataclass(frozen=True, slots=True)
class Changed:
    """A token after an event, its script, and the other tokens that changed with it."""

    token: TokenRow
    script: ScriptPackage | None
    follow_up: list[TokenChange]

    @property
    def change(self) -> TokenChange:
        """The token and its script, as others are told."""
        return TokenChange(self.token.info(), self.script)


def apply(unit: Unit, token: TokenRow, event: Event, *, asked: bool = True) -> Changed:
    """Let an event happen to a token; raises TspError when its state does not allow it.

    `asked` says that the requestor waits for the answer and takes scripts with it.
    """
    before = token.life
    try:
        after = event(before)
    except LifecycleError as error:
        raise conflict(
            error.code,
            f"Not possible: {error}.",
            "token_reference",
            "Fetch GET /tsp/v1/tokens/{token_reference} and go on from its state.",
        ) from None
    changed, script = _ordered(unit, token, after, asked=asked)
    follow_up: list[TokenChange] = []
    if after.state is TokenState.ACTIVE and before.state is not TokenState.ACTIVE:
        # Before it becomes active, as there is one at most; after its script, as an element that
        # cannot delete the older one shall not keep this one waiting.
        follow_up = _replace_older(unit, token, asked=asked)
    unit.rows.save_life(changed, unit.now_ms)
    return Changed(changed, script, follow_up)


def bring_up_to_date(unit: Unit, token: TokenRow) -> Changed:
    """Write the script that a token's element still needs, if any."""
    orders = orders_before(unit, token)
    return Changed(*_settle(unit, token, token.life, orders=orders), [])


def orders_before(unit: Unit, token: TokenRow) -> tuple[Dgi, ...]:
    """Return what a deleted token's script orders first: its successor takes its place."""
    if not token.life.ended:
        return ()
    for other in unit.rows.successors(token.token_reference):
        if other.se_id == token.se_id and other.life.state is TokenState.ACTIVE:
            return (hand_over(token.instance_aid, other.instance_aid),)
    return ()


def _settle(
    unit: Unit,
    token: TokenRow,
    after: TokenLife,
    *,
    asked: bool = True,
    orders: tuple[Dgi, ...] = (),
) -> tuple[TokenRow, ScriptPackage | None]:
    """Write the token's new life and the script that its secure element now needs."""
    changed, script = _ordered(unit, token, after, asked=asked, orders=orders)
    unit.rows.save_life(changed, unit.now_ms)
    return changed, script


def _ordered(
    unit: Unit,
    token: TokenRow,
    after: TokenLife,
    *,
    asked: bool,
    orders: tuple[Dgi, ...] = (),
) -> tuple[TokenRow, ScriptPackage | None]:
    """Return the token with its new life, not written yet, and the script that it needs."""
    script, ordered = None, token.wanted_by_scripts
    just_verified = (
        after.verified and not token.life.verified and after.wanted is Wanted.ACTIVATABLE
    )
    if asked and after.wanted is not ordered and (after.personalised or just_verified):
        ordered = after.wanted
        purpose = PURPOSE_FOR[ordered]
        script = unit.script(token, purpose, orders if purpose is Purpose.DELETE else ())
    return token.with_life(after, ordered), script


def _replace_older(unit: Unit, token: TokenRow, *, asked: bool) -> list[TokenChange]:
    """Delete what a newly active token replaces: at most one is active per card and element, of
    each requestor; and the one whose place it was made to take, wherever that is.
    """
    changes = []
    for other in _replaced(unit, token):
        here = other.se_id == token.se_id
        successor = other.token_reference == token.replaces and here
        orders = (hand_over(other.instance_aid, token.instance_aid),) if successor else ()
        after = lifecycle.delete(other.life)
        gone, script = _settle(unit, other, after, asked=asked and here, orders=orders)
        if here:
            changes.append(TokenChange(gone.info(), script))
        else:
            # Its script belongs into another strap's log.
            notices.token_changed(unit.rows, gone, "replaced", unit.now_ms)
    return changes


def _replaced(unit: Unit, token: TokenRow) -> list[TokenRow]:
    found = []
    predecessor = None if token.replaces is None else unit.rows.token(token.replaces)
    if predecessor is not None and not predecessor.life.ended:
        found.append(predecessor)
    older = True
    for other in unit.rows.tokens_of_card(token.se_id, token.card_id):
        if other.token_reference == token.token_reference:
            older = False
            continue
        mine = other.requestor_id == token.requestor_id
        life = other.life
        if not mine or life.ended or not (older or life.state is TokenState.ACTIVE):
            continue
        if other.token_reference != token.replaces:
            found.append(other)
    return found
