"""Reading the event log by cursor."""

from __future__ import annotations

from wristlet.model.wallet_messages import EventList
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.events import repository


class EventService:
    """What tenants and wearers read of the log: a wearer only what concerns this wearer."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def after(self, actor: Actor, after: int, limit: int) -> EventList:
        """Return a page after a cursor; `next_cursor` is where to go on, now or later."""
        found = await self._context.database.read(
            lambda c: repository.after(c, actor.tenant_id, actor.wearer_id, after, limit + 1)
        )
        page = found[:limit]
        cursor = page[-1].sequence if page else after
        return EventList(page, has_more=len(found) > limit, next_cursor=str(cursor))
