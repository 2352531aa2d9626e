"""Personalisation: nothing missing, surplus, malformed or in clear; written once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from support.applets import Bench
from support.payment_cards import K2, K3, PAN, CardData, Wish, issue, tap
from wristlet.se.applets.base import CardError
from wristlet.se.applets.payment import perso
from wristlet.se.applets.payment.plan import Plan
from wristlet.tsp import perso as tsp_perso
from wristlet.tsp import programs
from wristlet.wire import ber, products
from wristlet.wire.gp import aids
from wristlet.wire.masked import Secret, SecretDigits

Change = Callable[[dict[int, bytes]], None]
CARDS = pytest.mark.parametrize("card", [K3, K2], ids=["K3", "K2"])


def refused(card: CardData, change: Change, encrypted: frozenset[int] | None = None) -> int:
    """Status word of the check after a change of good data."""
    bench = Bench()
    aid = aids.instance_aid(card.product.registered_aid, 1)
    instance = bench.install(aid, card.product.module_aid)
    dgis = card.dgis()
    change(dgis)
    with pytest.raises(CardError) as refusal:
        perso.check(instance, dgis, frozenset(dgis) if encrypted is None else encrypted)
    return refusal.value.sw


def put(number: int, value: str) -> Change:
    """Replace one DGI."""
    return lambda dgis: dgis.__setitem__(number, bytes.fromhex(value))


def without(number: int) -> Change:
    """Leave one DGI out."""

    def change(dgis: dict[int, bytes]) -> None:
        del dgis[number]

    return change


def without_internal(tag: int) -> Change:
    """Leave one object out of 9200."""

    def change(dgis: dict[int, bytes]) -> None:
        kept = [tlv for tlv in ber.parse(dgis[products.DGI_INTERNALS]) if tlv.tag != tag]
        dgis[products.DGI_INTERNALS] = b"".join(tlv.encode() for tlv in kept)

    return change


@CARDS
def test_a_missing_group_is_refused(card: CardData) -> None:
    for number in card.dgis():
        assert refused(card, without(number)) == 0x6985


@CARDS
@pytest.mark.parametrize("number", [0x9999, 0x0201, 0x8400, 0x8201, 0x9103])
def test_a_surplus_group_is_refused(card: CardData, number: int) -> None:
    assert refused(card, put(number, "00")) == 0x6985


@CARDS
def test_keys_in_clear_are_refused(card: CardData) -> None:
    others = frozenset(card.dgis()) - {products.DGI_KEYS}
    assert refused(card, lambda _: None, encrypted=others) == 0x6985


@CARDS
@pytest.mark.parametrize(
    "change",
    [
        put(0x9000, "000000" * 3),
        put(0x9000, "000000"),
        put(0x8000, "00" * 47),
        put(0x9102, ""),
        put(0x9102, "5000"),
        put(0x9102, "50045465737499"),
        put(0x9104, ""),
        put(0x9104, "8201009404080101 00"),
        put(0x9104, "82020000" + "9404080101019F3600"),
        put(0x9104, "8202000094040801"),
        put(0x9200, ""),
        put(0x9200, "57"),
        without_internal(products.TAG_CURRENCY),
        without_internal(products.TAG_NO_CVM_TAPS_MAX),
        without_internal(products.TAG_FLAGS),
        lambda dgis: dgis.__setitem__(0x9200, dgis[0x9200] + bytes.fromhex("DF750101")),
        lambda dgis: dgis.__setitem__(0x9200, dgis[0x9200] + bytes.fromhex("DF740101")),
    ],
)
def test_malformed_data_are_refused(card: CardData, change: Change) -> None:
    assert refused(card, change) == 0x6A80


@pytest.mark.parametrize(
    "change",
    [
        put(0x0101, "7001"),
        put(0x0101, "61025000"),
        put(0x0101, "700250"),
        put(0x0101, "70025000"),
        put(0x9104, "82021280"),
        put(0x9104, "82021280940408010200"),
        put(0x9104, "82021280940410010100"),
    ],
)
def test_records_must_be_those_of_the_locator_and_hold_the_cdol(change: Change) -> None:
    assert refused(K2, change) == 0x6A80


def test_the_pdol_is_the_products() -> None:
    fci = ber.build((0x50, b"card"), (0x9F38, bytes.fromhex("9F37049F6604")))
    assert refused(K3, lambda dgis: dgis.__setitem__(0x9102, fci)) == 0x6A80
    fci = ber.build((0x50, b"card"), (0x9F38, products.PDOL_KERNEL_3))
    assert refused(K2, lambda dgis: dgis.__setitem__(0x9102, fci)) == 0x6A80


@pytest.mark.parametrize("aid", [aids.KERNEL_2 + bytes(4), aids.KERNEL_3, aids.KERNEL_3 + bytes(5)])
def test_the_instance_carries_the_registered_name(aid: bytes) -> None:
    bench = Bench()
    instance = bench.install(aid, aids.PAYMENT_MODULE_K3)
    with pytest.raises(CardError) as refusal:
        perso.check(instance, K3.dgis(), frozenset(K3.dgis()))
    assert refusal.value.sw == 0x6985


@CARDS
def test_every_group_is_kept_as_it_came(card: CardData) -> None:
    bench, aid = issue(card)
    prefix = f"inst/{aid.hex().upper()}/"
    kept = {key.removeprefix(prefix): bench.store.get(key) for key in bench.store.keys(prefix)}
    names = {"plan", "directory"}
    assert {f"{number:04X}": value for number, value in card.dgis().items()} == {
        key: value for key, value in kept.items() if key not in names
    }
    assert names <= kept.keys()


@CARDS
def test_an_instance_is_personalised_once(card: CardData) -> None:
    bench, aid = issue(card)
    instance = bench.registry.get(aid)
    assert instance is not None
    before = bench.store.snapshot()
    with pytest.raises(CardError) as refusal:
        bench.personalise(instance, card.dgis())
    assert refusal.value.sw == 0x6985
    assert bench.store.snapshot() == before


@CARDS
def test_a_removed_instance_leaves_nothing(card: CardData) -> None:
    bench = Bench()
    with bench.store.transaction():
        bench.store.put("sys/other", b"1")
        bench.registry.set_priority([])
    before = set(bench.store.snapshot())
    aid = card.issue(bench).aid
    assert tap(bench, aid, Wish()).ok
    with bench.store.transaction():
        bench.remove(aid)
    assert set(bench.store.snapshot()) == before


def test_the_plan_survives_storage() -> None:
    bench, aid = issue(replace(K3, taps_max=255, sum_max=0xFFFFFFFF, flags=1))
    raw = bench.store.get(f"inst/{aid.hex().upper()}/plan")
    assert raw is not None
    plan = Plan.decode(raw)
    assert plan.encode() == raw
    assert (plan.taps_max, plan.sum_max, plan.cdcvm_always) == (255, 0xFFFFFFFF, True)


@pytest.mark.parametrize("program", programs.SANDBOX, ids=lambda program: program.card_name)
def test_what_the_token_service_sends_is_what_the_card_keeps(program: programs.Program) -> None:
    product = program.product
    aid = aids.instance_aid(product.registered_aid, 1)
    keys = tsp_perso.CardKeys(*(Secret(bytes((number,)) * 16) for number in (1, 2, 3)))
    data = tsp_perso.PersoData(
        product=product,
        program=program,
        dpan=SecretDigits(PAN),
        psn="01",
        expiry_yymm="3012",
        effective_yymmdd="260101",
        key_index=1,
        instance_aid=aid,
    )
    sent = {group.number: group.value for group in tsp_perso.dgis(data, keys)}
    bench = Bench()
    instance = bench.install(aid, product.module_aid)
    perso.check(instance, sent, product.secret_numbers)
    bench.personalise(instance, sent)
    kept = {number: bench.store.get(f"inst/{aid.hex().upper()}/{number:04X}") for number in sent}
    assert kept == sent
