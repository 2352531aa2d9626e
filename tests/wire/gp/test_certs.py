"""Certificates 7F21: layout, strict reading, dates."""

from __future__ import annotations

import pytest

from wristlet.wire import ber
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp.certs import Certificate

CERTIFICATE = Certificate(
    serial=b"\x01",
    issuer_id=b"\x02" * 16,
    subject_id=b"\x03" * 16,
    expires="20301231",
    effective="20260101",
    point=b"\x04" + bytes(64),
    discretionary=b"\x05",
    signature=b"\x06" * 64,
)


def test_layout() -> None:
    outer = ber.require(CERTIFICATE.encode(), 0x7F21)
    order = [tlv.tag for tlv in ber.parse(outer)]
    assert order == [0x93, 0x42, 0x5F20, 0x95, 0x5F25, 0x5F24, 0x53, 0x7F49, 0x5F37]
    assert ber.require(outer, 0x95).hex() == "0080"
    assert ber.require(outer, 0x5F24).hex() == "20301231"
    assert ber.require(outer, 0x7F49).startswith(b"\xb0\x41\x04")
    assert ber.require(outer, 0x7F49).endswith(b"\xf0\x01\x00")


def test_signature_goes_over_all_that_stands_before_it() -> None:
    outer = ber.require(CERTIFICATE.encode(), 0x7F21)
    assert outer == CERTIFICATE.to_be_signed() + ber.encode(0x5F37, CERTIFICATE.signature)


def rebuilt(*, swap: bool = False, extra: bytes = b"", curve: int = 0) -> bytes:
    objects = list(ber.parse(ber.require(CERTIFICATE.encode(), 0x7F21)))
    if swap:
        objects[0], objects[1] = objects[1], objects[0]
    inside = b"".join(tlv.encode() for tlv in objects) + extra
    return ber.encode(0x7F21, inside.replace(b"\xf0\x01\x00", bytes((0xF0, 1, curve))))


@pytest.mark.parametrize(
    "raw",
    [
        rebuilt(swap=True),
        rebuilt(extra=b"\x45\x01\x00"),
        rebuilt(extra=b"\x93\x01\x02"),
        rebuilt(curve=3),
        CERTIFICATE.encode() + b"\x00",
        CERTIFICATE.encode() + CERTIFICATE.encode(),
    ],
)
def test_any_other_form_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="unknown, out of order or repeated"):
        Certificate.parse(raw)
    assert Certificate.parse(rebuilt()) == CERTIFICATE


@pytest.mark.parametrize("day", ["2026010", "20261301", "20260230", "2026010a", "00000101", ""])
def test_dates_that_do_not_exist(day: str) -> None:
    with pytest.raises(EncodeError, match="5F24"):
        Certificate(b"1", b"2", b"3", day, b"\x04" + bytes(64)).to_be_signed()
    if len(day) == 8:
        changed = CERTIFICATE.encode().replace(b"\x20\x30\x12\x31", bytes.fromhex(day))
        with pytest.raises(DecodeError, match="5F24"):
            Certificate.parse(changed)


def test_an_unsigned_certificate_is_not_written() -> None:
    unsigned = Certificate(b"1", b"2", b"3", "20301231", b"\x04" + bytes(64))
    assert unsigned.to_be_signed()
    with pytest.raises(EncodeError, match="sign first"):
        unsigned.encode()


@pytest.mark.parametrize(
    ("day", "valid"),
    [("20251231", False), ("20260101", True), ("20301231", True), ("20310101", False)],
)
def test_validity_includes_both_days(day: str, valid: bool) -> None:
    assert CERTIFICATE.is_valid_on(day) is valid
