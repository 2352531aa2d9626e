"""P-256 as bytes: RFC 6979 known answer, round trips, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wristlet.crypto import ec
from wristlet.crypto.errors import SignatureError

# RFC 6979, A.2.5 (P-256), message "sample", SHA-256.
SCALAR = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
POINT = bytes.fromhex(
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
SIGNATURE = bytes.fromhex(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)
KEY = ec.private_key(SCALAR)


def test_known_answer_of_rfc_6979() -> None:
    assert ec.point_of(KEY) == ec.point_of(KEY.public_key()) == POINT
    assert ec.sign_raw(KEY, b"sample") == SIGNATURE
    ec.verify_raw(ec.public_key(POINT), SIGNATURE, b"sample")


@settings(max_examples=30)
@given(st.binary(max_size=40), st.integers(0, 64 * 8 - 1))
def test_any_flipped_bit_is_refused(message: bytes, bit: int) -> None:
    signature = bytearray(ec.sign_raw(KEY, message))
    ec.verify_raw(KEY.public_key(), bytes(signature), message)
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        ec.verify_raw(KEY.public_key(), bytes(signature), message)


@pytest.mark.parametrize("signature", [b"", bytes(64), b"\xff" * 64, SIGNATURE[:-1]])
def test_signatures_out_of_range_are_refused(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        ec.verify_raw(KEY.public_key(), signature, b"sample")


def test_a_key_is_drawn_until_it_is_a_scalar() -> None:
    draws = iter([bytes(32), b"\xff" * 32, SCALAR])
    key = ec.new_private_key(lambda size: next(draws)[:size])
    assert ec.scalar_of(key) == SCALAR
    assert "<secret" in repr(ec.scalar_of(key))


def test_both_ends_share_a_secret() -> None:
    other = ec.private_key(b"\x01" * 32)
    assert ec.exchange(KEY, other.public_key()) == ec.exchange(other, KEY.public_key())


@pytest.mark.parametrize("scalar", [b"", bytes(32), b"\xff" * 32, SCALAR + b"\0"])
def test_other_scalars_are_refused(scalar: bytes) -> None:
    with pytest.raises(ValueError, match="scalar"):
        ec.private_key(scalar)


@pytest.mark.parametrize(
    "point", [b"", POINT[:-1], b"\x02" + POINT[1:33], b"\x04" + bytes(64), POINT[:-1] + b"\0"]
)
def test_other_points_are_refused(point: bytes) -> None:
    with pytest.raises(ValueError):
        ec.public_key(point)
