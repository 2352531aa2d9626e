"""Fetches a strap's activity log: asks, stores durably, then asks for what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from wristlet.companion.activity.store import ActivityLogError, ActivityStore
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap.activity import (
    PAGE_BYTES_MAX,
    AskExtent,
    Extent,
    Page,
    ReadLog,
)
from wristlet.wire.strap.concerns import Concern


class AsksStrap(Protocol):
    """What a link to the strap offers: one request, one answer."""

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        """Return the strap's answer; raises LinkLost, StrapRefused."""
        ...


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync brought; `lost` records were overwritten on the strap before."""

    records: int
    lost: int


class ActivitySync:
    """Carries one strap's log into the phone's store; may be cut anywhere and begun again."""

    def __init__(self, store: ActivityStore, strap: str, page_bytes: int = PAGE_BYTES_MAX) -> None:
        self._store = store
        self._strap = strap
        self._page_bytes = page_bytes

    async def run(self, link: AsksStrap) -> Synced:
        """Fetch everything there is; raises LinkLost, StrapRefused, ActivityLogError.

        What was stored before a lost link stays; the next run goes on behind it.
        """
        extent = _read(Extent, await link.ask(Concern.ACTIVITY, AskExtent().encode()))
        first = await self._store.next_record(extent.log_id)
        if first > extent.end:
            raise ActivityLogError(
                "the strap's log ends before what the phone already has of it; reset the log"
            )
        records = lost = 0
        while first < extent.end:
            wanted = ReadLog(first, self._page_bytes)
            page = _read(Page, await link.ask(Concern.ACTIVITY, wanted.encode()))
            if page.extent.log_id != extent.log_id or page.first < first:
                raise ActivityLogError("the strap answered for another log; sync again")
            taken = await self._store.take(self._strap, page)
            if taken.next_record <= first:
                raise ActivityLogError("the strap sends no records that it has; restart the strap")
            records, lost = records + taken.records, lost + taken.lost
            first = taken.next_record
        return Synced(records, lost)


Answer = TypeVar("Answer", Extent, Page)


def _read(kind: type[Answer], data: bytes) -> Answer:
    try:
        return kind.decode(data)
    except DecodeError as error:
        raise ActivityLogError(f"the strap's answer could not be read: {error}") from error
