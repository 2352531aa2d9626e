"""The check of a tap: one case per class, the precedence, and what burns a counter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyemv.cvn import MasterCardCVN21, VisaCVN18

from support.fake_se import LEASE, FakeInstance, FakeSe, TapPlan, tap
from wristlet.crypto.tdes import TdesKey
from wristlet.model.token import ResultClass, TokenState
from wristlet.tsp import checks, responses
from wristlet.tsp.atc import JUMP_MAX, WINDOW, AtcWindow, Use
from wristlet.tsp.checks import Domain, Examined, Judgement, Standing
from wristlet.wire import ber, products
from wristlet.wire.emv.iad import AcType
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids
from wristlet.wire.iso8583.message import Message

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000
IMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
DPAN, PSN = "9998010000000007", "01"
TRACK2 = bytes.fromhex(f"{DPAN}D29112010000000000F0")
KEYS = {
    18: VisaCVN18(IMK, IMK, IMK, DPAN, PSN).icc_mk_ac,
    21: MasterCardCVN21(IMK, IMK, IMK, DPAN, PSN).icc_mk_ac,
}


@dataclass
class Bench:
    """One token on one element, of either product, with the outside library's keys."""

    product: products.Product

    def __post_init__(self) -> None:
        self.aid = aids.instance_aid(self.product.registered_aid, 1)
        self.element = FakeSe(bytes(15) + b"\x01", b"", b"")
        internals = ber.build((products.TAG_KEY_INDEX, b"\x01"), (0x57, TRACK2))
        record = ber.encode(0x70, ber.encode(0x57, TRACK2))
        groups = {
            products.DGI_KEYS: KEYS[self.product.cvn] + bytes(32),
            products.DGI_INTERNALS: internals,
            0x0101: record,
        }
        self.element.instances[self.aid] = FakeInstance(self.product.module_aid, 1, groups)
        self.domain = Domain(
            cvn=self.product.cvn,
            key_index=1,
            instance_aid=self.aid,
            registered_aid=self.product.registered_aid,
            psn=PSN,
            expiry_yymm="2911",
            no_cvm_sum_max_minor=30_000,
        )
        self.standing = Standing(TokenState.ACTIVE, AtcWindow(), "3012", None, None)

    def message(self, **changes: Any) -> Message:
        return tap(self.element, self.aid, TapPlan(**changes))

    def examine(self, **changes: Any) -> Examined:
        key = TdesKey(KEYS[self.product.cvn])
        return checks.examine(checks.read_tap(self.message(**changes)), self.domain, key)

    def judge(self, examined: Examined, **standing: Any) -> Judgement:
        return checks.judge(
            examined,
            self.domain,
            replace(self.standing, **standing),
            now_ms=NOW_MS,
            now_yymm="2611",
            lease_age_max_ms=24 * HOUR_MS,
        )

    def result(self, standing: dict[str, Any] | None = None, **changes: Any) -> ResultClass:
        return self.judge(self.examine(**changes), **(standing or {})).result


