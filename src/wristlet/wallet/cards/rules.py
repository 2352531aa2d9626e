"""The rules about cards, without effects: states, what is allowed, what an event tells.

The token service owns `state` and `suspended_by`; only receipts and the wearer's own reports move
`se_state`. Neither is ever guessed from the other.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from wristlet.model.token import SeState, Suspender, TokenState
from wristlet.model.tsp_messages import TokenInfo, VerificationMethod
from wristlet.model.wallet_messages import Card
from wristlet.wallet import shapes
from wristlet.wallet.cards.repository import CardRow
from wristlet.wallet.devices.repository import PAIRED
from wristlet.wallet.events.repository import NewEvent
from wristlet.wallet.remote import TokenServiceAnswerError

APPROVED, STEP_UP = "approved", "require_additional_authentication"
DECISIONS = frozenset({APPROVED, STEP_UP, "declined"})

LIVING = frozenset({TokenState.INACTIVE, TokenState.ACTIVE, TokenState.SUSPENDED})
"""States in which a token can be suspended; a suspension of an inactive one waits for it."""

# Contactless state in a receipt (GPCS Amendment C); FF: the instance is gone.
_SE_STATES = {
    0x00: SeState.READY,
    0x01: SeState.SELECTED,
    0x80: SeState.DEACTIVATED,
    0xFF: SeState.ABSENT,
}

_STATE_EVENTS = {
    TokenState.ACTIVE: "token.activated",
    TokenState.SUSPENDED: "token.suspended",
    TokenState.DELETED: "token.deleted",
    TokenState.DECLINED: "token.declined",
    TokenState.INACTIVE: "token.deactivated",
    TokenState.REQUESTED: "token.requested",
}


def se_state_of(contactless_state: int) -> str:
    """Return what a receipt's contactless state means for the card."""
    return _SE_STATES.get(contactless_state, SeState.UNKNOWN)


def owners(row: CardRow) -> list[str]:
    """Return who holds the card suspended."""
    return row.suspended_by.split(",") if row.suspended_by else []


def needs_verification(row: CardRow) -> bool:
    """Whether the wearer still has to prove identity to the issuer."""
    waiting = row.state in (TokenState.REQUESTED, TokenState.INACTIVE)
    return row.decision == STEP_UP and waiting and not row.verified


def is_verified(row: CardRow) -> bool:
    """Whether the wearer proved identity; a code entered again needs no second look then."""
    return bool(row.verified) and row.state not in (TokenState.DELETED, TokenState.DECLINED)


def can_select(row: CardRow) -> bool:
    """Whether the wearer can choose the card on the strap."""
    return row.state not in (TokenState.DELETED, TokenState.DECLINED) and row.se_state in (
        SeState.READY,
        SeState.SELECTED,
        SeState.UNKNOWN,
    )


def allowed_actions(row: CardRow, device_state: str) -> list[str]:
    """Return what can be done with the card now; a client needs no table of states."""
    at_hand = device_state == PAIRED
    lives = row.state in (
        TokenState.REQUESTED,
        TokenState.INACTIVE,
        TokenState.ACTIVE,
        TokenState.SUSPENDED,
    )
    offers = (
        ("start_verification", at_hand and needs_verification(row)),
        ("confirm_verification", at_hand and needs_verification(row)),
        ("select", can_select(row) and row.se_state != SeState.SELECTED),
        (
            "suspend",
            row.state in (TokenState.ACTIVE, TokenState.SUSPENDED)
            and Suspender.CARDHOLDER not in owners(row),
        ),
        ("resume", row.state == TokenState.SUSPENDED and Suspender.CARDHOLDER in owners(row)),
        ("redigitize", row.state in (TokenState.ACTIVE, TokenState.SUSPENDED)),
        ("delete", lives),
    )
    return [name for name, offered in offers if offered]


