"""The cardholder applet: PIN, tries, lease, phones, signed statements, the TSP's orders."""

from __future__ import annotations

import hashlib
import logging

import pytest

from support.applets import PHONE, SE_ID, Bench
from support.payment_cards import K3, Wish, tap, text_table
from wristlet.crypto import ec
from wristlet.se.applets import cardholder, phones, pin
from wristlet.se.applets.base import CardError, Interface
from wristlet.se.applets.weak_pins import is_weak, listed
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import aids, commands
from wristlet.wire.receipt import LeaseReport, PinStatement, SignedStatement

PIN, OTHER, WRONG = "274916", "61938", "8053"
POINT = ec.point_of(ec.private_key(bytes(31) + b"\x09"))
CHALLENGE = bytes(range(0xA0, 0xB0))


def paired(**profile: object) -> Bench:
    """An SE with one phone, its channel open on the cardholder applet."""
    bench = Bench(**profile)
    bench.enrol()
    assert bench.select(aids.CARDHOLDER_APPLET, phone=PHONE).ok
    return bench


def with_pin(**profile: object) -> Bench:
    """The same with a PIN."""
    bench = paired(**profile)
    assert bench.send(commands.create_pin(PIN)).ok
    return bench


def public(bench: Bench) -> dict[str, int]:
    """The state that anybody at the wired interface may read."""
    raw = ber.require(bench.send("80CADF5000").data, 0xDF50)
    assert len(raw) == 16
    names = ("set", "blocked", "tries", "valid", "taps")
    return dict(zip(names, raw[:5], strict=True)) | {
        "amount": int.from_bytes(raw[5:9], "big"),
        "unlocks": int.from_bytes(raw[9:11], "big"),
        "phones": raw[11],
        "events": int.from_bytes(raw[12:], "big"),
    }


def verified(bench: Bench, response: Response, tag: int) -> bytes:
    """Body of a statement whose signature is the SE's."""
    label = {0x7F61: PinStatement.LABEL, 0x7F62: LeaseReport.LABEL}[tag]
    statement = SignedStatement.parse(response.data, tag)
    public_key = bench.attestation_key.public_key()
    ec.verify_raw(public_key, statement.signature, label + statement.body)
    return statement.body


# ------------------------------------------------------------------ the PIN


def test_create_verify_and_the_lease() -> None:
    bench = with_pin()
    state = public(bench)
    assert (state["set"], state["blocked"], state["tries"], state["valid"]) == (1, 0, 3, 0)
    answer = bench.send(commands.verify(PIN))
    report = LeaseReport.parse(verified(bench, answer, 0x7F62))
    assert (report.se_id, report.unlock_counter) == (SE_ID, 1)
    assert (report.taps_max, report.amount_max_minor) == (20, 50_000)
    state = public(bench)
    assert report.event_counter == state["events"]
    assert (state["valid"], state["taps"], state["amount"], state["unlocks"]) == (1, 20, 50_000, 1)
    assert bench.send("80CA7F6200").data == answer.data


def test_three_wrong_guesses_block_and_nothing_is_compared_after() -> None:
    bench = with_pin()
    bench.send(commands.verify(PIN))
    compared = bench.hashes
    answers = [bench.send(commands.verify(WRONG)).sw for _ in range(5)]
    assert answers == [0x63C2, 0x63C1, 0x63C0, 0x6983, 0x6983]
    assert bench.send(commands.verify(PIN)).sw == 0x6983
    assert bench.send(commands.change_pin(PIN, OTHER)).sw == 0x6983
    assert bench.send(commands.create_pin(OTHER)).sw == 0x6985
    assert bench.hashes - compared == 3
    state = public(bench)
    assert (state["blocked"], state["tries"], state["valid"], state["taps"]) == (1, 0, 0, 0)


def test_a_right_pin_gives_all_tries_back() -> None:
    bench = with_pin()
    assert [bench.send(commands.verify(WRONG)).sw for _ in range(2)] == [0x63C2, 0x63C1]
    assert bench.send(commands.verify(PIN)).ok
    assert public(bench)["tries"] == 3


def test_change_takes_the_old_pin_and_opens_no_lease() -> None:
    bench = with_pin()
    assert bench.send(commands.change_pin(WRONG, OTHER)).sw == 0x63C2
    assert bench.send(commands.change_pin(PIN, OTHER)).ok
    assert public(bench)["valid"] == 0
    assert public(bench)["tries"] == 3
    assert bench.send(commands.verify(PIN)).sw == 0x63C2
    assert bench.send(commands.verify(OTHER)).ok


