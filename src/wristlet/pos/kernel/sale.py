"""The transaction as terminal and card see it: one set of tagged data for every DOL."""

from __future__ import annotations

from dataclasses import dataclass

from wristlet.pos.config import Limits, TerminalConfig
from wristlet.wire.emv import tags
from wristlet.wire.numbers import bcd_encode

AMOUNT_MINOR_MAX = 999_999_999_999
"""Twelve digits, in 9F02 as in DE 4."""


@dataclass(frozen=True, slots=True)
class Sale:
    """A purchase: amount in minor units, currency numeric code, local date YYMMDD and time
    HHMMSS, fresh UN. ValueError for an amount that no terminal can send.
    """

    amount_minor: int
    currency_numeric: str
    date_yymmdd: str
    time_hhmmss: str
    unpredictable_number: bytes
    transaction_type: int = 0x00

    def __post_init__(self) -> None:
        if not 0 <= self.amount_minor <= AMOUNT_MINOR_MAX:
            raise ValueError(f"amount_minor: 0 to {AMOUNT_MINOR_MAX} are needed")


def terminal_data(config: TerminalConfig, sale: Sale) -> dict[int, bytes]:
    """Return the data objects that the terminal itself can put into a DOL."""
    return {
        tags.AMOUNT_AUTHORISED_9F02: bcd_encode(str(sale.amount_minor), 6, "9F02"),
        tags.AMOUNT_OTHER_9F03: bytes(6),
        tags.TERMINAL_COUNTRY_CODE_9F1A: bcd_encode(config.country_numeric, 2, "9F1A"),
        tags.TVR_95: bytes(5),
        tags.TRANSACTION_CURRENCY_CODE_5F2A: bcd_encode(sale.currency_numeric, 2, "5F2A"),
        tags.TRANSACTION_DATE_9A: bytes.fromhex(sale.date_yymmdd),
        tags.TRANSACTION_TIME_9F21: bytes.fromhex(sale.time_hhmmss),
        tags.TRANSACTION_TYPE_9C: bytes((sale.transaction_type,)),
        tags.UNPREDICTABLE_NUMBER_9F37: sale.unpredictable_number,
        tags.TERMINAL_TYPE_9F35: bytes.fromhex(config.terminal_type),
        tags.TERMINAL_CAPABILITIES_9F33: config.capabilities,
        tags.IFD_SERIAL_NUMBER_9F1E: config.serial_number.ljust(8).encode("ascii"),
        tags.DATA_AUTHENTICATION_CODE_9F45: bytes(2),
        tags.ICC_DYNAMIC_NUMBER_9F4C: bytes(8),
    }


@dataclass(frozen=True, slots=True)
class PreProcessing:
    """What the amount asks for (EMV Contactless Book B, Pre-Processing)."""

    allowed: bool
    cvm_required: bool
    online_required: bool
    above_floor: bool


def pre_process(config: TerminalConfig, kernel: int, sale: Sale) -> PreProcessing:
    """Compare a sale with a kernel's limits.

    An amount in a currency that is not the terminal's cannot be compared: it counts as above the
    limits for cardholder verification and for going online, so that no exchange rate opens a way
    around them. A zero amount always goes online.
    """
    limits = config.limits.get(kernel, Limits())
    if sale.currency_numeric != config.currency_numeric:
        return PreProcessing(True, cvm_required=True, online_required=True, above_floor=True)
    above_floor = sale.amount_minor > limits.floor_minor
    return PreProcessing(
        allowed=sale.amount_minor <= limits.contactless_minor,
        cvm_required=sale.amount_minor > limits.cvm_minor,
        online_required=above_floor or sale.amount_minor == 0,
        above_floor=above_floor,
    )
