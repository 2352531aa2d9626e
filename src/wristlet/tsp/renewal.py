"""When a token needs a successor, and what is done the moment that is seen.

A number with its keys is committed to an element at most once: near the end of its counter, of its
date, after its card was reissued or after its element went back in time, a new one is minted beside
it (`waiting`), and deleted is the old one only once the new one is active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wristlet.model.token import Suspender
from wristlet.tsp import lifecycle, notices
from wristlet.tsp.cards import yymm_of

if TYPE_CHECKING:
    from wristlet.tsp.config import TspConfig
    from wristlet.tsp.records import TokenRow
    from wristlet.tsp.repository import Repository

COUNTER: Final = "counter"
EXPIRY: Final = "expiry"
REISSUE: Final = "reissue"
ROLLBACK: Final = "rollback"

_AT_ONCE: Final = 500
"""So many expiring tokens are marked in one transaction."""


def mark_due(rows: Repository, token_reference: str, reason: str, now_ms: int) -> bool:
    """Note that a token needs a successor, once; its requestor is told."""
    marked = rows.run("token_set_renewal", token_reference=token_reference, renewal=reason)
    token = rows.token(token_reference) if marked else None
    if token is None:
        return False
    notices.token_changed(rows, token, f"renewal_{reason}", now_ms)
    return True


def mark_expiring(rows: Repository, config: TspConfig, now_ms: int) -> int:
    """Note the active tokens whose date comes near; return how many."""
    month = yymm_of(now_ms + config.renew_before_expiry_ms)
    found = rows.references("tokens_expiring", expiry_yymm=month, most=_AT_ONCE)
    return sum(mark_due(rows, reference, EXPIRY, now_ms) for reference in found)


def counter_moved(
    rows: Repository, config: TspConfig, token_reference: str, before: int, after: int, now_ms: int
) -> None:
    """Note a token whose counter came near its end with this tap."""
    if before < config.renew_at_atc <= after:
        mark_due(rows, token_reference, COUNTER, now_ms)


def suspend_rolled_back(rows: Repository, token_reference: str, now_ms: int) -> None:
    """A copied or restored secure element: the issuer looks before the token pays again.

    Its successor, if one is on its way, waits as well. When the issuer resumes the token it gets a
    successor: counters that were used stay used, the element would only meet them again.
    """
    token = rows.token(token_reference)
    if token is None or token.life.ended:
        return
    for each in (token, *partners(rows, token)):
        life = lifecycle.suspend(each.life, Suspender.ISSUER)
        rows.save_life(each.with_life(life, each.wanted_by_scripts), now_ms)
    notices.token_changed(rows, token, "atc_rollback", now_ms)
    mark_due(rows, token_reference, ROLLBACK, now_ms)


def partners(rows: Repository, token: TokenRow) -> list[TokenRow]:
    """List the living tokens that are the same card to the wearer while one renews the other."""
    found = rows.successors(token.token_reference) if token.renewal else []
    before = None if token.replaces is None else rows.token(token.replaces)
    if before is not None and before.renewal:
        found.append(before)
    return [one for one in found if one.se_id == token.se_id and not one.life.ended]