BLOCKS = """
command  block                                | answer
create   24 2749 FFFFFFFFFF                   | 6985
change   24 2749 FFFFFFFFFF                   | 6A80
verify   24 2749 FFFFFFFFFF                   | 63C2
verify   26 274916 FFFFFFFF                   | 9000
verify   14 2749 FFFFFFFFFF                   | 6A80
verify   24 27A9 FFFFFFFFFF                   | 6A80
verify   24 2749 FFFFFFFFF1                   | 6A80
verify   23 274F FFFFFFFFFF                   | 6A80
verify   27 2749161 FFFFFFF                   | 6A80
verify   26 274916 FFFFFF                     | 6A80
verify   -                                    | 63C3
"""


@pytest.mark.parametrize(("asked", "expected"), text_table(BLOCKS))
def test_pin_blocks(asked: str, expected: str) -> None:
    bench = with_pin()
    name, *parts = asked.split()
    header = {"create": (0x24, 1), "change": (0x24, 0), "verify": (0x20, 0)}[name]
    text = "".join(parts).replace("-", "")
    block = bytes.fromhex(text + "F" * (len(text) % 2))
    hashes, tries = bench.hashes, public(bench)["tries"]
    answer = bench.send(Command(0x00, header[0], header[1], 0x80, block, 256))
    assert f"{answer.sw:04X}" == expected
    if expected in {"6A80", "6985", "63C3"}:
        assert (bench.hashes, public(bench)["tries"]) == (hashes, tries)


def test_without_a_pin_there_is_nothing_to_verify_or_change() -> None:
    bench = paired()
    assert public(bench)["set"] == 0
    assert bench.send(commands.verify(PIN)).sw == 0x6A88
    assert bench.send(commands.change_pin(PIN, OTHER)).sw == 0x6A88
    assert bench.send("0020008000").sw == 0x6A88


@pytest.mark.parametrize(
    "chosen", ["1234", "0000", "9876", "1212", "1122", "2001", "123123", "4711"]
)
def test_common_pins_are_refused(chosen: str) -> None:
    bench = paired()
    assert bench.send(commands.create_pin(chosen)).sw == 0x6A80
    assert public(bench)["set"] == 0
    bench = with_pin()
    assert bench.send(commands.change_pin(PIN, chosen)).sw == 0x6A80
    assert public(bench)["tries"] == 3


def test_the_weak_list_is_long_and_leaves_most_pins() -> None:
    assert len(listed()) >= 100
    assert all(is_weak(entry) for entry in listed())
    weak = sum(is_weak(f"{number:04d}") for number in range(10_000))
    assert 100 < weak < 1_000


@pytest.mark.parametrize(("minimum", "maximum", "good"), [(4, 4, ""), (6, 6, PIN), (4, 6, OTHER)])
def test_the_brand_decides_the_length(minimum: int, maximum: int, good: str) -> None:
    bench = paired(pin_min=minimum, pin_max=maximum)
    for candidate in ("8053", "61938", "274916"):
        fits = minimum <= len(candidate) <= maximum
        answer = bench.send(commands.create_pin(candidate)).sw
        assert answer in ({0x9000, 0x6985} if fits else {0x6A80})
    assert public(bench)["set"] == 1


def test_the_pin_is_neither_stored_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = with_pin()
    bench.send(commands.verify(PIN))
    block = commands.pin_block2(PIN)
    for value in bench.store.snapshot().values():
        assert PIN.encode() not in value
        assert bytes(block) not in value
        assert block[1:4] not in value
    assert PIN not in caplog.text


def test_equal_pins_have_different_verifiers() -> None:
    bench = with_pin()
    first = bench.store.get("pin/verifier")
    assert bench.send(commands.change_pin(PIN, PIN)).ok
    assert bench.store.get("pin/verifier") != first


