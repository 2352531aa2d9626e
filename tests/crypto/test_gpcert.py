"""Certificates 7F21: chains that hold, and every way they do not."""

from __future__ import annotations

import dataclasses

import pytest

from wristlet.crypto import ec, gpcert
from wristlet.crypto.errors import CertificateError
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp.certs import USAGE_KEY_AGREEMENT, Certificate

ROOT, MIDDLE, LEAF = (ec.private_key(bytes((n,)) * 32) for n in (1, 2, 3))
ROOT_ID, MIDDLE_ID, LEAF_ID = b"root id", b"middle id", b"leaf id"


def certificate(
    issuer: ec.PrivateKey = ROOT,
    issuer_id: bytes = ROOT_ID,
    subject: ec.PrivateKey = LEAF,
    subject_id: bytes = LEAF_ID,
    usage: bytes = USAGE_KEY_AGREEMENT,
) -> bytes:
    plain = Certificate(
        serial=b"\x01",
        issuer_id=issuer_id,
        subject_id=subject_id,
        expires="20361231",
        point=ec.point_of(subject),
        usage=usage,
        effective="20260101",
    )
    return gpcert.issue(issuer, plain).encode()


ONE = [certificate()]
TWO = [
    certificate(subject=MIDDLE, subject_id=MIDDLE_ID, usage=gpcert.USAGE_SIGNATURE),
    certificate(MIDDLE, MIDDLE_ID),
]


def verify(chain: list[bytes], day: str | None = None) -> Certificate:
    return gpcert.verify_chain(chain, ROOT_ID, ec.point_of(ROOT), day)


@pytest.mark.parametrize("chain", [ONE, TWO], ids=["one", "two"])
def test_chains_that_hold(chain: list[bytes]) -> None:
    leaf = verify(chain, "20300101")
    assert leaf.point == ec.point_of(LEAF)
    assert leaf.subject_id == LEAF_ID
    assert verify(chain) == leaf


def test_every_flipped_bit_is_refused() -> None:
    for bit in range(len(ONE[0]) * 8):
        changed = bytearray(ONE[0])
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CertificateError):
            verify([bytes(changed)])


def test_the_days_count_when_there_is_a_clock() -> None:
    for day in ("20251231", "20370101"):
        with pytest.raises(CertificateError, match="expired"):
            verify(ONE, day)
    for day in ("20260101", "20361231"):
        verify(ONE, day)


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ([], "none"),
        ([certificate(STRANGER := ec.private_key(b"\x09" * 32))], "5F37"),
        ([certificate(issuer_id=b"other")], "42"),
        ([certificate(usage=gpcert.USAGE_SIGNATURE)], "95"),
        ([*ONE, certificate(LEAF, LEAF_ID)], "95"),
        ([TWO[0], certificate()], "42"),
        ([TWO[0], certificate(STRANGER, MIDDLE_ID)], "5F37"),
        ([b"\x7f\x21\x00"], "7F21"),
    ],
)
def test_chains_that_do_not_hold(chain: list[bytes], message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        verify(chain)


def test_a_point_off_the_curve_is_refused() -> None:
    good = Certificate.parse(ONE[0])
    bad = gpcert.issue(ROOT, dataclasses.replace(good, point=b"\x04" + bytes(64)))
    with pytest.raises(CertificateError, match="B0"):
        verify([bad.encode()])


def test_reading_is_strict() -> None:
    with pytest.raises((CertificateError, DecodeError)):
        verify([ONE[0] + b"\x00"])
