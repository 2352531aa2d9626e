"""The phone's thin client against the real firmware, and against straps that talk nonsense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.paid_cards import pay
from support.straps import NAMES, Worn, strap
from wristlet.companion import strap_client
from wristlet.companion.strap_client import StrapConfused
from wristlet.links.strap_link import StrapRefused
from wristlet.wire.errors import EncodeError
from wristlet.wire.strap import settings as settings_wire
from wristlet.wire.strap import state as state_wire
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.settings import CardEntry, Language, Settings, Strength
from wristlet.wire.strap.state import Mode, State, Tap, Taps
from wristlet.wire.strap.time import Zone
from wristlet.wire.tap_report import TapOutcome

BERLIN = Zone(3_600, 1_774_746_000_000, 7_200, "Europe/Berlin")


class Parrot:
    """A strap that always answers the same."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        return self.answer


class Crowd:
    """A link on which another phone writes settings just before ours."""

    def __init__(self, made: Worn, times: int) -> None:
        self.made, self.times = made, times

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        writes = concern is Concern.SETTINGS and message[1] == 0x02
        if writes and self.times:
            self.times -= 1
            strength = Strength(self.times % 2)
            await self.made.write(replace(self.made.firmware.settings.settings, vibration=strength))
        return await self.made.ask(concern, message)


async def test_state_mode_and_search() -> None:
    made = strap()
    assert (await strap_client.read_state(made)).model == "Pro"
    assert (await strap_client.find_strap(made, 5_000)).is_finding
    assert not (await strap_client.find_strap(made, 0)).is_finding
    assert (await strap_client.set_mode(made, Mode.SLEEP)).mode is Mode.SLEEP
    with pytest.raises(StrapRefused, match="battery alone"):
        await strap_client.set_mode(made, Mode.EMPTY)


async def test_taps_are_fetched_from_the_cursor_on() -> None:
    made = strap()
    await made.firmware.poll()
    pay(made.rig)
    await made.firmware.poll()
    (tap,) = (await strap_client.read_taps(made, 0)).taps
    assert strap_client.read_news(made.news[-1][1]) == tap
    assert await strap_client.read_taps(made, tap.number) == Taps()


async def test_time_and_zone() -> None:
    made = strap()
    now_ms = made.env.clock.now_ms()
    told = await strap_client.set_time(made, now_ms - 4_000, BERLIN)
    assert (told.unix_ms, told.offset_s, told.drift_ms) == (now_ms - 4_000, 3_600, 4_000)
    assert await strap_client.read_time(made) == told


async def test_cards_are_named_and_never_by_their_number() -> None:
    made = strap()
    assert (await strap_client.name_cards(made, NAMES)).revision == 1
    assert (await strap_client.name_cards(made, NAMES)).revision == 1
    with pytest.raises(EncodeError, match="card's number does not belong here"):
        CardEntry(bytes(7), "Visa 9998 0000", "0025")


async def test_two_phones_both_get_their_way() -> None:
    made = strap()
    link = Crowd(made, times=2)
    await strap_client.change_settings(link, lambda old: replace(old, language=Language.JAPANESE))
    assert made.firmware.settings.revision == 3
    assert made.firmware.settings.settings == Settings(
        language=Language.JAPANESE, vibration=Strength.OFF
    )
    with pytest.raises(StrapRefused, match="another phone"):
        await strap_client.name_cards(Crowd(made, times=9), NAMES)


async def test_a_refusal_that_is_no_race_is_passed_on() -> None:
    made = strap()
    await made.firmware.poll()
    made.env.disk.fail_at(1, OSError("no space"))
    with pytest.raises(StrapRefused, match="nothing was changed"):
        await strap_client.name_cards(made, NAMES)


@pytest.mark.parametrize(
    "answer", [b"", b"\x02\x41", b"\x01\x99", state_wire.NEWS.encode(state_wire.FindPhone(True))]
)
async def test_nonsense_is_told_as_such(answer: bytes) -> None:
    link = Parrot(answer)
    for call in (
        lambda: strap_client.read_state(link),
        lambda: strap_client.read_taps(link, 0),
        lambda: strap_client.read_time(link),
        lambda: strap_client.read_settings(link),
    ):
        with pytest.raises(StrapConfused, match="update"):
            await call()
    if answer[:2] != b"\x01\x82":
        with pytest.raises(StrapConfused, match="update"):
            strap_client.read_news(answer)


async def test_the_answer_to_another_question() -> None:
    taps = Parrot(state_wire.ANSWERS.encode(Taps((Tap(1, TapOutcome.SENT),))))
    with pytest.raises(StrapConfused, match="something else"):
        await strap_client.read_state(taps)
    state = Parrot(state_wire.ANSWERS.encode(State()))
    with pytest.raises(StrapConfused, match="something else"):
        await strap_client.read_taps(state, 0)
    assert settings_wire.ANSWERS.title == "settings answer"
