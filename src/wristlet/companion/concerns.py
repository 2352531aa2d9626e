"""The strap's other concerns as parts of the sync: its clock and card names, messages, activity.

They need no server. A strap that does not serve one of them says so, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wristlet.companion import strap_client
from wristlet.companion.activity.store import MIGRATIONS, ActivityLogError, ActivityStore
from wristlet.companion.activity.sync import ActivitySync
from wristlet.companion.messages.messenger import Messenger
from wristlet.companion.payments import PaymentsPart
from wristlet.companion.store import PhoneStore, StrapState
from wristlet.companion.strap_client import StrapConfused
from wristlet.companion.sync import PartReport, SyncPart
from wristlet.crypto.seal import SealKey
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.links.strap_link import StrapLink
from wristlet.model.token import SeState
from wristlet.wire.strap.settings import CARD_NAME_BYTES, CARDS_MAX, NAME_DIGITS_MAX, CardEntry
from wristlet.wire.strap.time import Zone

ACTIVITY_FILE: Final = "activity.db"
_ON_STRAP: Final = (SeState.READY, SeState.SELECTED, SeState.DEACTIVATED)


@dataclass(frozen=True, slots=True)
class FacePart:
    """Gives the strap the phone's clock and the names of its cards, as its face shows them."""

    env: Env
    store: PhoneStore
    device_id: str
    zone: Zone
    name: str = "face"

    async def run(self, link: StrapLink) -> PartReport:
        """Set both; raises LinkLost, StrapRefused."""
        try:
            await strap_client.set_time(link, self.env.clock.now_ms(), self.zone)
            entries = card_entries(self.store.strap(self.device_id))
            await strap_client.name_cards(link, entries)
        except StrapConfused as error:
            return PartReport(self.name, open=1, reason=str(error))
        return PartReport(self.name, done=1 + len(entries))


def card_entries(strap: StrapState) -> tuple[CardEntry, ...]:
    """Return the table by which a strap names its cards: the bank, and the card's last four."""
    there = [one for one in strap.cards if one.instance_aid and one.se_state in _ON_STRAP]
    return tuple(
        CardEntry(bytes.fromhex(one.instance_aid or ""), _short(one.issuer_name), one.card_last4)
        for one in there[:CARDS_MAX]
    )


def _short(name: str) -> str:
    """Cut a bank's name to what fits, without digits that could be a number's."""
    plain = "".join(sign for sign in name if sign.isprintable())
    if sum(sign.isdigit() for sign in plain) > NAME_DIGITS_MAX:
        plain = "".join(sign for sign in plain if not sign.isdigit())
    cut = plain.encode()[:CARD_NAME_BYTES].decode(errors="ignore").strip()
    return cut or "card"


@dataclass(frozen=True, slots=True)
class MessagesPart:
    """Brings messages to the strap and hears what the wearer did with them."""

    messenger: Messenger
    name: str = "messages"

    async def run(self, link: StrapLink) -> PartReport:
        """Send and hear; raises StrapUnreachable, StrapRefused."""
        before = self.messenger.status().waiting
        await self.messenger.sync(link)
        left = self.messenger.status().waiting
        return PartReport(self.name, done=max(before - left, 0), open=left)


@dataclass(frozen=True, slots=True)
class ActivityPart:
    """Fetches what the strap recorded, each record once."""

    log: ActivitySync
    name: str = "activity"

    async def run(self, link: StrapLink) -> PartReport:
        """Fetch; raises LinkLost, StrapRefused."""
        try:
            synced = await self.log.run(link)
        except ActivityLogError as error:
            return PartReport(self.name, open=1, reason=str(error))
        lost = (
            f"{synced.lost} minutes were overwritten before this phone came" if synced.lost else ""
        )
        return PartReport(self.name, done=synced.records, reason=lost)


def open_messenger(
    env: Env, folder: Path, key: SealKey, device_id: str, zone: Zone | None = None
) -> Messenger:
    """Open the messages of one strap, kept sealed beside the phone's state."""
    there = zone or Zone()
    return Messenger(
        env,
        str(folder / "messages" / device_id),
        key=key,
        offset=lambda at_ms: there.offset_at(at_ms) // 60,
    )


@asynccontextmanager
async def opened_activity(folder: Path) -> AsyncIterator[ActivityStore]:
    """Open the activity log of all straps of this phone while the block runs."""
    database = Database(folder / ACTIVITY_FILE, MIGRATIONS)
    await database.open()
    try:
        yield ActivityStore(database)
    finally:
        await database.close()


@asynccontextmanager
async def strap_parts(
    env: Env, store: PhoneStore, folder: Path, key: SealKey, device_id: str, zone: Zone
) -> AsyncIterator[tuple[SyncPart, ...]]:
    """Give the parts of one strap's other concerns while the block runs."""
    async with opened_activity(folder) as log:
        messenger = open_messenger(env, folder, key, device_id, zone)
        yield (
            FacePart(env, store, device_id, zone),
            PaymentsPart(env, store, device_id, messenger),
            MessagesPart(messenger),
            ActivityPart(ActivitySync(log, device_id)),
        )
