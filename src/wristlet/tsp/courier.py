"""Delivers notifications to requestors: in order, signed, again until they are taken.

The outbox is a log in the database and each requestor has its cursor there; a cursor moves only
when the requestor says up to where everything is durable on its side.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from wristlet.crypto import jws
from wristlet.links.http import RemoteError
from wristlet.model.tsp_messages import DeliverNotifications, Notification, TransactionInfo
from wristlet.tsp import renewal
from wristlet.tsp.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Connection

    from wristlet.links.requestor_client import RequestorClient
    from wristlet.tsp.context import Context
    from wristlet.tsp.records import NotificationRow

log = logging.getLogger(__name__)

BATCH: Final = 50
RETRY_MS: Final = (1_000, 5_000, 30_000, 300_000)
"""Waits after failures in a row; the last one repeats."""
SWEEP_MS: Final = 3_600_000


class Courier:
    """Delivers to requestors by name; one delivery at a time."""

    def __init__(self, context: Context, requestors: Mapping[str, RequestorClient]) -> None:
        self._context = context
        self._requestors = dict(requestors)
        self._alone = asyncio.Lock()

    async def deliver(self) -> int:
        """Deliver all that waits; return how many were taken. Raises RemoteError."""
        async with self._alone:
            return sum([await self._deliver_to(name) for name in self._requestors])

    async def follow(self) -> None:
        """Deliver whenever something was written, for ever; what fails waits for the next time."""
        while True:
            await self._context.bell.wait()
            await self._try()

    async def run(self) -> None:
        """Deliver for ever: when something was written, and again after failures; note each hour
        which tokens come near their date.
        """
        failures, swept_ms = 0, 0
        while True:
            now_ms = self._context.env.clock.now_ms()
            if now_ms - swept_ms >= SWEEP_MS:
                await self.sweep()
                swept_ms = now_ms
            failures = 0 if await self._try() else failures + 1
            if failures == len(RETRY_MS):
                log.warning("a requestor takes no notifications; they wait in the outbox")
            wait_ms = RETRY_MS[min(failures, len(RETRY_MS)) - 1] if failures else SWEEP_MS
            await self._wait(wait_ms)

    async def sweep(self) -> int:
        """Note the tokens whose date comes near; return how many."""
        now_ms, config = self._context.env.clock.now_ms(), self._context.config
        return await self._context.database.write(
            lambda connection: renewal.mark_expiring(Repository(connection), config, now_ms)
        )

    async def _wait(self, duration_ms: int) -> None:
        """Wait until the bell rings or time is up."""
        waits = (
            asyncio.ensure_future(self._context.bell.wait()),
            asyncio.ensure_future(self._context.env.clock.sleep_ms(duration_ms)),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _try(self) -> bool:
        try:
            await self.deliver()
        except RemoteError as error:
            log.info("notifications wait: %s", error)
            return False
        return True

    async def _deliver_to(self, name: str) -> int:
        context, taken = self._context, 0
        while True:
            rows = await context.database.read(lambda connection: _waiting(connection, name))
            if not rows:
                return taken
            notes = [self._signed(name, row) for row in rows]
            answer = await self._requestors[name].deliver(DeliverNotifications(notes))
            cursor = min(answer.cursor, rows[-1].sequence)
            moved = sum(row.sequence <= cursor for row in rows)
            if not moved:
                return taken
            taken += moved
            await context.database.write(partial(_taken, name=name, cursor=cursor))

    def _signed(self, name: str, row: NotificationRow) -> str:
        detail = row.detail
        note = Notification(
            requestor_id=name,
            sequence=row.sequence,
            kind=row.kind,
            created_ms=row.created_ms,
            token_reference=row.token_reference,
            token_last4=row.token_last4,
            card_last4=row.card_last4,
            se_id=row.se_id,
            reason=row.reason,
            transaction=msgspec.json.decode(detail, type=TransactionInfo) if detail else None,
        )
        keys = self._context.keys
        return jws.sign(msgspec.json.encode(note), keys.notification, keys.notification_kid)


def _waiting(connection: Connection, name: str) -> list[NotificationRow]:
    rows = Repository(connection)
    return rows.notifications(name, rows.delivered(name), BATCH)


def _taken(connection: Connection, name: str, cursor: int) -> None:
    rows = Repository(connection)
    rows.run("delivered_put", requestor_id=name, delivered=cursor)
    rows.run("notifications_forget", requestor_id=name, delivered=cursor)
