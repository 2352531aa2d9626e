"""Products with offline data authentication: what a terminal recovers and checks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from support.applets import Bench
from support.payment_cards import PAN, CardData, Wish, tags
from support.rsa_keys import rsa_key
from wristlet.crypto import oda
from wristlet.crypto.errors import SignatureError
from wristlet.crypto.rsa import RsaPublicKey
from wristlet.se.applets.base import CardError, Interface
from wristlet.wire import ber, products

ICC_PARTS = range(0x8201, 0x8206)
AFL = "940408010301"


@dataclass(frozen=True)
class SignedCard(CardData):
    """A card with certificates; its first record and AIP are covered by them."""

    def dgis(self) -> dict[int, bytes]:
        ca, issuer, icc = (rsa_key(name) for name in ("ca", "issuer", "icc"))
        plain = super().dgis()
        aip = "2000" if self.product.kernel == 3 else "1380"
        record = plain.get(0x0101) or ber.build(
            (0x70, ((0x5A, bytes.fromhex(PAN)), (0x4F, self.product.registered_aid)))
        )
        static = ber.require(record, 0x70) + bytes.fromhex(aip)
        serial = b"\0\0\1"
        above = oda.issue_issuer_certificate(ca, issuer.public, PAN[:4], "1230", serial)
        mine = oda.issue_icc_certificate(issuer, icc.public, PAN, "1230", serial, static)
        third = [
            (0x8F, b"\xf1"),
            (0x9F32, above.exponent),
            (0x9F46, mine.certificate),
            (0x9F47, mine.exponent),
            (0x9F48, mine.remainder),
        ]
        if self.product.kernel == 3:
            third.append((0x9F69, b"\x01" + bytes(6)))
        return plain | {
            0x0101: record,
            0x0102: ber.build((0x70, ((0x90, above.certificate),))),
            0x0103: ber.build((0x70, third)),
            products.DGI_GPO: bytes.fromhex("8202" + aip + AFL),
            **dict(zip(ICC_PARTS, icc.crt_parts(), strict=True)),
        }


FDDA = SignedCard(product=products.K3_FDDA)
CDA = SignedCard(product=products.K2_CDA)
CARDS = pytest.mark.parametrize("card", [FDDA, CDA], ids=["fDDA", "CDA"])


def recovered_card_key(records: list[bytes], aip: bytes) -> RsaPublicKey:
    """What a terminal recovers from scheme key, records and AIP."""
    found = ber.collect(b"".join(records))
    static = ber.require(records[0], 0x70) + aip
    above = oda.KeyCertificate(found[0x90], b"", found[0x9F32])
    issuer = oda.recover_issuer_key(rsa_key("ca").public, above, PAN, "2611")
    mine = oda.KeyCertificate(found[0x9F46], found[0x9F48], found[0x9F47])
    return oda.recover_icc_key(issuer, mine, PAN, "2611", static)


def test_fdda_covers_the_qualifiers() -> None:
    bench = Bench()
    aid = FDDA.issue(bench).aid
    wish = Wish()
    assert bench.select(aid, Interface.CONTACTLESS).ok
    answer = bench.send(wish.gpo())
    objects = tags(answer)
    assert len(answer.data) <= 256
    records = [bench.send(f"00B20{number}0C00").data for number in (1, 2, 3)]
    assert max(map(len, records)) <= 256
    related = ber.collect(records[2])[0x9F69]
    assert related[0] == 1
    assert related[5:] == objects[0x9F6C]
    key = recovered_card_key(records, objects[0x82])
    terminal = (bytes.fromhex(wish.un), wish.common()[:6], bytes.fromhex("0978"))
    assert oda.verify_fdda(key, objects[0x9F4B], *terminal, related) == objects[0x9F36]
    tampered = related[:6] + b"\x80"
    with pytest.raises(SignatureError):
        oda.verify_fdda(key, objects[0x9F4B], *terminal, tampered)


def test_each_tap_has_a_number_of_its_own_in_the_record() -> None:
    bench = Bench()
    aid = FDDA.issue(bench).aid
    seen = set()
    for _ in range(2):
        bench.select(aid, Interface.CONTACTLESS)
        bench.send(Wish().gpo())
        seen.add(ber.collect(bench.send("00B2030C00").data)[0x9F69])
    assert len(seen) == 2


@pytest.mark.parametrize("p1", ["90", "80"])
def test_cda_hides_the_cryptogram_in_the_signature(p1: str) -> None:
    bench = Bench()
    aid = CDA.issue(bench).aid
    bench.select(aid, Interface.CONTACTLESS)
    aip = tags(bench.send("80A8000002830000"))[0x82]
    records = [bench.send(f"00B20{number}0C00").data for number in (1, 2, 3)]
    command = Wish().generate_ac(p1)
    answer = bench.send(command)
    objects = tags(answer)
    if p1 == "80":
        assert len(objects[0x9F26]) == 8
        assert 0x9F4B not in objects
        return
    assert 0x9F26 not in objects
    assert len(answer.data) <= 256
    key = recovered_card_key(records, aip)
    signed = oda.verify_cda(key, objects[0x9F4B], bytes.fromhex(Wish().un))
    rest = b"".join(
        tlv.encode() for tlv in ber.parse(ber.require(answer.data, 0x77)) if tlv.tag != 0x9F4B
    )
    cdol_data = bytes.fromhex(command)[5:48]
    assert signed.transaction_hash == oda.transaction_hash(b"", cdol_data, rest)
    assert signed.cid == 0x80
    assert signed.dynamic_number == objects[0x9F36]


def test_an_aac_is_never_signed() -> None:
    bench = Bench()
    aid = CDA.issue(bench).aid
    bench.select(aid, Interface.CONTACTLESS)
    bench.send("80A8000002830000")
    objects = tags(bench.send(Wish(amount=99_999_999).generate_ac("90")))
    assert objects[0x9F27] == b"\x00"
    assert 0x9F26 in objects


@CARDS
@pytest.mark.parametrize("number", ICC_PARTS)
def test_a_damaged_key_part_refuses_the_commit(card: SignedCard, number: int) -> None:
    dgis = card.dgis()
    dgis[number] = dgis[number][:-1] + bytes((dgis[number][-1] ^ 2,))
    bench = Bench()
    aid = card.product.registered_aid + bytes(4)
    instance = bench.install(aid, card.product.module_aid)
    with pytest.raises(CardError) as refusal:
        bench.personalise(instance, dgis)
    assert refusal.value.sw == 0x6A80


@pytest.mark.parametrize("afl", ["940408010303", "940408010200"])
def test_the_changing_record_is_there_and_not_covered(afl: str) -> None:
    dgis = replace(FDDA).dgis()
    dgis[products.DGI_GPO] = bytes.fromhex("82022000" + afl)
    bench = Bench()
    instance = bench.install(FDDA.product.registered_aid + bytes(4), FDDA.product.module_aid)
    with pytest.raises(CardError) as refusal:
        bench.personalise(instance, dgis)
    assert refusal.value.sw == 0x6A80
