"""Kernel 2 products: GET PROCESSING OPTIONS, READ RECORD, then GENERATE AC.

Online only: a request for a TC gets an ARQC. Source: EMV 4.3 Book 3, GENERATE APPLICATION
CRYPTOGRAM Command-Response APDUs; EMV 4.3 Book 2, Application Cryptogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wristlet.crypto.cryptogram import Cvn21
from wristlet.se.applets import lease
from wristlet.se.applets.base import CardError
from wristlet.se.applets.payment import oda
from wristlet.se.applets.payment.limits import Cvm, Tap, counted, lease_pays
from wristlet.se.applets.payment.session import DONE, INITIATED, next_atc
from wristlet.se.applets.payment.terminal import bcd_amount, command_data
from wristlet.wire import ber, products
from wristlet.wire.emv.iad import AcType, cvr21, iad21
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context
    from wristlet.se.applets.payment.session import Session
    from wristlet.wire.apdu import Command

# Places in the CDOL1 data (products.CDOL1_KERNEL_2).
_AMOUNT: Final = slice(0, 6)
_CURRENCY: Final = slice(19, 21)
_CVM_RESULTS: Final = slice(40, 43)
_CRYPTOGRAM_INPUT: Final = slice(0, 29)
"""CDOL1 begins with the fields and the order that the cryptogram covers."""

_P1_TYPE: Final = 0xC0
_P1_CDA: Final = 0x10
_AAC, _TC, _ARQC = AcType
_TYPES: Final = {0x00: _AAC, 0x40: _TC, 0x80: _ARQC}
_CVM_DEVICE: Final = bytes.fromhex("010002")
_CVM_METHOD: Final = 0x3F
_CVM_METHODS_NONE: Final = frozenset({0x1F, 0x3F})
"""No CVM required, and no CVM performed."""
_CRYPTOGRAM_INFORMATION: Final = (b"\x00", b"\x40", b"\x80")
"""By type of cryptogram."""
_NO_CVM, _DEVICE, _OTHER = Cvm
_SEE_PHONE: Final = bytes.fromhex("DF4B03000100")
"""POS cardholder interaction information: the wearer must unlock first."""


@dataclass(slots=True)
class _Outcome:
    """What the cryptogram will say: the lease block, and whether it was used for the tap.

    `hint` is an object for the terminal's display.
    """

    ac_type: AcType
    block: bytes
    used: bool = False
    hint: bytes = b""


def get_processing_options(ctx: Context, session: Session, data: bytes) -> bytes:
    """Move the ATC and tell where the records are; 6A80 unless the template is empty."""
    command_data(data, 0)
    counters = session.counters(ctx)
    session.atc = next_atc(counters)
    session.save(ctx, counters, session.atc)
    session.phase = INITIATED
    return session.image.plan.answer


def generate_ac(ctx: Context, session: Session, command: Command) -> bytes:
    """Give the transaction's one cryptogram; 6985 before GPO and for a second one.

    Without the lease it needs a tap gets an AAC and the hint to look at the phone.
    """
    wanted = _TYPES.get(command.p1 & _P1_TYPE)
    if wanted is None or command.p1 & ~(_P1_TYPE | _P1_CDA) or command.p2:
        raise CardError(SW.WRONG_P1_P2)
    if session.phase is not INITIATED:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    terminal = command.data
    if len(terminal) != products.CDOL1_DATA_SIZE:
        raise CardError(SW.WRONG_LENGTH)
    outcome = _decide(ctx, session, terminal, wanted)
    session.phase = DONE
    image = session.image
    plan = image.plan
    cvr = cvr21(outcome.ac_type, cdcvm_done=outcome.used)
    atc_bytes = session.atc.to_bytes(2, "big")
    iad = iad21(plan.key_index, cvr, plan.dac, outcome.block)
    covered = terminal[_CRYPTOGRAM_INPUT] + plan.aip + atc_bytes + cvr + outcome.block
    cryptogram = Cvn21.ac(image.mac_key, session.atc, covered)
    information = _CRYPTOGRAM_INFORMATION[outcome.ac_type]
    before = b"\x9f\x27\x01" + information + b"\x9f\x36\x02" + atc_bytes
    after = b"\x9f\x10" + bytes((len(iad),)) + iad + outcome.hint
    if plan.oda and command.p1 & _P1_CDA and outcome.ac_type is not _AAC:
        signed = oda.cda(ctx, session, terminal, information[0], cryptogram, before + after)
        return ber.encode(0x77, before + signed + after)
    return ber.encode(0x77, before + b"\x9f\x26\x08" + cryptogram + after)


def _decide(ctx: Context, session: Session, terminal: bytes, wanted: AcType) -> _Outcome:
    unlocked = lease.load(ctx.state)
    tap = _tap(terminal)
    if wanted is _AAC:
        return _Outcome(_AAC, lease.unused(unlocked))
    limits = session.image.limits
    paid = lease_pays(tap, limits, unlocked)
    if paid is not None:
        return _Outcome(_ARQC, lease.use(ctx, unlocked, paid), used=True)
    counters = session.counters(ctx)
    moved = counted(tap, limits, counters, unlocked.unlock_counter)
    if moved is None:
        return _Outcome(_AAC, lease.unused(unlocked), hint=_SEE_PHONE)
    session.save(ctx, moved, counters.atc)
    return _Outcome(_ARQC, lease.unused(unlocked))


def _tap(terminal: bytes) -> Tap:
    results = terminal[_CVM_RESULTS]
    if results == _CVM_DEVICE:
        cvm = _DEVICE
    elif results[0] & _CVM_METHOD in _CVM_METHODS_NONE:
        cvm = _NO_CVM
    else:
        cvm = _OTHER
    return Tap(bcd_amount(terminal[_AMOUNT]), terminal[_CURRENCY], cvm)
