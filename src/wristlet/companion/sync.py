"""One sync for all concerns: each part goes on where it stopped, and says how far it came.

Parts of other concerns (messages, activity) are registered; they get the link and keep their own
cursors. A part that fails takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from wristlet.companion.errors import CompanionError, ServerUnreachable, StrapUnreachable
from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import StrapLink, StrapRefused

ORDERS: Final = "orders"


@dataclass(frozen=True, slots=True)
class PartReport:
    """What one part did and left open; `reason` says why something is open, in one sentence."""

    name: str
    done: int = 0
    open: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did, part by part; `done`, `open` and `reason` are those of the strap's orders.

    `failed` is the error that ended the orders early, for callers that want it raised.
    """

    parts: tuple[PartReport, ...]
    failed: CompanionError | None = None

    @property
    def orders(self) -> PartReport:
        """The part that runs the strap's log of scripts."""
        return next(part for part in self.parts if part.name == ORDERS)

    @property
    def done(self) -> int:
        """Scripts that were carried out."""
        return self.orders.done

    @property
    def open(self) -> int:
        """Scripts that are still open."""
        return self.orders.open

    @property
    def reason(self) -> str:
        """Why the oldest open script is open."""
        return self.orders.reason

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is open anywhere and no part failed."""
        return not any(part.open or part.reason for part in self.parts)


class SyncPart(Protocol):
    """One concern's share of a sync: resumes at its own cursor, keeps it durably as it goes."""

    @property
    def name(self) -> str:
        """A short plain noun, for the report: messages, activity."""
        ...

    async def run(self, link: StrapLink) -> PartReport:
        """Do what is due; may raise CompanionError, StrapRefused or LinkLost."""
        ...


async def run_parts(
    parts: Sequence[SyncPart], link: StrapLink, *, of_server: frozenset[str]
) -> SyncReport:
    """Run parts in order; those named in `of_server` are left out once the server is away."""
    reports: list[PartReport] = []
    failed: CompanionError | None = None
    away: ServerUnreachable | None = None
    for part in parts:
        if away is not None and part.name in of_server:
            reports.append(PartReport(part.name, reason=str(away)))
            continue
        try:
            reports.append(await part.run(link))
        except LinkLost:
            reports.append(PartReport(part.name, open=1, reason=str(StrapUnreachable())))
        except (CompanionError, StrapRefused) as error:
            reports.append(PartReport(part.name, open=1, reason=str(error)))
            if isinstance(error, ServerUnreachable):
                away = error
            if part.name == ORDERS and isinstance(error, CompanionError):
                failed = error
    return SyncReport(tuple(reports), failed)
