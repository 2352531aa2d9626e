"""Bonds on disk: kept whole, sealed when there is a key, few, and shown to nobody."""

from __future__ import annotations

import json

import pytest

from wristlet.crypto.errors import SealError
from wristlet.crypto.seal import SealKey
from wristlet.env.sim import SimEnv
from wristlet.links.bonds import BONDS_MAX, Bond, BondFile, BondsFull

KEY = SealKey(bytes(range(32)))
LTK, IRK = "11" * 16, "22" * 16
PATH = "bonds"


def bond(number: int, ltk: str = LTK) -> Bond:
    return Bond(f"C0:00:00:00:00:{number:02X}", 1, ltk, IRK)


def test_an_identity_is_made_once_and_is_a_static_random_address() -> None:
    env = SimEnv(1)
    first = BondFile(env, PATH)
    assert int(first.address[:2], 16) & 0xC0 == 0xC0
    assert len(first.irk) == 16
    again = BondFile(env, PATH)
    assert (again.address, again.irk) == (first.address, first.irk)
    other = BondFile(SimEnv(2), PATH)
    assert (other.address, other.irk) != (first.address, first.irk)


def test_bonds_outlive_the_process_and_a_new_one_replaces_the_old() -> None:
    env = SimEnv(1)
    file = BondFile(env, PATH)
    file.put(bond(1))
    file.put(bond(2))
    file.put(bond(1, "33" * 16))
    kept = BondFile(env, PATH)
    assert [one.address[-2:] for one in kept] == ["02", "01"]
    found = kept.get(bond(1).address)
    assert found is not None
    assert found.ltk == "33" * 16
    kept.forget(bond(2).address)
    kept.forget("nobody")
    assert [one.address for one in BondFile(env, PATH)] == [bond(1).address]
    kept.forget_all()
    assert list(BondFile(env, PATH)) == []
    assert kept.address == file.address


def test_the_table_has_an_end() -> None:
    file = BondFile(SimEnv(1), PATH)
    for number in range(BONDS_MAX):
        assert not file.is_full
        file.put(bond(number))
    assert file.is_full
    file.put(bond(0, "44" * 16))
    with pytest.raises(BondsFull, match="forget one first"):
        file.put(bond(99))


def test_a_sealed_file_shows_no_key_and_opens_with_the_right_one_only() -> None:
    env = SimEnv(1)
    BondFile(env, PATH, KEY).put(bond(1))
    raw = env.disk.read(PATH)
    assert LTK.encode() not in raw
    assert [one.ltk for one in BondFile(env, PATH, KEY)] == [LTK]
    with pytest.raises(SealError):
        BondFile(env, PATH, SealKey(bytes(32)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", json.dumps({"address": LTK}).encode()])
def test_a_broken_file_says_what_to_do_and_shows_nothing(content: bytes) -> None:
    env = SimEnv(1)
    env.disk.create(PATH)
    env.disk.pwrite(PATH, 0, content)
    with pytest.raises(ValueError, match="delete it and pair anew") as caught:
        BondFile(env, PATH)
    assert LTK not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_key_in_a_repr() -> None:
    file = BondFile(SimEnv(1), PATH)
    file.put(bond(1))
    for text in (repr(bond(1)), repr(file._content)):
        assert LTK not in text
        assert IRK not in text
        assert file.irk.hex() not in text
