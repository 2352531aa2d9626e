"""Cardholder verification: on the consumer's device or not at all; there is no PIN pad here.

EMV Contactless Books C-2 and C-3; EMV 4.3 Book 3, Cardholder Verification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from wristlet.pos.kernel.outcome import Cvm
from wristlet.wire.emv import tags
from wristlet.wire.emv.bits import Aip, Ctq, CvmResult, CvmResults

ON_DEVICE: Final = CvmResults(0x01, 0x00, CvmResult.SUCCESSFUL)
NONE_NEEDED: Final = CvmResults(0x1F, 0x03, CvmResult.SUCCESSFUL)
NOT_PERFORMED: Final = CvmResults(0x3F, 0x00, CvmResult.UNKNOWN)
NOT_NEEDED_ON_DEVICE: Final = CvmResults(0x3F, 0x00, CvmResult.SUCCESSFUL)
FAILED: Final = CvmResults(0x3F, 0x00, CvmResult.FAILED)

_AMOUNTS_BYTES: Final = 8
_METHOD, _NEXT_IF_FAILED = 0x3F, 0x40
_NO_CVM: Final = 0x1F
_ALWAYS, _NOT_CASH, _IF_SUPPORTED = 0x00, 0x02, 0x03
_UNDER_X, _OVER_X, _UNDER_Y, _OVER_Y = 0x06, 0x07, 0x08, 0x09


class Verification(NamedTuple):
    """What came of it; `cvm` is None where a check is needed and none was possible."""

    cvm: Cvm | None
    results: CvmResults


def kernel3(ctq: bytes | None, *, required: bool) -> Verification:
    """Read the card's qualifiers 9F6C.

    A card that asks for PIN pad or signature gets neither here, so it is not verified.
    """
    flags = Ctq(0) if ctq is None else Ctq.decode(ctq)
    if Ctq.CDCVM_PERFORMED in flags:
        return Verification(Cvm.CDCVM, ON_DEVICE)
    if required or flags & (Ctq.ONLINE_PIN_REQUIRED | Ctq.SIGNATURE_REQUIRED):
        return Verification(None, FAILED)
    return Verification(Cvm.NONE, NONE_NEEDED)


def kernel2(card: Mapping[int, bytes], own: Mapping[int, bytes], *, required: bool) -> Verification:
    """Choose the method for a kernel 2 card: its device's own if the card has one."""
    aip = Aip.decode(card[tags.AIP_82])
    if Aip.ON_DEVICE_CVM in aip:
        if required:
            return Verification(Cvm.CDCVM, ON_DEVICE)
        return Verification(Cvm.NONE, NOT_NEEDED_ON_DEVICE)
    if required:
        return Verification(None, FAILED)
    listed = card.get(tags.CVM_LIST_8E)
    if Aip.CARDHOLDER_VERIFICATION not in aip or listed is None:
        return Verification(Cvm.NONE, NOT_PERFORMED)
    return _from_list(listed, card, own)


def _from_list(listed: bytes, card: Mapping[int, bytes], own: Mapping[int, bytes]) -> Verification:
    """Walk the card's list; "no CVM required" is the only entry that can be met."""
    rules = listed[_AMOUNTS_BYTES:]
    for method, condition in zip(rules[::2], rules[1::2], strict=False):
        if not _applies(condition, method, listed, card, own):
            continue
        if method & _METHOD == _NO_CVM:
            return Verification(Cvm.NONE, CvmResults(method, condition, CvmResult.SUCCESSFUL))
        if not method & _NEXT_IF_FAILED:
            return Verification(None, CvmResults(method, condition, CvmResult.FAILED))
    return Verification(None, FAILED)


def _applies(
    condition: int,
    method: int,
    listed: bytes,
    card: Mapping[int, bytes],
    own: Mapping[int, bytes],
) -> bool:
    """Tell whether a rule's condition holds for a purchase."""
    if condition in (_ALWAYS, _NOT_CASH):
        return True
    if condition == _IF_SUPPORTED:
        return method & _METHOD == _NO_CVM
    currency = own[tags.TRANSACTION_CURRENCY_CODE_5F2A]
    if card.get(tags.APPLICATION_CURRENCY_CODE_9F42) != currency:
        return False
    amount = int(own[tags.AMOUNT_AUTHORISED_9F02].hex())
    first = int.from_bytes(listed[:4], "big")
    second = int.from_bytes(listed[4:_AMOUNTS_BYTES], "big")
    holds = {
        _UNDER_X: amount < first,
        _OVER_X: amount > first,
        _UNDER_Y: amount < second,
        _OVER_Y: amount > second,
    }
    return holds.get(condition, False)
