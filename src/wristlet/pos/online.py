"""Outcome and sale become an 0100, a lost answer an 0420, the 0110 a verdict.

Fields as in ISO 8583:1987; field 55 as in EMV 4.3 Book 4, Authorisation Request.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.outcome import TapOutcome
from wristlet.pos.kernel.sale import Sale
from wristlet.wire import ber
from wristlet.wire.emv import tags, track2
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583.message import Message

REQUEST, REVERSAL = "0100", "0420"
PROCESSING_PURCHASE, ENTRY_CONTACTLESS_CHIP, CONDITION_NORMAL = "000000", "071", "00"
NO_ANSWER: Final = "91"
_INSTITUTION_UNKNOWN: Final = "0" * 11
_NAME_SIZE, _CITY_SIZE, _COUNTRY_SIZE = 25, 13, 2
# An answer that differs in one of these is about another payment.
_ECHOED: Final = (2, 4, 11, 41, 42, 49)
# A reversal says by what, not with which chip data, something was asked.
_NOT_REVERSED: Final = (35, 43, 55)


def transmission_time(now_ms: int) -> str:
    """Return DE 7, in UTC."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%m%d%H%M%S")


def authorisation_request(
    config: TerminalConfig, sale: Sale, outcome: TapOutcome, stan: int, now_ms: int
) -> Message:
    """Build the 0100 of a tap that goes online; times in DE 7 are UTC, in DE 12 and 13 the
    terminal's.
    """
    card = track2.parse(outcome.data[tags.TRACK_2_57])
    sequence = outcome.data.get(tags.PAN_SEQUENCE_NUMBER_5F34, b"\x00").hex()
    chip = {tag: value for tag, value in outcome.data.items() if tag != tags.TRACK_2_57}
    return Message(
        REQUEST,
        {
            2: card.pan,
            3: PROCESSING_PURCHASE,
            4: f"{sale.amount_minor:012d}",
            7: transmission_time(now_ms),
            11: f"{stan:06d}",
            12: sale.time_hhmmss,
            13: sale.date_yymmdd[2:],
            14: card.expiry_yymm,
            22: ENTRY_CONTACTLESS_CHIP,
            23: sequence.rjust(3, "0"),
            25: CONDITION_NORMAL,
            35: track2.to_text(card),
            41: config.terminal_id,
            42: config.merchant_id,
            43: _name_and_location(config),
            49: sale.currency_numeric,
            55: b"".join(ber.encode(tag, value) for tag, value in chip.items()),
        },
    )


def reversal_advice(request: Message, stan: int, now_ms: int) -> Message:
    """Build the 0420 of a request whose answer never came; DE 90 names the request."""
    asked = request.text
    original = f"{REQUEST}{asked(11)}{asked(7)}{_INSTITUTION_UNKNOWN}{_INSTITUTION_UNKNOWN}"
    own = {7: transmission_time(now_ms), 11: f"{stan:06d}", 39: NO_ANSWER, 90: original}
    return Message(REVERSAL, {**request.without(*_NOT_REVERSED).fields, **own})


def is_answer_to(answer: Message, request: Message) -> bool:
    """Tell whether what an answer repeats is what was asked."""
    return all(
        answer.fields.get(number, request.fields[number]) == request.fields[number]
        for number in _ECHOED
    )


def issuer_proof(answer: Message) -> bytes:
    """Return the data of tag 91 (ARPC), empty if the answer has none that can be read."""
    chip = answer.fields.get(55)
    if not isinstance(chip, bytes):
        return b""
    try:
        return ber.find(chip, tags.ISSUER_AUTHENTICATION_DATA_91) or b""
    except DecodeError:
        return b""


def _name_and_location(config: TerminalConfig) -> str:
    """Return DE 43: name (25), city (13), country (2)."""
    parts = (
        (config.merchant_name, _NAME_SIZE),
        (config.city, _CITY_SIZE),
        (config.country_alpha, _COUNTRY_SIZE),
    )
    return "".join(text[:size].ljust(size) for text, size in parts)
