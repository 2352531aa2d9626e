"""Queries about eligibilities and cards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from sqlite3 import Connection
from typing import cast

from wristlet.wallet.context import Actor, load_queries
from wristlet.wallet.errors import refuse


@dataclass(frozen=True, slots=True)
class EligibilityRow:
    """The token service's word that a card may go onto a strap; `answer` is its JSON.

    `source_card_id` names the card it is about, when that was not typed.
    """

    tenant_id: str
    eligibility_id: str
    device_id: str
    wearer_id: str
    task_id: str
    answer: str
    expires_ms: int
    created_ms: int
    source_card_id: str | None = None


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card on a strap; `suspended_by` is a comma list, `verification_methods` is JSON."""

    tenant_id: str
    card_id: str
    device_id: str
    wearer_id: str
    eligibility_id: str
    token_reference: str | None
    state: str
    suspended_by: str
    se_state: str
    card_last4: str
    token_last4: str | None
    issuer_name: str
    product: str
    card_art: str
    instance_aid: str | None
    decision: str
    reason: str
    party: str
    verification_methods: str
    verified: int
    created_ms: int
    replaces_card_id: str | None = None
    renewal: str = ""


_SQL = load_queries(__file__, "cards", EligibilityRow=EligibilityRow, CardRow=CardRow)
_MUTABLE = (
    "tenant_id",
    "card_id",
    "state",
    "suspended_by",
    "se_state",
    "card_last4",
    "token_last4",
    "card_art",
    "instance_aid",
    "verified",
    "renewal",
)


def insert_eligibility(connection: Connection, row: EligibilityRow) -> EligibilityRow:
    """Store an eligibility and return it, or the one that the same task stored before."""
    _SQL.insert_eligibility(connection, **asdict(row))
    stored = _SQL.eligibility_of_task(connection, tenant_id=row.tenant_id, task_id=row.task_id)
    return cast(EligibilityRow, stored)


def require_eligibility(
    connection: Connection, actor: Actor, eligibility_id: str
) -> EligibilityRow:
    """Return an eligibility that the actor may see."""
    row = _SQL.find_eligibility(
        connection,
        tenant_id=actor.tenant_id,
        wearer_id=actor.wearer_id,
        eligibility_id=eligibility_id,
    )
    if row is None:
        raise refuse("object_not_found", "eligibility_id")
    return cast(EligibilityRow, row)


def insert(connection: Connection, row: CardRow) -> None:
    """Store a card."""
    _SQL.insert_card(connection, **asdict(row))


def update(connection: Connection, row: CardRow) -> None:
    """Store what can change of a card."""
    _SQL.update_card(connection, **{name: getattr(row, name) for name in _MUTABLE})


def require(connection: Connection, actor: Actor, card_id: str) -> CardRow:
    """Return a card that the actor may see; another's is refused like one that does not exist."""
    row = _SQL.find_card(
        connection, tenant_id=actor.tenant_id, wearer_id=actor.wearer_id, card_id=card_id
    )
    if row is None:
        raise refuse("object_not_found", "card_id")
    return cast(CardRow, row)


def of_eligibility(connection: Connection, tenant_id: str, eligibility_id: str) -> str | None:
    """Return the card that an eligibility became."""
    found = _SQL.card_of_eligibility(connection, tenant_id=tenant_id, eligibility_id=eligibility_id)
    return cast(str | None, found)


def of_device(connection: Connection, tenant_id: str, device_id: str) -> list[CardRow]:
    """Return all cards of a strap, oldest first."""
    return list(_SQL.cards_of_device(connection, tenant_id=tenant_id, device_id=device_id))


def page(
    connection: Connection, actor: Actor, device_id: str | None, after: str, limit: int
) -> list[CardRow]:
    """Return cards that the actor may see, by id."""
    rows = _SQL.list_cards(
        connection,
        tenant_id=actor.tenant_id,
        wearer_id=actor.wearer_id,
        device_id=device_id,
        after=after,
        limit=limit,
    )
    return list(rows)
