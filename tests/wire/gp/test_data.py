"""INSTALL fields, registry entries, keys, privileges, life cycles: forms and refusals."""

from __future__ import annotations

import pytest

from wristlet.wire import ber
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids, install, keys, lifecycle, registry
from wristlet.wire.gp.keys import KeyBlock, KeyInfo, PutKey
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.gp.privileges import Privileges
from wristlet.wire.gp.registry import ContactlessEntry, CrsInfo, RegistryEntry, StatusQuery

KEY, KCV = bytes(range(16)), bytes.fromhex("504a77")
POINT = b"\x04" + bytes(64)


def test_install_for_install_field_by_field() -> None:
    fields = install.InstallForInstall(
        aids.PAYMENT_PACKAGE,
        aids.PAYMENT_MODULE_K3,
        aids.instance_aid(aids.KERNEL_3, 1),
        Privileges.CONTACTLESS_SELF_ACTIVATION,
        install.instance_parameters(ContactlessState.NON_ACTIVATABLE),
    )
    assert fields.encode().hex() == (
        "0af0575249534c54504101" "0af0575249534c54504103" "0ba000000003101000000001"
        "03000010" "06c904df600180" "00"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "state"),
    [
        ("", ContactlessState.DEACTIVATED),
        ("c900", ContactlessState.DEACTIVATED),
        ("ef00c904df600100", ContactlessState.DEACTIVATED),
        ("c904df600180", ContactlessState.NON_ACTIVATABLE),
    ],
)
def test_initial_state(parameters: str, state: ContactlessState) -> None:
    assert install.initial_state(bytes.fromhex(parameters)) is state


@pytest.mark.parametrize("parameters", ["c904df600101", "c904df600102", "c905df60020080"])
def test_no_instance_starts_activated(parameters: str) -> None:
    with pytest.raises(DecodeError, match="starts as 00 or 80"):
        install.initial_state(bytes.fromhex(parameters))


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        ("", "package_aid"),
        ("04a0000000" + "05a000000001" * 2 + "0100" + "0000", "package_aid"),
        ("05a000000001" * 2, "instance_aid"),
        ("05a000000001" * 3 + "020000" + "0000", "privileges"),
        ("05a000000001" * 3 + "0100" + "0000" + "00", "bytes follow"),
    ],
)  # fmt: skip
def test_broken_install_fields_are_named(raw: str, part: str) -> None:
    with pytest.raises(DecodeError, match=part):
        install.InstallForInstall.parse(bytes.fromhex(raw))


def test_privileges() -> None:
    assert Privileges.decode(b"\x80") == Privileges.SECURITY_DOMAIN
    assert Privileges.MANDATED_DAP_VERIFICATION.encode().hex() == "c10000"
    assert Privileges.SECURITY_DOMAIN in Privileges.decode(b"\xa0\x00\x00")
    with pytest.raises(DecodeError):
        Privileges.decode(b"\x80\x00")


def test_registry_entry_bytes() -> None:
    entry = RegistryEntry(
        aids.KERNEL_2, 0x07, Privileges.CONTACTLESS_ACTIVATION, domain_aid=aids.ISD
    )
    assert entry.encode().hex() == (
        "e31c" "4f07a0000000041010" "9f700107" "c503000020" "cc08a000000151000000"
    )  # fmt: skip


def test_tag_list_narrows_a_contactless_entry() -> None:
    entry = ContactlessEntry(aids.KERNEL_2, 0x07, ContactlessState.ACTIVATED, 5, 1)
    assert entry.encode((0x4F, 0x81)).hex() == "610c4f07a0000000041010810101"
    assert entry.encode().hex() == "61154f07a00000000410109f70020701800200058101" + "01"


def test_crs_info_bytes() -> None:
    assert CrsInfo(0x0203).encode().hex() == "a5099f0802010080020203"


@pytest.mark.parametrize("raw", ["610a4f05a0000000019f700107", "61064f009f7000", "e300"])
def test_broken_contactless_entries_are_refused(raw: str) -> None:
    with pytest.raises(DecodeError):
        registry.parse_contactless(bytes.fromhex(raw))


