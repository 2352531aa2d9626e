"""On the link to the strap: a captured life, a strap's processor and a phone app turned hostile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from promises.link import captures, unprotected
from support import paid_cards
from support.ble_pair import memory_env
from support.link_attacker import (
    HostilePhone,
    Strap,
    new_strap,
    phone_channel,
    secrets_of,
    whole_life,
)
from support.link_stranger import OnAir
from support.payment_cards import PIN
from support.se_cards import sealed
from wristlet.companion import se_client
from wristlet.companion.errors import CompanionError
from wristlet.crypto import ec
from wristlet.lab.canary import needles, scan_bytes
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.script_runner import exchange
from wristlet.links.strap_client import StrapClient
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import aids, commands
from wristlet.wire.masked import SecretDigits

pytestmark = pytest.mark.slow

OK, REFUSED = 0x9000, 0x6985
CARD = aids.instance_aid(aids.KERNEL_3, 1)
DOMAINS = (aids.ISD, aids.TSP_DOMAIN, aids.CARDHOLDER_DOMAIN)
APPLETS = (*DOMAINS, aids.CARDHOLDER_APPLET, aids.CRS, CARD)
TAG_PAGES = (0x5F, 0x9F, 0xBF, 0xDF)


@pytest.fixture
async def strap() -> AsyncIterator[Strap]:
    strap = new_strap(3)
    link = strap.client()
    await whole_life(strap, link)
    await link.close()
    yield strap
    await strap.server.close()


def wired(strap: Strap) -> LoopbackChannel:
    """What the strap's own processor has."""
    return LoopbackChannel(strap.rig.wired)


async def send(channel: LoopbackChannel, *sent: Command) -> list[Response]:
    return [await exchange(channel, command.encode()) for command in sent]


# ------------------------------------------------------------------ captures


async def test_a_captured_life_holds_no_secret() -> None:
    strap = new_strap(4)
    heard, hits = await captures(strap)
    assert heard > 50
    assert hits == 0


async def test_the_scan_sees_a_pin_that_crosses_in_clear() -> None:
    strap = new_strap(4)
    link = strap.client()
    with unprotected(), pytest.raises(CompanionError):
        await whole_life(strap, link)
    await link.close()
    hits = scan_bytes(b"".join(strap.apdus), needles(secrets_of(strap)), "link")
    assert {hit.secret for hit in hits} == {"PIN"}


async def test_a_life_over_bluetooth_holds_no_secret_on_the_air_either() -> None:
    """What the radio carries, down to its packets: the emulated one does not even cipher them."""
    strap = new_strap(5, memory_env())
    on_air = OnAir(strap)
    heard: list[bytes] = []
    carried = on_air.air.link.send_acl_data

    def listen(sender: object, to: object, transport: object, data: bytes) -> None:
        heard.append(bytes(data))
        carried(sender, to, transport, data)  # type: ignore[arg-type] # the stack's own

    on_air.air.link.send_acl_data = listen  # type: ignore[assignment] # listens in
    await on_air.peripheral.start()
    link = StrapClient(strap.env, on_air.phone.connect)
    await whole_life(strap, link)
    await link.close()
    await on_air.stop()
    assert len(heard) > 100
    assert scan_bytes(b"".join(heard), needles(secrets_of(strap)), "air") == []


# ------------------------------------------------------- hostile processor


def every_question() -> Iterator[Command]:
    """All data objects, all records, and what a terminal would ask."""
    for tag in (*range(0x100), *(h << 8 | low for h in TAG_PAGES for low in range(0x100))):
        for cla in (0x00, 0x80):
            yield Command(cla, 0xCA, tag >> 8, tag & 0xFF, le=256)
    for file in range(8, 256, 8):
        for record in range(1, 6):
            yield Command(0x00, 0xB2, record, file | 4, le=256)
    yield Command(0x80, 0xA8, 0x00, 0x00, b"\x83\x00", le=256)
    yield Command(0x80, 0xF2, 0x40, 0x02, b"\x4f\x00", le=256)


async def test_the_straps_processor_reads_no_secret(strap: Strap) -> None:
    """It asks every applet for everything that can be asked for."""
    channel, heard = wired(strap), bytearray()
    for applet in APPLETS:
        await send(channel, commands.select(applet))
        for question in every_question():
            heard += (await exchange(channel, question.encode())).data
    assert len(heard) > 500
    assert scan_bytes(bytes(heard), needles(secrets_of(strap)), "wired") == []


