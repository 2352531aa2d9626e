"""Payment products: which personalisation data (DGIs) a card of each kind is made of.

Both ends read this: the token service builds exactly these DGIs, the secure element refuses a
commit with a missing or surplus one. `8201` to `8205`, `8000` and `9000` follow the EMV Card
Personalization Specification; `9102` (answer to SELECT), `9104` (answer to GET PROCESSING
OPTIONS) and `9200` (data of the application itself) are numbers of this application.

What is inside a DGI:

- `SSRR` (SFI 1 to 10, record number): one record, value is the `70` template with its tag.
- `8000`: MK-AC, MK-SMI, MK-SMC, 16 bytes each. `9000`: their three key check values, 3 bytes each.
- `8201` to `8205`: ICC RSA key as CRT: q^-1 mod p, d mod (q-1), d mod (p-1), q, p.
- `9102`: contents of the FCI proprietary template (`A5`): 50, 87, 9F38 (kernel 3), 5F2D, BF0C.
- `9104`: 82, and 94 if there are records, in this order.
- `9200`: the objects listed in `Product.internals`, in any order.

An ODA product's record with `9F69` (kernel 3, 7 bytes, `01` and zeros) must not be among those
that the AFL marks for ODA: the application fills in its number and the CTQ at each tap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wristlet.wire.gp import aids

KERNEL_2: Final = 2
KERNEL_3: Final = 3

DGI_KEYS: Final = 0x8000
DGI_KEY_CHECKS: Final = 0x9000
DGI_RSA_QINV: Final = 0x8201
DGI_RSA_DQ: Final = 0x8202
DGI_RSA_DP: Final = 0x8203
DGI_RSA_Q: Final = 0x8204
DGI_RSA_P: Final = 0x8205
DGI_FCI: Final = 0x9102
DGI_GPO: Final = 0x9104
DGI_INTERNALS: Final = 0x9200

SFI_MAX: Final = 10
"""Records live in short files 1 to 10 (EMV 4.3 Book 1, file referencing)."""

TAG_TRACK2: Final = 0x57
TAG_PSN: Final = 0x5F34
TAG_CURRENCY: Final = 0x9F42
TAG_CTQ: Final = 0x9F6C
TAG_FORM_FACTOR: Final = 0x9F6E
TAG_KEY_INDEX: Final = 0xDF70
"""Index of the issuer master key: DKI of CVN 18, KDI of CVN 21."""
TAG_DAC: Final = 0xDF71
TAG_NO_CVM_TAPS_MAX: Final = 0xDF72
TAG_NO_CVM_SUM_MAX: Final = 0xDF73
"""Binary, minor units of the product's currency."""
TAG_FLAGS: Final = 0xDF74
FLAG_CDCVM_ALWAYS: Final = 0x01
"""In `DF74`: a tap of any amount needs the unlock lease."""

PDOL_KERNEL_3: Final = bytes.fromhex("9F66049F02069F03069F1A0295055F2A029A039C019F3704")
PDOL_DATA_SIZE: Final = 33
CDOL1_KERNEL_2: Final = bytes.fromhex(
    "9F02069F03069F1A0295055F2A029A039C019F37049F35019F45029F4C089F3403"
)
CDOL1_DATA_SIZE: Final = 43


@dataclass(frozen=True, slots=True)
class DgiSpec:
    """One data grouping; a secret one travels encrypted under S-DEK also inside the session."""

    number: int
    name: str
    secret: bool = False

    @property
    def is_record(self) -> bool:
        """The number is short file identifier and record number."""
        return is_record(self.number)


@dataclass(frozen=True, slots=True)
class InternalSpec:
    """One data object of `9200` and the sizes its value may have (bytes, both ends included)."""

    tag: int
    name: str
    size_min: int
    size_max: int
    required: bool = True


