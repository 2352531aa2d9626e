"""The operations on cards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from wristlet.model.tsp_messages import CardKey
from wristlet.model.wallet_messages import (
    AddCard,
    Card,
    CardList,
    ChangeReason,
    CheckEligibility,
    Eligibility,
    FinishVerification,
    RedigitizeCard,
    StartVerification,
    Verification,
)
from wristlet.wallet.api import LIMIT, Call, Operation, Query, Who
from wristlet.wallet.cards.service import CardService
from wristlet.wallet.context import Actor

_ONE = "/v1/cards/{card_id}"
_TSP = ("token_service_unavailable", "token_service_failed")
_CHANGE = ("action_not_allowed", "device_busy", "clear_digits_refused", *_TSP)

Change = Callable[[Actor, str, ChangeReason], Awaitable[Card]]


def operations(cards: CardService) -> tuple[Operation, ...]:
    """Declare them."""
    return (
        *_adding(cards),
        *_looking(cards),
        *_verifying(cards),
        _change("suspend", "Suspend a card as its holder", cards.suspend),
        _change("resume", "Take back the holder's own suspension", cards.resume),
        _change("delete", "End a card's token", cards.delete),
    )


def _adding(cards: CardService) -> tuple[Operation, ...]:
    return (
        Operation(
            "card_key_get",
            "cards",
            "GET",
            "/v1/card-key",
            "Fetch the token service's card-data key; check its chain against the pinned root",
            lambda call: cards.card_key(),
            CardKey,
            errors=_TSP,
        ),
        Operation(
            "card_check_eligibility",
            "cards",
            "POST",
            "/v1/cards/eligibility",
            "Ask whether a card can go onto a strap",
            lambda call: cards.check_eligibility(call.actor, call.body),
            Eligibility,
            Who.WEARER,
            CheckEligibility,
            status=HTTPStatus.CREATED,
            errors=("clear_digits_refused", "object_not_found", "device_lost", *_TSP),
        ),
        Operation(
            "card_redigitize",
            "cards",
            "POST",
            f"{_ONE}/redigitize",
            "Ask whether a card can go onto a strap without being typed again",
            lambda call: cards.redigitize(call.actor, call.path["card_id"], call.body),
            Eligibility,
            Who.WEARER,
            RedigitizeCard,
            status=HTTPStatus.CREATED,
            errors=("action_not_allowed", "device_lost", *_TSP),
        ),
        Operation(
            "card_add",
            "cards",
            "POST",
            "/v1/cards",
            "Add an eligible card; a declined one is answered with its state",
            lambda call: cards.add(call.actor, call.body),
            Card,
            Who.WEARER,
            AddCard,
            status=HTTPStatus.CREATED,
            errors=(
                "terms_not_accepted",
                "object_not_found",
                "eligibility_expired",
                "device_lost",
                "device_busy",
                *_TSP,
            ),
        ),
    )


def _looking(cards: CardService) -> tuple[Operation, ...]:
    return (
        Operation(
            "card_list",
            "cards",
            "GET",
            "/v1/cards",
            "List cards, of one strap or of all",
            lambda call: cards.list(call.actor, **call.query),
            CardList,
            query=(
                Query("device_id", str, "Only cards of this strap."),
                Query("after", str, "The last card id of the page before.", ""),
                LIMIT,
            ),
            errors=("object_not_found",),
        ),
        Operation(
            "card_get",
            "cards",
            "GET",
            _ONE,
            "Fetch a card",
            lambda call: cards.get(call.actor, call.path["card_id"], refresh=call.query["refresh"]),
            Card,
            query=(Query("refresh", bool, "Ask the token service first.", False),),
            errors=_TSP,
        ),
    )


def _verifying(cards: CardService) -> tuple[Operation, ...]:
    errors = ("action_not_allowed", "device_lost", "device_busy", *_TSP)
    return (
        Operation(
            "verification_start",
            "cards",
            "POST",
            f"{_ONE}/verification",
            "Have a one-time code sent to the wearer",
            lambda call: cards.start_verification(call.actor, call.path["card_id"], call.body),
            Verification,
            Who.WEARER,
            StartVerification,
            errors=errors,
        ),
        Operation(
            "verification_confirm",
            "cards",
            "POST",
            f"{_ONE}/verification/confirm",
            "Have the wearer's code checked",
            lambda call: cards.confirm_verification(call.actor, call.path["card_id"], call.body),
            Verification,
            Who.WEARER,
            FinishVerification,
            errors=("clear_digits_refused", *errors),
        ),
    )


def _change(verb: str, summary: str, change: Change) -> Operation:
    async def handle(call: Call) -> Card:
        return await change(call.actor, call.path["card_id"], call.body)

    return Operation(
        f"card_{verb}",
        "cards",
        "POST",
        f"{_ONE}/{verb}",
        summary,
        handle,
        Card,
        body=ChangeReason,
        errors=_CHANGE,
    )
