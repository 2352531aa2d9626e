"""The MAC of a hop: CMAC's published answers, cut to eight bytes."""

from __future__ import annotations

import pytest

from wristlet.crypto.mac import HopMac

# NIST SP 800-38B, examples for AES-128 (also RFC 4493, Test Vectors).
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"
)


@pytest.mark.parametrize(
    ("size", "tag"), [(0, "bb1d6929e9593728"), (16, "070a16b46b4d4144"), (40, "dfa66747de9ae630")]
)
def test_known_answers(size: int, tag: str) -> None:
    mac = HopMac(KEY)
    for _ in range(2):
        assert mac.compute(MESSAGE[:size]).hex() == tag
    assert mac.matches(MESSAGE[:size], bytes.fromhex(tag))


@pytest.mark.parametrize("tag", ["", "bb1d6929e95937", "bb1d6929e9593729", "bb1d6929e959372800"])
def test_any_other_tag_is_refused(tag: str) -> None:
    assert not HopMac(KEY).matches(b"", bytes.fromhex(tag))


@pytest.mark.parametrize("size", [0, 15, 17, 24, 32])
def test_key_has_sixteen_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        HopMac(bytes(size))
