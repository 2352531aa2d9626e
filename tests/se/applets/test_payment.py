"""One tap and many: cryptograms recomputed by an outside library, one row per kind of tap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.applets import PHONE
from support.payment_cards import (
    K2,
    K3,
    PIN,
    CardData,
    Wish,
    issue,
    issuer_view,
    tags,
    tap,
    text_table,
    unlock,
)
from wristlet.se.applets.base import Interface
from wristlet.se.profile import LeaseLimits
from wristlet.wire import products
from wristlet.wire.emv.iad import AcType, Iad18, Iad21
from wristlet.wire.gp import aids, commands

CARDS = pytest.mark.parametrize("card", [K3, K2], ids=["K3", "K2"])
FIELDS = {
    "tag_9f02": slice(0, 6),
    "tag_9f03": slice(6, 12),
    "tag_9f1a": slice(12, 14),
    "tag_95": slice(14, 19),
    "tag_5f2a": slice(19, 21),
    "tag_9a": slice(21, 24),
    "tag_9c": slice(24, 25),
    "tag_9f37": slice(25, 29),
}


def recomputed(aid: bytes, wish: Wish, objects: dict[int, bytes]) -> bytes:
    """The cryptogram as pyemv makes it from issuer key, terminal data and card's answer."""
    fields = {name: wish.common()[place] for name, place in FIELDS.items()}
    fields |= {"tag_9f36": objects[0x9F36], "tag_82": objects.get(0x82, bytes.fromhex("1280"))}
    iad = objects[0x9F10]
    kernel = aids.kernel_of(aid)
    assert kernel is not None
    covered = {"tag_9f10": iad} if kernel == 3 else {"cvr": iad[2:8], "counters": iad[10:18]}
    cryptogram: bytes = issuer_view(kernel).generate_ac(**fields, **covered)
    return cryptogram


def iad_of(aid: bytes, objects: dict[int, bytes]) -> Iad18 | Iad21:
    raw = objects[0x9F10]
    return Iad18.parse(raw) if aids.kernel_of(aid) == 3 else Iad21.parse(raw)


# Lease, amount and wish in, result out. Product: 3 taps and 100.00 without lease.
TAPS = """
card lease amount  changes                                | result lease CTQ
K3   no    1000    -                                      | ARQC   no    no
K3   no    10001   -                                      | 6986
K3   no    1000    ttq=36404000                           | 6986
K3   yes   1000    -                                      | ARQC   used  no
K3   yes   20000   ttq=36404000                           | ARQC   used  cdcvm
K3   yes   50001   ttq=36404000                           | 6986
K3   yes   20000   ttq=36400000                           | 6985
K3   yes   1000    ttq=80404000                           | 6985
K3   no    1000    ttq=3E004000                           | AAC    no    no
K3   no    1000    kind=20                                | AAC    no    no
K3   no    1000    currency=0840                          | 6986
K3   yes   999999  currency=0840                          | ARQC   used  cdcvm
K3   yes   999999  currency=0840,ttq=36000000             | ARQC   used  no
K2   no    1000    -                                      | ARQC   no
K2   no    1000    cvm_results=1F0302                     | ARQC   no
K2   no    10001   -                                      | AAC    no
K2   no    1000    cvm_results=010002                     | AAC    no
K2   no    1000    cvm_results=5E0300                     | AAC    no
K2   yes   1000    -                                      | ARQC   used
K2   yes   20000   cvm_results=010002                     | ARQC   used
K2   yes   50001   cvm_results=010002                     | AAC    no
K2   no    1000    currency=0840                          | AAC    no
"""


@pytest.mark.parametrize(("asked", "expected"), text_table(TAPS))
def test_one_tap(asked: str, expected: str) -> None:
    card, lease, amount, changes = asked.split()
    bench, aid = issue(K3 if card == "K3" else K2)
    if lease == "yes":
        unlock(bench)
    pairs = dict(pair.split("=") for pair in changes.split(",") if "=" in pair)
    wish = replace(Wish(amount=int(amount)), **pairs)  # type: ignore[arg-type]  # text fields
    before = bench.store.snapshot()
    response = tap(bench, aid, wish)
    result, *verdict = expected.split()
    if result not in AcType.__members__:
        assert f"{response.sw:04X}" == result
        assert bench.store.snapshot() == before
        return
    objects = tags(response)
    iad = iad_of(aid, objects)
    assert iad.ac_type is AcType[result]
    assert objects[0x9F27] == (b"\x80" if result == "ARQC" else b"\x00")
    assert iad.cdcvm_done is iad.lease.used is (verdict[0] == "used")
    if card == "K3":
        assert bool(objects[0x9F6C][1] & 0x80) is (verdict[1] == "cdcvm")
    assert objects[0x9F26] == recomputed(aid, wish, objects)
    assert objects[0x9F36] == b"\x00\x01"


