"""Secret data groups under the data encryption key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psec import aes as psec_aes

from wristlet.crypto import sd_dek
from wristlet.crypto.errors import ChannelError

keys = st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n))


@given(keys, st.binary(max_size=80))
def test_values_come_back_and_are_always_padded(dek: bytes, value: bytes) -> None:
    blocks = sd_dek.encrypt_dgi(dek, value)
    assert len(blocks) == (len(value) // 16 + 1) * 16
    assert sd_dek.decrypt_dgi(dek, blocks) == value


@given(keys, st.integers(1, 4).flatmap(lambda n: st.binary(min_size=16 * n, max_size=16 * n)))
def test_keys_agree_with_psec(dek: bytes, key: bytes) -> None:
    blocks = sd_dek.encrypt_key(dek, key)
    assert blocks == psec_aes.encrypt_aes_cbc(dek, bytes(16), key)
    assert sd_dek.decrypt_key(dek, blocks) == key


@pytest.mark.parametrize("size", [0, 1, 15, 17])
def test_other_lengths_are_refused(size: int) -> None:
    for call in (sd_dek.encrypt_key, sd_dek.decrypt_key, sd_dek.decrypt_dgi):
        with pytest.raises(ChannelError):
            call(bytes(16), bytes(size))


@pytest.mark.parametrize("padded", [bytes(16), b"\x80" + bytes(31), b"\x01" * 16])
def test_missing_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(ChannelError):
        sd_dek.decrypt_dgi(bytes(16), sd_dek.encrypt_key(bytes(16), padded))
