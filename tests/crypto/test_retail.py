"""A kept retail MAC key makes the same MACs as the plain function, whatever it made before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.crypto.retail import RetailKey
from wristlet.crypto.tdes import ecb_encrypt, retail_mac


@given(st.binary(min_size=16, max_size=16), st.lists(st.binary(max_size=80), max_size=6))
def test_same_as_the_plain_function(key: bytes, messages: list[bytes]) -> None:
    kept = RetailKey(key)
    for size, message in enumerate(messages, start=3):
        assert kept.mac(message, size) == retail_mac(key, message, size=size)


def test_whole_is_the_whole_key() -> None:
    key = bytes(range(16))
    assert RetailKey(key).whole.encrypt(bytes(8)) == ecb_encrypt(key, bytes(8))


def test_a_key_has_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        RetailKey(bytes(15))
