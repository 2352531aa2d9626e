"""Bit fields of EMV, with the names of their bits, and the CVM results.

Bit numbers follow the books: b8 is the highest bit of a byte, byte 1 the first.
Bits without a name are kept, so that what was decoded encodes to the same bytes.

Source: EMV 4.3 Book 3, Annex C; EMV Contactless Books A, C-2 and C-3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag, unique
from typing import Any, ClassVar, Self

from wristlet.wire import numbers
from wristlet.wire.errors import EncodeError


class BitField(IntFlag):
    """Base of the bit fields; `SIZE` is the number of bytes."""

    SIZE: ClassVar[int]

    def __init_subclass__(cls, *, size: int, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.SIZE = size

    def encode(self) -> bytes:
        """Return the bytes."""
        return numbers.to_bytes(int(self), self.SIZE, type(self).__name__)

    def to_bytes_(self) -> bytes:
        """Return the bytes, as `encode` does."""
        return self.encode()

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read exactly `SIZE` bytes; unnamed bits are kept."""
        return cls(numbers.from_bytes(raw, cls.SIZE, cls.__name__))

    def describe(self) -> tuple[str, ...]:
        """Return the names of the set bits, highest first; unnamed ones by byte and bit."""
        names: list[str] = []
        for position in reversed(range(8 * self.SIZE)):
            if not int(self) >> position & 1:
                continue
            member = type(self)._value2member_map_.get(1 << position)
            if member is not None and member.name is not None:
                names.append(member.name.lower().replace("_", " "))
            else:
                names.append(f"byte {self.SIZE - position // 8} b{position % 8 + 1}")
        return tuple(names)


class Aip(BitField, size=2):
    """Application Interchange Profile, 82."""

    SDA = 0x4000
    DDA = 0x2000
    CARDHOLDER_VERIFICATION = 0x1000
    TERMINAL_RISK_MANAGEMENT = 0x0800
    ISSUER_AUTHENTICATION = 0x0400
    ON_DEVICE_CVM = 0x0200
    CDA = 0x0100
    EMV_MODE = 0x0080
    RELAY_RESISTANCE = 0x0001


class Tvr(BitField, size=5):
    """Terminal Verification Results, 95."""

    ODA_NOT_PERFORMED = 1 << 39
    SDA_FAILED = 1 << 38
    ICC_DATA_MISSING = 1 << 37
    ON_EXCEPTION_FILE = 1 << 36
    DDA_FAILED = 1 << 35
    CDA_FAILED = 1 << 34
    SDA_SELECTED = 1 << 33
    VERSIONS_DIFFER = 1 << 31
    EXPIRED_APPLICATION = 1 << 30
    NOT_YET_EFFECTIVE = 1 << 29
    SERVICE_NOT_ALLOWED = 1 << 28
    NEW_CARD = 1 << 27
    CVM_FAILED = 1 << 23
    UNRECOGNISED_CVM = 1 << 22
    PIN_TRY_LIMIT_EXCEEDED = 1 << 21
    PIN_PAD_MISSING = 1 << 20
    PIN_NOT_ENTERED = 1 << 19
    ONLINE_PIN_ENTERED = 1 << 18
    FLOOR_LIMIT_EXCEEDED = 1 << 15
    LOWER_OFFLINE_LIMIT_EXCEEDED = 1 << 14
    UPPER_OFFLINE_LIMIT_EXCEEDED = 1 << 13
    RANDOMLY_SELECTED_ONLINE = 1 << 12
    MERCHANT_FORCED_ONLINE = 1 << 11
    DEFAULT_TDOL_USED = 1 << 7
    ISSUER_AUTHENTICATION_FAILED = 1 << 6
    SCRIPT_FAILED_BEFORE_FINAL_AC = 1 << 5
    SCRIPT_FAILED_AFTER_FINAL_AC = 1 << 4


class Tsi(BitField, size=2):
    """Transaction Status Information, 9B."""

    ODA_PERFORMED = 0x8000
    CARDHOLDER_VERIFICATION_PERFORMED = 0x4000
    CARD_RISK_MANAGEMENT_PERFORMED = 0x2000
    ISSUER_AUTHENTICATION_PERFORMED = 0x1000
    TERMINAL_RISK_MANAGEMENT_PERFORMED = 0x0800
    SCRIPT_PROCESSING_PERFORMED = 0x0400


class Ttq(BitField, size=4):
    """Terminal Transaction Qualifiers, 9F66."""

    MAG_STRIPE_MODE = 1 << 31
    EMV_MODE = 1 << 29
    CONTACT_CHIP = 1 << 28
    OFFLINE_ONLY = 1 << 27
    ONLINE_PIN = 1 << 26
    SIGNATURE = 1 << 25
    ODA_FOR_ONLINE = 1 << 24
    ONLINE_CRYPTOGRAM_REQUIRED = 1 << 23
    CVM_REQUIRED = 1 << 22
    CONTACT_OFFLINE_PIN = 1 << 21
    ISSUER_UPDATE = 1 << 15
    CDCVM = 1 << 14


class Ctq(BitField, size=2):
    """Card Transaction Qualifiers, 9F6C."""

    ONLINE_PIN_REQUIRED = 0x8000
    SIGNATURE_REQUIRED = 0x4000
    ONLINE_IF_ODA_FAILS = 0x2000
    SWITCH_INTERFACE_IF_ODA_FAILS = 0x1000
    ONLINE_IF_EXPIRED = 0x0800
    SWITCH_INTERFACE_FOR_CASH = 0x0400
    SWITCH_INTERFACE_FOR_CASHBACK = 0x0200
    CDCVM_PERFORMED = 0x0080
    ISSUER_UPDATE = 0x0040


class Auc(BitField, size=2):
    """Application Usage Control, 9F07."""

    DOMESTIC_CASH = 0x8000
    INTERNATIONAL_CASH = 0x4000
    DOMESTIC_GOODS = 0x2000
    INTERNATIONAL_GOODS = 0x1000
    DOMESTIC_SERVICES = 0x0800
    INTERNATIONAL_SERVICES = 0x0400
    ATM = 0x0200
    NOT_ATM = 0x0100
    DOMESTIC_CASHBACK = 0x0080
    INTERNATIONAL_CASHBACK = 0x0040


@unique
class CvmResult(IntEnum):
    """Third byte of the CVM results."""

    UNKNOWN = 0
    FAILED = 1
    SUCCESSFUL = 2


@dataclass(frozen=True, slots=True)
class CvmResults:
    """Cardholder verification as the terminal saw it, 9F34: three one-byte codes.

    Source: EMV 4.3 Book 4, Annex A (CVM Results).
    """

    method: int
    condition: int
    result: int

    def encode(self) -> bytes:
        """Return the three bytes."""
        try:
            return bytes((self.method, self.condition, self.result))
        except ValueError:
            raise EncodeError("each code is one byte", path=("9F34",)) from None

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the three bytes."""
        numbers.sized(raw, 3, "9F34")
        return cls(*raw)