def test_a_cut_before_the_comparison_costs_a_try_and_gives_no_answer() -> None:
    """Power is lost at every durable record of a wrong VERIFY, again and again."""
    bench = with_pin()
    compared = bench.hashes
    guesses = 0
    while pin.tries_left(bench.store) and guesses < 50:
        guesses += 1
        records = iter(range(guesses % 2))

        def cut(left: object = records) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]  # an iterator
                raise OSError

        bench.store.before_record = cut
        try:
            bench.send(commands.verify(WRONG))
        except OSError:
            bench.store.rollback()
        bench.store.before_record = None
    assert bench.hashes - compared <= 3
    assert bench.send(commands.verify(PIN)).sw == 0x6983


def test_the_unlock_counter_ends() -> None:
    bench = with_pin()
    with bench.store.transaction():
        bench.store.put("lease/state", bytes.fromhex("FFFE 00 00 00000000"))
    assert bench.send(commands.verify(PIN)).ok
    assert public(bench)["unlocks"] == 0xFFFF
    compared = bench.hashes
    assert bench.send(commands.verify(PIN)).sw == 0x6985
    assert bench.hashes == compared


# ------------------------------------------------------------------ who may


SECRET_COMMANDS = [
    commands.create_pin(PIN),
    commands.change_pin(PIN, OTHER),
    commands.verify(PIN),
    Command(0x80, 0xE0, 0x01, 0, bytes(32)),
    Command(0x80, 0xE0, 0x02, 0, PHONE),
    commands.crs_get_status(),
]


@pytest.mark.parametrize("command", SECRET_COMMANDS, ids=lambda command: command.header.hex())
@pytest.mark.parametrize("phone", [None, bytes(32)], ids=["plain", "unknown"])
def test_only_an_enrolled_phone_speaks_of_the_pin(command: Command, phone: bytes | None) -> None:
    bench = with_pin()
    before, hashes = bench.store.snapshot(), bench.hashes
    assert bench.select(aids.CARDHOLDER_APPLET, phone=phone).ok
    assert bench.send(command).sw == 0x6982
    assert (bench.store.snapshot(), bench.hashes) == (before, hashes)


def test_a_terminal_finds_no_cardholder_applet() -> None:
    assert paired().select(aids.CARDHOLDER_APPLET, Interface.CONTACTLESS).sw == 0x6A82


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("80CA9F7F00", 0x6A88),
        ("80CA7F6100", 0x6A80),
        ("80CA7F6104DF42010100", 0x6A80),
        ("80CA7F6200", 0x6A88),
        ("00CADF5000", 0x6E00),
        ("8020008000", 0x6E00),
        ("00200081", 0x6A86),
        ("0020010000", 0x6A86),
        ("00240280", 0x6A86),
        ("80120200", 0x6A86),
        ("80120001", 0x6A86),
        ("80E0030000", 0x6A86),
        ("80E0010000", 0x6A80),
        ("80E0000100", 0x6A86),
        ("80D8000000", 0x6D00),
    ],
)
def test_what_is_not_understood_is_refused(command: str, sw: int) -> None:
    assert paired().send(command).sw == sw


# ------------------------------------------------------------------ phones


def enrol(point: bytes) -> Command:
    return Command(0x80, 0xE0, 0x00, 0x00, point)


def test_the_first_phone_comes_by_its_point_and_only_into_an_empty_list() -> None:
    bench = Bench()
    bench.select(aids.CARDHOLDER_APPLET)
    for bad in (b"", POINT[:-1], b"\x02" + POINT[1:], POINT[:-1] + bytes((POINT[-1] ^ 1,))):
        assert bench.send(enrol(bad)).sw == 0x6A80
    assert bench.send(enrol(POINT)).ok
    assert bench.send(enrol(POINT)).sw == 0x6985
    state = bench.domain().state
    assert phones.is_allowed(state, hashlib.sha256(POINT).digest())
    assert not phones.is_allowed(state, PHONE)
    assert public(bench)["phones"] == 1


def test_further_phones_come_and_go_through_the_channel() -> None:
    bench = paired()
    others = [bytes((number,)) * 32 for number in range(1, 9)]
    answers = [bench.send(Command(0x80, 0xE0, 0x01, 0, other)).sw for other in others]
    assert answers == [0x9000] * 7 + [0x6A84]
    assert bench.send(Command(0x80, 0xE0, 0x01, 0, others[0])).ok
    assert public(bench)["phones"] == 8
    assert bench.send(Command(0x80, 0xE0, 0x02, 0, others[7])).sw == 0x6A88
    assert bench.send(Command(0x80, 0xE0, 0x02, 0, PHONE)).ok
    assert bench.send(commands.create_pin(PIN)).sw == 0x6982
    assert public(bench)["phones"] == 7