@pytest.fixture(params=[products.K3, products.K2], ids=["k3", "k2"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


CLASSES: list[tuple[ResultClass, dict[str, Any], dict[str, Any]]] = [
    (ResultClass.VALID, {}, {}),
    (ResultClass.VALID, {"lease": LEASE, "amount_minor": 45_000}, {}),
    (ResultClass.TOKEN_DELETED, {}, {"state": TokenState.DELETED}),
    (ResultClass.TOKEN_INACTIVE, {}, {"state": TokenState.INACTIVE}),
    (ResultClass.TOKEN_SUSPENDED, {}, {"state": TokenState.SUSPENDED}),
    (ResultClass.DOMAIN_VIOLATION, {"fields": {22: "011"}}, {}),
    (ResultClass.DOMAIN_VIOLATION, {"fields": {22: "901"}}, {}),
    (ResultClass.DOMAIN_VIOLATION, {"fields": {55: None}}, {}),
    (ResultClass.DOMAIN_VIOLATION, {"fields": {14: "3001"}}, {}),
    (ResultClass.DOMAIN_VIOLATION, {"fields": {23: "002"}}, {}),
    (ResultClass.DOMAIN_VIOLATION, {"fields": {3: "010000"}}, {}),
    (ResultClass.DOMAIN_VIOLATION, {"chip": {0x84: bytes.fromhex("A0000000651010")}}, {}),
    (ResultClass.NOT_AN_ARQC, {"ac_type": AcType.AAC}, {}),
    (ResultClass.NOT_AN_ARQC, {"ac_type": AcType.TC}, {}),
    (ResultClass.NOT_AN_ARQC, {"chip": {0x9F27: b"\x00"}}, {}),
    (ResultClass.INVALID_CRYPTOGRAM, {"chip": {0x9F26: bytes(8)}}, {}),
    (ResultClass.INVALID_CRYPTOGRAM, {"chip": {0x9F37: bytes(4)}}, {}),
    (ResultClass.INVALID_CRYPTOGRAM, {"chip": {0x9F36: b"\x00\x77"}}, {}),
    (ResultClass.INVALID_CRYPTOGRAM, {"fields": {4: "000000000001"}}, {}),
    (ResultClass.INVALID_CRYPTOGRAM, {"fields": {49: "978"}}, {}),
    (ResultClass.INVALID_CRYPTOGRAM, {"fields": {13: "1124"}}, {}),
    (ResultClass.ATC_OUT_OF_RANGE, {"atc": JUMP_MAX + 1}, {}),
    (ResultClass.ATC_ROLLBACK, {"atc": 5}, {"window": AtcWindow(5, 1), "earlier": bytes(8)}),
    (ResultClass.ATC_ROLLBACK, {"atc": 5}, {"window": AtcWindow(5 + WINDOW, 1)}),
    (ResultClass.PAN_EXPIRED, {}, {"card_expiry_yymm": "2610"}),
    (ResultClass.VERDICT_MISMATCH, {"chip": {0x9F34: bytes.fromhex("010002")}}, {}),
    (ResultClass.VERDICT_MISMATCH, {"chip": {0x9F6C: bytes.fromhex("0080")}}, {}),
    (ResultClass.VERDICT_MISMATCH, {"chip": {0x9F34: bytes.fromhex("420300")}}, {}),
    (ResultClass.VERDICT_MISMATCH, {"cdcvm": True}, {}),
    (ResultClass.VERDICT_MISMATCH, {"lease": LEASE, "cdcvm": False}, {}),
    (ResultClass.LEASE_EXPIRED, {"lease": LEASE}, {"lease_opened_ms": NOW_MS - 25 * HOUR_MS}),
    (ResultClass.VALID, {"lease": LEASE}, {"lease_opened_ms": NOW_MS - 24 * HOUR_MS}),
    (ResultClass.LEASE_REQUIRED, {"amount_minor": 30_001}, {}),
    (ResultClass.VALID, {"amount_minor": 30_000}, {}),
    (ResultClass.LEASE_REQUIRED, {"chip": {0x9F66: bytes.fromhex("00400000")}}, {}),
]


@pytest.mark.parametrize(("expected", "changes", "standing"), CLASSES)
def test_every_class(
    bench: Bench, expected: ResultClass, changes: dict[str, Any], standing: dict[str, Any]
) -> None:
    assert bench.result(standing, **changes) is expected


def test_every_class_has_a_case_or_is_decided_without_a_token() -> None:
    elsewhere = {
        ResultClass.FORMAT_ERROR,  # read_tap raises
        ResultClass.UNKNOWN_TOKEN,  # there is no record to examine with
        ResultClass.CVN_OR_KEY_MISMATCH,  # below
        ResultClass.ATC_REPLAY,  # below
        ResultClass.TOKEN_EXPIRED,  # below
    }
    assert {case[0] for case in CLASSES} | elsewhere == set(ResultClass)


def test_expired_token(bench: Bench) -> None:
    bench.domain = replace(bench.domain, expiry_yymm="2610")
    assert bench.result(fields={14: "2610"}) is ResultClass.TOKEN_EXPIRED


def test_key_index_and_version_come_from_the_tokens_record(bench: Bench) -> None:
    bench.domain = replace(bench.domain, key_index=2)
    assert bench.result() is ResultClass.CVN_OR_KEY_MISMATCH
    other = Bench(products.K2 if bench.product is products.K3 else products.K3)
    bench.domain = replace(bench.domain, key_index=1, cvn=other.product.cvn)
    examined = bench.examine()
    assert bench.judge(examined).result is ResultClass.CVN_OR_KEY_MISMATCH
    assert not examined.genuine


def test_same_cryptogram_is_a_replay_and_never_a_rollback(bench: Bench) -> None:
    examined = bench.examine(atc=5)
    for window in (AtcWindow(5, 1), AtcWindow(5 + WINDOW, 1)):
        judgement = bench.judge(examined, window=window, earlier=examined.cryptogram)
        assert judgement.found == {ResultClass.ATC_REPLAY}


@pytest.mark.parametrize("number", [2, 3, 4, 7, 11, 14, 22, 32, 37, 49])
def test_missing_field_is_a_format_error(number: int) -> None:
    message = Bench(products.K3).message().without(number)
    with pytest.raises(DecodeError):
        checks.read_tap(message)


@pytest.mark.parametrize("tag", [0x9F26, 0x9F27, 0x9F10, 0x9F36, 0x9F37, 0x9F02, 0x95, 0x84])
def test_missing_or_mangled_tag_is_a_format_error(tag: int) -> None:
    bench = Bench(products.K3)
    with pytest.raises(DecodeError):
        checks.read_tap(bench.message(chip={tag: None}))
    if tag not in (0x9F10, 0x84):
        with pytest.raises(DecodeError):
            checks.read_tap(bench.message(chip={tag: b"\x80" * 9}))


def test_first_class_by_precedence_is_reported(bench: Bench) -> None:
    """Everything at once: taking the reported class away uncovers the next one."""
    everything = bench.judge(
        bench.examine(
            amount_minor=40_000,
            atc=JUMP_MAX + 1,
            ac_type=AcType.AAC,
            fields={22: "011"},
            chip={0x9F34: bytes.fromhex("010002")},
        ),
        state=TokenState.SUSPENDED,
        card_expiry_yymm="2001",
    )
    order = list(ResultClass)
    assert everything.result is ResultClass.TOKEN_SUSPENDED
    assert sorted(everything.found, key=order.index) == [
        ResultClass.TOKEN_SUSPENDED,
        ResultClass.DOMAIN_VIOLATION,
        ResultClass.NOT_AN_ARQC,
        ResultClass.ATC_OUT_OF_RANGE,
        ResultClass.PAN_EXPIRED,
        ResultClass.VERDICT_MISMATCH,
        ResultClass.LEASE_REQUIRED,
    ]


@pytest.mark.parametrize("state", list(TokenState))
def test_valid_cryptogram_burns_its_counter_in_every_state(bench: Bench, state: TokenState) -> None:
    judgement = bench.judge(bench.examine(atc=7), state=state)
    assert judgement.window == AtcWindow(7, 1)


def test_invalid_cryptogram_moves_nothing(bench: Bench) -> None:
    judgement = bench.judge(bench.examine(atc=7, chip={0x9F26: bytes(8)}))
    assert judgement.window == AtcWindow()


@pytest.mark.parametrize("tag", [0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82])
def test_every_covered_element_is_covered(bench: Bench, tag: int) -> None:
    """One flipped bit in anything the cryptogram covers, in the chip data alone."""
    chip = ber.collect(bench.message().binary(55))
    flipped = bytes((chip[tag][0] ^ 0x40, *chip[tag][1:]))
    assert not bench.examine(chip={tag: flipped}).genuine


def test_lease_block_is_covered(bench: Bench) -> None:
    iad = ber.collect(bench.message(lease=LEASE).binary(55))[0x9F10]
    for position in range(len(iad) - 8, len(iad)):
        forged = bytearray(iad)
        forged[position] ^= 1
        assert not bench.examine(lease=LEASE, chip={0x9F10: bytes(forged)}).genuine


def test_every_refused_class_has_a_response_code() -> None:
    assert set(responses.RESPONSE_CODES) == set(ResultClass) - {ResultClass.VALID}


@given(st.lists(st.integers(0, 2 * WINDOW), max_size=60))
def test_window_agrees_with_a_set_of_used_counters(counters: list[int]) -> None:
    window, used, high = AtcWindow(), set[int](), 0
    for atc in counters:
        use, window = window.burn(atc)
        if high - atc >= WINDOW:
            assert use is Use.BEHIND
            continue
        assert (use is Use.USED) == (atc in used)
        used.add(atc)
        high = max(high, atc)
        assert window.high == high
        assert AtcWindow.decode(window.high, window.encode()) == window


@given(st.lists(st.integers(0, 700), max_size=30), st.integers(0, 700))
def test_a_fresh_counter_is_one_that_was_never_burned(used: list[int], atc: int) -> None:
    window = AtcWindow()
    for one in used:
        _, window = window.burn(one)
    use, _ = window.burn(atc)
    assert window.is_fresh(atc) == (use in (Use.FRESH, Use.FAR_AHEAD))
    if window.is_fresh(atc):
        assert atc not in used
