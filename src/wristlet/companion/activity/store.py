"""The phone's activity log in SQLite: every record of a strap exactly once.

A page of the strap is taken whole in one transaction together with the cursor, so that after a
crash at any moment the phone asks again for exactly what it does not have.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiosql

from wristlet.env.database import Database
from wristlet.wire.strap.activity import Page
from wristlet.wire.strap.activity_log import Anchor, Kind, Minute, Position

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOADED: Final = aiosql.from_path(
    Path(__file__).parent / "sql", "sqlite3", mandatory_parameters=False
)
SQL: Final[dict[str, str]] = {
    name: getattr(_LOADED, name).sql
    for name in _LOADED.available_queries
    if not name.endswith("_cursor")
}


class ActivityLogError(Exception):
    """The strap's log contradicts what the phone already has."""


@dataclass(frozen=True, slots=True)
class StoredMinute:
    """A minute with its place in time: when it began, and the wearer's zone then."""

    log_id: bytes
    record: int
    utc_s: int
    zone_min: int
    minute: Minute

    @property
    def local_s(self) -> int:
        """Seconds since 1970-01-01 00:00 by the wearer's clock on the wall."""
        return self.utc_s + self.zone_min * 60


@dataclass(frozen=True, slots=True)
class Gap:
    """Records `first` up to, not including, `end` were overwritten before they were fetched.

    `utc_s` is when the first record behind the gap began; None when no clock tells.
    """

    log_id: bytes
    first: int
    end: int
    utc_s: int | None
    zone_min: int | None


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Minutes recorded while the strap knew no time of day, and never told since."""

    minutes: int
    steps: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What a page brought: records new to this phone, and how many were lost before it."""

    records: int
    lost: int
    next_record: int


class ActivityStore:
    """The phone's log over a database made with `MIGRATIONS`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def next_record(self, log_id: bytes) -> int:
        """Return the first record of a log that the phone does not have."""
        return await self._database.read(lambda connection: _next_record(connection, log_id))

    async def take(self, strap: str, page: Page) -> Taken:
        """Store what of a page is new, durably; raises ActivityLogError.

        A page taken twice, or one that overlaps what is there, adds only what is missing.
        """
        return await self._database.write(lambda connection: _take(connection, strap, page))

    async def minutes(self, from_local_s: int, until_local_s: int) -> list[StoredMinute]:
        """Return the minutes that began between two times on the wearer's own clock."""
        bounds = {"from_s": from_local_s, "until_s": until_local_s}
        rows = await self._database.scan(
            lambda connection: connection.execute(SQL["minutes_between"], bounds).fetchall()
        )
        return [_stored(row) for row in rows]

    async def gaps(self) -> list[Gap]:
        """Return what was lost on the strap."""
        rows = await self._database.read(
            lambda connection: connection.execute(SQL["gap_list"]).fetchall()
        )
        return [Gap(*row) for row in rows]

    async def unplaced(self) -> Unplaced:
        """Return what has no time of day."""
        rows = await self._database.read(
            lambda connection: connection.execute(SQL["minutes_unplaced"]).fetchall()
        )
        return Unplaced(*rows[0])

    async def forget(self, strap: str) -> None:
        """Delete everything of one strap, durably; a later sync fetches what it still holds."""

        def delete(connection: sqlite3.Connection) -> None:
            for name in ("minutes_forget", "gaps_forget", "logs_forget"):
                connection.execute(SQL[name], {"strap": strap})

        await self._database.write(delete)


def _next_record(connection: sqlite3.Connection, log_id: bytes) -> int:
    row = connection.execute(SQL["next_record"], {"log_id": log_id}).fetchone()
    return int(row[0]) if row else 0


def _take(connection: sqlite3.Connection, strap: str, page: Page) -> Taken:
    log_id = page.extent.log_id
    have = _next_record(connection, log_id)
    if page.extent.end < have:
        raise ActivityLogError(
            "the strap's log ends before what the phone already has of it; reset the strap's log"
        )
    end = max(have, page.first + len(page.records))
    connection.execute(SQL["log_set"], {"log_id": log_id, "strap": strap, "next_record": end})
    lost = max(0, page.first - have)
    if lost:
        _add_gap(connection, page, have)
    _place(connection, log_id, page.position)
    number, position, rows = page.first, page.position, []
    for record in page.records:
        following = position.after(record)
        if number >= have:
            if isinstance(record, Minute):
                rows.append(_row(log_id, number, position, record))
            elif isinstance(record, Anchor):
                connection.executemany(SQL["minute_add"], rows)
                rows.clear()
                _place(connection, log_id, following)
        number, position = number + 1, following
    connection.executemany(SQL["minute_add"], rows)
    return Taken(end - max(have, page.first), lost, end)


def _add_gap(connection: sqlite3.Connection, page: Page, have: int) -> None:
    anchor = page.position.anchor
    connection.execute(
        SQL["gap_add"],
        {
            "log_id": page.extent.log_id,
            "first": have,
            "end": page.first,
            "utc_s": page.position.utc_s,
            "zone_min": anchor.zone_min if anchor else None,
        },
    )


def _place(connection: sqlite3.Connection, log_id: bytes, position: Position) -> None:
    """Give the minutes since the strap's start their time, now that its clock was set."""
    if position.anchor is None:
        return
    connection.execute(
        SQL["minutes_place"],
        {
            "log_id": log_id,
            "boot": position.boot,
            "utc_s": position.anchor.utc_s,
            "zone_min": position.anchor.zone_min,
            "tick_s": position.anchor_tick_s,
        },
    )


def _row(log_id: bytes, number: int, position: Position, minute: Minute) -> dict[str, Any]:
    return {
        "log_id": log_id,
        "record": number,
        "boot": position.boot,
        "tick_s": position.tick_s,
        "utc_s": position.utc_s,
        "zone_min": position.anchor.zone_min if position.anchor else None,
        "seconds": minute.seconds,
        "steps": minute.steps,
        "moving_s": minute.moving_s,
        "count": minute.count,
        "heart_bpm": minute.heart_bpm,
        "kind": int(minute.kind),
        "worn": int(minute.worn),
        "asleep": int(minute.asleep),
    }


def _stored(row: tuple[Any, ...]) -> StoredMinute:
    log_id, record, utc_s, zone_min, seconds, steps, moving_s, count, heart, kind, worn, asleep = (
        row
    )
    minute = Minute(steps, moving_s, count, heart, Kind(kind), bool(worn), bool(asleep), seconds)
    return StoredMinute(log_id, record, utc_s, zone_min, minute)