def test_the_channel_lists_the_phones_and_the_last_one_stays() -> None:
    bench = paired()
    listing = Command(0x80, 0xCA, 0xDF, 0x51, b"", 256)
    others = [bytes((number,)) * 32 for number in (9, 1)]
    for other in others:
        assert bench.send(Command(0x80, 0xE0, 0x01, 0, other)).ok
    answer = bench.send(listing)
    assert answer.data == ber.encode(0xDF51, b"".join(sorted([*others, PHONE])))
    for other in others:
        assert bench.send(Command(0x80, 0xE0, 0x02, 0, other)).ok
    assert bench.send(Command(0x80, 0xE0, 0x02, 0, PHONE)).sw == 0x6985
    assert public(bench)["phones"] == 1
    bench.select(aids.CARDHOLDER_APPLET)
    assert bench.send(listing).sw == 0x6982


# ------------------------------------------------------------------ wear and statements


def test_coming_off_the_wrist_ends_the_lease() -> None:
    bench = with_pin()
    assert bench.send("80120100").ok
    bench.send(commands.verify(PIN))
    assert public(bench)["valid"] == 1
    bench.select(aids.CARDHOLDER_APPLET)
    records = bench.store.records
    assert bench.send("80120100").ok
    assert bench.store.records == records, "nothing changed, nothing is written"
    assert bench.send("80120000").ok
    state = public(bench)
    assert (state["valid"], state["taps"], state["amount"], state["unlocks"]) == (0, 0, 0, 1)
    assert bench.send("80120100").ok
    assert public(bench)["valid"] == 0


def test_the_pin_statement_answers_the_challenge() -> None:
    bench = with_pin()
    query = Command(0x80, 0xCA, 0x7F, 0x61, ber.encode(0xDF42, CHALLENGE), 256)
    bench.select(aids.CARDHOLDER_APPLET)
    statement = PinStatement.parse(verified(bench, bench.send(query), 0x7F61))
    assert (statement.se_id, statement.challenge) == (SE_ID, CHALLENGE)
    assert (statement.pin_set, statement.blocked) == (True, False)
    assert statement.event_counter == public(bench)["events"]
    bench.select(aids.CARDHOLDER_APPLET, phone=PHONE)
    for _ in range(3):
        bench.send(commands.verify(WRONG))
    blocked = PinStatement.parse(verified(bench, bench.send(query), 0x7F61))
    assert (blocked.pin_set, blocked.blocked) == (True, True)
    assert blocked.event_counter > statement.event_counter


# ------------------------------------------------------------------ the TSP's orders


def order(bench: Bench, number: int, value: bytes) -> None:
    with bench.store.transaction():
        cardholder.order(bench.domain(), number, value)


def test_a_reset_order_clears_pin_block_and_lease_but_no_card() -> None:
    bench = with_pin()
    aid = K3.issue(bench).aid
    assert cardholder.pin_is_set(bench.domain())
    bench.select(aids.CARDHOLDER_APPLET, phone=PHONE)
    bench.send(commands.verify(PIN))
    for _ in range(3):
        bench.send(commands.verify(WRONG))
    order(bench, 0xDF11, b"")
    assert not cardholder.pin_is_set(bench.domain())
    state = public(bench)
    assert (state["set"], state["blocked"], state["tries"], state["valid"]) == (0, 0, 3, 0)
    assert bench.send(commands.create_pin(OTHER)).ok
    assert tap(bench, aid, Wish()).ok


def test_a_phone_order_opens_the_channel_to_a_further_phone() -> None:
    bench = with_pin()
    order(bench, 0xDF12, bytes(32))
    bench.select(aids.CARDHOLDER_APPLET, phone=bytes(32))
    assert bench.send(commands.verify(PIN)).ok


@pytest.mark.parametrize(
    ("number", "value"), [(0xDF11, b"x"), (0xDF12, b""), (0xDF12, bytes(31)), (0xDF13, b"")]
)
def test_other_orders_are_refused(number: int, value: bytes) -> None:
    bench = with_pin()
    before = bench.store.snapshot()
    with pytest.raises(CardError) as refusal:
        order(bench, number, value)
    assert refusal.value.sw == 0x6A80
    assert bench.store.snapshot() == before
