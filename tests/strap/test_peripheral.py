"""The strap on an emulated radio: who is let in, who is not, and what they can do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from bumble import att, hci, smp
from bumble.core import UUID, ProtocolError
from bumble.device import Connection, Device, Peer
from bumble.pairing import PairingConfig, PairingDelegate

from support.ble_pair import StrapOnAir, memory_env
from support.strap_pair import until
from wristlet.links import ble
from wristlet.links.bonds import BONDS_MAX, Bond, BondFile
from wristlet.links.channel import LinkLost
from wristlet.strap.peripheral import LINKS_MAX
from wristlet.wire.strap import gatt
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.frames import Hello

pytestmark = pytest.mark.slow


@pytest.fixture
async def strap() -> AsyncIterator[StrapOnAir]:
    async with StrapOnAir() as on_air:
        yield on_air


class Weak(PairingDelegate):
    """A peer that pairs in whatever way is weakest."""

    async def confirm(self, auto: bool = False) -> bool:
        return True


async def stranger(
    strap: StrapOnAir, io: PairingDelegate.IoCapability, *, sc: bool = True, mitm: bool = True
) -> Device:
    """A device that speaks Bluetooth and nothing of ours, with the stack's own pairing."""
    radio = strap.radio()
    device = Device.with_hci("stranger", hci.Address("F0:F1:F2:F3:F4:F5"), radio.source, radio.sink)
    device.pairing_config_factory = lambda _: PairingConfig(
        sc=sc, mitm=mitm, bonding=True, delegate=Weak(io)
    )
    await device.power_on()
    return device


async def connected(strap: StrapOnAir, device: Device) -> Connection:
    return await device.connect_le(strap.peripheral.device.random_address, timeout=10)


async def test_phone_pairs_once_and_comes_back_by_its_bond(strap: StrapOnAir) -> None:
    phone = strap.phone()
    client = strap.client(phone)
    assert await client.ask(Concern.APDU, b"first") == b"tsrif"
    assert await client.read(gatt.BATTERY_LEVEL) == b"\x50"
    assert strap.wearer.compared == [strap.shown[0]]
    assert strap.shown[-1] == ""
    await client.close()
    again = strap.client(phone)
    assert await again.ask(Concern.APDU, b"second") == b"dnoces"
    assert len(strap.wearer.compared) == 1
    assert [bond.address for bond in strap.bonds] == [phone.device.static_address.to_string(False)]
    await again.close()


async def test_both_ends_show_other_addresses_each_time(strap: StrapOnAir) -> None:
    phone = strap.phone()
    seen: set[str] = set()
    for _ in range(3):
        client = strap.client(phone)
        await client.ask(Concern.APDU, b"x")
        (line,) = strap.peripheral._lines.values()
        seen |= {str(line.connection.self_address), str(phone.device.random_address)}
        assert line.connection.self_address.is_resolvable
        await client.close()
        await gone(strap)
    assert len(seen) == 6


async def gone(strap: StrapOnAir) -> None:
    while strap.peripheral._lines:
        await asyncio.sleep(0)


async def test_what_is_advertised_tells_no_strap_from_another(strap: StrapOnAir) -> None:
    device = await stranger(strap, PairingDelegate.NO_OUTPUT_NO_INPUT)
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def heard(advertisement: object) -> None:
        if not seen.done():
            seen.set_result(bytes(advertisement.data))  # type: ignore[attr-defined] # the stack's

    device.on("advertisement", heard)
    await device.start_scanning(active=True)
    raw = await seen
    async with StrapOnAir() as another:
        theirs = another.peripheral._advertised + another.peripheral._scanned
    assert raw in (theirs, strap.peripheral._advertised)
    assert b"wristlet" in theirs


