"""The transaction as terminal and card see it: one set of tagged data for every DOL."""

from __future__ import annotations

from dataclasses import dataclass

from wristlet.pos.config import Limits, TerminalConfig
from wristlet.wire.emv import tags


@dataclass(frozen=True, slots=True)
class Sale:
    """A purchase: amount in minor units, currency numeric code, local date YYMMDD and time
    HHMMSS, fresh UN.
    """

    amount_minor: int
    currency_numeric: str
    date_yymmdd: str
    time_hhmmss: str
    unpredictable_number: bytes
    transaction_type: int = 0x00


def bcd(digits: str, size: int) -> bytes:
    """Return digits as packed BCD of `size` bytes, zeros on the left."""
    return bytes.fromhex(digits.rjust(2 * size, "0"))


def terminal_data(config: TerminalConfig, sale: Sale) -> dict[int, bytes]:
    """Return the data objects that the terminal itself can put into a DOL."""
    return {
        tags.AMOUNT_AUTHORISED_9F02: bcd(str(sale.amount_minor), 6),
        tags.AMOUNT_OTHER_9F03: bytes(6),
        tags.TERMINAL_COUNTRY_CODE_9F1A: bcd(config.country_numeric, 2),
        tags.TVR_95: bytes(5),
        tags.TRANSACTION_CURRENCY_CODE_5F2A: bcd(sale.currency_numeric, 2),
        tags.TRANSACTION_DATE_9A: bytes.fromhex(sale.date_yymmdd),
        tags.TRANSACTION_TIME_9F21: bytes.fromhex(sale.time_hhmmss),
        tags.TRANSACTION_TYPE_9C: bytes((sale.transaction_type,)),
        tags.UNPREDICTABLE_NUMBER_9F37: sale.unpredictable_number,
        tags.TERMINAL_TYPE_9F35: bytes.fromhex(config.terminal_type),
        tags.TERMINAL_CAPABILITIES_9F33: config.capabilities,
        tags.IFD_SERIAL_NUMBER_9F1E: config.serial_number.encode("ascii"),
        tags.DATA_AUTHENTICATION_CODE_9F45: bytes(2),
        tags.ICC_DYNAMIC_NUMBER_9F4C: bytes(8),
        tags.CVM_RESULTS_9F34: bytes.fromhex("1F0302"),
    }


@dataclass(frozen=True, slots=True)
class PreProcessing:
    """What the amount asks for (EMV Contactless Book A, Pre-Processing)."""

    allowed: bool
    cvm_required: bool
    online_required: bool


def pre_process(limits: Limits, amount_minor: int) -> PreProcessing:
    """Compare an amount in minor units with a kernel's limits."""
    return PreProcessing(
        allowed=amount_minor <= limits.contactless_minor,
        cvm_required=amount_minor > limits.cvm_minor,
        online_required=amount_minor > limits.floor_minor,
    )