def test_the_lease_runs_down_and_then_counters_start_anew() -> None:
    bench, aid = issue(lease=LeaseLimits(taps=2, amount_minor=3_000))
    unlock(bench)
    blocks = [iad_of(aid, tags(tap(bench, aid, Wish(amount=1_000)))).lease for _ in range(3)]
    assert [(b.valid, b.used, b.taps_left, b.amount_left_minor) for b in blocks] == [
        (True, True, 1, 2_000),
        (True, True, 0, 1_000),
        (False, False, 0, 0),
    ]
    assert {block.unlock_counter for block in blocks} == {1}
    # The third tap was the first of three without lease.
    assert [tap(bench, aid).sw for _ in range(3)] == [0x9000, 0x9000, 0x6986]
    bench.select(aids.CARDHOLDER_APPLET, phone=PHONE)
    assert bench.send(commands.verify(PIN)).ok
    assert iad_of(aid, tags(tap(bench, aid))).lease.unlock_counter == 2


def test_see_phone_is_told_to_the_kernel_2_terminal_only_when_unlocking_helps() -> None:
    bench, aid = issue(K2)
    assert tags(tap(bench, aid, Wish(amount=10_001)))[0xDF4B] == bytes.fromhex("000100")
    assert 0xDF4B not in tags(tap(bench, aid, Wish(), p1="00"))
    assert 0xDF4B not in tags(tap(bench, aid))


@pytest.mark.parametrize(
    ("p1", "information"), [("80", "80"), ("40", "80"), ("90", "80"), ("00", "00")]
)
def test_requested_cryptogram_types(p1: str, information: str) -> None:
    """Online only: a TC is answered by an ARQC; CDA is not this product's."""
    bench, aid = issue(K2)
    objects = tags(tap(bench, aid, p1=p1))
    assert objects[0x9F27].hex() == information
    assert objects[0x9F26] == recomputed(aid, Wish(), objects)


@CARDS
def test_cdcvm_always_needs_the_lease_at_any_amount(card: CardData) -> None:
    bench, aid = issue(replace(card, flags=products.FLAG_CDCVM_ALWAYS))
    refused = tap(bench, aid, Wish(amount=1))
    if card.product.kernel == 3:
        assert refused.sw == 0x6986
    else:
        assert tags(refused)[0x9F27] == b"\x00"
    unlock(bench)
    assert iad_of(aid, tags(tap(bench, aid, Wish(amount=1)))).lease.used


@CARDS
def test_the_atc_is_durable_once_per_tap_and_blocks_at_its_end(card: CardData) -> None:
    bench, aid = issue(card)
    prefix = f"inst/{aid.hex().upper()}/counters"
    with bench.store.transaction():
        bench.store.put(prefix, bytes.fromhex("FFFD") + bytes(7))
    assert [tags(tap(bench, aid))[0x9F36].hex() for _ in range(2)] == ["fffe", "ffff"]
    assert tap(bench, aid).sw == 0x6985
    bench.select(aid, Interface.CONTACTLESS)
    assert bench.send("80CA9F3600").data.hex() == "9f3602ffff"


@pytest.mark.parametrize(("card", "records"), [(K3, 1), (K2, 2)], ids=["K3", "K2"])
def test_an_answer_leaves_only_after_its_counters_are_durable(card: CardData, records: int) -> None:
    bench, aid = issue(card)
    before = bench.store.records
    tap(bench, aid)
    assert bench.store.records - before == records


def test_a_lost_record_gives_no_cryptogram() -> None:
    bench, aid = issue()

    def fail() -> None:
        raise OSError

    bench.select(aid, Interface.CONTACTLESS)
    bench.store.before_record = fail
    with pytest.raises(OSError):
        bench.send(Wish().gpo())
    bench.store.before_record = None
    assert tags(tap(bench, aid))[0x9F36] == b"\x00\x01"
