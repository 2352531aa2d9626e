"""Issuer Application Data and the lease block."""

from __future__ import annotations

import dataclasses

import pytest

from support.vectors import load
from wristlet.wire.emv import iad
from wristlet.wire.emv.iad import AcType, Iad18, Iad21, LeaseBlock
from wristlet.wire.errors import DecodeError, EncodeError

LEASE = LeaseBlock(
    unlock_counter=0x0102,
    valid=True,
    used=True,
    worn=True,
    pin_blocked=False,
    tries_left=3,
    taps_left=19,
    amount_left_minor=50_000,
)


def test_lease_block_bytes() -> None:
    assert LEASE.encode().hex() == "0102" + "e3" + "13" + "0000c350"
    closed = LeaseBlock(0, False, False, False, True, 0, 0, 0)
    assert closed.encode().hex() == "0000" + "10" + "00" + "00000000"


def test_amount_saturates_and_nothing_else_does() -> None:
    rich = dataclasses.replace(LEASE, amount_left_minor=1 << 40)
    assert LeaseBlock.parse(rich.encode()).amount_left_minor == iad.AMOUNT_MAX
    for impossible in (
        dataclasses.replace(LEASE, tries_left=16),
        dataclasses.replace(LEASE, taps_left=256),
        dataclasses.replace(LEASE, unlock_counter=1 << 16),
        dataclasses.replace(LEASE, amount_left_minor=-1),
    ):
        with pytest.raises(EncodeError):
            impossible.encode()


def test_layouts() -> None:
    lease = LEASE.encode().hex()
    eighteen = Iad18(0x01, iad.cvr18(AcType.ARQC, cdcvm_done=True), LEASE)
    assert eighteen.encode().hex() == "06011203a40000090f" + lease
    twenty_one = Iad21(0x02, iad.cvr21(AcType.AAC, cdcvm_done=False), b"\xaa\xbb", LEASE)
    assert twenty_one.encode().hex() == "02" + "15" + "800000000000" + "aabb" + lease


@pytest.mark.parametrize("ac", AcType)
@pytest.mark.parametrize("done", [True, False])
def test_type_and_verification_are_read_back(ac: AcType, done: bool) -> None:
    eighteen = Iad18.parse(Iad18(1, iad.cvr18(ac, cdcvm_done=done), LEASE).encode())
    twenty_one = Iad21.parse(Iad21(1, iad.cvr21(ac, cdcvm_done=done), b"\0\0", LEASE).encode())
    assert (eighteen.ac_type, eighteen.cdcvm_done) == (ac, done)
    assert (twenty_one.ac_type, twenty_one.cdcvm_done) == (ac, done)


def test_type_is_read_as_in_the_recorded_cryptograms() -> None:
    rows = {row["name"]: bytes.fromhex(row["data"]) for row in load("emv_cryptograms")["rows"]}
    visa = next(data for name, data in rows.items() if name.startswith("Visa CVN 18"))
    mastercard = next(data for name, data in rows.items() if name.startswith("Mastercard CVN 21"))
    # Version 18 ends with `06 DKI 12 CVR`, version 21 with CVR and counters behind the ATC.
    assert iad.ac_type_of(visa[-3:]) is AcType.ARQC
    assert iad.ac_type_of(mastercard[33:39]) is AcType.ARQC


@pytest.mark.parametrize("position", [0, 2, 3, 7, 8])
def test_another_version_or_layout_is_refused(position: int) -> None:
    raw = bytearray(Iad18(1, iad.cvr18(AcType.TC, cdcvm_done=True), LEASE).encode())
    raw[position] ^= 1
    with pytest.raises(DecodeError, match="not of cryptogram version 18"):
        Iad18.parse(bytes(raw))


def test_unknown_types_and_wrong_sizes_are_refused() -> None:
    raw = bytearray(Iad21(1, iad.cvr21(AcType.TC, cdcvm_done=True), b"\0\0", LEASE).encode())
    with pytest.raises(DecodeError, match="18"):
        Iad21.parse(bytes(raw[:-1]))
    raw[2] |= 0x30
    with pytest.raises(DecodeError, match="unknown cryptogram type"):
        Iad21.parse(bytes(raw))
    raw[1] = 0x12
    with pytest.raises(DecodeError, match="not of cryptogram version 21"):
        Iad21.parse(bytes(raw))
    with pytest.raises(DecodeError):
        iad.ac_type_of(b"")
    with pytest.raises(EncodeError):
        Iad18(1, b"", LEASE).encode()
    with pytest.raises(EncodeError):
        Iad21(1, bytes(6), b"", LEASE).encode()
