"""The operations on payments, and the door for the token service's notifications."""

from __future__ import annotations

from wristlet.links import requestor_client
from wristlet.model.tsp_messages import DeliverNotifications, NotificationsTaken
from wristlet.model.wallet_messages import TransactionList
from wristlet.wallet.api import LIMIT, Operation, Query, Who
from wristlet.wallet.transactions.service import TransactionService


def operations(transactions: TransactionService) -> tuple[Operation, ...]:
    """Declare them."""
    return (
        Operation(
            "transaction_list",
            "transactions",
            "GET",
            "/v1/transactions",
            "Read payments in the order of their last change, from a cursor",
            lambda call: transactions.list(call.actor, **call.query),
            TransactionList,
            query=(
                Query("device_id", str, "Only payments with this strap."),
                Query("card_id", str, "Only payments with this card."),
                Query("after", int, "The next_cursor of an earlier page.", 0),
                LIMIT,
            ),
            errors=("object_not_found",),
        ),
        Operation(
            "notification_deliver",
            "notifications",
            "POST",
            requestor_client.PATH,
            "Take notifications of the token service; their signatures admit them",
            lambda call: transactions.take(call.body),
            NotificationsTaken,
            Who.PUBLIC,
            DeliverNotifications,
            errors=("notification_refused", "token_service_unavailable", "token_service_failed"),
        ),
    )