def test_lists_hold_one_kind_of_object_only() -> None:
    aid = ber.encode(0x4F, aids.KERNEL_2)
    other = ber.encode(0x50, b"A")
    with pytest.raises(DecodeError, match="50 stands where 4F"):
        registry.parse_aids(aid + other)
    with pytest.raises(DecodeError, match="4F stands where E3"):
        registry.parse_entries(aid)


def test_search_needs_an_aid_criterion_and_keeps_the_others() -> None:
    query = StatusQuery.parse(bytes.fromhex("4f009f700207015c034f9f70"))
    assert query.tags == (0x4F, 0x9F70)
    assert [criterion.tag for criterion in query.criteria] == [0x9F70]
    with pytest.raises(DecodeError, match="4F"):
        StatusQuery.parse(bytes.fromhex("5c014f"))


def test_failed_list_of_a_partly_done_command() -> None:
    assert registry.encode_failed([aids.KERNEL_2]).hex() == "a1094f07a0000000041010"
    assert registry.parse_failed(b"") == ()


@pytest.mark.parametrize(
    ("raw", "block"),
    [
        ("308810" + KEY.hex() + "03504a77", KeyBlock(0x88, KEY, KCV)),
        ("30881110" + KEY.hex() + "03504a77", KeyBlock(0x88, KEY, KCV, clear_length=16)),
        ("30b041" + POINT.hex() + "f0010000", KeyBlock(0xB0, POINT, curve=0)),
        ("30b041" + POINT.hex() + "00", KeyBlock(0xB0, POINT)),
        ("30b120" + bytes(32).hex() + "f0010000", KeyBlock(0xB1, bytes(32), curve=0)),
    ],
)
def test_key_blocks_in_all_forms(raw: str, block: KeyBlock) -> None:
    fields = PutKey(0x30, (block,))
    assert PutKey.parse(bytes.fromhex(raw)) == fields
    assert fields.encode().hex() == raw
    assert fields.answer() == b"\x30" + block.kcv


@pytest.mark.parametrize(
    "raw",
    [
        "30",
        "3088",
        "30880f" + KEY[1:].hex() + "00",
        "30881118" + KEY.hex() + "00",
        "30881105" + KEY.hex() + "00",
        "308810" + KEY.hex(),
        "308810" + KEY.hex() + "03504a",
        "308210" + KEY.hex() + "00",
        "30b0020400f0020000" + "00",
    ],
)
def test_broken_key_blocks_are_refused(raw: str) -> None:
    with pytest.raises(DecodeError):
        PutKey.parse(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "fields",
    [
        PutKey(0x30, ()),
        PutKey(0x30, (KeyBlock(0x88, bytes(15)),)),
        PutKey(0x30, (KeyBlock(0x88, KEY, clear_length=15),)),
        PutKey(0x30, (KeyBlock(0x88, KEY, curve=0),)),
        PutKey(0x30, (KeyBlock(0xB0, POINT, clear_length=16),)),
        PutKey(0x100, (KeyBlock(0x88, KEY),)),
    ],
)
def test_impossible_key_blocks_are_not_written(fields: PutKey) -> None:
    with pytest.raises(EncodeError):
        fields.encode()


def test_key_information_bytes() -> None:
    infos = tuple(KeyInfo(kid, 0x30, ((0x88, 16),)) for kid in (1, 2, 3))
    raw = keys.encode_key_information(infos)
    assert raw.hex() == "e012c00401308810c00402308810c00403308810"
    assert keys.parse_key_information(raw) == infos


@pytest.mark.parametrize("raw", ["e003c00101", "e006c0040130ff88", "e0024f00", "c00401308810"])
def test_broken_key_information_is_refused(raw: str) -> None:
    with pytest.raises(DecodeError):
        keys.parse_key_information(bytes.fromhex(raw))


def test_locking_keeps_the_former_state() -> None:
    state = lifecycle.locked(lifecycle.DomainState.PERSONALIZED)
    assert (state, lifecycle.is_locked(state)) == (0x8F, True)
    assert lifecycle.unlocked(state) == lifecycle.DomainState.PERSONALIZED


def test_reprs_show_no_key() -> None:
    assert (
        repr(PutKey(1, (KeyBlock(0x88, KEY),))) == "PutKey(kvn=1, blocks=(KeyBlock(88, 16 bytes),))"
    )
