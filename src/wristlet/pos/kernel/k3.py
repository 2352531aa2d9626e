"""Kernel 3 (cryptogram in the GPO answer), EMV mode only; magnetic-stripe mode does not exist here.

EMV Contactless Book C-3.
"""

from __future__ import annotations

from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel import cvm, oda
from wristlet.pos.kernel.common import (
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
    KernelRun,
    TapOutcome,
    declined,
    online,
    see_phone,
    select_next,
    unusable,
)
from wristlet.pos.kernel.restrictions import restrictions
from wristlet.pos.kernel.sale import PreProcessing, Sale, pre_process, terminal_data
from wristlet.wire.emv import commands, dol, tags
from wristlet.wire.emv.bits import Ttq

KERNEL = 3
SW_SEE_PHONE = 0x6986


def qualifiers(asked: PreProcessing, *, can_authenticate: bool) -> Ttq:
    """Return the terminal transaction qualifiers 9F66 for one transaction."""
    flags = Ttq.EMV_MODE | Ttq.CDCVM
    if can_authenticate:
        flags |= Ttq.ODA_FOR_ONLINE
    if asked.cvm_required:
        flags |= Ttq.CVM_REQUIRED
    if asked.online_required:
        flags |= Ttq.ONLINE_CRYPTOGRAM_REQUIRED
    return flags


def run(config: TerminalConfig, sale: Sale, aid: bytes, fci: bytes) -> KernelRun:
    """Run the kernel on a selected application, `aid` being its full name."""
    try:
        return (yield from _run(config, sale, aid, fci))
    except CardFault as fault:
        return unusable(str(fault), KERNEL, aid)


def _run(config: TerminalConfig, sale: Sale, aid: bytes, fci: bytes) -> KernelRun:
    asked = pre_process(config, KERNEL, sale)
    own = terminal_data(config, sale)
    own[tags.TTQ_9F66] = qualifiers(asked, can_authenticate=bool(config.ca_keys)).encode()
    own[tags.DF_NAME_84] = aid
    pdol = pdol_of(fci)
    pdol_data = dol_data(pdol, own)
    if all(entry.tag != tags.TTQ_9F66 for entry in dol.parse(pdol)):
        raise CardFault("the card does not ask what the terminal can do (9F66)")
    answer = yield commands.get_processing_options(pdol_data)
    if answer.sw == SW_SEE_PHONE:
        return see_phone(KERNEL, aid)
    if answer.sw == SW_NEXT_APPLICATION:
        return select_next(KERNEL, aid)
    if answer.sw != SW_OK:
        return unusable("the card did not start the transaction", KERNEL, aid)
    card = CardData()
    card.add(template(answer.data, tags.RESPONSE_TEMPLATE_2_77).value)
    card.require(
        tags.AIP_82,
        tags.ATC_9F36,
        tags.APPLICATION_CRYPTOGRAM_9F26,
        tags.CRYPTOGRAM_INFORMATION_DATA_9F27,
        tags.ISSUER_APPLICATION_DATA_9F10,
    )
    if tags.AFL_94 in card.objects:
        yield from read_records(card.objects[tags.AFL_94], card)
    card.track()
    return _decide(config, asked, own, aid, card)


def _decide(
    config: TerminalConfig, asked: PreProcessing, own: dict[int, bytes], aid: bytes, card: CardData
) -> TapOutcome:
    """Judge the card's answer: type of cryptogram, offline authentication, dates, cardholder."""
    kind = card.objects[tags.CRYPTOGRAM_INFORMATION_DATA_9F27][0] & CID_TYPE_MASK
    if kind not in (CID_ARQC, CID_TC):
        return declined("the card declined", KERNEL, aid)
    fault = oda.check_fdda(config, card, own, aid)
    if fault is not None:
        return declined(fault, KERNEL, aid)
    if kind == CID_TC:
        return declined(
            "the card approved offline, which this terminal does not offer", KERNEL, aid
        )
    found = restrictions(card.objects, own)
    if found:
        return declined(f"the card may not be used: {found.describe()[0]}", KERNEL, aid)
    verified = cvm.kernel3(card.objects.get(tags.CTQ_9F6C), required=asked.cvm_required)
    if verified.cvm is None:
        return declined("the cardholder must be verified and was not", KERNEL, aid)
    own[tags.CVM_RESULTS_9F34] = verified.results.encode()
    return online(KERNEL, aid, verified.cvm, online_data(own, card.objects))
