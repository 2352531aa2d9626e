"""Card and session keys against pyemv; the HSM's values are in test_cryptogram."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyemv import kd

from wristlet.crypto import emv_keys
from wristlet.crypto.tdes import TdesKey
from wristlet.wire.masked import SecretDigits

keys = st.binary(min_size=16, max_size=16)
pans = st.text("0123456789", min_size=12, max_size=19)
psns = st.text("0123456789", min_size=2, max_size=2)
atcs = st.integers(0, 0xFFFF)


@given(keys, pans, psns)
def test_master_keys_agree_with_pyemv(imk: bytes, pan: str, psn: str) -> None:
    assert emv_keys.icc_master_key_a(imk, pan, psn) == kd.derive_icc_mk_a(imk, pan, psn)
    assert emv_keys.icc_master_key_b(imk, pan, psn) == kd.derive_icc_mk_b(imk, pan, psn)


@given(keys, st.binary(min_size=8, max_size=8))
def test_common_session_key_agrees_with_pyemv(mk: bytes, r8: bytes) -> None:
    assert emv_keys.session_key_common(mk, r8) == kd.derive_common_sk(mk, r8)
    assert emv_keys.session_key_common(TdesKey(mk), r8) == kd.derive_common_sk(mk, r8)


@given(keys, atcs)
def test_visa_script_key_agrees_with_pyemv(mk: bytes, atc: int) -> None:
    expected = kd.derive_visa_sm_sk(mk, atc.to_bytes(2, "big"))
    assert emv_keys.session_key_script_visa(mk, atc) == expected


def test_masked_digits_are_taken_as_they_are() -> None:
    imk, pan = bytes(range(16)), "9998000000000000003"
    for derive in (emv_keys.icc_master_key_a, emv_keys.icc_master_key_b):
        assert derive(imk, SecretDigits(pan), "01") == derive(imk, pan, "01")


@pytest.mark.parametrize(
    ("pan", "psn"), [("", "00"), ("12a4", "00"), ("1234", "0"), ("1234", "xx"), ("1２3", "00")]
)
def test_what_is_no_digit_is_refused_without_showing_it(pan: str, psn: str) -> None:
    for derive in (emv_keys.icc_master_key_a, emv_keys.icc_master_key_b):
        with pytest.raises(ValueError, match="digits are needed") as caught:
            derive(bytes(16), pan, psn)
        assert not pan or pan not in str(caught.value)


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        emv_keys.session_key_common(bytes(16), bytes(7))
    with pytest.raises(ValueError, match="16 bytes"):
        emv_keys.session_key_script_visa(bytes(24), 1)
