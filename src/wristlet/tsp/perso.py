"""From a token to the data groupings that personalise its card: pure, plain values.

Which groupings a product has is declared in `wire.products`; what stands in them is here. Secret
ones leave this module in plain and are encrypted by the script builder.

Source: EMV 4.3 Book 3, Data Elements Dictionary; EMV Card Personalization Specification.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from typing import Final

from wristlet.crypto import cryptogram, kcv
from wristlet.crypto.tdes import TdesKey
from wristlet.tsp.programs import Program
from wristlet.wire import ber, products
from wristlet.wire.dgi import Dgi
from wristlet.wire.emv.track2 import Track2
from wristlet.wire.masked import Secret, SecretDigits
from wristlet.wire.products import Product

SERVICE_CODE: Final = "201"
"""International, chip, normal authorisation (ISO/IEC 7813)."""
_DISCRETIONARY: Final = "0000000000"
_LANGUAGES: Final = b"jaen"
_PRIORITY: Final = b"\x01"
_AFL_ONE_RECORD: Final = bytes.fromhex("08010100")
_AIP: Final = {products.KERNEL_3: bytes.fromhex("0000"), products.KERNEL_2: bytes.fromhex("1280")}
"""Kernel 2: cardholder verification supported, on the device itself, EMV mode."""
_WRIST_WORN: Final = bytes.fromhex("24800000")
_NO_QUALIFIERS: Final = bytes(2)
"""The card sets CDCVM by itself at each tap; nothing else may be asked of the terminal."""
_USAGE_PURCHASES: Final = bytes.fromhex("3D00")
_CVM_NONE_ALWAYS: Final = bytes(8) + bytes.fromhex("1F00")
_ALL_ONLINE: Final = bytes.fromhex("FFFFFFFFFF")
_DENY_NOTHING: Final = bytes(5)
_APPLICATION_VERSION: Final = bytes.fromhex("0002")


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """The three issuer master keys of one key index: cryptograms, script MAC, script encryption."""

    ac: TdesKey
    smi: TdesKey
    smc: TdesKey

    @classmethod
    def split(cls, joined: bytes) -> IssuerKeys:
        """Take the 48 bytes AC ‖ SMI ‖ SMC."""
        if len(joined) != 48:
            raise ValueError("issuer master keys: 48 bytes are needed")
        return cls(TdesKey(joined[:16]), TdesKey(joined[16:32]), TdesKey(joined[32:]))


@dataclass(frozen=True, slots=True)
class CardKeys:
    """One card's own three keys."""

    ac: Secret
    smi: Secret
    smc: Secret


@dataclass(frozen=True, slots=True)
class PersoData:
    """All that decides a card's content; dates as the card shows them."""

    product: Product
    program: Program
    dpan: SecretDigits
    psn: str
    expiry_yymm: str
    effective_yymmdd: str
    key_index: int
    instance_aid: bytes


def card_keys(product: Product, imk: IssuerKeys, dpan: SecretDigits, psn: str) -> CardKeys:
    """Derive a card's keys from the issuer master keys."""
    derive = cryptogram.VERSIONS[product.cvn].master_key
    number = dpan.reveal()
    ac, smi, smc = (Secret(derive(key, number, psn)) for key in (imk.ac, imk.smi, imk.smc))
    return CardKeys(ac, smi, smc)


def dgis(data: PersoData, keys: CardKeys) -> tuple[Dgi, ...]:
    """Return the product's groupings in ascending order of their numbers."""
    groups = {
        products.DGI_FCI: _fci(data),
        products.DGI_GPO: _gpo(data),
        products.DGI_INTERNALS: _internals(data),
        **_keys(keys),
    }
    if data.product.kernel == products.KERNEL_2:
        groups[0x0101] = _record(data)
    missing = data.product.missing(groups)
    if missing:
        raise ValueError(f"{data.product.name} also needs {missing[0].name}")
    return tuple(Dgi(number, groups[number]) for number in sorted(groups))


def _keys(keys: CardKeys) -> dict[int, bytes]:
    card = (keys.ac, keys.smi, keys.smc)
    checks = b"".join(kcv.tdes_kcv(key) for key in card)
    return {products.DGI_KEYS: Secret(b"".join(card)), products.DGI_KEY_CHECKS: checks}


def _fci(data: PersoData) -> bytes:
    items: list[tuple[int, bytes]] = [(0x50, data.program.label), (0x87, _PRIORITY)]
    if data.product.kernel == products.KERNEL_3:
        items.append((0x9F38, data.product.dol))
    country = ber.encode(0x5F55, data.program.country_alpha2.encode())
    return ber.build(*items, (0x5F2D, _LANGUAGES), (0xBF0C, country))


def _gpo(data: PersoData) -> bytes:
    aip = ber.encode(0x82, _AIP[data.product.kernel])
    if data.product.kernel == products.KERNEL_2:
        return aip + ber.encode(0x94, _AFL_ONE_RECORD)
    return aip


def _internals(data: PersoData) -> bytes:
    program = data.program
    items: list[tuple[int, bytes]] = [
        (products.TAG_CURRENCY, _n4(program.currency_numeric)),
        (products.TAG_KEY_INDEX, bytes((data.key_index,))),
        (products.TAG_NO_CVM_TAPS_MAX, bytes((program.no_cvm_taps_max,))),
        (products.TAG_NO_CVM_SUM_MAX, program.no_cvm_sum_max_minor.to_bytes(4, "big")),
        (products.TAG_FLAGS, bytes((products.FLAG_CDCVM_ALWAYS * program.cdcvm_always,))),
    ]
    if data.product.kernel == products.KERNEL_3:
        items += [
            (products.TAG_TRACK2, _track2(data)),
            (products.TAG_PSN, bytes.fromhex(data.psn)),
            (products.TAG_CTQ, _NO_QUALIFIERS),
            (products.TAG_FORM_FACTOR, _WRIST_WORN),
        ]
    return ber.build(*items)


def _record(data: PersoData) -> bytes:
    program = data.program
    return ber.build(
        (
            0x70,
            (
                (0x57, _track2(data)),
                (0x5A, bytes.fromhex(data.dpan.reveal())),
                (0x5F24, _last_day(data.expiry_yymm)),
                (0x5F25, bytes.fromhex(data.effective_yymmdd)),
                (0x5F28, _n4(program.country_numeric)),
                (0x5F34, bytes.fromhex(data.psn)),
                (0x8C, data.product.dol),
                (0x8E, _CVM_NONE_ALWAYS),
                (0x9F07, _USAGE_PURCHASES),
                (0x9F08, _APPLICATION_VERSION),
                (0x9F0D, _ALL_ONLINE),
                (0x9F0E, _DENY_NOTHING),
                (0x9F0F, _ALL_ONLINE),
                (0x9F42, _n4(program.currency_numeric)),
                (0x4F, data.instance_aid),
            ),
        )
    )


def _track2(data: PersoData) -> bytes:
    discretionary = SecretDigits(_DISCRETIONARY)
    return Track2(data.dpan, data.expiry_yymm, SERVICE_CODE, discretionary).encode()


def _n4(digits3: str) -> bytes:
    return bytes.fromhex(digits3.zfill(4))


def _last_day(yymm: str) -> bytes:
    year, month = int(yymm[:2]), int(yymm[2:])
    return bytes.fromhex(f"{yymm}{calendar.monthrange(2000 + year, month)[1]:02d}")
