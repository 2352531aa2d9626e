"""Cryptograms: values of a payment HSM, and pyemv on arbitrary input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyemv import ac as pyemv_ac
from pyemv import cvn as pyemv_cvn

from support.vectors import load
from wristlet.crypto import cryptogram, emv_keys, tdes
from wristlet.crypto.cryptogram import Cvn18, Cvn21
from wristlet.crypto.errors import CryptogramError
from wristlet.crypto.kcv import tdes_kcv

ROWS = load("emv_cryptograms")["rows"]
SIZES = {
    0x9F02: 6, 0x9F03: 6, 0x9F1A: 2, 0x95: 5, 0x5F2A: 2,
    0x9A: 3, 0x9C: 1, 0x9F37: 4, 0x82: 2, 0x9F36: 2,
}  # fmt: skip
FIELDS = {tag: bytes(size) for tag, size in SIZES.items()}

keys = st.binary(min_size=16, max_size=16)
pans = st.text("0123456789", min_size=12, max_size=19)
fields = st.fixed_dictionaries(
    {tag: st.binary(min_size=size, max_size=size) for tag, size in SIZES.items()}
)


def master_key(row: dict[str, Any]) -> bytes:
    derive = {"A": emv_keys.icc_master_key_a, "B": emv_keys.icc_master_key_b}[row["mk"]]
    return derive(bytes.fromhex(row["imk"]), row["pan"], row["psn"])


def session_key(row: dict[str, Any], mk: bytes) -> bytes:
    atc = int(row.get("atc", "0"), 16)
    by_name: dict[str, Callable[[], bytes]] = {
        "none": lambda: mk,
        "mchip": lambda: emv_keys.session_key_mchip(mk, atc, bytes.fromhex(row["un"])),
        "common": lambda: (
            emv_keys.session_key_common(mk, bytes.fromhex(row["r"]))
            if "r" in row
            else emv_keys.session_key_ac(mk, atc)
        ),
    }
    return by_name[row["sk"]]()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["name"]))
def test_known_answers(row: dict[str, Any]) -> None:
    mk = master_key(row)
    used = {"mk": mk, "sk": session_key(row, mk)}
    for name, kcv in row.get("kcv", {}).items():
        assert tdes_kcv(used[name]).hex().upper().startswith(kcv)
    ac = tdes.retail_mac(used["sk"], bytes.fromhex(row["data"]), row["pad"])
    assert ac.hex().upper() == row["ac"]
    for answer in row.get("arpc", ()):
        key = used[answer["key"]]
        if answer["m"] == 1:
            arpc = cryptogram.arpc_method1(key, ac, bytes.fromhex(answer["arc"]))
        else:
            further = bytes.fromhex(answer.get("pad_data", ""))
            arpc = cryptogram.arpc_method2(key, ac, bytes.fromhex(answer["csu"]), further)
        assert arpc.hex().upper() == answer["v"]


def test_version_18_known_answer_through_its_fields() -> None:
    row = next(row for row in ROWS if row["name"].startswith("Visa CVN 18"))
    data, given_fields = bytes.fromhex(row["data"]), {}
    at = 0
    for tag, size in SIZES.items():
        given_fields[tag] = data[at : at + size]
        at += size
    iad = data[at:]
    assert Cvn18.data(given_fields, iad) == data
    ac = Cvn18.ac(master_key(row), int(row["atc"], 16), data)
    assert ac.hex().upper() == row["ac"]


@given(keys, pans, fields, st.binary(min_size=17, max_size=17))
def test_version_18_agrees_with_pyemv(
    imk: bytes, pan: str, values: dict[int, bytes], iad: bytes
) -> None:
    theirs = pyemv_cvn.VisaCVN18(imk, imk, imk, pan, "01")
    mk = Cvn18.master_key(imk, pan, "01")
    atc = values[0x9F36]
    ac = Cvn18.ac(tdes.TdesKey(mk), int.from_bytes(atc, "big"), Cvn18.data(values, iad))
    named = {f"tag_{tag:02x}": value for tag, value in values.items()}
    assert ac == theirs.generate_ac(**named, tag_9f10=iad)
    sk = emv_keys.session_key_ac(mk, int.from_bytes(atc, "big"))
    assert cryptogram.arpc_method2(sk, ac, iad[:4]) == theirs.generate_arpc(ac, atc, iad[:4])


@given(keys, pans, fields, st.binary(min_size=18, max_size=18))
def test_version_21_agrees_with_pyemv(
    imk: bytes, pan: str, values: dict[int, bytes], iad: bytes
) -> None:
    theirs = pyemv_cvn.MasterCardCVN21(imk, imk, imk, pan, "01")
    mk = Cvn21.master_key(imk, pan, "01")
    atc = values[0x9F36]
    ac = Cvn21.ac(mk, int.from_bytes(atc, "big"), Cvn21.data(values, iad))
    named = {f"tag_{tag:02x}": value for tag, value in values.items()}
    assert ac == theirs.generate_ac(**named, cvr=iad[2:8], counters=iad[10:])
    sk = emv_keys.session_key_ac(mk, int.from_bytes(atc, "big"))
    assert cryptogram.arpc_method1(sk, ac, iad[:2]) == theirs.generate_arpc(ac, atc, iad[:2])


@given(keys, st.binary(min_size=8, max_size=8), st.binary(min_size=4, max_size=12))
def test_method_2_agrees_with_pyemv(sk: bytes, ac: bytes, rest: bytes) -> None:
    csu, further = rest[:4], rest[4:]
    expected = pyemv_ac.generate_arpc_2(sk, ac, csu, further)
    assert cryptogram.arpc_method2(sk, ac, csu, further) == expected


@pytest.mark.parametrize("tag", SIZES)
def test_each_field_is_needed_in_its_length(tag: int) -> None:
    without = {other: value for other, value in FIELDS.items() if other != tag}
    for version, iad in ((Cvn18, bytes(17)), (Cvn21, bytes(18))):
        with pytest.raises(CryptogramError, match=f"{tag:02X} is missing"):
            version.data(without, iad)
        with pytest.raises(CryptogramError, match=f"{tag:02X}: {SIZES[tag]} bytes"):
            version.data({**without, tag: bytes(SIZES[tag] + 1)}, iad)


def test_other_lengths_are_refused() -> None:
    for version, iad in ((Cvn18, bytes(6)), (Cvn18, bytes(33)), (Cvn21, bytes(17))):
        with pytest.raises(CryptogramError, match="9F10"):
            version.data(FIELDS, iad)
    for ac, arc in ((bytes(7), bytes(2)), (bytes(8), bytes(3))):
        with pytest.raises(CryptogramError, match="method 1"):
            cryptogram.arpc_method1(bytes(16), ac, arc)
    for ac, csu, further in ((bytes(7), bytes(4), b""), (bytes(8), bytes(3), b""),
                             (bytes(8), bytes(4), bytes(9))):  # fmt: skip
        with pytest.raises(CryptogramError, match="method 2"):
            cryptogram.arpc_method2(bytes(16), ac, csu, further)


def test_the_version_table_names_both() -> None:
    assert {n: version.NUMBER for n, version in cryptogram.VERSIONS.items()} == {18: 18, 21: 21}
