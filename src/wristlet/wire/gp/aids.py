"""The application identifiers of the card, and how instances are numbered.

Registered ones are those that outside readers and hosts know. Our own lie in
category F of ISO/IEC 7816-4 (proprietary, not registered): `F0` and "WRISLT".
"""

from __future__ import annotations

from typing import Final

from wristlet.wire.errors import DecodeError, EncodeError

AID_BYTES_MIN: Final = 5
AID_BYTES_MAX: Final = 16

ISD: Final = bytes.fromhex("A000000151000000")
CRS: Final = bytes.fromhex("A00000015143525300")
PPSE: Final = b"2PAY.SYS.DDF01"
KERNEL_3: Final = bytes.fromhex("A0000000031010")
KERNEL_2: Final = bytes.fromhex("A0000000041010")

OWN_PREFIX: Final = b"\xf0WRISLT"
TSP_DOMAIN: Final = OWN_PREFIX + b"TP\x01"
CARDHOLDER_DOMAIN: Final = OWN_PREFIX + b"CH\x01"
CARDHOLDER_APPLET: Final = OWN_PREFIX + b"CH\x02"
PAYMENT_PACKAGE: Final = OWN_PREFIX + b"PA\x01"
PAYMENT_MODULE_K2: Final = OWN_PREFIX + b"PA\x02"
PAYMENT_MODULE_K3: Final = OWN_PREFIX + b"PA\x03"
OEM_DOMAIN: Final = OWN_PREFIX + b"OE\x01"

REGISTERED_BYTES: Final = 7
_INDEX_BYTES: Final = 4


def check(aid: bytes) -> bytes:
    """Return the AID; `EncodeError` unless it has 5 to 16 bytes (ISO/IEC 7816-5)."""
    if not AID_BYTES_MIN <= len(aid) <= AID_BYTES_MAX:
        raise EncodeError(f"an AID has {AID_BYTES_MIN} to {AID_BYTES_MAX} bytes", path=("aid",))
    return aid


def instance_aid(registered: bytes, index: int) -> bytes:
    """Return the AID of payment instance `index`: registered AID and 4-byte big-endian index."""
    if len(registered) != REGISTERED_BYTES:
        raise EncodeError("a registered payment AID has 7 bytes", path=("aid", "registered"))
    if not 0 <= index < 1 << 8 * _INDEX_BYTES:
        raise EncodeError("an instance index has 4 bytes", path=("aid", "index"))
    return registered + index.to_bytes(_INDEX_BYTES, "big")


def split_instance(aid: bytes) -> tuple[bytes, int]:
    """Return registered AID and index of a payment instance."""
    if len(aid) != REGISTERED_BYTES + _INDEX_BYTES:
        raise DecodeError("an instance AID has 11 bytes", path=("aid",))
    return aid[:REGISTERED_BYTES], int.from_bytes(aid[REGISTERED_BYTES:], "big")


def kernel_of(aid: bytes) -> int | None:
    """Return the EMV kernel (2 or 3) that serves the AID, None for any other AID."""
    if aid.startswith(KERNEL_3):
        return 3
    if aid.startswith(KERNEL_2):
        return 2
    return None
