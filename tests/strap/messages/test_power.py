"""The strap's power goes at every step of its disk: nothing is lost, forgotten or said twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from support.messages_world import World
from wristlet.companion.messages.content import Notification
from wristlet.env.memory_disk import SimulatedCrash
from wristlet.wire.strap.message_choices import EVERY_DAY

MINUTE, HOUR = 60_000, 3_600_000
STEPS = 24


def cut_at_every_step(
    set_up: Callable[[World], None], act: Callable[[World], object], check: Callable[[World], None]
) -> int:
    """Cut the power at each step of `act`, go on with every state the disk may keep; how many."""
    cuts = 0
    for step in range(1, STEPS):
        world = World()
        world.connect()
        assert world.sync()
        set_up(world)
        world.strap_disk.kill_at(step)
        with suppress(SimulatedCrash):
            act(world)
            return cuts
        world.strap_disk.restart()
        for image in world.strap_disk.images(limit=64):
            check(world.fork(image))
            cuts += 1
    return cuts


@pytest.mark.parametrize(("off_ms", "text"), [(0, "Alarm 0:10"), (3 * HOUR, "Missed alarm")])
def test_an_alarm_rings_or_is_told_whatever_is_cut(off_ms: int, text: str) -> None:
    def set_up(world: World) -> None:
        world.phone.set_alarm(10, weekdays=EVERY_DAY)
        assert world.sync()

    def ring(world: World) -> None:
        world.pass_ms(10 * MINUTE + 7_000)
        world.strap.act_on_shown(0)

    def check(world: World) -> None:
        world.clock.advance_ms(off_ms)
        world.pass_ms(10 * MINUTE)
        assert text in world.texts()

    assert cut_at_every_step(set_up, ring, check) > 2


def test_an_order_is_whole_or_not_there_and_the_phone_repeats_it() -> None:
    def post(world: World) -> None:
        found = Notification("app", "k", world.clock.now_ms(), "App", "Hi")
        world.phone.notify(found)
        world.sync()

    def check(world: World) -> None:
        world.connect()
        assert world.sync()
        world.pass_ms(MINUTE)
        assert world.texts() == ["Hi"]
        assert world.strap.browse()

    assert cut_at_every_step(lambda _world: None, post, check) > 3


def test_a_dismissal_is_there_with_its_event_or_not_at_all() -> None:
    def set_up(world: World) -> None:
        world.phone.notify(Notification("app", "k", world.clock.now_ms(), "App", "Hi"))
        assert world.sync()

    def check(world: World) -> None:
        world.connect()
        assert world.sync()
        world.pass_ms(MINUTE)
        still_there, told = world.strap.browse(), bool(world.phone.effects())
        assert still_there is not told

    assert cut_at_every_step(set_up, lambda world: world.strap.dismiss_shown(), check) > 1
