"""The strap's firmware: what it relays, what it does only for a touch, and that buttons disturb
no session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support import paid_cards
from support.se_cards import sealed
from wristlet.crypto import ec
from wristlet.env.sim import SimRandom
from wristlet.lab.city import City, running_city
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.strap_link import StrapRefused
from wristlet.model.testcards import AOBA, KITA, Bank, Outcome, find_card
from wristlet.strap.relay import OFFERS_MAX, StrapRelay, needs_a_touch
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids, commands

POINT = ec.point_of(ec.private_key(bytes(31) + b"\x07"))
PIN = "482615"


@pytest.mark.parametrize(
    ("command", "touch"),
    [
        (Command(0x80, 0xE0, 0x00, 0x00, POINT), True),
        (Command(0x81, 0xE0, 0x00, 0x00, POINT), True),
        (Command(0x84, 0xE0, 0x01, 0x00, bytes(48)), False),
        (commands.open_channel(), True),
        (commands.close_channel(1), True),
        (commands.select(aids.CARDHOLDER_APPLET).with_channel(2), True),
        (commands.crs_set_status(0x01, 0x01, aids.KERNEL_3 + bytes(4)), True),
        (Command(0x84, 0xF0, 0x01, 0x01, bytes(32)), False),
        (Command(0x80, 0x12, 0x01, 0x00), True),
        (commands.select(aids.CARDHOLDER_APPLET), False),
        (commands.get_data(0xDF50), False),
    ],
)
def test_what_stands_for_a_touch_never_comes_from_the_phone(command: Command, touch: bool) -> None:
    assert needs_a_touch(command.encode()) is touch


def test_broken_bytes_are_the_secure_elements_business() -> None:
    assert needs_a_touch(b"\x80\xe0") is False


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running_city(tmp_path / "city") as running:
        yield running


async def ask(relay: StrapRelay) -> None:
    await relay.pair_offer(POINT)
    await relay.pair_reveal(bytes(16))


async def add(city: City, bank: Bank) -> str:
    card = find_card(bank, Outcome.GREEN)
    added = await city.phone.add_card(card.number.reveal(), "12/30", card.security_code.reveal())
    return added.id


@pytest.mark.slow
async def test_no_phone_is_enrolled_without_the_button(city: City) -> None:
    await ask(city.relay)
    assert (await city.relay.apdu(Command(0x80, 0xE0, 0, 0, POINT).encode())) == b"\x69\x85"
    assert (await city.phone.state()).phones == 0
    await city.relay.press_confirm()
    assert (await city.phone.state()).phones == 1
    assert city.relay.display == "paired"


@pytest.mark.slow
async def test_a_second_phone_cannot_use_the_button(city: City) -> None:
    await city.phone.pair("strap", confirm=city.press)
    await ask(city.relay)
    with pytest.raises(StrapRefused, match="from the old phone"):
        await city.relay.press_confirm()
    assert (await city.phone.state()).phones == 1


@pytest.mark.slow
async def test_the_button_without_a_phone_says_what_to_do(city: City) -> None:
    with pytest.raises(StrapRefused, match="start pairing on the phone"):
        await city.relay.press_confirm()
    with pytest.raises(StrapRefused, match="update the app"):
        await city.relay.pair_offer(bytes(65))


@pytest.mark.slow
async def test_the_button_counts_for_shown_digits_only(city: City) -> None:
    await city.relay.pair_offer(POINT)
    with pytest.raises(StrapRefused, match="start pairing on the phone"):
        await city.relay.press_confirm()
    await ask(city.relay)
    city.relay.forget_offer()
    with pytest.raises(StrapRefused, match="start pairing on the phone"):
        await city.relay.press_confirm()
    assert (await city.phone.state()).phones == 0


@pytest.mark.slow
async def test_digits_are_shown_once_for_each_offer(city: City) -> None:
    with pytest.raises(StrapRefused, match="not begun"):
        await city.relay.pair_reveal(bytes(16))
    await ask(city.relay)
    with pytest.raises(StrapRefused, match="not begun"):
        await city.relay.pair_reveal(bytes(16))
    await city.relay.pair_offer(POINT)
    with pytest.raises(StrapRefused, match="not begun"):
        await city.relay.pair_reveal(bytes(15))


@pytest.mark.slow
async def test_nobody_goes_on_until_the_digits_fit(city: City) -> None:
    for _ in range(OFFERS_MAX):
        await ask(city.relay)
    with pytest.raises(StrapRefused, match="too many attempts"):
        await city.relay.pair_offer(POINT)
    city.relay.forget_offer()
    with pytest.raises(StrapRefused, match="no phone has asked"):
        await city.relay.press_confirm()
    await city.phone.pair("strap", confirm=city.press)


@pytest.mark.slow
async def test_the_button_walks_through_the_cards_without_a_phone(city: City) -> None:
    await city.phone.pair("strap", confirm=city.press)
    await city.phone.create_pin(PIN)
    assert await city.relay.press_next() is None
    await add(city, AOBA)
    assert await city.relay.press_next() is None
    await add(city, KITA)
    first = await city.phone.active_card()
    second = await city.relay.press_next()
    assert second is not None
    assert second != first
    assert await city.phone.active_card() == second
    assert (await city.bench.tap(480)).kernel == 2
    assert await city.relay.press_next() == first


@pytest.mark.slow
async def test_taking_the_strap_off_closes_the_lease(city: City) -> None:
    await city.phone.pair("strap", confirm=city.press)
    await city.phone.create_pin(PIN)
    await city.relay.wear(worn=True)
    await city.phone.verify_pin(PIN)
    assert (await city.phone.state()).lease_valid
    await city.relay.wear(worn=False)
    assert not (await city.phone.state()).lease_valid


@pytest.mark.slow
async def test_a_button_in_the_middle_of_a_session_does_not_end_it(city: City) -> None:
    await city.phone.pair("strap", confirm=city.press)
    channel = await city.phone.tools.open_channel()
    await city.relay.wear(worn=True)
    from wristlet.companion.inputs import read_pin

    await channel.create_pin(read_pin(PIN))
    assert (await city.phone.state()).pin_set


def wired_card() -> LoopbackChannel:
    rig = paid_cards.built_in(sealed(5))
    rig.enrol_phone()
    return LoopbackChannel(rig.wired)


async def test_the_firmware_costs_the_phone_no_part_of_an_answer() -> None:
    """An answer in parts is fetched part by part; what the button does goes on in between."""
    wired = wired_card()
    relay = StrapRelay(wired, SimRandom(1))
    await relay.reset(wired.reset)
    await relay.apdu(commands.select(aids.CARDHOLDER_APPLET).encode())
    question = Command(0x80, 0xCA, 0xBF, 0x21, bytes.fromhex("A60483021101"), le=256)
    parts = [await relay.apdu(question.encode())]
    while parts[-1][-2] == 0x61:
        await relay.wear(worn=True)
        parts.append(await relay.apdu(commands.get_response().encode()))
    assert len(parts) > 2
    assert parts[-1][-2:] == b"\x90\x00"


async def test_a_restarted_strap_takes_the_channels_of_its_earlier_starts() -> None:
    wired = wired_card()
    for _ in range(8):
        await StrapRelay(wired, SimRandom(1)).wear(worn=True)


async def test_a_secure_element_that_lost_power_is_found_again() -> None:
    wired = wired_card()
    relay = StrapRelay(wired, SimRandom(1))
    await relay.wear(worn=True)
    await wired.reset()
    await relay.wear(worn=False)
