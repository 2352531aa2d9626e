"""The activity log in the whole firmware: samples, wrist, clock, shutdown, a flash that fails."""

from __future__ import annotations

import pytest

from support.straps import Worn, strap
from wristlet.lab.wearer import Wearer
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.activity.plugged import RATE_HZ, Sensors, plug_activity
from wristlet.strap.battery import Load
from wristlet.wire.strap.activity import AskExtent, Extent, Page, ReadLog
from wristlet.wire.strap.activity_log import Anchor, Minute, Record
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.time import SetTime

NOON_MS = 1_790_000_000_000
TOKYO_S = 9 * 3600


def plugged(made: Worn) -> Sensors:
    return plug_activity(made.firmware, made.env, "/strap/activity.flash")[0]


async def records(made: Worn) -> list[Record]:
    answer = await made.ask(Concern.ACTIVITY, ReadLog(0, 4_000).encode())
    return list(Page.decode(answer).records)


async def test_a_walk_becomes_minutes_that_a_phone_can_fetch() -> None:
    made = strap()
    sensors, wearer = plugged(made), Wearer(RATE_HZ, seed=3)
    made.firmware.set_time(SetTime(NOON_MS, TOKYO_S))
    for _ in range(8):
        sensors.samples(wearer.walk(60))
        made.env.clock.advance_ms(60_000)
    made.firmware.endpoints[Concern.ACTIVITY].connected()
    extent = Extent.decode(await made.ask(Concern.ACTIVITY, AskExtent().encode()))
    kept = await records(made)
    assert extent.end == len(kept)
    (anchor,) = [one for one in kept if isinstance(one, Anchor)]
    assert (anchor.utc_s, anchor.zone_min) == (NOON_MS // 1000, TOKYO_S // 60)
    walked = sum(one.steps for one in kept if isinstance(one, Minute))
    assert walked > 400
    assert [concern for concern, _ in made.news if concern is Concern.ACTIVITY]


async def test_a_strap_on_a_table_is_taken_for_off_the_wrist() -> None:
    made = strap()
    sensors, wearer = plugged(made), Wearer(RATE_HZ, seed=4)
    sensors.samples(wearer.walk(30))
    assert made.firmware.body.is_worn
    sensors.heart(None, contact=False)
    for _ in range(4):
        sensors.heart(None, contact=False)
        sensors.samples(wearer.table(5))
    assert not made.firmware.body.is_worn


async def test_a_shutdown_puts_the_running_minute_on_flash() -> None:
    made = strap()
    sensors, wearer = plugged(made), Wearer(RATE_HZ, seed=5)
    sensors.samples(wearer.walk(30))
    assert not [one for one in await records(made) if isinstance(one, Minute)]
    made.firmware.draws(Load.HEART, is_on=True)
    while not made.firmware.body.is_off:
        made.env.clock.advance_ms(3_600_000)
        await made.firmware.poll()
    (minute,) = [one for one in await records(made) if isinstance(one, Minute)]
    assert minute.seconds == 30


async def test_broken_samples_are_refused_and_a_dead_flash_says_so() -> None:
    made = strap()
    sensors, wearer = plugged(made), Wearer(RATE_HZ, seed=6)
    with pytest.raises(StrapRefused, match="divide by 3"):
        sensors.samples([1, 2])
    made.env.disk.unlink("/strap/activity.flash")
    with pytest.raises(StrapRefused, match="restart the strap"):
        sensors.samples(wearer.walk(720))
    with pytest.raises(StrapRefused, match="restart the strap"):
        sensors.heart(70)
    made.firmware.set_time(SetTime(NOON_MS, TOKYO_S))
    assert made.firmware.clock.setting.is_set, "the clock is set all the same"
