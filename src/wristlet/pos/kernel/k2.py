"""Kernel 2 (GPO, records, GENERATE AC), EMV mode only; magnetic-stripe mode does not exist here.

EMV Contactless Book C-2.
"""

from __future__ import annotations

from typing import Final

from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel import cvm, oda
from wristlet.pos.kernel.common import (
    CID_AAC,
    CID_ARQC,
    CID_TC,
    CID_TYPE_MASK,
    SW_NEXT_APPLICATION,
    SW_OK,
    CardData,
    CardFault,
    dol_data,
    online_data,
    pdol_of,
    read_records,
    template,
)
from wristlet.pos.kernel.outcome import (
    Cvm,
    KernelRun,
    TapOutcome,
    declined,
    online,
    see_phone,
    select_next,
    unusable,
)
from wristlet.pos.kernel.restrictions import denied, restrictions
from wristlet.pos.kernel.sale import PreProcessing, Sale, pre_process, terminal_data
from wristlet.wire.emv import commands, tags
from wristlet.wire.emv.bits import Aip, Tvr
from wristlet.wire.emv.iad import AcType

KERNEL: Final = 2
_CID, _ATC, _CRYPTOGRAM = slice(0, 1), slice(1, 3), slice(3, 11)
# POS cardholder interaction information DF4B, byte 2: on-device CVM required (seen in a real tap).
_INTERACTION_BYTES, _SEE_PHONE_MASK = 3, 0x01


def run(config: TerminalConfig, sale: Sale, aid: bytes, fci: bytes) -> KernelRun:
    """Run the kernel on a selected application, `aid` being its full name."""
    try:
        return (yield from _run(config, sale, aid, fci))
    except CardFault as fault:
        return unusable(str(fault), KERNEL, aid)


def _run(config: TerminalConfig, sale: Sale, aid: bytes, fci: bytes) -> KernelRun:
    own = terminal_data(config, sale)
    own[tags.DF_NAME_84] = aid
    pdol_data = dol_data(pdol_of(fci), own)
    answer = yield commands.get_processing_options(pdol_data)
    if answer.sw == SW_NEXT_APPLICATION:
        return select_next(KERNEL, aid)
    if answer.sw != SW_OK:
        return unusable("the card did not start the transaction", KERNEL, aid)
    card = _options(answer.data)
    if Aip.EMV_MODE not in Aip.decode(card.objects[tags.AIP_82]):
        return declined("the card offers magnetic-stripe mode only", KERNEL, aid)
    yield from read_records(card.objects[tags.AFL_94], card)
    card.require(tags.APPLICATION_EXPIRATION_DATE_5F24, tags.CDOL1_8C)
    card.track()
    asked = pre_process(config, KERNEL, sale)
    verified = cvm.kernel2(card.objects, own, required=asked.cvm_required)
    own[tags.CVM_RESULTS_9F34] = verified.results.encode()
    with_cda = oda.wants_cda(config, card)
    results = _results(asked, card, own, verified, with_cda=with_cda)
    own[tags.TVR_95] = results.encode()
    refused = denied(results, card.objects)
    wanted = AcType.AAC if refused else AcType.ARQC
    reference = commands.reference_control(wanted, cda=with_cda and not refused)
    cdol_data = dol_data(card.objects[tags.CDOL1_8C], own, card.objects)
    answer = yield commands.generate_ac(reference, cdol_data)
    if refused or verified.cvm is None:
        return declined(f"the terminal declined: {refused.describe()[0]}", KERNEL, aid)
    if answer.sw != SW_OK:
        return unusable("the card gave no cryptogram", KERNEL, aid)
    result, covered = _cryptogram(answer.data)
    if with_cda:
        signed = oda.Signed(result, pdol_data + cdol_data + covered)
        fault = oda.check_cda(config, card, signed, own, aid)
    else:
        fault = oda.check_not_stripped(config, card)
    if fault is not None:
        return declined(fault, KERNEL, aid)
    return _decide(aid, own, card, result, verified.cvm)


def _options(answer: bytes) -> CardData:
    """Read the GPO answer in either format (EMV 4.3 Book 3, GET PROCESSING OPTIONS)."""
    card = CardData()
    outer = template(answer, tags.RESPONSE_TEMPLATE_2_77, tags.RESPONSE_TEMPLATE_1_80)
    if outer.tag == tags.RESPONSE_TEMPLATE_2_77:
        card.add(outer.value)
    else:
        card.put(tags.AIP_82, outer.value[:2])
        card.put(tags.AFL_94, outer.value[2:])
    card.require(tags.AIP_82, tags.AFL_94)
    return card


def _cryptogram(answer: bytes) -> tuple[CardData, bytes]:
    """Read the GENERATE AC answer in either format, and what of it a signature covers.

    Source: EMV 4.3 Book 3, GENERATE APPLICATION CRYPTOGRAM Command-Response APDUs.
    """
    result, covered = CardData(), b""
    outer = template(answer, tags.RESPONSE_TEMPLATE_2_77, tags.RESPONSE_TEMPLATE_1_80)
    if outer.tag == tags.RESPONSE_TEMPLATE_2_77:
        result.add(outer.value)
        covered = oda.without_signature(outer.value)
    else:
        result.put(tags.CRYPTOGRAM_INFORMATION_DATA_9F27, outer.value[_CID])
        result.put(tags.ATC_9F36, outer.value[_ATC])
        result.put(tags.APPLICATION_CRYPTOGRAM_9F26, outer.value[_CRYPTOGRAM])
        result.put(tags.ISSUER_APPLICATION_DATA_9F10, outer.value[_CRYPTOGRAM.stop :])
    result.require(tags.CRYPTOGRAM_INFORMATION_DATA_9F27, tags.ATC_9F36)
    return result, covered


def _results(
    asked: PreProcessing,
    card: CardData,
    own: dict[int, bytes],
    verified: cvm.Verification,
    *,
    with_cda: bool,
) -> Tvr:
    """Return the terminal verification results as they stand before GENERATE AC."""
    found = restrictions(card.objects, own)
    if not with_cda:
        found |= Tvr.ODA_NOT_PERFORMED
    if verified.cvm is None:
        found |= Tvr.CVM_FAILED
    if asked.above_floor:
        found |= Tvr.FLOOR_LIMIT_EXCEEDED
    return found


def _decide(
    aid: bytes, own: dict[int, bytes], card: CardData, result: CardData, verified: Cvm
) -> TapOutcome:
    kind = result.objects[tags.CRYPTOGRAM_INFORMATION_DATA_9F27][0] & CID_TYPE_MASK
    if kind == CID_AAC:
        hint = result.objects.get(tags.POS_CARDHOLDER_INTERACTION_DF4B, b"")
        if len(hint) == _INTERACTION_BYTES and hint[1] & _SEE_PHONE_MASK:
            return see_phone(KERNEL, aid)
        return declined("the card declined", KERNEL, aid)
    if kind == CID_TC:
        return declined(
            "the card approved offline, which this terminal does not offer", KERNEL, aid
        )
    if kind != CID_ARQC:
        return declined("the card's cryptogram is of no known kind", KERNEL, aid)
    result.require(tags.APPLICATION_CRYPTOGRAM_9F26, tags.ISSUER_APPLICATION_DATA_9F10)
    # The cryptogram's own answer counts, whatever the records said of the same tags.
    return online(KERNEL, aid, verified, online_data(own, {**card.objects, **result.objects}))
