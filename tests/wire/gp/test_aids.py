"""Application identifiers."""

from __future__ import annotations

import pytest

from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids


def test_own_identifiers() -> None:
    assert aids.TSP_DOMAIN.hex() == "f0575249534c54545001"
    assert aids.CARDHOLDER_APPLET.hex() == "f0575249534c54434802"
    assert aids.PAYMENT_MODULE_K3.hex() == "f0575249534c54504103"
    assert aids.OEM_DOMAIN.hex() == "f0575249534c544f4501"


def test_instances_count_from_their_registered_identifier() -> None:
    aid = aids.instance_aid(aids.KERNEL_3, 0x0102)
    assert aid.hex() == "a000000003101000000102"
    assert aids.split_instance(aid) == (aids.KERNEL_3, 0x0102)


@pytest.mark.parametrize(
    ("registered", "index"), [(aids.ISD, 0), (aids.KERNEL_2, -1), (aids.KERNEL_2, 1 << 32)]
)
def test_impossible_instances_are_refused(registered: bytes, index: int) -> None:
    with pytest.raises(EncodeError):
        aids.instance_aid(registered, index)


def test_lengths() -> None:
    with pytest.raises(DecodeError):
        aids.split_instance(aids.KERNEL_3)
    for size in (4, 17):
        with pytest.raises(EncodeError):
            aids.check(bytes(size))


def test_kernels() -> None:
    assert aids.kernel_of(aids.instance_aid(aids.KERNEL_3, 1)) == 3
    assert aids.kernel_of(aids.KERNEL_2) == 2
    assert aids.kernel_of(aids.CRS) is None
