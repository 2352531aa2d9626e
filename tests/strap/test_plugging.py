"""The firmware behind its GATT server: frames in, frames out, and what standard phones read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.paid_cards import pay
from support.straps import NAMES, Worn, strap
from wristlet.companion import strap_client
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_loop import LoopCarrier
from wristlet.strap import current_time
from wristlet.strap.button import Press
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.plugging import plug
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import gatt
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.state import FindPhone, Mode, Tap
from wristlet.wire.strap.time import Zone
from wristlet.wire.tap_report import TapOutcome

BERLIN = Zone(3_600, 1_774_746_000_000, 7_200, "Europe/Berlin")


@dataclass
class Pair:
    """A strap and its phone, with frames between them."""

    made: Worn
    server: GattServer
    phone: StrapClient

    def read(self, characteristic: gatt.Characteristic) -> bytes:
        return self.server._values[characteristic]()


@asynccontextmanager
async def paired() -> AsyncIterator[Pair]:
    made = strap()
    server = GattServer(made.env)
    plug(made.firmware, server, {})
    await made.firmware.poll()
    phone = StrapClient(made.env, lambda: LoopCarrier.connect(server.serve, made.env.clock))
    moving = asyncio.create_task(_move(made))
    try:
        yield Pair(made, server, phone)
    finally:
        moving.cancel()
        with suppress(asyncio.CancelledError):
            await moving
        await phone.close()
        await server.close()


async def _move(made: Worn) -> None:
    """Let virtual time go on while frames are under way."""
    while True:
        await made.env.clock.run_ms(1)


async def test_everything_can_be_asked_over_frames() -> None:
    async with paired() as pair:
        named = await strap_client.name_cards(pair.phone, NAMES)
        assert pair.made.firmware.settings == named
        told = await strap_client.set_time(pair.phone, 1_767_300_000_000, BERLIN)
        assert told.offset_s == 3_600
        state = await strap_client.read_state(pair.phone)
        assert (state.mode, state.settings_revision, state.is_time_set) == (Mode.NORMAL, 1, True)
        assert (await pair.phone.status()).display == "ready"
        assert pair.made.firmware.body.is_near


async def test_news_reach_the_phone_that_listens() -> None:
    heard: list[object] = []
    async with paired() as pair:
        pair.phone.listen(Concern.STATE, lambda raw: heard.append(strap_client.read_news(raw)))
        await strap_client.read_state(pair.phone)
        pay(pair.made.rig)
        await pair.made.firmware.poll()
        await pair.made.firmware.press(Press.VERY_LONG)
        await strap_client.read_state(pair.phone)
    assert len(heard) == 2
    tap, ringing = heard
    assert isinstance(tap, Tap)
    assert (tap.outcome, ringing) == (TapOutcome.SENT, FindPhone(True))


async def test_a_standard_phone_reads_battery_maker_and_time() -> None:
    async with paired() as pair:
        assert pair.read(gatt.BATTERY_LEVEL) == b"\x64"
        assert pair.read(gatt.MANUFACTURER) == b"wristlet"
        assert pair.read(gatt.MODEL) == b"Pro"
        assert pair.read(gatt.FIRMWARE) == pair.made.firmware.model.firmware.encode()
        clock = pair.made.firmware.clock
        local = current_time.encode(1_767_300_000_000 + 3_600_000)
        await strap_client.set_time(pair.phone, 1_767_200_000_000, BERLIN)
        pair.server._takers[gatt.CURRENT_TIME](local)
        assert abs(clock.now_ms() - 1_767_300_000_000) < 100
        assert clock.setting.zone == BERLIN
        pair.server._takers[gatt.CURRENT_TIME](b"nonsense")
        assert (
            current_time.decode(pair.read(gatt.CURRENT_TIME)) // 60_000
            == (clock.now_ms() + 3_600_000) // 60_000
        )


def test_current_time_is_laid_out_as_the_service_says() -> None:
    moment = int(datetime(2026, 2, 28, 23, 59, 58, 500_000, tzinfo=UTC).timestamp() * 1_000)
    raw = current_time.encode(moment)
    assert raw == bytes.fromhex("EA07 02 1C 17 3B 3A 06 80 00")
    assert current_time.decode(raw) == moment


@given(st.integers(946_684_800_000, 7_258_118_399_999))
def test_current_time_round_trip(local_ms: int) -> None:
    assert 0 <= local_ms - current_time.decode(current_time.encode(local_ms)) <= 4


@given(st.binary(max_size=12))
def test_any_current_time_is_read_or_refused(raw: bytes) -> None:
    with suppress(DecodeError):
        current_time.decode(raw)


@pytest.mark.parametrize(
    "raw", ["", "EA070230000000000000", "CF070101000000000000", "EA07021C193B3A068000"]
)
def test_what_is_no_time(raw: str) -> None:
    with pytest.raises(DecodeError, match="current_time"):
        current_time.decode(bytes.fromhex(raw))
    with pytest.raises(ValueError, match="out of range"):
        current_time.encode(0)
