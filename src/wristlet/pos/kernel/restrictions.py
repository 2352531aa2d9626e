"""Whether the card may be used today and here: its dates, its usage control, action codes.

EMV 4.3 Book 3, Processing Restrictions and Terminal Action Analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wristlet.wire.emv import tags
from wristlet.wire.emv.bits import Auc, Tvr

CENTURY_SPLIT: Final = 0x50
"""Years from 50 on are 19xx."""

DENIED: Final = (
    Tvr.ICC_DATA_MISSING
    | Tvr.CDA_FAILED
    | Tvr.EXPIRED_APPLICATION
    | Tvr.NOT_YET_EFFECTIVE
    | Tvr.SERVICE_NOT_ALLOWED
    | Tvr.CVM_FAILED
)
"""Terminal Action Code - Denial: what this terminal never takes to the issuer."""


def restrictions(card: Mapping[int, bytes], own: Mapping[int, bytes]) -> Tvr:
    """Return the bits that dates and usage control of the card set; absent ones set none."""
    found = Tvr(0)
    today = ordered(own[tags.TRANSACTION_DATE_9A])
    until = card.get(tags.APPLICATION_EXPIRATION_DATE_5F24)
    since = card.get(tags.APPLICATION_EFFECTIVE_DATE_5F25)
    if until is not None and ordered(until) < today:
        found |= Tvr.EXPIRED_APPLICATION
    if since is not None and ordered(since) > today:
        found |= Tvr.NOT_YET_EFFECTIVE
    if not _is_allowed(card, own):
        found |= Tvr.SERVICE_NOT_ALLOWED
    return found


def denied(found: Tvr, card: Mapping[int, bytes]) -> Tvr:
    """Return what of the findings terminal or issuer (9F0E) will not have."""
    raw = card.get(tags.IAC_DENIAL_9F0E)
    return found & (DENIED | (Tvr(0) if raw is None else Tvr.decode(raw)))


def ordered(date_yymmdd: bytes) -> bytes:
    """Return a packed date with its century in front, so that dates compare."""
    return (b"\x19" if date_yymmdd[0] >= CENTURY_SPLIT else b"\x20") + date_yymmdd


def _is_allowed(card: Mapping[int, bytes], own: Mapping[int, bytes]) -> bool:
    """Goods or services, at home or abroad; a card without its country is not judged by it."""
    raw = card.get(tags.APPLICATION_USAGE_CONTROL_9F07)
    if raw is None:
        return True
    usage = Auc.decode(raw)
    if Auc.NOT_ATM not in usage:
        return False
    country = card.get(tags.ISSUER_COUNTRY_CODE_5F28)
    if country is None:
        return True
    if country == own[tags.TERMINAL_COUNTRY_CODE_9F1A]:
        return bool(usage & (Auc.DOMESTIC_GOODS | Auc.DOMESTIC_SERVICES))
    return bool(usage & (Auc.INTERNATIONAL_GOODS | Auc.INTERNATIONAL_SERVICES))
