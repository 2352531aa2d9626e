"""Wearers and their phones' sessions; both are made by the tenant's backend."""

from __future__ import annotations

from sqlite3 import Connection

from wristlet.model.wallet_messages import CreateWearer, Session, SessionsEnded, Wearer
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.errors import refuse
from wristlet.wallet.events import repository as events
from wristlet.wallet.shapes import check_text
from wristlet.wallet.tenants.service import SESSION_PREFIX, new_token, token_hash
from wristlet.wallet.wearers import repository

SESSION_MS = 30 * 24 * 3600 * 1000


class WearerService:
    """What a tenant does with its wearers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, actor: Actor, request: CreateWearer) -> Wearer:
        """Create a wearer."""
        check_text(request.name, "name")
        if request.email is not None:
            check_text(request.email, "email")
        row = repository.WearerRow(
            tenant_id=actor.tenant_id,
            wearer_id=self._context.new_id("wear"),
            name=request.name,
            email=request.email,
            created_ms=self._context.now_ms(),
        )

        def record(connection: Connection) -> None:
            repository.insert(connection, row)
            event = events.NewEvent("wearer.created", row.wearer_id)
            events.append(connection, self._context.env, row.tenant_id, event)

        await self._context.database.write(record)
        return Wearer(row.wearer_id, row.name, row.email, row.created_ms)

    async def open_session(self, actor: Actor, wearer_id: str) -> Session:
        """Open a session; its token is shown here and never again."""
        token = new_token(SESSION_PREFIX, self._context.env)
        now_ms = self._context.now_ms()
        row = repository.SessionRow(actor.tenant_id, wearer_id, now_ms + SESSION_MS)

        def record(connection: Connection) -> None:
            if repository.find(connection, actor.tenant_id, wearer_id) is None:
                raise refuse("object_not_found", "wearer_id")
            repository.insert_session(connection, row, token_hash(token), now_ms)
            event = events.NewEvent("session.opened", wearer_id)
            events.append(connection, self._context.env, actor.tenant_id, event)

        await self._context.database.write(record)
        return Session(token, wearer_id, row.expires_ms)

    async def end_other_sessions(self, actor: Actor) -> SessionsEnded:
        """End all of the wearer's sessions but the one that asks."""

        def record(connection: Connection) -> int:
            ended = repository.end_others(connection, actor)
            if ended:
                data: dict[str, events.Value] = {"ended": ended}
                event = events.NewEvent("session.others_ended", actor.wearer_id, data=data)
                events.append(connection, self._context.env, actor.tenant_id, event)
            return ended

        return SessionsEnded(await self._context.database.write(record))
