"""The contactless registry: recorded commands of others, rights, switching, the directory."""

from __future__ import annotations

import pytest

from support import vectors
from support.applets import PHONE, Bench
from support.payment_cards import K2, K3, tags, tap, text_table
from wristlet.se.applets.base import Interface
from wristlet.wire import ber
from wristlet.wire.apdu import Response
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.gp.registry import parse_contactless, parse_failed

RECORDED = {row["name"]: row["command"] for row in vectors.load("crs")["rows"]}
OFF, ON, NEVER = ContactlessState
FIRST, SECOND, THIRD = (aids.instance_aid(aids.KERNEL_3, number) for number in (1, 2, 3))


def bench_with(*states: ContactlessState, **profile: object) -> Bench:
    """Kernel 3 cards 1, 2, ... in these states."""
    bench = Bench(**profile)
    for number, state in enumerate(states, 1):
        aid = K3.issue(bench, number).aid
        with bench.store.transaction():
            bench.registry.set_contactless(aid, state)
    return bench


def states(bench: Bench) -> list[ContactlessState]:
    """Durable states in order of installation."""
    return [
        instance.contactless
        for instance in bench.registry.instances()
        if instance.module_aid == aids.PAYMENT_MODULE_K3
    ]


def crs(bench: Bench, command: object, *, phone: bytes | None = None) -> Response:
    """Select the CRS and send one command."""
    assert bench.select(aids.CRS, phone=phone).ok
    return bench.send(command)  # type: ignore[arg-type]  # text or Command, as `send` takes them


def listed(bench: Bench) -> list[bytes]:
    """The names in the directory; none when the terminal finds no directory."""
    answer = bench.select(aids.PPSE, Interface.CONTACTLESS)
    if not answer.ok:
        assert answer.sw == 0x6A82
        return []
    entries = ber.require(answer.data, 0x6F, 0xA5, 0xBF0C)
    return [ber.require(tlv.value, 0x4F) for tlv in ber.parse(entries)]


# ------------------------------------------------------------------ recorded commands


def test_recorded_select_and_get_data_tell_version_and_counter() -> None:
    bench = bench_with(ON)
    counter = bench.registry.update_counter.to_bytes(2, "big")
    info = bytes.fromhex("A5099F080201008002") + counter
    answer = bench.select(bytes.fromhex(RECORDED["select"])[5:14])
    assert answer.data == ber.encode(0x6F, ber.encode(0x84, aids.CRS) + info)
    assert crs(bench, RECORDED["get_data"]).data == info


def test_recorded_get_status_lists_every_card() -> None:
    bench = bench_with(ON, OFF, NEVER)
    answer = crs(bench, RECORDED["get_status_first"])
    expected = [(FIRST, "0701"), (SECOND, "0700"), (THIRD, "0780")]
    assert answer.data == b"".join(
        ber.build((0x61, ((0x4F, aid), (0x9F70, bytes.fromhex(state))))) for aid, state in expected
    )
    assert bench.send(RECORDED["get_status_next"]).sw == 0x6985


def test_recorded_volatile_priority() -> None:
    bench = bench_with(ON)
    instance = bytes.fromhex(RECORDED["set_status"])[7:]
    answer = crs(bench, RECORDED["set_status"])
    assert (answer.sw, parse_failed(answer.data)) == (0x6320, (instance,))


def test_recorded_interface_switch() -> None:
    bench = bench_with(ON)
    bench.enrol()
    assert crs(bench, RECORDED["interface_off"]).sw == 0x6982
    assert crs(bench, RECORDED["interface_off"], phone=PHONE).ok
    assert listed(bench) == []
    assert tap(bench, FIRST).sw == 0x6A82
    assert crs(bench, RECORDED["interface_on"], phone=PHONE).ok
    assert listed(bench) == [FIRST]
    assert tap(bench, FIRST).ok


# ------------------------------------------------------------------ reading


