"""The operation on the event log."""

from __future__ import annotations

from wristlet.model.wallet_messages import EventList
from wristlet.wallet.api import LIMIT, Operation, Query
from wristlet.wallet.events.service import EventService


def operations(events: EventService) -> tuple[Operation, ...]:
    """Declare it."""
    return (
        Operation(
            "event_list",
            "events",
            "GET",
            "/v1/events",
            "Read the event log from a cursor, oldest first",
            lambda call: events.after(call.actor, **call.query),
            EventList,
            query=(Query("after", int, "The next_cursor of an earlier page.", 0), LIMIT),
        ),
    )
