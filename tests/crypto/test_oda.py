"""Offline data authentication: a recorded card, our own chain, and every refusal."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.rsa_keys import rsa_key
from support.vectors import load
from wristlet.crypto import oda
from wristlet.crypto.errors import CertificateError, SignatureError
from wristlet.crypto.oda import CaKey, KeyCertificate
from wristlet.crypto.rsa import RsaPublicKey
from wristlet.wire import ber

PAN, TODAY, EXPIRY = "9998001234567890", "2611", "1228"
STATIC = b"records of the card" * 5 + bytes.fromhex("5980")
CA, ISSUER, ICC = rsa_key("ca"), rsa_key("issuer"), rsa_key("icc")
ISSUER_CERT = oda.issue_issuer_certificate(CA, ISSUER.public, "99980012", EXPIRY, b"\0\0\1")
ICC_CERT = oda.issue_icc_certificate(ISSUER, ICC.public, PAN, EXPIRY, b"\0\0\2", STATIC)
UN, AMOUNT, CURRENCY = bytes.fromhex("12345678"), bytes.fromhex("000000001000"), b"\x08\x40"
CARD_DATA = bytes.fromhex("01a1b2c3d48000")
ATC = b"\x00\x07"


def scheme_keys() -> list[tuple[CaKey, str]]:
    keys = []
    for row in load("capk")["keys"]:
        exponent, modulus = int(row["exponent"], 16), int(row["modulus"], 16)
        public = RsaPublicKey(modulus, exponent)
        keys.append((CaKey(bytes.fromhex(row["rid"]), int(row["index"], 16), public), row["hash"]))
    return keys


@pytest.mark.parametrize(("key", "expected"), scheme_keys())
def test_check_values_of_scheme_keys(key: CaKey, expected: str) -> None:
    assert key.check_value().hex() == expected


def recorded() -> dict[str, Any]:
    """The recorded transaction, taken apart as a terminal would."""
    trace = load("oda")
    answers = [bytes.fromhex(step["response"])[:-2] for step in trace["apdus"]]
    objects: dict[int, bytes] = {}
    for answer in answers:
        objects |= ber.collect(answer)
    last = bytes.fromhex(trace["apdus"][-1]["command"])
    record = ber.require(answers[2], 0x70)
    template = ber.require(answers[-1], 0x77)
    plain = b"".join(t.encode() for t in ber.parse(template) if t.tag != 0x9F4B)
    ca = next(k for k, _ in scheme_keys() if k.rid.hex() == trace["ca"]["rid"]
              and k.index == int(trace["ca"]["index"], 16))  # fmt: skip
    return {"objects": objects, "cdol": last[5:-1], "static": record + objects[0x82],
            "answer": plain, "ca": ca}  # fmt: skip


def test_a_recorded_card_is_authentic() -> None:
    card = recorded()
    objects, pan = card["objects"], card["objects"][0x5A].hex().rstrip("f")
    issuer = oda.recover_issuer_key(
        card["ca"].key,
        KeyCertificate(objects[0x90], objects.get(0x92, b""), objects[0x9F32]),
        pan,
        "1203",
    )
    icc = oda.recover_icc_key(
        issuer,
        KeyCertificate(objects[0x9F46], objects.get(0x9F48, b""), objects[0x9F47]),
        pan,
        "1203",
        card["static"],
    )
    un = card["cdol"][25:29]
    signed = oda.verify_cda(icc, objects[0x9F4B], un)
    assert signed.cid == objects[0x9F27][0]
    assert signed.transaction_hash == oda.transaction_hash(b"", card["cdol"], card["answer"])
    changed = bytearray(card["cdol"])
    changed[5] ^= 1
    assert signed.transaction_hash != oda.transaction_hash(b"", bytes(changed), card["answer"])


def recover_icc(**changes: Any) -> RsaPublicKey:
    given: dict[str, Any] = {"issuer": ISSUER.public, "given": ICC_CERT, "pan": PAN}
    given |= {"today_yymm": TODAY, "static_data": STATIC} | changes
    return oda.recover_icc_key(**given)


def recover_issuer(**changes: Any) -> RsaPublicKey:
    given: dict[str, Any] = {
        "ca": CA.public,
        "given": ISSUER_CERT,
        "pan": PAN,
        "today_yymm": TODAY,
    } | changes
    return oda.recover_issuer_key(**given)


def test_our_chain_is_recovered() -> None:
    assert recover_issuer() == ISSUER.public
    assert recover_icc() == ICC.public
    assert len(ISSUER_CERT.certificate) == 248
    assert ISSUER_CERT.remainder == b""
    assert len(ICC_CERT.certificate) == 176
    assert len(ICC_CERT.remainder) == 144 - (176 - 42)


@pytest.mark.parametrize("today", ["2611", "2812"])
def test_certificates_count_to_the_end_of_their_month(today: str) -> None:
    assert recover_issuer(today_yymm=today) == ISSUER.public
    assert recover_icc(today_yymm=today) == ICC.public


@pytest.mark.parametrize(
    "changes",
    [
        {"today_yymm": "2901"},
        {"pan": "9998001234567891"},
        {"pan": "999800123456789"},
        {"static_data": STATIC + b"\0"},
        {"static_data": STATIC[:-1]},
        {"issuer": CA.public},
        {"issuer": rsa_key("icc").public},
        {"given": dataclasses.replace(ICC_CERT, remainder=b"")},
        {"given": dataclasses.replace(ICC_CERT, remainder=ICC_CERT.remainder + b"\0")},
        {"given": dataclasses.replace(ICC_CERT, exponent=b"\x03")},
        {"given": dataclasses.replace(ICC_CERT, certificate=ICC_CERT.certificate[:-1])},
        {"given": dataclasses.replace(ICC_CERT, certificate=ISSUER_CERT.certificate)},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_card_certificates_that_do_not_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(CertificateError):
        recover_icc(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"today_yymm": "2901"},
        {"pan": "9998002234567890"},
        {"ca": ISSUER.public},
        {"given": dataclasses.replace(ISSUER_CERT, remainder=b"\0")},
        {"given": dataclasses.replace(ISSUER_CERT, exponent=b"\x03")},
        {"given": ICC_CERT},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_issuer_certificates_that_do_not_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(CertificateError):
        recover_issuer(**changes)


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 0x6B), (1, 0x02), (12, 0x13), (17, 0x02), (18, 0x02), (19, 145), (20, 1), (175, 0xBD)],
    ids=["header", "format", "month", "hash", "algorithm", "length", "exponent", "trailer"],
)
def test_certificates_that_the_issuer_itself_got_wrong(at: int, value: int) -> None:
    opened = bytearray(ISSUER.public.recover(ICC_CERT.certificate))
    assert opened[at] != value
    opened[at] = value
    known = bytes(opened[1:155]) + ICC_CERT.remainder + ICC_CERT.exponent + STATIC
    opened[155:175] = hashlib.sha1(known).digest()
    certificate = ISSUER.private_operation(bytes(opened))
    with pytest.raises(CertificateError):
        recover_icc(given=dataclasses.replace(ICC_CERT, certificate=certificate))


def test_flipped_bits_of_certificates_are_refused() -> None:
    for bit in range(0, 176 * 8, 5):
        changed = bytearray(ICC_CERT.certificate)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CertificateError):
            recover_icc(given=dataclasses.replace(ICC_CERT, certificate=bytes(changed)))


@settings(max_examples=10)
@given(st.binary(min_size=2, max_size=8), st.binary(min_size=4, max_size=4))
def test_fdda_is_verified(number: bytes, un: bytes) -> None:
    signature = oda.sign_fdda(ICC, number, un, AMOUNT, CURRENCY, CARD_DATA)
    assert len(signature) == 144
    assert oda.verify_fdda(ICC.public, signature, un, AMOUNT, CURRENCY, CARD_DATA) == number


def test_fdda_has_the_format_of_real_cards() -> None:
    signature = oda.sign_fdda(ICC, ATC, UN, AMOUNT, CURRENCY, CARD_DATA)
    opened = ICC.public.recover(signature)
    assert opened[:7].hex() == "6a9501030200" + "07"
    assert opened[7] == 0xBB
    assert opened[-1] == 0xBC


@pytest.mark.parametrize("index", range(4))
def test_fdda_covers_what_the_terminal_knows(index: int) -> None:
    known = [UN, AMOUNT, CURRENCY, CARD_DATA]
    signature = oda.sign_fdda(ICC, ATC, *known)
    for bit in range(len(known[index]) * 8):
        value = bytearray(known[index])
        value[bit // 8] ^= 1 << bit % 8
        changed = [*known]
        changed[index] = bytes(value)
        with pytest.raises(SignatureError):
            oda.verify_fdda(ICC.public, signature, *changed)
    with pytest.raises(SignatureError):
        oda.verify_fdda(rsa_key("icc_other").public, signature, *known)


def test_cda_is_verified() -> None:
    digest = oda.transaction_hash(b"pdol", b"cdol", b"answer")
    signature = oda.sign_cda(ICC, ATC, 0x80, b"cryptogr", digest, UN)
    signed = oda.verify_cda(ICC.public, signature, UN)
    assert signed == oda.CdaData(ATC, 0x80, b"cryptogr", digest)
    assert digest != oda.transaction_hash(b"pdol", b"cdol", b"answer2")
    with pytest.raises(SignatureError):
        oda.verify_cda(ICC.public, signature, bytes(4))


def test_one_format_does_not_pass_for_the_other() -> None:
    fdda = oda.sign_fdda(ICC, ATC, UN, AMOUNT, CURRENCY, CARD_DATA)
    with pytest.raises(SignatureError, match="format"):
        oda.verify_cda(ICC.public, fdda, UN + AMOUNT + CURRENCY + CARD_DATA)
    cda = oda.sign_cda(ICC, ATC, 0x80, bytes(8), bytes(20), UN)
    with pytest.raises(SignatureError, match="format"):
        oda.verify_fdda(ICC.public, cda, UN, AMOUNT, CURRENCY, CARD_DATA)


def test_flipped_bits_of_signatures_are_refused() -> None:
    signature = oda.sign_cda(ICC, ATC, 0x80, bytes(8), bytes(20), UN)
    for bit in range(0, 144 * 8, 5):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureError):
            oda.verify_cda(ICC.public, bytes(changed), UN)


def test_values_that_cannot_be_signed_are_refused() -> None:
    for number, cryptogram, digest in ((b"1", bytes(8), bytes(20)), (ATC, bytes(7), bytes(20)),
                                       (ATC, bytes(8), bytes(19))):  # fmt: skip
        with pytest.raises(ValueError, match="CDA"):
            oda.sign_cda(ICC, number, 0, cryptogram, digest, UN)
    with pytest.raises(ValueError, match="fDDA"):
        oda.sign_fdda(ICC, b"1", UN, AMOUNT, CURRENCY, CARD_DATA)
    with pytest.raises(SignatureError, match="9F37, 9F02 and 5F2A"):
        oda.sign_fdda(ICC, ATC, UN[:3], AMOUNT, CURRENCY, CARD_DATA)


@pytest.mark.parametrize(
    ("digits", "expiry", "serial"),
    [("99", EXPIRY, bytes(3)), ("999800123", EXPIRY, bytes(3)), ("9998xx", EXPIRY, bytes(3)),
     ("9998", "1328", bytes(3)), ("9998", "12", bytes(3)), ("9998", EXPIRY, bytes(2))],
)  # fmt: skip
def test_certificates_that_cannot_be_made(digits: str, expiry: str, serial: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        oda.issue_issuer_certificate(CA, ISSUER.public, digits, expiry, serial)


def test_a_signer_is_at_least_as_long_as_what_it_certifies() -> None:
    with pytest.raises(ValueError, match="shorter"):
        oda.issue_issuer_certificate(ICC, ISSUER.public, "9998", EXPIRY, bytes(3))
