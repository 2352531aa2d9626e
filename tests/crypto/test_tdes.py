"""Triple DES and the retail MAC against independent packages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psec import des as psec_des
from psec import mac as psec_mac
from pyemv import tools as pyemv_tools

from wristlet.crypto import tdes

KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
keys = st.binary(min_size=16, max_size=16)
blocks = st.integers(1, 6).flatmap(lambda n: st.binary(min_size=8 * n, max_size=8 * n))


@given(keys, blocks)
def test_ecb_agrees_with_psec(key: bytes, data: bytes) -> None:
    secret = tdes.ecb_encrypt(key, data)
    assert secret == psec_des.encrypt_tdes_ecb(key, data)
    assert tdes.ecb_decrypt(key, secret) == data


@given(keys, blocks, st.binary(min_size=8, max_size=8))
def test_cbc_agrees_with_psec(key: bytes, data: bytes, iv: bytes) -> None:
    secret = tdes.cbc_encrypt(key, data, iv)
    assert secret == psec_des.encrypt_tdes_cbc(key, iv, data)
    assert tdes.cbc_decrypt(key, secret, iv) == data


@given(keys, st.binary(max_size=80), st.integers(4, 8))
def test_retail_mac_agrees_with_psec(key: bytes, data: bytes, size: int) -> None:
    for padding, number in (("00", 1), ("80", 2)):
        ours = tdes.retail_mac(key, data, "00" if padding == "00" else "80", size)
        assert ours == psec_mac.generate_retail_mac(key[:8], key[8:], data, number, size)


@given(keys)
def test_parity_agrees_with_pyemv(key: bytes) -> None:
    assert tdes.with_odd_parity(key) == pyemv_tools.adjust_key_parity(key)


@given(keys, st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=5))
def test_kept_key_gives_what_a_fresh_one_gives(key: bytes, parts: list[bytes]) -> None:
    kept = tdes.TdesKey(key)
    assert [kept.encrypt(part) for part in parts] == [tdes.ecb_encrypt(key, part) for part in parts]


def test_expansion_repeats_the_first_half() -> None:
    assert tdes.expand_two_key(KEY) == KEY + KEY[:8]


@pytest.mark.parametrize("size", [0, 8, 15, 24])
def test_other_key_lengths_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        tdes.expand_two_key(bytes(size))


def test_part_of_a_block_is_refused() -> None:
    for call in (tdes.ecb_encrypt, tdes.ecb_decrypt, tdes.cbc_encrypt, tdes.cbc_decrypt):
        with pytest.raises(ValueError, match="whole blocks"):
            call(KEY, bytes(9))


def test_padding_methods() -> None:
    assert tdes.pad(b"") == b"\x80" + bytes(7)
    assert tdes.pad(b"", "00") == bytes(8)
    assert tdes.pad(bytes(8)) == bytes(8) + b"\x80" + bytes(7)
    assert tdes.pad(b"\x01" * 8, "00") == b"\x01" * 8
