"""A phone's activity store on a file, and links to a strap that fail on command."""

from __future__ import annotations

import shutil
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import TypeVar

from wristlet.companion.activity.store import MIGRATIONS, ActivityStore
from wristlet.env.database import Database
from wristlet.links.channel import LinkLost
from wristlet.strap.activity.endpoint import ActivityEndpoint
from wristlet.strap.activity.ring import ActivityRing
from wristlet.wire.strap.activity_log import Minute, Position, Record
from wristlet.wire.strap.concerns import Concern

T = TypeVar("T")


def done(coroutine: Coroutine[object, None, T]) -> T:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits for something")


class PhoneOnFile:
    """A store whose process may die: what was not committed is gone."""

    def __init__(self, folder: Path, name: str = "phone") -> None:
        self.path = folder / f"{name}.db"
        template = folder / "template.db"
        if not template.exists():
            made = Database(template, MIGRATIONS, "none", inline=True)
            done(made.open())
            done(made.close())
        shutil.copy(template, self.path)
        self.open()

    def open(self) -> None:
        self.database = Database(self.path, durability="none", inline=True)
        done(self.database.open())
        self.store = ActivityStore(self.database)

    def die(self) -> None:
        """Lose the process and start anew."""
        done(self.database.close())
        self.open()

    def close(self) -> None:
        done(self.database.close())

    def rows(self) -> list[tuple[bytes, int, int | None, int]]:
        """Log, record number, time and steps of every minute there is."""
        return done(
            self.database.read(
                lambda connection: connection.execute(
                    "SELECT log_id, record, utc_s, steps FROM minutes ORDER BY log_id, record"
                ).fetchall()
            )
        )


class Link:
    """Asks a strap's endpoint; `fates` say of each exchange what becomes of it.

    `ok`; `request lost`; `answer lost`; `twice` (the request arrives twice, the second answer
    counts).
    """

    def __init__(self, endpoint: ActivityEndpoint, fates: Iterable[str] = ()) -> None:
        self._endpoint = endpoint
        self._fates = iter(fates)

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        assert concern is Concern.ACTIVITY
        fate = next(self._fates, "ok")
        if fate == "request lost":
            raise LinkLost("cut")
        answer = await self._endpoint.handle(message)
        if fate == "twice":
            answer = await self._endpoint.handle(message)
        if fate == "answer lost":
            raise LinkLost("cut")
        return answer


def endpoint_of(ring: ActivityRing) -> ActivityEndpoint:
    return ActivityEndpoint(ring, lambda concern, message: None)


def placed(records: dict[int, Record]) -> dict[int, int | None]:
    """When each minute of a whole row began, by the first clock of its start that says so."""
    found: dict[int, int | None] = {}
    place, waiting = Position(), list[tuple[int, int]]()
    for number, record in sorted(records.items()):
        after = place.after(record)
        if isinstance(record, Minute):
            found[number] = place.utc_s
            if place.utc_s is None:
                waiting.append((number, place.tick_s))
        elif after.boot != place.boot:
            waiting = []
        elif after.utc_s is not None and waiting:
            for early, tick_s in waiting:
                found[early] = after.utc_s + tick_s - after.tick_s
            waiting = []
        place = after
    return found
