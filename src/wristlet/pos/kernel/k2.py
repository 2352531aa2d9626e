"""Kernel 2 (GPO, records, GENERATE AC), EMV mode only; magnetic-stripe mode does not exist here.

EMV Contactless Book C-2.
"""

from __future__ import annotations

from wristlet.pos.config import Limits, TerminalConfig
from wristlet.pos.kernel import oda
from wristlet.pos.kernel.common import CardData, CardFault, online_data, pdol_of, read_records
from wristlet.pos.kernel.outcome import (
    CVM_RESULTS,
    Cvm,
    Display,
    KernelRun,
    OutcomeKind,
    TapOutcome,
    declined,
    see_phone,
    unusable,
)
from wristlet.pos.kernel.sale import PreProcessing, Sale, pre_process, terminal_data
from wristlet.wire.emv import commands, dol, tags
from wristlet.wire.emv.bits import Aip, Tvr
from wristlet.wire.errors import DecodeError

KERNEL = 2
SW_OK = 0x9000
CID_TYPE_MASK, CID_ARQC, CID_AAC = 0xC0, 0x80, 0x00
REFERENCE_ARQC, REFERENCE_AAC, REFERENCE_CDA = 0x80, 0x00, 0x10
# POS cardholder interaction information DF4B, byte 2: on-device CVM required (seen in a real tap).
SEE_PHONE_MASK = 0x01


def run(config: TerminalConfig, sale: Sale, aid: bytes, fci: bytes) -> KernelRun:
    """Run the kernel on a selected application."""
    try:
        return (yield from _run(config, sale, aid, fci))
    except (CardFault, DecodeError) as fault:
        return unusable(str(fault), KERNEL, aid)


def _run(config: TerminalConfig, sale: Sale, aid: bytes, fci: bytes) -> KernelRun:
    asked = pre_process(config.limits.get(KERNEL, Limits()), sale.amount_minor)
    own = terminal_data(config, sale)
    own[tags.DF_NAME_84] = aid
    card = CardData()
    answer = yield commands.get_processing_options(dol.build(pdol_of(fci), own))
    if answer.sw != SW_OK:
        return unusable("the card did not start the transaction", KERNEL, aid)
    card.add(answer.data)
    card.require(tags.AIP_82, tags.AFL_94)
    yield from read_records(card.objects[tags.AFL_94], card)
    card.require(tags.TRACK_2_57, tags.APPLICATION_EXPIRATION_DATE_5F24, tags.CDOL1_8C)
    cvm, risks = _verify_cardholder(asked, card), Tvr(0)
    if cvm is None:
        cvm, risks = Cvm.NONE, risks | Tvr.CVM_FAILED
    if card.objects[tags.APPLICATION_EXPIRATION_DATE_5F24] < own[tags.TRANSACTION_DATE_9A]:
        risks |= Tvr.EXPIRED_APPLICATION
    own[tags.CVM_RESULTS_9F34] = CVM_RESULTS[cvm]
    own[tags.TVR_95] = risks.encode()
    with_cda = oda.wants_cda(config, card)
    reference = REFERENCE_AAC if risks else REFERENCE_ARQC | (REFERENCE_CDA if with_cda else 0)
    cdol_data = dol.build(card.objects[tags.CDOL1_8C], own, card.objects)
    answer = yield commands.generate_ac(reference, cdol_data)
    if answer.sw != SW_OK:
        return unusable("the card gave no cryptogram", KERNEL, aid)
    result = CardData()
    result.add(answer.data)
    if with_cda:
        fault = oda.check_cda(config, card, result, answer.data, cdol_data, own, aid)
        if fault is not None:
            return declined(fault, KERNEL, aid)
    return _decide(aid, own, card, result, cvm)


def _verify_cardholder(asked: PreProcessing, card: CardData) -> Cvm | None:
    """On-device verification is the only method offered here: None where one is needed and the
    card has none.
    """
    if not asked.cvm_required:
        return Cvm.NONE
    on_device = Aip.ON_DEVICE_CVM in Aip.decode(card.objects[tags.AIP_82])
    return Cvm.CDCVM if on_device else None


def _decide(
    aid: bytes, own: dict[int, bytes], card: CardData, result: CardData, cvm: Cvm
) -> TapOutcome:
    result.require(tags.CRYPTOGRAM_INFORMATION_DATA_9F27, tags.ATC_9F36)
    kind = result.objects[tags.CRYPTOGRAM_INFORMATION_DATA_9F27][0] & CID_TYPE_MASK
    if kind != CID_ARQC:
        hint = result.objects.get(tags.POS_CARDHOLDER_INTERACTION_DF4B, bytes(3))
        if kind == CID_AAC and len(hint) == 3 and hint[1] & SEE_PHONE_MASK:
            return see_phone(KERNEL, aid)
        return declined("the card declined", KERNEL, aid)
    result.require(tags.APPLICATION_CRYPTOGRAM_9F26, tags.ISSUER_APPLICATION_DATA_9F10)
    data = online_data(own, result.objects, card.objects)
    data[tags.TRACK_2_57] = card.objects[tags.TRACK_2_57]
    reason = "the card asks the issuer"
    return TapOutcome(
        OutcomeKind.ONLINE_REQUEST, Display.AUTHORISING, reason, KERNEL, aid, cvm, data
    )
