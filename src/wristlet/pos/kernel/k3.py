"""Kernel 3 (cryptogram in the GPO answer), EMV mode only; magnetic-stripe mode does not exist here.

EMV Contactless Book C-3.
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
from wristlet.wire.emv.bits import Ctq, Ttq
from wristlet.wire.errors import DecodeError

KERNEL = 3
SW_OK, SW_SEE_PHONE, SW_NEXT_APPLICATION = 0x9000, 0x6986, 0x6985
CID_TYPE_MASK, CID_ARQC, CID_TC = 0xC0, 0x80, 0x40


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
    """Run the kernel on a selected application."""
    try:
        return (yield from _run(config, sale, aid, fci))
    except (CardFault, DecodeError) as fault:
        return unusable(str(fault), KERNEL, aid)


def _run(config: TerminalConfig, sale: Sale, aid: bytes, fci: bytes) -> KernelRun:
    asked = pre_process(config.limits.get(KERNEL, Limits()), sale.amount_minor)
    own = terminal_data(config, sale)
    own[tags.TTQ_9F66] = qualifiers(asked, can_authenticate=bool(config.ca_keys)).encode()
    own[tags.DF_NAME_84] = aid
    answer = yield commands.get_processing_options(dol.build(pdol_of(fci), own))
    if answer.sw == SW_SEE_PHONE:
        return see_phone(KERNEL, aid)
    if answer.sw == SW_NEXT_APPLICATION:
        reason = "the card refers to another application"
        return TapOutcome(OutcomeKind.SELECT_NEXT, Display.TRY_ANOTHER_CARD, reason, KERNEL, aid)
    if answer.sw != SW_OK:
        return unusable("the card did not start the transaction", KERNEL, aid)
    card = CardData()
    card.add(answer.data)
    card.require(tags.AIP_82, tags.ATC_9F36, tags.APPLICATION_CRYPTOGRAM_9F26)
    card.require(tags.ISSUER_APPLICATION_DATA_9F10, tags.TRACK_2_57)
    if tags.AFL_94 in card.objects:
        yield from read_records(card.objects[tags.AFL_94], card)
    return _decide(config, asked, own, aid, card)


def _decide(
    config: TerminalConfig, asked: PreProcessing, own: dict[int, bytes], aid: bytes, card: CardData
) -> TapOutcome:
    """Judge the card's answer: type of cryptogram, offline authentication, cardholder
    verification.
    """
    kind = card.objects.get(tags.CRYPTOGRAM_INFORMATION_DATA_9F27, b"\x00")[0] & CID_TYPE_MASK
    if kind not in (CID_ARQC, CID_TC):
        return declined("the card declined", KERNEL, aid)
    fault = oda.check_fdda(config, card, own, aid)
    if fault is not None:
        return declined(fault, KERNEL, aid)
    if kind == CID_TC:
        return declined(
            "the card approved offline, which this terminal does not offer", KERNEL, aid
        )
    cvm = _cvm(card)
    if asked.cvm_required and cvm is not Cvm.CDCVM:
        return declined(
            "the amount needs the cardholder verified and the card did not", KERNEL, aid
        )
    own[tags.CVM_RESULTS_9F34] = CVM_RESULTS[cvm]
    reason = "the card asks the issuer"
    data = {**online_data(own, card.objects), tags.TRACK_2_57: card.objects[tags.TRACK_2_57]}
    return TapOutcome(
        OutcomeKind.ONLINE_REQUEST, Display.AUTHORISING, reason, KERNEL, aid, cvm, data
    )


def _cvm(card: CardData) -> Cvm:
    raw = card.objects.get(tags.CTQ_9F6C)
    if raw is not None and len(raw) == Ctq.SIZE and Ctq.CDCVM_PERFORMED in Ctq.decode(raw):
        return Cvm.CDCVM
    return Cvm.NONE