async def test_the_straps_processor_opens_no_lease_and_replays_none(strap: Strap) -> None:
    channel = wired(strap)
    await strap.relay.wear(worn=True)
    await strap.relay.wear(worn=False)
    assert not (await se_client.read_state(channel)).lease_valid
    before = strap.kept()
    for command in list(strap.apdus):
        if not Command.parse(command).channel:
            await exchange(channel, command)
    await send(channel, commands.select(aids.CARDHOLDER_APPLET), commands.verify(PIN))
    state = await se_client.read_state(channel)
    assert (state.lease_valid, state.tries_left) == (False, 3)
    # Replaying commands with a touch behind them is the processor's right; it moves no counter.
    assert strap.kept() == before


async def test_the_straps_processor_enrols_no_phone_of_its_own(strap: Strap) -> None:
    channel = wired(strap)
    own = ec.point_of(ec.private_key(bytes(31) + b"\x66"))
    answers = await send(
        channel,
        commands.select(aids.CARDHOLDER_APPLET),
        Command(0x80, 0xE0, 0x00, 0x00, own),
        Command(0x80, 0xE0, 0x01, 0x00, bytes(32)),
    )
    assert [answer.sw == OK for answer in answers] == [True, False, False]
    assert (await se_client.read_state(channel)).phones == 1


async def test_another_secure_element_in_its_place_is_noticed(strap: Strap) -> None:
    """The swapped one says 9000 and has a PIN and a card: it cannot prove to be the first."""
    other = paid_cards.built_in(sealed(77))
    other.enrol_phone()
    strap._wired = LoopbackChannel(other.wired)
    link = strap.client()
    with pytest.raises(CompanionError):
        await phone_channel(strap, link, 0x401)
    await link.close()


class Yes:
    """A processor that answers everything with success."""

    async def transmit(self, command: bytes) -> bytes:
        return b"\x90\x00"


async def test_a_processor_that_says_yes_to_everything_convinces_nobody(strap: Strap) -> None:
    link = strap.client()
    channel = await phone_channel(strap, link, 0x402)
    strap._wired = Yes()  # type: ignore[assignment] # plays the secure element
    with pytest.raises(CompanionError):
        await channel.verify_pin(SecretDigits(PIN))
    await link.close()


# ------------------------------------------------------------- hostile app


async def test_a_phone_app_cannot_do_what_needs_a_touch(strap: Strap) -> None:
    link = strap.client("another app")
    own = ec.point_of(ec.private_key(bytes(31) + b"\x66"))
    before = strap.kept()
    for applet in (aids.CARDHOLDER_APPLET, aids.CRS):
        await exchange(link, commands.select(applet).encode())
        for command in (
            Command(0x80, 0xE0, 0x00, 0x00, own),
            commands.crs_set_status(0x01, 0x00, CARD),
            Command(0x80, 0x12, 0x00, 0x00),
            Command(0x80, 0x12, 0x01, 0x00),
            commands.open_channel(),
        ):
            assert (await exchange(link, command.encode())).sw == REFUSED
    assert (await exchange(link, commands.verify(PIN).encode())).sw != OK
    await link.close()
    assert strap.kept() == before


async def test_a_phone_app_replays_the_owners_commands_in_vain(strap: Strap) -> None:
    link, recorded = strap.client("another app"), list(strap.apdus)
    before = strap.kept()
    for command in recorded:
        await exchange(link, command)
    await link.close()
    assert strap.kept() == before
    assert (await se_client.read_state(wired(strap))).tries_left == 3


async def test_three_thousand_hostile_frames_of_a_bonded_phone_move_nothing(strap: Strap) -> None:
    before, recorded = strap.kept(), list(strap.apdus)
    hostile = HostilePhone(strap, random.Random(1), recorded)
    await hostile.attack(3_000)
    hostile.leave()
    await asyncio.sleep(0)
    assert strap.kept() == before
    link = strap.client()
    channel = await phone_channel(strap, link, 0x403)
    await channel.verify_pin(SecretDigits(PIN))
    await link.close()
