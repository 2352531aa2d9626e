"""Commands as hosts and wallets in the field send them, and PIN blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.vectors import load
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.commands import CrsScope, LifeCycleScope, StatusScope, StoreMode
from wristlet.wire.gp.install import InstallForInstall, InstallForLoad
from wristlet.wire.gp.keys import KeyBlock, PutKey
from wristlet.wire.gp.registry import StatusQuery

TAGS = (0x4F, 0x9F70)
INSTANCE = bytes.fromhex("a0000000041010aa030002")
CRS_COMMANDS = {
    "select": commands.select(aids.CRS),
    "set_status": commands.crs_set_status(CrsScope.PRIORITY, commands.CRS_VOLATILE_SET, INSTANCE),
    "get_data": commands.get_data(0xA5),
    "get_status_first": commands.crs_get_status(tags=TAGS),
    "get_status_next": commands.crs_get_status(tags=TAGS, first=False),
    "interface_on": commands.crs_set_interface(True),
    "interface_off": commands.crs_set_interface(False),
}


@pytest.mark.parametrize("row", load("crs")["rows"], ids=lambda row: row["name"])
def test_registry_commands_are_those_of_other_wallets(row: dict[str, str]) -> None:
    theirs = Command.parse(bytes.fromhex(row["command"]))
    ours = CRS_COMMANDS[row["name"]]
    # They leave Le out or send it as their hosts please; all else is byte for byte the same.
    assert ours.replace(le=None) == theirs.replace(le=None)


@pytest.mark.parametrize(
    ("command", "raw"),
    [
        (commands.get_status(StatusScope.APPLICATIONS), "80f24002024f0000"),
        (commands.get_status(StatusScope.ISSUER_DOMAIN), "80f28002024f0000"),
        (commands.get_status(StatusScope.LOAD_FILES, first=False), "80f22003024f0000"),
        (
            commands.get_status(0x20, StatusQuery(tags=(0x9F70,))),
            "80f22002064f005c029f7000",
        ),
        (commands.get_data(0x66), "80ca006600"),
        (commands.get_data(0x66, cla=commands.CLA_ISO), "00ca006600"),
        (commands.get_certificates(0x15, 0x01), "80cabf2106a6048302150100"),
        (commands.open_channel(), "0070000001"),
        (commands.close_channel(2), "00708002"),
        (commands.get_response(16), "00c0000010"),
        (commands.initialize_update(bytes.fromhex("b13e5f938fc108c4"), kvn=0x30),
         "8050300008b13e5f938fc108c400"),
        (commands.external_authenticate(0x11, bytes.fromhex("7d5f5826a993ebc8")),
         "84821100087d5f5826a993ebc8"),
        (commands.select(aids.KERNEL_3, next_occurrence=True), "00a4040207a000000003101000"),
        (commands.install_for_personalization(aids.ISD),
         "80e620000e000008a000000151000000" + "00000000"),
        (commands.delete(aids.ISD, related=True), "80e400800a4f08a00000015100000000"),
        (commands.delete_key(0x01, 0x30), "80e4000006d00101d2013000"),
        (commands.set_status(LifeCycleScope.APPLICATION, 0x83, aids.ISD),
         "80f0408308a000000151000000"),
        (commands.generate_key(0x13, 0x02), "80f100130402f0010000"),
        (commands.load(b"\xc4\x00", 1, last=True), "80e8800102c40000"),
        (commands.store_dgi(0xDF02, b"", 3, last=True, answer=True), "80e2890303df020000"),
        (commands.store_dgi(0x8000, b"\x01", 1, encrypted=True), "80e2680104" + "80000101"),
        (commands.store_data(b"\x01", 0, StoreMode.LAST | StoreMode.BER), "80e290000101"),
        (commands.crs_set_status(CrsScope.AVAILABILITY, commands.CRS_ACTIVATE, INSTANCE),
         "80f001010d4f0ba0000000041010aa03000200"),
        (commands.perform_security_operation(b"\x7f\x21\x00", kvn=1, kid=0x10, more=True),
         "802a0190037f2100"),
        (commands.mutual_authenticate(b"\xa6\x00", kvn=1, kid=0x15), "8082011502a60000"),
        (commands.internal_authenticate(b"\xa6\x00", kvn=1, kid=0x13), "8088011302a60000"),
        (commands.verify("1234"), "0020008008241234ffffffffff00"),
        (commands.create_pin("123456"), "002401800826123456ffffffff"),
        (commands.change_pin("1234", "5678"),
         "0024008010241234ffffffffff245678ffffffffff"),
    ],
)  # fmt: skip
def test_bytes(command: Command, raw: str) -> None:
    assert command.encode().hex() == raw


def test_install_for_install_and_load() -> None:
    load_file = InstallForLoad(aids.PAYMENT_PACKAGE, aids.ISD)
    module = InstallForInstall(aids.PAYMENT_PACKAGE, aids.PAYMENT_MODULE_K2, INSTANCE)
    first = commands.install_for_load(load_file)
    second = commands.install_for_install(module)
    assert (first.header.hex(), first.data) == ("80e60200", load_file.encode())
    assert (second.header.hex(), second.data) == ("80e60c00", module.encode())


def test_big_data_make_the_command_extended() -> None:
    assert commands.store_dgi(0x0101, bytes(252), 0).extended is False
    assert commands.store_dgi(0x0101, bytes(253), 0).extended is True
    assert commands.perform_security_operation(bytes(256), kvn=1, kid=0x10).extended is True


@pytest.mark.parametrize(("count", "p2"), [(1, 0x01), (3, 0x81)])
def test_put_key_tells_several_keys_from_one(count: int, p2: int) -> None:
    fields = PutKey(0x30, (KeyBlock(0x88, bytes(16), b"\x01\x02\x03"),) * count)
    command = commands.put_key(fields, 0x01, replaced_kvn=0x2F)
    assert (command.p1, command.p2, command.data) == (0x2F, p2, fields.encode())


def test_delete_key_needs_something_to_delete() -> None:
    with pytest.raises(EncodeError):
        commands.delete_key()


@given(st.binary(min_size=5, max_size=16), st.booleans())
def test_registry_search_is_read_back(prefix: bytes, first: bool) -> None:
    command = commands.crs_get_status(prefix, TAGS, first=first)
    assert StatusQuery.parse(command.data) == StatusQuery(prefix, TAGS)
    assert command.p2 == (0 if first else 1)
    assert ber.require(command.data, 0x4F) == prefix


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "１２３４", "12 4"])
def test_what_is_no_pin_has_no_block(pin: str) -> None:
    with pytest.raises(EncodeError) as caught:
        commands.pin_block2(pin)
    assert str(caught.value) == "pin: a PIN has 4 to 12 digits"


@pytest.mark.parametrize(
    "block",
    [
        "241234ffffffff",
        "141234ffffffffff",
        "231234ffffffffff",
        "2d12341234123412",
        "24123affffffffff",
        "241234fffffffff0",
        "2c123456789012f0",
    ],
)
def test_what_is_no_pin_block_is_refused_without_a_word_of_it(block: str) -> None:
    with pytest.raises(DecodeError, match="no PIN block of format 2") as caught:
        commands.parse_pin_block2(bytes.fromhex(block))
    assert "1234" not in str(caught.value)


def test_a_pin_block_shows_itself_nowhere() -> None:
    block = commands.pin_block2("1234")
    assert repr(block) == "<secret 8 bytes>"
    assert repr(commands.parse_pin_block2(block)) == "<digits ****>"
    assert "1234" not in repr(commands.change_pin("1234", "5678"))
