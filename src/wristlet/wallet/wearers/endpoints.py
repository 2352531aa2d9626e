"""The operations on wearers and their sessions."""

from __future__ import annotations

from http import HTTPStatus

from wristlet.model.wallet_messages import CreateWearer, Session, SessionsEnded, Wearer
from wristlet.wallet.api import Operation, Who
from wristlet.wallet.wearers.service import WearerService


def operations(wearers: WearerService) -> tuple[Operation, ...]:
    """Declare them."""
    return (
        Operation(
            "wearer_create",
            "wearers",
            "POST",
            "/v1/wearers",
            "Create a wearer",
            lambda call: wearers.create(call.actor, call.body),
            Wearer,
            Who.TENANT,
            CreateWearer,
            status=HTTPStatus.CREATED,
            errors=("clear_digits_refused",),
        ),
        Operation(
            "session_create",
            "wearers",
            "POST",
            "/v1/wearers/{wearer_id}/sessions",
            "Open a session for a wearer's phone",
            lambda call: wearers.open_session(call.actor, call.path["wearer_id"]),
            Session,
            Who.TENANT,
            status=HTTPStatus.CREATED,
        ),
        Operation(
            "session_end_others",
            "wearers",
            "POST",
            "/v1/sessions/end-others",
            "End every other session of the wearer, as after the loss of a phone",
            lambda call: wearers.end_other_sessions(call.actor),
            SessionsEnded,
            Who.WEARER,
        ),
    )
