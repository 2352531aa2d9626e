"""Kernel 3 products: the cryptogram comes in the answer to GET PROCESSING OPTIONS.

Online only: a terminal that cannot go online, and a refund, get an AAC. Source: EMV Contactless
Book C-3, transaction processing; EMV 4.3 Book 2, Application Cryptogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wristlet.crypto.cryptogram import Cvn18
from wristlet.se.applets import lease
from wristlet.se.applets.base import CardError
from wristlet.se.applets.payment import oda
from wristlet.se.applets.payment.limits import Counters, Cvm, Tap, counted, lease_pays, needs_lease
from wristlet.se.applets.payment.session import DONE, next_atc
from wristlet.se.applets.payment.terminal import bcd_amount, command_data
from wristlet.wire import ber, products
from wristlet.wire.emv.iad import AcType, cvr18, iad18
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context
    from wristlet.se.applets.payment.session import Session

# Places in the PDOL data (products.PDOL_KERNEL_3).
_AMOUNT: Final = slice(4, 10)
_CURRENCY: Final = slice(23, 25)
_TYPE: Final = 28
_CRYPTOGRAM_INPUT: Final = slice(4, 33)
"""The PDOL asks for these fields in the order in which the cryptogram covers them."""

_TTQ1_EMV_MODE: Final = 0x20
_TTQ1_OFFLINE_ONLY: Final = 0x08
_TTQ2_CVM_REQUIRED: Final = 0x40
_TTQ3_DEVICE_CVM: Final = 0x40
_CTQ2_DEVICE_CVM: Final = 0x80
_TYPE_REFUND: Final = 0x20
_AAC: Final = AcType.AAC
_ARQC: Final = AcType.ARQC
_CRYPTOGRAM_INFORMATION: Final = (b"\x00", b"\x40", b"\x80")
"""By type of cryptogram."""
_NO_CVM: Final = Cvm.NONE
_DEVICE: Final = Cvm.DEVICE


@dataclass(slots=True)
class _Outcome:
    """What the cryptogram will say: the lease block, and whether it was used for the tap.

    `shows_cdcvm` is what the terminal is told in the CTQ.
    """

    ac_type: AcType
    block: bytes
    counters: Counters
    used: bool = False
    shows_cdcvm: bool = False


def get_processing_options(ctx: Context, session: Session, data: bytes) -> bytes:
    """Decide the tap and answer with its cryptogram.

    Raises 6A80 when the data are not what the PDOL asks for, 6985 when terminal and card have no
    way in common, 6986 when the wearer must unlock first; ATC and counters then stay.
    """
    terminal = command_data(data, products.PDOL_DATA_SIZE)
    image = session.image
    plan = image.plan
    counters = session.counters(ctx)
    atc = next_atc(counters)
    outcome = _decide(ctx, session, terminal, counters)
    session.save(ctx, outcome.counters, atc)
    session.phase = DONE
    iad = iad18(plan.key_index, cvr18(outcome.ac_type, cdcvm_done=outcome.used), outcome.block)
    atc_bytes = atc.to_bytes(2, "big")
    covered = terminal[_CRYPTOGRAM_INPUT] + plan.aip + atc_bytes + iad
    ctq = bytes((plan.ctq[0], plan.ctq[1] | (_CTQ2_DEVICE_CVM if outcome.shows_cdcvm else 0)))
    answer = b"".join(
        (
            plan.answer,
            b"\x9f\x10",
            bytes((len(iad),)),
            iad,
            b"\x9f\x26\x08",
            Cvn18.ac(image.mac_key, atc, covered),
            b"\x9f\x27\x01",
            _CRYPTOGRAM_INFORMATION[outcome.ac_type],
            b"\x9f\x36\x02",
            atc_bytes,
            b"\x9f\x6c\x02",
            ctq,
            oda.fdda(ctx, session, terminal, atc_bytes, ctq) if plan.oda else b"",
        )
    )
    return ber.encode(0x77, answer)


def _decide(ctx: Context, session: Session, terminal: bytes, counters: Counters) -> _Outcome:
    unlocked = lease.load(ctx.state)
    tap = _tap(terminal)
    if terminal[0] & _TTQ1_OFFLINE_ONLY or terminal[_TYPE] == _TYPE_REFUND:
        return _Outcome(_AAC, lease.unused(unlocked), counters)
    limits = session.image.limits
    paid = lease_pays(tap, limits, unlocked)
    if paid is not None:
        shows_cdcvm = needs_lease(tap, limits) and terminal[2] & _TTQ3_DEVICE_CVM != 0
        return _Outcome(_ARQC, lease.use(ctx, unlocked, paid), counters, True, shows_cdcvm)
    moved = counted(tap, limits, counters, unlocked.unlock_counter)
    if moved is None:
        raise CardError(SW.COMMAND_NOT_ALLOWED)
    return _Outcome(_ARQC, lease.unused(unlocked), moved)


def _tap(terminal: bytes) -> Tap:
    """Read the terminal's wish; 6985 without EMV mode or without a common cardholder check."""
    if not terminal[0] & _TTQ1_EMV_MODE:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    cvm = _NO_CVM
    if terminal[1] & _TTQ2_CVM_REQUIRED:
        if not terminal[2] & _TTQ3_DEVICE_CVM:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        cvm = _DEVICE
    return Tap(bcd_amount(terminal[_AMOUNT]), terminal[_CURRENCY], cvm)
