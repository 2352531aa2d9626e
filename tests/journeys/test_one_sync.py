"""One sync for all concerns: cards, messages, activity and the strap's face, each resuming."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.city_story import add
from wristlet.companion import strap_client
from wristlet.companion.concerns import open_messenger, strap_parts
from wristlet.companion.messages.content import Notification
from wristlet.companion.sync import SyncReport
from wristlet.crypto.seal import SealKey
from wristlet.lab.city import City
from wristlet.links.faults import Fault, FaultPlan
from wristlet.wire.strap.time import Zone

pytestmark = pytest.mark.slow

KEY = SealKey(bytes(32))
TOKYO = Zone(offset_s=9 * 3600, name="Asia/Tokyo")
CONCERNS = ("face", "messages", "activity")


async def sync(city: City, folder: Path) -> SyncReport:
    """A sync with every concern, as one command does it."""
    tools = city.phone.tools
    where = (city.bench.env, tools.store, folder, KEY, tools.device_id)
    async with strap_parts(*where, TOKYO) as parts:
        for part in parts:
            city.phone.register(part)
        return await city.phone.sync_all()


def message(key: str) -> Notification:
    return Notification("mail", key, 1_767_225_600_000, title=f"Title {key}", body="Hello")


async def test_every_concern_has_its_turn(city: City, tmp_path: Path) -> None:
    card = await add(city)
    messenger = open_messenger(city.bench.env, tmp_path, KEY, city.phone.tools.device_id)
    assert messenger.notify(message("one"))
    report = await sync(city, tmp_path)
    assert report.is_whole, report
    done = {part.name: part.done for part in report.parts}
    assert done["messages"] == 1
    assert done["face"] == 2
    settings = await strap_client.read_settings(city.bench.strap)
    (entry,) = settings.settings.cards
    assert (entry.aid.hex(), entry.name, entry.last_four) == (
        card.instance_aid,
        card.issuer_name,
        card.card_last4,
    )
    assert (await strap_client.read_time(city.bench.strap)).offset_s == TOKYO.offset_s


async def test_a_payment_shows_its_amount_once_the_phone_has_heard_of_it(
    city: City, tmp_path: Path
) -> None:
    card = await add(city)
    city.firmware.worn(True)
    await city.firmware.poll()
    assert (await city.bench.tap(480)).approved
    await city.deliver()
    report = await sync(city, tmp_path)
    assert {part.name: part.done for part in report.parts}["payments"] == 1
    shown = city.firmware.signal
    assert shown is not None
    text = " ".join(shown.lines)
    assert "480" in text
    assert card.card_last4 in text or card.issuer_name in text or "JPY" in text
    again = await sync(city, tmp_path)
    assert {part.name: part.done for part in again.parts}["payments"] == 0


async def test_the_straps_own_concerns_need_no_server(city: City, tmp_path: Path) -> None:
    await add(city)
    messenger = open_messenger(city.bench.env, tmp_path, KEY, city.phone.tools.device_id)
    messenger.notify(message("two"))
    city.wires.wallet.up = False
    report = await sync(city, tmp_path)
    open_parts = {part.name for part in report.parts if part.open or part.reason}
    assert open_parts == {"orders", "cards", "transactions"}
    city.wires.wallet.up = True
    assert (await sync(city, tmp_path)).is_whole


async def test_the_servers_concerns_need_no_strap(city: City, tmp_path: Path) -> None:
    await add(city)
    city.bench.strap.plan(FaultPlan(0, Fault.CUT))
    report = await city.phone.sync_all()
    assert {part.name for part in report.parts if part.reason} == {"pin"}
    await city.bench.strap.mend()
    assert (await sync(city, tmp_path)).is_whole
