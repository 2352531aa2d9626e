"""What an event does to a token and, through scripts, to its secure element: one rule for all.

Scripts address an instance only once its personalisation was confirmed by a receipt: none waits
for an instance that never came; what was decided meanwhile follows with that receipt.
The exception is the script after a proof of identity: it follows the personalisation in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wristlet.model.token import TokenState
from wristlet.model.tsp_messages import ScriptPackage, TokenChange
from wristlet.tsp import lifecycle
from wristlet.tsp.errors import conflict
from wristlet.tsp.lifecycle import LifecycleError, TokenLife, Wanted
from wristlet.tsp.records import TokenRow
from wristlet.tsp.scripts import PURPOSE_FOR
from wristlet.tsp.unit import Unit

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


def apply(unit: Unit, token: TokenRow, event: Event) -> Changed:
    """Let an event happen to a token; raises TspError when its state does not allow it."""
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
    follow_up: list[TokenChange] = []
    if after.state is TokenState.ACTIVE and before.state is not TokenState.ACTIVE:
        follow_up = _replace_older(unit, token)
    return Changed(*_settle(unit, token, after, before), follow_up)


def _settle(
    unit: Unit, token: TokenRow, after: TokenLife, before: TokenLife
) -> tuple[TokenRow, ScriptPackage | None]:
    """Write the token's new life and the script that its secure element now needs."""
    script, ordered = None, token.wanted_by_scripts
    just_verified = after.verified and not before.verified and after.wanted is Wanted.ACTIVATABLE
    if after.wanted is not ordered and (after.personalised or just_verified):
        ordered = after.wanted
        script = unit.script(token, PURPOSE_FOR[ordered])
    changed = token.with_life(after, ordered)
    unit.rows.save_life(changed, unit.now_ms)
    return changed, script


def _replace_older(unit: Unit, token: TokenRow) -> list[TokenChange]:
    """Delete what a newly active token replaces: at most one is active per card and element."""
    changes = []
    older = True
    for other in unit.rows.tokens_of_card(token.se_id, token.card_id):
        if other.token_reference == token.token_reference:
            older = False
            continue
        life = other.life
        if life.ended or not (older or life.state is TokenState.ACTIVE):
            continue
        gone, script = _settle(unit, other, lifecycle.delete(life), life)
        changes.append(TokenChange(gone.info(), script))
    return changes