def test_a_long_list_comes_in_pages() -> None:
    bench = bench_with(*[OFF] * 16)
    answer = crs(bench, "80F24000024F0000")
    entries = list(parse_contactless(answer.data))
    assert (answer.sw, len(answer.data) <= 255) == (0x6310, True)
    while answer.sw == 0x6310:
        answer = bench.send("80F24001024F0000")
        entries += parse_contactless(answer.data)
    assert answer.ok
    assert [entry.aid[-1] for entry in entries] == list(range(1, 17))
    assert [entry.priority for entry in entries] == list(range(1, 17))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("4F00", 3),
        ("4F07A0000000031010", 3),
        ("4F0BA000000003101000000002", 1),
        ("4F07A0000000041010", 0),
        ("4F009F70020701", 1),
        ("4F009F700107", 3),
        ("4F00870100", 0),
    ],
)
def test_search_criteria(search: str, found: int) -> None:
    bench = bench_with(ON, OFF, OFF)
    data = bytes.fromhex(search)
    answer = crs(bench, f"80F24000{len(data):02X}{data.hex()}00")
    assert answer.sw == (0x9000 if found else 0x6A88)
    assert len(parse_contactless(answer.data)) == found


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("80F28000024F0000", 0x6A86),
        ("80F24002024F0000", 0x6A86),
        ("80F24000015C00", 0x6A80),
        ("80F24000024F0500", 0x6A80),
        ("80CA006600", 0x6A88),
        ("80E40000024F0000", 0x6D00),
        ("00F24000024F0000", 0x6E00),
        ("80F01001024F0000", 0x6A86),
        ("80F00180024F0000", 0x6A86),
        ("80F00203024F0000", 0x6A86),
        ("80F00101015000", 0x6A80),
        ("80F0010100", 0x6A80),
    ],
)
def test_what_is_not_understood_is_refused(command: str, sw: int) -> None:
    assert crs(bench_with(ON), command).sw == sw


# ------------------------------------------------------------------ rights

RIGHTS = """
profile      who   | availability priority interface protocol
strap        strap | yes          yes      no        no
strap        phone | yes          yes      yes       never
strap        thief | no           no       no        no
strap-locked strap | no           no       no        no
strap-locked phone | yes          yes      yes       never
open         strap | yes          yes      yes       never
"""


@pytest.mark.parametrize(("asking", "allowed"), text_table(RIGHTS))
def test_who_may_set_what(asking: str, allowed: str) -> None:
    profile, who = asking.split()
    bench = bench_with(
        ON,
        OFF,
        crs="open" if profile == "open" else "strap",
        strap_switch=profile != "strap-locked",
    )
    bench.enrol()
    phone = {"strap": None, "phone": PHONE, "thief": bytes(32)}[who]
    name = ber.encode(0x4F, SECOND).hex()
    asked = [f"80F001010D{name}", f"80F002010D{name}", "80F0048003800140", "80F0088003800101"]
    meaning = {"yes": 0x9000, "no": 0x6982, "never": 0x6A81}
    assert [crs(bench, command, phone=phone).sw for command in asked] == [
        meaning[word] for word in allowed.split()
    ]


def test_the_registry_is_not_for_terminals() -> None:
    assert bench_with(ON).select(aids.CRS, Interface.CONTACTLESS).sw == 0x6A82


def test_the_phones_channel_reaches_the_registry_from_the_cardholder_applet_too() -> None:
    bench = bench_with(ON, OFF)
    bench.enrol()
    bench.select(aids.CARDHOLDER_APPLET)
    assert bench.send(commands.crs_set_status(0x01, 0x01, SECOND)).sw == 0x6982
    bench.select(aids.CARDHOLDER_APPLET, phone=PHONE)
    assert bench.send(commands.crs_set_status(0x01, 0x01, SECOND)).ok
    assert listed(bench) == [SECOND]


# ------------------------------------------------------------------ switching


def test_exactly_one_card_is_active_after_a_switch() -> None:
    bench = bench_with(ON, OFF, OFF)
    assert crs(bench, commands.crs_set_status(0x01, 0x01, THIRD)).ok
    assert states(bench) == [OFF, OFF, ON]
    assert listed(bench) == [THIRD]
    assert crs(bench, commands.crs_set_status(0x01, 0x00, THIRD)).ok
    assert listed(bench) == []


