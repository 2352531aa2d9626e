"""The companion's own parts of a sync: requests, the strap's orders, cards, payments, the PIN."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from wristlet.companion import cards, pins
from wristlet.companion.commits import CommitLog
from wristlet.companion.phones import Phones
from wristlet.companion.server import attempt
from wristlet.companion.sync import ORDERS, PartReport, SyncPart
from wristlet.companion.tools import Tools
from wristlet.links.strap_link import StrapLink
from wristlet.model.wallet_messages import Transaction, TransactionList

TRANSACTIONS_KEPT: Final = 100
PAGES_PER_SYNC: Final = 50
CURSOR: Final = "transactions"
OF_SERVER: Final = frozenset({"requests", ORDERS, "cards", "transactions"})


def own_parts(tools: Tools) -> tuple[SyncPart, ...]:
    """Return the parts that every companion has, in the order in which they run.

    What the wearer asked for goes first: it may bring orders, which the strap then carries out.
    """
    return (
        Requests(tools),
        Orders(tools),
        Pin(tools),
        Phones(tools),
        Cards(tools),
        Transactions(tools),
    )


@dataclass(frozen=True, slots=True)
class Requests:
    """Hands in what waits for the server."""

    tools: Tools
    name: str = "requests"

    async def run(self, link: StrapLink) -> PartReport:
        """Hand in what can be."""
        flushed = await self.tools.outbox.flush()
        return PartReport(
            self.name, len(flushed.answers), len(self.tools.outbox.waiting), flushed.stopped
        )


@dataclass(frozen=True, slots=True)
class Orders:
    """Runs the strap's log of scripts, after asking for what the TSP decided by itself."""

    tools: Tools
    name: str = ORDERS

    async def run(self, link: StrapLink) -> PartReport:
        """Run the log; raises ServerUnreachable, ServerRefused."""
        tools = self.tools
        await attempt(tools.wallet.refresh_device(tools.device_id))
        return await CommitLog(tools.env, tools.wallet, tools.device_id, link).run()


@dataclass(frozen=True, slots=True)
class Pin:
    """Tells the token service when the PIN was blocked, or made anew after that."""

    tools: Tools
    name: str = "pin"

    async def run(self, link: StrapLink) -> PartReport:
        """Ask the strap; raises StrapUnreachable."""
        told = await pins.report(self.tools)
        return PartReport(self.name, done=int(told))


@dataclass(frozen=True, slots=True)
class Cards:
    """Reads how the cards stand, for when the server is away."""

    tools: Tools
    name: str = "cards"

    async def run(self, link: StrapLink) -> PartReport:
        """Read them; raises ServerUnreachable, ServerRefused."""
        found = await cards.listed(self.tools)
        return PartReport(self.name, done=len(found))


@dataclass(frozen=True, slots=True)
class Transactions:
    """Reads payments from the cursor on; one that changed comes again and takes its old place."""

    tools: Tools
    name: str = "transactions"

    async def run(self, link: StrapLink) -> PartReport:
        """Read page by page; what was read stays, whatever happens to the next page."""
        read = 0
        for _ in range(PAGES_PER_SYNC):
            page = await self.tools.call(partial(self._page, self._cursor()))
            read += len(page.data)
            self._keep(page)
            if not page.has_more or not page.data:
                return PartReport(self.name, done=read)
        return PartReport(self.name, done=read, open=1, reason="there is more; sync again")

    def _cursor(self) -> str | None:
        return self.tools.state.cursors.get(CURSOR)

    async def _page(self, after: str | None, _key: str) -> TransactionList:
        return await self.tools.wallet.transactions(self.tools.device_id, after)

    def _keep(self, page: TransactionList) -> None:
        state = self.tools.state
        cursors = dict(state.cursors)
        if page.next_cursor is not None:
            cursors[CURSOR] = page.next_cursor
        merged = merge(state.transactions, page.data)
        self.tools.remember(transactions=merged, cursors=cursors)


def merge(old: tuple[Transaction, ...], new: list[Transaction]) -> tuple[Transaction, ...]:
    """Put transactions together, each once as it is now, oldest first, the latest kept."""
    by_id = {one.id: one for one in old}
    for one in new:
        known = by_id.get(one.id)
        if known is None or known.sequence <= one.sequence:
            by_id[one.id] = one
    whole = sorted(by_id.values(), key=lambda one: (one.created_ms, one.id))
    return tuple(whole[-TRANSACTIONS_KEPT:])
