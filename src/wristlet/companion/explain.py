"""How a card stands, in one plain sentence, from both layers: token service and strap.

The first row whose condition holds speaks; a second sentence follows where the two layers differ
or a successor is on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wristlet.companion.texts import Language, say
from wristlet.model.token import SeState, Suspender, TokenState
from wristlet.model.wallet_messages import Card

ON_STRAP: Final = (SeState.READY, SeState.SELECTED)
NOT_THERE_YET: Final = (SeState.ABSENT, SeState.LOADING)


@dataclass(frozen=True, slots=True)
class CardView:
    """A card with what the strap says now; `se_state` falls back to what the server last heard.

    `is_read_now` tells whether the strap itself said so.
    """

    card: Card
    se_state: str
    is_read_now: bool

    def explain(self, language: Language = "en") -> str:
        """Return the plain sentence."""
        return explain(self.card, language, se_state=self.se_state)


@dataclass(frozen=True, slots=True)
class _Seen:
    state: str
    se_state: str
    by: frozenset[str]
    needs_code: bool


_Holds = Callable[[_Seen], bool]

ROWS: Final[tuple[tuple[str, _Holds], ...]] = (
    ("card.declined", lambda seen: seen.state == TokenState.DECLINED),
    (
        "card.deleted",
        lambda seen: seen.state == TokenState.DELETED and seen.se_state == SeState.ABSENT,
    ),
    ("card.deleted_waiting", lambda seen: seen.state == TokenState.DELETED),
    ("card.lost", lambda seen: Suspender.TOKEN_REQUESTOR in seen.by),
    ("card.issuer", lambda seen: Suspender.ISSUER in seen.by),
    ("card.pin_locked", lambda seen: Suspender.PIN_LOCKED in seen.by),
    ("card.paused", lambda seen: Suspender.CARDHOLDER in seen.by),
    ("card.unknown", lambda seen: seen.state == TokenState.SUSPENDED),
    (
        "card.needs_code",
        lambda seen: seen.state in (TokenState.REQUESTED, TokenState.INACTIVE) and seen.needs_code,
    ),
    (
        "card.loading",
        lambda seen: (
            seen.state in (TokenState.REQUESTED, TokenState.INACTIVE, TokenState.ACTIVE)
            and seen.se_state in NOT_THERE_YET
        ),
    ),
    (
        "card.being_activated",
        lambda seen: seen.state in (TokenState.REQUESTED, TokenState.INACTIVE),
    ),
    (
        "card.pays",
        lambda seen: seen.state == TokenState.ACTIVE and seen.se_state == SeState.SELECTED,
    ),
    (
        "card.ready",
        lambda seen: seen.state == TokenState.ACTIVE and seen.se_state == SeState.READY,
    ),
    (
        "card.resuming",
        lambda seen: seen.state == TokenState.ACTIVE and seen.se_state == SeState.DEACTIVATED,
    ),
    ("card.unknown", lambda _: True),
)


def sentence_keys(card: Card, se_state: str | None = None) -> list[str]:
    """Return the catalogue's keys of what is said about a card, in order."""
    seen = _Seen(
        card.state,
        card.se_state if se_state is None else se_state,
        frozenset(card.suspended_by),
        bool(card.verification_methods),
    )
    keys = [next(name for name, holds in ROWS if holds(seen))]
    if seen.state == TokenState.SUSPENDED and seen.se_state in ON_STRAP:
        keys.append("card.not_heard")
    if card.renewal and seen.state not in (TokenState.DELETED, TokenState.DECLINED):
        keys.append("card.renewal")
    return keys


def explain(card: Card, language: Language = "en", *, se_state: str | None = None) -> str:
    """Say how a card stands; `se_state` is what the strap itself says now, if it was asked."""
    sentences = [say(key, language) for key in sentence_keys(card, se_state)]
    return ("" if language == "ja" else " ").join(sentences)
