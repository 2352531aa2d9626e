"""No input makes an applet raise anything but its one refusal, nor write when it refuses."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from support.applets import PHONE, Bench
from support.payment_cards import K2, K3
from wristlet.se.applets.base import CardError, Interface
from wristlet.se.applets.payment import perso
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids

TLV_LIKE = st.recursive(
    st.binary(max_size=20),
    lambda inner: st.builds(
        lambda tag, value: ber.encode(tag, value[:200]),
        st.sampled_from([0x4F, 0x5C, 0x50, 0x70, 0x8C, 0x80, 0x82, 0x94, 0x9F38, 0x9F70, 0xDF42]),
        inner,
    ),
    max_leaves=5,
)
MANAGEMENT = st.builds(
    Command,
    cla=st.sampled_from([0x00, 0x80]),
    ins=st.sampled_from([0xCA, 0x20, 0x24, 0xE0, 0x12, 0xF0, 0xF2, 0xA4, 0xE2]),
    p1=st.sampled_from([0x00, 0x01, 0x02, 0x04, 0x08, 0x40, 0x7F, 0xDF, 0xFF]),
    p2=st.sampled_from([0x00, 0x01, 0x02, 0x50, 0x61, 0x62, 0x80, 0x81, 0x82, 0xA5]),
    data=TLV_LIKE,
    le=st.none(),
    extended=st.just(False),
)


def rich_bench() -> Bench:
    """Two cards, one of them active, and a phone."""
    bench = Bench()
    K3.issue(bench, 1)
    second = K2.issue(bench, 2)
    with bench.store.transaction():
        bench.registry.activate(second.aid)
    bench.enrol()
    return bench


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([aids.CRS, aids.CARDHOLDER_APPLET, aids.PPSE]),
    st.sampled_from([None, PHONE, bytes(32)]),
    st.lists(MANAGEMENT, max_size=12),
)
def test_management_never_breaks(aid: bytes, phone: bytes | None, sequence: list[Command]) -> None:
    bench = rich_bench()
    interface = Interface.CONTACTLESS if aid == aids.PPSE else Interface.WIRED
    assert bench.select(aid, interface, phone=phone).ok
    for command in sequence:
        before = bench.store.snapshot()
        answer = bench.send(command)
        if answer.sw >> 8 not in {0x90, 0x63}:
            assert bench.store.snapshot() == before
    assert len(bench.registry.active()) <= 1


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([K3, K2]), st.data())
def test_personalisation_data_never_break_the_check(card: object, data: st.DataObject) -> None:
    assert card in (K3, K2)
    good = (K3 if card is K3 else K2).dgis()
    product = (K3 if card is K3 else K2).product
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(good)), TLV_LIKE, max_size=3))
    bench = Bench()
    instance = bench.install(aids.instance_aid(product.registered_aid, 1), product.module_aid)
    dgis = good | changed
    try:
        perso.check(instance, dgis, frozenset(dgis))
    except CardError:
        return
    bench.personalise(instance, dgis)
    assert bench.select(instance.aid, Interface.CONTACTLESS).ok
