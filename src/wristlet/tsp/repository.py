"""The token service's queries: SQL text from `sql/`, rows as the values of `records`.

Every function takes the connection of the transaction it belongs to; none commits.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiosql

from wristlet.tsp.records import (
    AuthorizationRow,
    CardRow,
    CountersRow,
    Device,
    Eligibility,
    NotificationRow,
    OrderRow,
    ScriptRow,
    TapRow,
    TokenRow,
)

MIGRATIONS = Path(__file__).parent / "migrations"
_LOADED = aiosql.from_path(Path(__file__).parent / "sql", "sqlite3", mandatory_parameters=False)
SQL: dict[str, str] = {
    name: getattr(_LOADED, name).sql
    for name in _LOADED.available_queries
    if not name.endswith("_cursor")
}
"""Statement text by name: SQLite keeps statements prepared by their text."""


class Repository:
    """All queries of one transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: str, /, **values: Any) -> int:
        """Execute a statement that changes rows; return how many."""
        return self._connection.execute(SQL[statement], values).rowcount

    def _row(self, statement: str, /, **values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(SQL[statement], values).fetchone()
        return row

    def _value(self, statement: str, /, **values: Any) -> Any:
        row = self._row(statement, **values)
        return None if row is None else row[0]

    def device(self, se_id: str) -> Device | None:
        """Find a registered secure element."""
        row = self._row("device_get", se_id=se_id)
        return None if row is None else Device(*row)

    def counter(self, se_id: str, name: str) -> int:
        """Return the last number given out under a name, 0 before the first."""
        last: int | None = self._value("counter_get", se_id=se_id, name=name)
        return last or 0

    def next_counter(self, se_id: str, name: str) -> int:
        """Take the next number under a name."""
        number = self.counter(se_id, name) + 1
        self.run("counter_put", se_id=se_id, name=name, last=number)
        return number

    def lease_opened(self, se_id: str, unlock_counter: int) -> int | None:
        """Return when a lease was first seen, Unix milliseconds."""
        opened: int | None = self._value("lease_opened", se_id=se_id, unlock_counter=unlock_counter)
        return opened

    def task(self, requestor_id: str, task_id: str) -> tuple[str, bytes, str] | None:
        """Return operation, body hash and answer of a finished task."""
        row = self._row("task_get", requestor_id=requestor_id, task_id=task_id)
        return None if row is None else (row[0], row[1], row[2])

    def eligibility(self, requestor_id: str, eligibility_id: str) -> Eligibility | None:
        """Find a requestor's offer."""
        row = self._row("eligibility_get", requestor_id=requestor_id, eligibility_id=eligibility_id)
        return None if row is None else Eligibility(*row)

    def tokens_held(self, se_id: str) -> int:
        """Count the tokens on a secure element that have not ended."""
        held: int = self._value("tokens_held", se_id=se_id)
        return held

    def dpan_taken(self, dpan_index: bytes) -> bool:
        """Whether a token number was ever given out."""
        return self._value("dpan_taken", dpan_index=dpan_index) is not None

    def token(self, token_reference: str) -> TokenRow | None:
        """Find a token."""
        row = self._row("token_get", token_reference=token_reference)
        return None if row is None else TokenRow(*row)

    def tokens_of_card(self, se_id: str, card_id: str) -> list[TokenRow]:
        """List a card's tokens on a secure element, oldest first."""
        values = {"se_id": se_id, "card_id": card_id}
        return [TokenRow(*row) for row in self._connection.execute(SQL["tokens_of_card"], values)]

    def tokens_of_device(self, se_id: str) -> list[TokenRow]:
        """List the tokens on a secure element, oldest first."""
        rows = self._connection.execute(SQL["tokens_of_device"], {"se_id": se_id})
        return [TokenRow(*row) for row in rows]

    def successors(self, token_reference: str) -> list[TokenRow]:
        """List the tokens that were made to take a token's place, oldest first."""
        values = {"token_reference": token_reference}
        return [TokenRow(*row) for row in self._connection.execute(SQL["tokens_replacing"], values)]

    def references(self, statement: str, /, **values: Any) -> list[str]:
        """List the token references that a statement finds."""
        return [row[0] for row in self._connection.execute(SQL[statement], values)]

    def card(self, card_id: str) -> CardRow | None:
        """Find a card by the blind index of its number."""
        row = self._row("card_get", card_id=card_id)
        return None if row is None else CardRow(*row)

    def order(self, order_id: str) -> OrderRow | None:
        """Find an order to a cardholder applet."""
        row = self._row("order_get", order_id=order_id)
        return None if row is None else OrderRow(*row)

    def open_orders(self, requestor_id: str, se_id: str) -> list[OrderRow]:
        """List a requestor's orders to an element that are not done or ended, oldest first."""
        values = {"requestor_id": requestor_id, "se_id": se_id}
        return [OrderRow(*row) for row in self._connection.execute(SQL["orders_open"], values)]

    def delivered(self, requestor_id: str) -> int:
        """Return up to which notification a requestor has taken all."""
        cursor: int | None = self._value("delivered_get", requestor_id=requestor_id)
        return cursor or 0

    def notifications(self, requestor_id: str, after: int, most: int) -> list[NotificationRow]:
        """List a requestor's notifications after a cursor, oldest first."""
        values = {"requestor_id": requestor_id, "after": after, "most": most}
        rows = self._connection.execute(SQL["notifications_after"], values)
        return [NotificationRow(*row) for row in rows]

    def traced(self, token_reference: str, trace: str) -> list[tuple[int, int, str]]:
        """List ATC, amount and currency of what a token was asked under a trace."""
        values = {"token_reference": token_reference, "trace": trace}
        return list(self._connection.execute(SQL["authorization_of_trace"], values))

    def add_token(self, token: TokenRow, **more: Any) -> None:
        """Record a new token; `more` are the columns that life-cycle operations do not see."""
        self.run("token_add", **asdict(token), **more)

    def save_life(self, token: TokenRow, now_ms: int) -> None:
        """Write what an event changed."""
        self.run(
            "token_set_life",
            token_reference=token.token_reference,
            state=token.state,
            suspended_by=token.suspended_by,
            personalised=token.personalised,
            verified=token.verified,
            ordered=token.ordered,
            changed_ms=now_ms,
        )

    def tap(self, dpan_index: bytes) -> TapRow | None:
        """Find a token by the blind index of its number."""
        row = self._row("token_for_tap", dpan_index=dpan_index)
        return None if row is None else TapRow(*row)

    def counters(self, token_reference: str) -> CountersRow | None:
        """Read what changes from tap to tap."""
        row = self._row("token_counters", token_reference=token_reference)
        return None if row is None else CountersRow(*row)

    def script(self, se_id: str, domain_aid: bytes, number: int) -> ScriptRow | None:
        """Find a script by its number."""
        row = self._row("script_get", se_id=se_id, domain_aid=domain_aid, number=number)
        return None if row is None else ScriptRow(*row)

    def overtaken(self, committed: ScriptRow) -> list[str]:
        """List a requestor's tokens whose newest script can never run any more."""
        values = {
            "se_id": committed.se_id,
            "domain_aid": committed.domain_aid,
            "requestor_id": committed.requestor_id,
            "number": committed.number,
        }
        return [row[0] for row in self._connection.execute(SQL["scripts_overtaken"], values)]

    def orders_in_vain(self, token_reference: str) -> int:
        """Count a token's scripts without receipt since the last one that has one."""
        count: int = self._value("scripts_in_vain", token_reference=token_reference)
        return count

    def last_package(self, token_reference: str, purpose: str) -> str | None:
        """Return the newest script of a purpose that waits for its receipt, as JSON."""
        package: str | None = self._value(
            "script_last_of_token", token_reference=token_reference, purpose=purpose
        )
        return package

    def authorization(self, token_reference: str, atc: int) -> AuthorizationRow | None:
        """Find what an ATC was used for."""
        row = self._row("authorization_get", token_reference=token_reference, atc=atc)
        return None if row is None else AuthorizationRow(*row)
