"""Messages in the whole firmware, over the strap's frames: face, button, wrist, clock, modes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from support.straps import Worn, strap
from wristlet.companion import strap_client
from wristlet.companion.messages.box import EffectKind
from wristlet.companion.messages.content import Notification
from wristlet.companion.messages.messenger import Messenger
from wristlet.env.base import Env
from wristlet.env.sim import MemoryDisk, SimRandom
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_loop import LoopCarrier
from wristlet.strap.button import Press
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.messages.endpoint import MessagesEndpoint
from wristlet.strap.messages.plugged import plug_messages
from wristlet.strap.plugging import plug
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.message_choices import EVERY_DAY
from wristlet.wire.strap.settings import Language
from wristlet.wire.strap.state import Mode
from wristlet.wire.strap.time import Zone

MINUTE, HOUR = 60_000, 3_600_000


@dataclass
class Pair:
    """A strap with messages, and the phone's messages over frames."""

    made: Worn
    messages: MessagesEndpoint
    link: StrapClient
    phone: Messenger

    async def notify(self, title: str, body: str = "") -> None:
        now_ms = self.made.env.clock.now_ms()
        self.phone.notify(Notification("app", title, now_ms, "App", title, body))
        await self.phone.sync(self.link)

    def lines(self) -> tuple[str, ...]:
        signal = self.made.firmware.signal
        return () if signal is None else signal.lines


@asynccontextmanager
async def paired() -> AsyncIterator[Pair]:
    made = strap()
    clock = made.env.clock
    messages = plug_messages(made.firmware, made.env, "messages")
    server = GattServer(made.env)
    plug(made.firmware, server, {})
    made.firmware.worn(True)
    await made.firmware.poll()
    link = StrapClient(made.env, lambda: LoopCarrier.connect(server.serve, clock))
    phone = Messenger(Env(clock, SimRandom("phone"), MemoryDisk()), "phone")
    link.listen(Concern.MESSAGES, phone.take_news)

    async def move() -> None:
        while True:
            await clock.run_ms(1)

    tasks = [asyncio.create_task(move()), asyncio.create_task(messages.run())]
    try:
        yield Pair(made, messages, link, phone)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await link.close()
        await server.close()


async def until(pair: Pair, after_ms: int) -> None:
    await pair.made.env.clock.sleep_ms(after_ms)


async def test_a_message_stands_on_the_face_until_a_short_press() -> None:
    async with paired() as pair:
        await pair.notify("Lunch?", "美咲 👩‍👩‍👧‍👦")
        assert pair.lines() == ("Lunch?", "美咲 👩‍👩‍👧‍👦")
        assert pair.made.firmware.face().rows[0].startswith("Lunch?")
        await pair.made.firmware.press(Press.SHORT)
        assert pair.lines() == ()
        await pair.phone.sync(pair.link)
        assert [e.kind for e in pair.phone.effects()] == [EffectKind.DISMISS]


async def test_the_button_is_the_cards_when_no_message_stands_on_the_face() -> None:
    async with paired() as pair:
        await pair.notify("Lunch?")
        await pair.made.firmware.press(Press.LONG)  # pays, whatever has just come
        assert pair.lines() != ("Lunch?",)
        await pair.made.firmware.press(Press.SHORT)
        await pair.phone.sync(pair.link)
        assert pair.phone.effects() == ()


async def test_a_long_press_takes_a_call() -> None:
    async with paired() as pair:
        pair.phone.call_incoming("c1", "Mum")
        await pair.phone.sync(pair.link)
        assert pair.lines() == ("Call", "Mum")
        await pair.made.firmware.press(Press.LONG)
        assert pair.lines() == ()
        await pair.phone.sync(pair.link)
        assert [(e.kind, e.label) for e in pair.phone.effects()] == [(EffectKind.CALL, "accept")]


async def test_off_the_wrist_the_content_goes_from_the_face() -> None:
    async with paired() as pair:
        await pair.notify("Lunch?", "with whom")
        pair.made.firmware.worn(False)
        assert pair.lines() == ("App", "New message")


async def test_asleep_nothing_is_shown_and_nothing_lost() -> None:
    async with paired() as pair:
        pair.made.firmware.ask_mode(Mode.SLEEP)
        pair.phone.notify(Notification("app", "k", pair.made.env.clock.now_ms(), "App", "Hi"))
        await pair.phone.sync(pair.link)
        assert "Hi" not in pair.lines()
        assert pair.messages.unread() == 1
        pair.made.firmware.ask_mode(Mode.NORMAL)
        await until(pair, 10_000)
        assert pair.messages.unread() == 0


async def test_an_alarm_goes_by_the_straps_clock_and_zone() -> None:
    async with paired() as pair:
        now_ms = pair.made.env.clock.now_ms()
        await strap_client.set_time(pair.link, now_ms + HOUR, Zone(3_600))  # 2:00 there
        pair.phone.set_alarm(2 * 60 + 1, weekdays=EVERY_DAY, label="Up")
        await pair.phone.sync(pair.link)
        await until(pair, MINUTE)
        assert pair.lines() == ("Alarm 2:01", "Up")
        await strap_client.set_time(pair.link, now_ms, Zone(0))
        await pair.made.firmware.press(Press.SHORT)
        assert pair.lines() == ()


async def test_the_straps_words_are_the_wearers() -> None:
    async with paired() as pair:
        settings = pair.made.firmware.settings.settings
        await pair.made.write(replace(settings, language=Language.JAPANESE))
        pair.phone.call_incoming("c1", "美咲")
        await pair.phone.sync(pair.link)
        assert pair.lines() == ("着信", "美咲")