@dataclass(frozen=True, slots=True)
class Product:
    """One kind of payment card: where it is installed and what personalises it.

    `dol` is the list of terminal data that the cryptogram takes, fixed byte by byte: PDOL of
    kernel 3, CDOL1 of kernel 2. `cvn` is the cryptogram version in decimal.
    """

    name: str
    module_aid: bytes
    registered_aid: bytes
    kernel: int
    cvn: int
    dol: bytes
    required: tuple[DgiSpec, ...]
    internals: tuple[InternalSpec, ...]
    optional: tuple[DgiSpec, ...] = ()

    @property
    def has_oda(self) -> bool:
        """The product signs for offline data authentication (fDDA, CDA)."""
        return any(spec.number == DGI_RSA_P for spec in self.required)

    @property
    def secret_numbers(self) -> frozenset[int]:
        """Numbers of the DGIs that must come under S-DEK."""
        return frozenset(spec.number for spec in (*self.required, *self.optional) if spec.secret)

    def missing(self, numbers: Iterable[int]) -> tuple[DgiSpec, ...]:
        """Required groupings that are not among `numbers`."""
        given = frozenset(numbers)
        return tuple(spec for spec in self.required if spec.number not in given)

    def surplus(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Numbers that have no place in the product."""
        known = {spec.number for spec in (*self.required, *self.optional)}
        return tuple(number for number in numbers if number not in known)


def is_record(number: int) -> bool:
    """Tell whether a DGI number names a record: SFI 1 to 10, record 1 to 255."""
    return 1 <= number >> 8 <= SFI_MAX and number & 0xFF != 0


def product_for(module_aid: bytes, numbers: Iterable[int]) -> Product | None:
    """Find the product of a module; an ICC key among the DGIs makes it the one with ODA."""
    oda = any(number in _RSA_NUMBERS for number in numbers)
    for product in PRODUCTS:
        if product.module_aid == module_aid and product.has_oda == oda:
            return product
    return None


_KEYS: Final = (
    DgiSpec(DGI_KEYS, "application keys", secret=True),
    DgiSpec(DGI_KEY_CHECKS, "key check values"),
)
_RSA: Final = (
    DgiSpec(DGI_RSA_QINV, "ICC key: q^-1 mod p", secret=True),
    DgiSpec(DGI_RSA_DQ, "ICC key: d mod (q-1)", secret=True),
    DgiSpec(DGI_RSA_DP, "ICC key: d mod (p-1)", secret=True),
    DgiSpec(DGI_RSA_Q, "ICC key: prime q", secret=True),
    DgiSpec(DGI_RSA_P, "ICC key: prime p", secret=True),
)
_RSA_NUMBERS: Final = frozenset(spec.number for spec in _RSA)
_COMMON: Final = (
    DgiSpec(DGI_FCI, "answer to SELECT"),
    DgiSpec(DGI_GPO, "answer to GET PROCESSING OPTIONS"),
    DgiSpec(DGI_INTERNALS, "application internals"),
)
_APPLICATION_RECORD: Final = DgiSpec(0x0101, "application data record")
_ODA_RECORDS: Final = (
    DgiSpec(0x0102, "issuer key certificate record"),
    DgiSpec(0x0103, "ICC key certificate record"),
)
_LIMITS: Final = (
    InternalSpec(TAG_CURRENCY, "application currency code", 2, 2),
    InternalSpec(TAG_KEY_INDEX, "index of the issuer master key", 1, 1),
    InternalSpec(TAG_NO_CVM_TAPS_MAX, "taps without lease, at most", 1, 1),
    InternalSpec(TAG_NO_CVM_SUM_MAX, "sum without lease, at most", 4, 4),
    InternalSpec(TAG_FLAGS, "product flags", 1, 1),
)
_INTERNALS_KERNEL_3: Final = (
    *_LIMITS,
    InternalSpec(TAG_TRACK2, "track 2 equivalent data", 10, 19),
    InternalSpec(TAG_PSN, "PAN sequence number", 1, 1),
    InternalSpec(TAG_CTQ, "card transaction qualifiers", 2, 2),
    InternalSpec(TAG_FORM_FACTOR, "form factor indicator", 4, 4),
)
_INTERNALS_KERNEL_2: Final = (
    *_LIMITS,
    InternalSpec(TAG_DAC, "data authentication code", 2, 2, required=False),
    InternalSpec(TAG_TRACK2, "track 2 equivalent data", 10, 19, required=False),
    InternalSpec(TAG_PSN, "PAN sequence number", 1, 1, required=False),
    InternalSpec(TAG_CTQ, "card transaction qualifiers", 2, 2, required=False),
    InternalSpec(TAG_FORM_FACTOR, "form factor indicator", 4, 32, required=False),
)

K3: Final = Product(
    name="K3",
    module_aid=aids.PAYMENT_MODULE_K3,
    registered_aid=aids.KERNEL_3,
    kernel=KERNEL_3,
    cvn=18,
    dol=PDOL_KERNEL_3,
    required=(*_KEYS, *_COMMON),
    optional=(_APPLICATION_RECORD,),
    internals=_INTERNALS_KERNEL_3,
)
K2: Final = Product(
    name="K2",
    module_aid=aids.PAYMENT_MODULE_K2,
    registered_aid=aids.KERNEL_2,
    kernel=KERNEL_2,
    cvn=21,
    dol=CDOL1_KERNEL_2,
    required=(_APPLICATION_RECORD, *_KEYS, *_COMMON),
    internals=_INTERNALS_KERNEL_2,
)
K3_FDDA: Final = Product(
    name="K3_FDDA",
    module_aid=aids.PAYMENT_MODULE_K3,
    registered_aid=aids.KERNEL_3,
    kernel=KERNEL_3,
    cvn=18,
    dol=PDOL_KERNEL_3,
    required=(_APPLICATION_RECORD, *_ODA_RECORDS, *_KEYS, *_RSA, *_COMMON),
    internals=_INTERNALS_KERNEL_3,
)
K2_CDA: Final = Product(
    name="K2_CDA",
    module_aid=aids.PAYMENT_MODULE_K2,
    registered_aid=aids.KERNEL_2,
    kernel=KERNEL_2,
    cvn=21,
    dol=CDOL1_KERNEL_2,
    required=(_APPLICATION_RECORD, *_ODA_RECORDS, *_KEYS, *_RSA, *_COMMON),
    internals=_INTERNALS_KERNEL_2,
)
PRODUCTS: Final = (K3, K2, K3_FDDA, K2_CDA)