def test_the_open_profile_lists_several_by_priority() -> None:
    bench = bench_with(ON, OFF, OFF, crs="open")
    assert crs(bench, commands.crs_set_status(0x01, 0x01, SECOND, THIRD)).ok
    assert listed(bench) == [FIRST, SECOND, THIRD]
    assert crs(bench, commands.crs_set_status(0x02, 0x01, THIRD)).ok
    assert listed(bench) == [THIRD, FIRST, SECOND]
    assert crs(bench, commands.crs_set_status(0x02, 0x81, FIRST)).ok
    assert listed(bench) == [THIRD, SECOND, FIRST]
    assert bench.select(aids.PPSE, Interface.WIRED).ok


def test_what_cannot_be_activated_fails_alone() -> None:
    bench = bench_with(ON, NEVER, OFF, crs="open")
    missing = aids.instance_aid(aids.KERNEL_2, 9)
    answer = crs(bench, commands.crs_set_status(0x01, 0x01, SECOND, THIRD, missing, aids.PPSE))
    assert answer.sw == 0x6320
    assert parse_failed(answer.data) == (SECOND, missing, aids.PPSE)
    assert states(bench) == [ON, NEVER, ON]


@pytest.mark.parametrize(("scope", "value"), [(1, 1), (1, 0), (2, 1), (2, 0x81), (2, 2)])
def test_non_activatable_is_not_undone_here(scope: int, value: int) -> None:
    bench = bench_with(ON, NEVER)
    before = bench.store.snapshot()
    answer = crs(bench, commands.crs_set_status(scope, value, SECOND))
    assert (answer.sw, parse_failed(answer.data)) == (0x6320, (SECOND,))
    assert bench.store.snapshot() == before
    assert listed(bench) == [FIRST]


def test_volatile_priority_counts_alone_and_writes_nothing() -> None:
    bench = bench_with(ON, OFF)
    before = bench.store.snapshot()
    assert crs(bench, commands.crs_set_status(0x02, 0x02, SECOND)).ok
    assert listed(bench) == [SECOND]
    assert tap(bench, SECOND).ok
    status = parse_contactless(crs(bench, "80F24000024F0000").data)
    assert [entry.state for entry in status] == [OFF, ON]
    assert states(bench) == [ON, OFF]
    assert crs(bench, "80F0028200").ok
    assert listed(bench) == [FIRST]
    after = bench.store.snapshot()
    assert {key for key in after if after[key] != before.get(key)} == {
        f"inst/{SECOND.hex().upper()}/counters"
    }


# ------------------------------------------------------------------ the directory


def test_the_directory_describes_each_card() -> None:
    bench = Bench(crs="open")
    first, second = K3.issue(bench, 1).aid, K2.issue(bench, 2).aid
    answer = bench.select(aids.PPSE, Interface.CONTACTLESS)
    objects = tags(answer)
    assert objects[0x84] == aids.PPSE
    entries = [tlv.value for tlv in ber.parse(ber.require(answer.data, 0x6F, 0xA5, 0xBF0C))]
    described = [ber.collect(entry) for entry in entries]
    assert [entry[0x4F] for entry in described] == [first, second]
    assert [entry[0x87] for entry in described] == [b"\x01", b"\x02"]
    assert [entry[0x9F2A] for entry in described] == [b"\x03", b"\x02"]
    assert {entry[0x50] for entry in described} == {b"wristlet test"}


def test_the_directory_stays_within_one_answer() -> None:
    bench = bench_with(*[ON] * 16, crs="open")
    answer = bench.select(aids.PPSE, Interface.CONTACTLESS)
    assert len(answer.data) <= 256
    assert listed(bench)[:2] == [FIRST, SECOND]


def test_the_directory_has_one_command_only() -> None:
    bench = bench_with(ON)
    bench.select(aids.PPSE, Interface.CONTACTLESS)
    assert bench.send("80CA9F3600").sw == 0x6D00
    assert bench.select(aids.PPSE, Interface.WIRED).sw == 0x6A82
