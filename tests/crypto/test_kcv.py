"""Key check values against known answers and an independent package."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psec.des import generate_kcv

from support.vectors import load
from wristlet.crypto.kcv import aes_kcv, tdes_kcv


@pytest.mark.parametrize("row", load("kcv")["rows"], ids=lambda row: str(row["key"])[:8])
def test_aes_known_answers(row: dict[str, Any]) -> None:
    assert aes_kcv(bytes.fromhex(row["key"])).hex() == row["kcv"]


@given(st.binary(min_size=16, max_size=16))
def test_tdes_agrees_with_psec(key: bytes) -> None:
    assert tdes_kcv(key) == generate_kcv(key, 3)


def test_tdes_refuses_other_lengths() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        tdes_kcv(bytes(8))
