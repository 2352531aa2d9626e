"""Bare RSA against `pow`, and keys that do not belong together."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.rsa_keys import rsa_key
from wristlet.crypto.errors import SignatureError
from wristlet.crypto.rsa import RsaPrivateKey, RsaPublicKey

NAMES = ["ca", "issuer", "icc"]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(data=st.data())
def test_private_operation_is_the_power(name: str, data: st.DataObject) -> None:
    key = rsa_key(name)
    n, e = key.public.modulus, key.public.exponent
    q_inverse, dq, dp, q, p = (int.from_bytes(part, "big") for part in key.crt_parts())
    d = pow(e, -1, (p - 1) * (q - 1))
    value = data.draw(st.integers(0, n - 1) | st.sampled_from([0, 1, n - 1, p, q]))
    block = value.to_bytes(key.public.size, "big")
    expected = pow(value, d, n).to_bytes(key.public.size, "big")
    assert key.private_operation(block) == expected
    assert key.public.recover(expected) == block
    assert (p * q, d % (p - 1), d % (q - 1), q_inverse * q % p) == (n, dp, dq, 1)


def test_known_answer_of_a_small_exponentiation() -> None:
    """2 to the e under each key, the other way round."""
    for name in NAMES:
        key = rsa_key(name)
        size, n, e = key.public.size, key.public.modulus, key.public.exponent
        block = pow(2, e, n).to_bytes(size, "big")
        assert key.private_operation(block) == (2).to_bytes(size, "big")


def test_crt_parts_make_the_same_key() -> None:
    key = rsa_key("icc")
    again = RsaPrivateKey.from_crt(key.crt_parts())
    assert again.public == key.public
    assert [len(part) for part in key.crt_parts()] == [72] * 5
    assert "secret" in repr(key.crt_parts())
    assert repr(key) == "<RSA private key, 1152 bits>"


@pytest.mark.parametrize("index", range(5))
def test_crt_parts_that_do_not_belong_together_are_refused(index: int) -> None:
    parts = list(rsa_key("icc").crt_parts())
    parts[index] = rsa_key("icc_other").crt_parts()[index]
    a, b, c, d, e = parts
    with pytest.raises(ValueError, match=r"RSA private key|RSA public key"):
        RsaPrivateKey.from_crt((a, b, c, d, e))


@pytest.mark.parametrize(("p", "q", "e"), [(7, 7, 3), (1, 7, 3), (0, 0, 3), (11, 13, 3)])
def test_numbers_that_make_no_key_are_refused(p: int, q: int, e: int) -> None:
    with pytest.raises(ValueError, match="RSA"):
        RsaPrivateKey(p, q, e)


def test_blocks_of_another_length_are_refused() -> None:
    key = rsa_key("icc")
    size = key.public.size
    for block in (bytes(size - 1), bytes(size + 1), b"\xff" * size):
        with pytest.raises(ValueError, match="RSA block"):
            key.private_operation(block)
        with pytest.raises(SignatureError):
            key.public.recover(block)


def test_a_fault_does_not_leave_the_card() -> None:
    good = rsa_key("icc")
    faulty = RsaPrivateKey.from_crt(good.crt_parts())
    faulty.public = RsaPublicKey(good.public.modulus, 3)
    with pytest.raises(SignatureError, match="do not use"):
        faulty.private_operation((2).to_bytes(good.public.size, "big"))


@pytest.mark.parametrize("exponent", [1, 5, 17])
def test_exponents_that_emv_does_not_know_are_refused(exponent: int) -> None:
    with pytest.raises(ValueError, match="exponent"):
        RsaPublicKey(rsa_key("icc").public.modulus, exponent)


def test_keys_are_drawn() -> None:
    drawn = RsaPrivateKey.generate(1024)
    assert drawn.public.modulus.bit_length() == 1024
    assert drawn.public.exponent_bytes == bytes.fromhex("010001")
    seeded = [RsaPrivateKey.generate(1024, random.Random(1).randbytes) for _ in range(2)]
    assert seeded[0].public == seeded[1].public != drawn.public
