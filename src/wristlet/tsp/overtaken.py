"""Scripts that can never run any more, and what is done about their tokens.

A secure element takes rising script numbers only. Once it has committed script m, a lower number
without a receipt was never carried out and never will be: the element refused it, or nobody took
it there. The state that the token service wants is then ordered anew, under a new number. A token
whose personalisation was overtaken never came to be: it is deleted, the wearer adds the card
again. If a receipt does come after all (somebody kept it back), it counts as always, and what
was decided meanwhile follows with it.
"""

from __future__ import annotations

from typing import Final

from wristlet.model.tsp_messages import TokenChange
from wristlet.tsp import lifecycle
from wristlet.tsp.changes import apply, orders_before
from wristlet.tsp.records import ScriptRow
from wristlet.tsp.scripts import PURPOSE_FOR
from wristlet.tsp.unit import Unit

ORDERS_MAX: Final = 3
"""So often the same is ordered in vain: an instance that is gone cannot be deleted, for example."""


def order_again(unit: Unit, committed: ScriptRow) -> list[TokenChange]:
    """Return what follows for a caller's tokens whose last script a committed one overtook."""
    changes = []
    for reference in unit.rows.overtaken(committed):
        token = unit.rows.token(reference)
        if token is None:
            continue
        if not token.life.personalised:
            if not token.life.ended:
                changes.append(apply(unit, token, lifecycle.delete).change)
        elif unit.rows.orders_in_vain(reference) < ORDERS_MAX:
            script = unit.script(token, PURPOSE_FOR[token.life.wanted], orders_before(unit, token))
            changes.append(TokenChange(token.info(), script))
    return changes
