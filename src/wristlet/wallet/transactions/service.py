"""Taking the token service's notifications, and showing the payments that came by them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from sqlite3 import Connection

import msgspec

from wristlet.crypto import ec, jws
from wristlet.crypto.errors import SignatureError
from wristlet.links.problems import ApiError
from wristlet.model.tsp_messages import (
    DeliverNotifications,
    Notification,
    NotificationKey,
    NotificationsTaken,
    TransactionInfo,
)
from wristlet.model.wallet_messages import Transaction, TransactionList
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import repository as devices
from wristlet.wallet.errors import refuse
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import NewEvent
from wristlet.wallet.remote import TokenServiceAnswerError, ask_tsp
from wristlet.wallet.transactions import repository, rules
from wristlet.wallet.transactions.repository import DueRow, TransactionRow

log = logging.getLogger(__name__)

Refresh = Callable[[Actor, str], Awaitable[None]]

BATCH_LIMIT = 100
TRANSACTION = "transaction"
# An unknown key is asked for at most so often: anybody can name one.
_KEY_PAUSE_MS = 10_000


class TransactionService:
    """Payments; `refresh` asks the token service about a strap."""

    def __init__(self, context: Context, refresh: Refresh) -> None:
        self._context = context
        self._refresh = refresh
        self._key: NotificationKey | None = None
        self._asked_ms = 0

    async def list(
        self, actor: Actor, device_id: str | None, card_id: str | None, after: int, limit: int
    ) -> TransactionList:
        """Return a page in the order of the last change; `next_cursor` is where to go on."""

        def read(connection: Connection) -> list[TransactionRow]:
            if device_id is not None:
                devices.require(connection, actor, device_id)
            return repository.page(connection, actor, device_id, card_id, after, limit + 1)

        found = await self._context.database.read(read)
        page = found[:limit]
        cursor = page[-1].change_sequence if page else after
        return TransactionList(
            [_view(row) for row in page], has_more=len(found) > limit, next_cursor=str(cursor)
        )

    async def take(self, request: DeliverNotifications) -> NotificationsTaken:
        """Record notifications in order, each once; then ask about the straps they concern.

        What was recorded counts although the token service may not answer that: the next sync of
        the strap asks again.
        """
        if not 0 < len(request.notifications) <= BATCH_LIMIT:
            raise refuse("parameter_invalid", "notifications")
        notes = [await self._opened(text) for text in request.notifications]

        def record(connection: Connection) -> tuple[int, Sequence[DueRow]]:
            due: list[DueRow] = []
            cursor = repository.taken(connection)
            for note in notes:
                if note.sequence > cursor:
                    due += self._record(connection, note)
                    cursor = note.sequence
            repository.put_taken(connection, cursor)
            return cursor, due

        cursor, due = await self._context.database.write(record)
        for row in dict.fromkeys(due):
            with suppress(ApiError):
                await self._refresh(Actor(row.tenant_id, row.wearer_id), row.device_id)
        return NotificationsTaken(cursor)

    async def _opened(self, text: str) -> Notification:
        """Return what a note says once its signature and addressee are checked."""
        try:
            key = await self._key_of(jws.kid_of(text))
            payload = jws.verify(text, ec.public_key(bytes.fromhex(key.public_point)))
            note = msgspec.json.decode(payload, type=Notification)
        except (SignatureError, ValueError):
            raise refuse("notification_refused", "notifications") from None
        if note.requestor_id != key.requestor_id:
            raise refuse("notification_refused", "notifications")
        return note

    async def _key_of(self, kid: str) -> NotificationKey:
        if self._key is not None and self._key.kid == kid:
            return self._key
        now_ms = self._context.now_ms()
        if self._key is not None and now_ms - self._asked_ms < _KEY_PAUSE_MS:
            raise SignatureError("signed note: an unknown key")
        self._key = await ask_tsp(self._context.tsp.notification_key())
        self._asked_ms = now_ms
        if self._key.kid != kid:
            raise SignatureError("signed note: an unknown key")
        return self._key

    def _record(self, connection: Connection, note: Notification) -> Sequence[DueRow]:
        """Record one; return the straps about which the token service has to be asked."""
        if note.kind != TRANSACTION or note.transaction is None:
            return repository.mark_due(connection, note.se_id, note.sequence)
        owner = repository.owner(connection, note.token_reference)
        if owner is None:
            return []
        info = note.transaction
        try:
            rules.check(note, info)
        except TokenServiceAnswerError as error:
            # Left out, not refused: what comes after it must not wait for ever.
            log.warning("notification %d cannot be right (%s)", note.sequence, error)
            return []
        before = repository.find(connection, owner.tenant_id, info.transaction_id)
        if rules.is_news(before, info.state):
            merchant = rules.merchant_of(info) if before is None else before.merchant
            sequence = self._tell(connection, owner, info, merchant)
            repository.put(
                connection,
                TransactionRow(
                    tenant_id=owner.tenant_id,
                    transaction_id=info.transaction_id,
                    change_sequence=sequence,
                    wearer_id=owner.wearer_id,
                    device_id=owner.device_id,
                    card_id=owner.card_id,
                    card_last4=note.card_last4,
                    token_last4=note.token_last4,
                    state=info.state,
                    amount_minor=info.amount_minor,
                    currency=info.currency,
                    merchant=merchant,
                    reason=info.reason,
                    created_ms=info.created_ms,
                ),
            )
        return []

    def _tell(
        self,
        connection: Connection,
        owner: repository.OwnerRow,
        info: TransactionInfo,
        merchant: str,
    ) -> int:
        data: dict[str, events.Value] = {
            "transaction_id": info.transaction_id,
            "amount_minor": info.amount_minor,
            "currency": info.currency,
            "merchant": merchant,
            "reason": info.reason,
        }
        event = NewEvent(
            rules.EVENTS[info.state], owner.wearer_id, owner.device_id, owner.card_id, data
        )
        return events.append(connection, self._context.env, owner.tenant_id, event)


def _view(row: TransactionRow) -> Transaction:
    return Transaction(
        id=row.transaction_id,
        sequence=row.change_sequence,
        device_id=row.device_id,
        card_id=row.card_id,
        card_last4=row.card_last4,
        token_last4=row.token_last4,
        state=row.state,
        amount_minor=row.amount_minor,
        currency=row.currency,
        merchant=row.merchant,
        reason=row.reason,
        created_ms=row.created_ms,
    )