@pytest.mark.parametrize(
    ("io", "sc", "mitm"),
    [
        (PairingDelegate.NO_OUTPUT_NO_INPUT, True, True),
        (PairingDelegate.NO_OUTPUT_NO_INPUT, True, False),
        (PairingDelegate.KEYBOARD_INPUT_ONLY, True, True),
        (PairingDelegate.DISPLAY_OUTPUT_ONLY, True, True),
        (PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT, False, True),
        (PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT, True, False),
    ],
)
async def test_weaker_pairings_are_refused(
    strap: StrapOnAir, io: PairingDelegate.IoCapability, sc: bool, mitm: bool
) -> None:
    device = await stranger(strap, io, sc=sc, mitm=mitm)
    connection = await connected(strap, device)
    with pytest.raises(ProtocolError):
        await connection.pair()
    assert strap.shown == []
    assert list(strap.bonds) == []


async def test_a_shorter_key_is_refused(strap: StrapOnAir) -> None:
    device = await stranger(strap, PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
    weak = Weak(PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT, maximum_encryption_key_size=7)
    device.pairing_config_factory = lambda _: PairingConfig(delegate=weak)
    connection = await connected(strap, device)
    with pytest.raises(ProtocolError, match="ENCRYPTION_KEY_SIZE"):
        await connection.pair()


async def test_a_weak_pairing_would_succeed_without_the_strict_session(strap: StrapOnAir) -> None:
    """The control: the stack alone goes down to just-works, and the key that is stored tells."""
    strap.peripheral.device.smp_manager.session_proxy = smp.Session
    strap.peripheral.device.pairing_config_factory = lambda _: PairingConfig(
        delegate=Weak(PairingDelegate.NO_OUTPUT_NO_INPUT)
    )
    device = await stranger(strap, PairingDelegate.NO_OUTPUT_NO_INPUT)
    connection = await connected(strap, device)
    await connection.pair()
    assert connection.is_encrypted
    (line,) = strap.peripheral._lines.values()
    assert line.connection.authenticated, "the stack takes just-works for authenticated"
    assert line.visit is None, "the stored key does not"
    assert list(strap.bonds) == []
    with pytest.raises(att.ATT_Error, match="AUTHENTICATION"):
        await read_battery(connection)


async def read_battery(connection: Connection) -> bytes:
    peer = Peer(connection)
    await peer.discover_services()
    (service,) = peer.get_services_by_uuid(UUID(gatt.SERVICES[7].uuid))
    await peer.discover_characteristics(service=service)
    return bytes(await service.characteristics[0].read_value())


async def test_a_stranger_reads_nothing_and_what_it_writes_goes_nowhere(strap: StrapOnAir) -> None:
    device = await stranger(strap, PairingDelegate.NO_OUTPUT_NO_INPUT)
    connection = await connected(strap, device)
    with pytest.raises(att.ATT_Error):
        await read_battery(connection)
    for service in connection.gatt_client.services:
        await connection.gatt_client.discover_characteristics([], service)
    apdu = next(
        characteristic
        for service in connection.gatt_client.services
        for characteristic in service.characteristics
        if characteristic.uuid == UUID(gatt.to_strap(Concern.APDU).uuid)
    )
    await apdu.write_value(Hello(1, window=16).encode())
    with pytest.raises(att.ATT_Error, match=r"ENCRYPTION|AUTHENTICATION"):
        await apdu.write_value(Hello(1, window=16).encode(), with_response=True)
    assert not strap.server.is_serving
    assert strap.echo.presence == []


async def test_without_the_button_nobody_is_bonded(strap: StrapOnAir) -> None:
    strap.wearer.presses = False
    asking = asyncio.create_task(strap.client().ask(Concern.APDU, b"x"))
    await asyncio.wait_for(shown_digits(strap), 20)
    strap.comparison._late()
    with pytest.raises(LinkLost, match="did not let this phone in"):
        await asking
    assert list(strap.bonds) == []


async def shown_digits(strap: StrapOnAir) -> None:
    while not strap.comparison.is_pending:
        await asyncio.sleep(0)


async def test_several_phones_bond_and_one_at_a_time_is_served(strap: StrapOnAir) -> None:
    first, second = strap.phone(), strap.phone()
    one = strap.client(first)
    assert await one.ask(Concern.APDU, b"one") == b"eno"
    other = strap.client(second)
    with pytest.raises(LinkLost):
        await other.ask(Concern.APDU, b"two")
    assert await one.ask(Concern.APDU, b"still here") == b"ereh llits"
    await one.close()
    await gone(strap)
    later = strap.client(second)
    assert await later.ask(Concern.APDU, b"two") == b"owt"
    assert len(list(strap.bonds)) == 2
    await later.close()
    await other.close()


async def test_a_full_table_takes_no_further_phone(strap: StrapOnAir) -> None:
    for number in range(BONDS_MAX):
        strap.bonds.put(Bond(f"C0:00:00:00:00:{number:02X}", 1, bytes(16).hex()))
    with pytest.raises(LinkLost):
        await strap.client().ask(Concern.APDU, b"x")
    assert strap.shown == []
    strap.peripheral.forget_phones()
    client = strap.client()
    assert await client.ask(Concern.APDU, b"ab") == b"ba"
    await client.close()


async def test_a_forgotten_phone_is_told_what_to_do(strap: StrapOnAir) -> None:
    phone = strap.phone()
    client = strap.client(phone)
    await client.ask(Concern.APDU, b"x")
    await client.close()
    await gone(strap)
    strap.peripheral.forget_phones()
    with pytest.raises(LinkLost, match="forget each other"):
        await strap.client(phone).ask(Concern.APDU, b"x")


async def test_a_phone_does_not_pair_with_an_impostor(strap: StrapOnAir) -> None:
    """One that knows the advertisement but not the bond gets no answer out of the phone."""
    phone = strap.phone()
    client = strap.client(phone)
    await client.ask(Concern.APDU, b"x")
    await client.close()
    await gone(strap)
    await strap.peripheral.stop()
    async with StrapOnAir() as impostor:
        taken = BondFile(memory_env(), "bonds")
        taken._content = phone._bonds._content
        there = impostor.phone(taken)
        with contextlib.suppress(TimeoutError), pytest.raises(LinkLost):
            await asyncio.wait_for(there.connect(), 3)
        assert impostor.echo.presence == []


async def test_a_stranger_is_dropped_when_its_time_is_up(strap: StrapOnAir) -> None:
    device = await stranger(strap, PairingDelegate.NO_OUTPUT_NO_INPUT)
    connection = await connected(strap, device)
    ended = asyncio.get_running_loop().create_future()
    connection.on("disconnection", ended.set_result)
    (line,) = strap.peripheral._lines.values()
    assert line.patience is not None
    line.drop()
    await ended


async def test_strangers_on_every_link_do_not_keep_a_phone_out_for_long(strap: StrapOnAir) -> None:
    strangers = [
        await stranger(strap, PairingDelegate.NO_OUTPUT_NO_INPUT) for _ in range(LINKS_MAX - 1)
    ]
    for number, device in enumerate(strangers):
        device.random_address = hci.Address(f"F0:F1:F2:F3:F4:{number:02X}")
        await device.send_sync_command(
            hci.HCI_LE_Set_Random_Address_Command(random_address=device.random_address)
        )
        await connected(strap, device)
    client = strap.client()
    assert await client.ask(Concern.APDU, b"ab") == b"ba"
    await client.close()


async def test_news_reach_a_phone_that_asked_for_them(strap: StrapOnAir) -> None:
    client, heard = strap.client(), list[bytes]()
    client.listen(Concern.MESSAGES, heard.append)
    while not strap.other.presence:
        await asyncio.sleep(0)
    strap.server.news(Concern.MESSAGES, b"a call")
    while not heard:
        await asyncio.sleep(0)
    assert heard == [b"a call"]
    await client.close()
    await until(lambda: True)


async def test_a_long_message_passes(strap: StrapOnAir) -> None:
    client, body = strap.client(), bytes(range(256)) * 40
    assert await client.ask(Concern.APDU, body) == body[::-1]
    await client.close()


async def test_the_stack_tells_nobody_what_it_was_sent(
    strap: StrapOnAir, caplog: pytest.LogCaptureFixture
) -> None:
    client = strap.client()
    await client.ask(Concern.APDU, b"a secret")
    await client.close()
    assert [record for record in caplog.records if record.name.startswith("bumble")] == []
    assert ble.KEY_SIZE == 16