def view(row: CardRow, device_state: str) -> Card:
    """Return a card as the API shows it."""
    return Card(
        id=row.card_id,
        device_id=row.device_id,
        token_reference=row.token_reference,
        state=row.state,
        suspended_by=owners(row),
        se_state=row.se_state,
        card_last4=row.card_last4,
        token_last4=row.token_last4,
        issuer_name=row.issuer_name,
        product=row.product,
        card_art=row.card_art,
        instance_aid=row.instance_aid,
        decision=row.decision,
        reason=row.reason,
        created_ms=row.created_ms,
        verification_methods=methods(row),
        allowed_actions=allowed_actions(row, device_state),
        party=row.party,
        replaces=row.replaces_card_id,
        renewal=row.renewal,
    )


def methods(row: CardRow) -> list[VerificationMethod]:
    """Return the ways in which the wearer can prove identity, while that is needed."""
    if not needs_verification(row):
        return []
    return msgspec.json.decode(row.verification_methods, type=list[VerificationMethod])


def check_token(token: TokenInfo, se_id: str, token_reference: str | None) -> None:
    """Refuse a token description that is not of this card, or holds what must not be here."""
    checks = (
        ("se_id", token.se_id == se_id),
        ("token_reference", token_reference in (None, token.token_reference)),
        ("token_reference", shapes.is_reference(token.token_reference)),
        ("state", token.state in frozenset(TokenState)),
        ("suspended_by", all(owner and owner.isidentifier() for owner in token.suspended_by)),
        ("card_last4", shapes.is_last4(token.card_last4)),
        ("token_last4", shapes.is_last4(token.token_last4)),
        ("instance_aid", shapes.is_hex(token.instance_aid) or not token.instance_aid),
        ("issuer_name", shapes.is_plain_text(token.issuer_name)),
        ("product", shapes.is_plain_text(token.product)),
        ("card_art", shapes.is_plain_text(token.card_art)),
        ("renewal", not token.renewal or token.renewal.isidentifier()),
    )
    for name, good in checks:
        if not good:
            raise TokenServiceAnswerError(name)


def with_token(row: CardRow, token: TokenInfo) -> CardRow:
    """Return the card as the token service sees it now; the secure element's state stays."""
    return replace(
        row,
        token_reference=token.token_reference,
        state=token.state,
        suspended_by=",".join(sorted(set(token.suspended_by))),
        card_last4=token.card_last4,
        token_last4=token.token_last4,
        card_art=token.card_art,
        instance_aid=token.instance_aid or row.instance_aid,
        renewal=token.renewal,
    )


def successor(row: CardRow, card_id: str, token: TokenInfo, now_ms: int) -> CardRow:
    """Return the card that takes another's place by itself: nobody typed or accepted anything."""
    fresh = replace(
        row,
        card_id=card_id,
        eligibility_id=f"renewal:{token.token_reference}",
        se_state=SeState.LOADING,
        decision=APPROVED,
        reason="renewed",
        verification_methods="[]",
        verified=1,
        created_ms=now_ms,
        replaces_card_id=row.card_id,
    )
    return with_token(fresh, token)


def events_between(before: CardRow, after: CardRow) -> list[NewEvent]:
    """Return what a change of a card is called in the log: at most one event for each layer."""
    found = []
    if (before.state, before.suspended_by) != (after.state, after.suspended_by):
        data = {
            "state": after.state,
            "state_before": before.state,
            "suspended_by": after.suspended_by,
        }
        found.append(_event(after, _state_event(before, after), data))
    if before.renewal != after.renewal:
        found.append(_event(after, "card.renewal_due", {"reason": after.renewal}))
    if before.se_state != after.se_state:
        data = {"se_state": after.se_state, "se_state_before": before.se_state}
        found.append(_event(after, "card.se_state_changed", data))
    return found


def _state_event(before: CardRow, after: CardRow) -> str:
    if before.state == TokenState.SUSPENDED and after.state == TokenState.ACTIVE:
        return "token.resumed"
    if before.state == after.state:
        # One of several owners came or went.
        return "token.suspenders_changed"
    return _STATE_EVENTS[TokenState(after.state)]


def _event(row: CardRow, type_: str, data: dict[str, str]) -> NewEvent:
    return NewEvent(type_, row.wearer_id, row.device_id, row.card_id, data)
