"""Outcome and sale become an 0100; the 0110 becomes a payment."""

from __future__ import annotations

from datetime import UTC, datetime

from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.outcome import TapOutcome
from wristlet.pos.kernel.sale import Sale
from wristlet.wire import ber
from wristlet.wire.emv import tags, track2
from wristlet.wire.iso8583.message import Message

PROCESSING_PURCHASE, ENTRY_CONTACTLESS_CHIP, CONDITION_NORMAL = "000000", "071", "00"


def authorisation_request(
    config: TerminalConfig, sale: Sale, outcome: TapOutcome, stan: int, now_ms: int
) -> Message:
    """Build the 0100 of a tap that goes online; times in DE 7 are UTC, in DE 12 and 13 the
    terminal's.
    """
    card = track2.parse(outcome.data[tags.TRACK_2_57])
    sequence = outcome.data.get(tags.PAN_SEQUENCE_NUMBER_5F34, b"\x00").hex()
    chip = {tag: value for tag, value in outcome.data.items() if tag != tags.TRACK_2_57}
    sent = datetime.fromtimestamp(now_ms / 1000, UTC)
    return Message(
        "0100",
        {
            2: card.pan,
            3: PROCESSING_PURCHASE,
            4: f"{sale.amount_minor:012d}",
            7: sent.strftime("%m%d%H%M%S"),
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
            43: f"{config.merchant_name:<25.25}{config.city:<13.13}{config.country_alpha:<2.2}",
            49: sale.currency_numeric,
            55: b"".join(ber.encode(tag, value) for tag, value in chip.items()),
        },
    )
