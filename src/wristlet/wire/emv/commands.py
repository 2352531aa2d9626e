"""Commands of the tap, built.

Source: EMV 4.3 Book 1 and Book 3, command descriptions; EMV Contactless Book B, PPSE.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

from wristlet.wire import ber
from wristlet.wire.apdu import LE_SHORT_MAX, Command
from wristlet.wire.emv import tags
from wristlet.wire.emv.afl import SFI_MAX
from wristlet.wire.emv.iad import AcType
from wristlet.wire.errors import EncodeError
from wristlet.wire.gp import aids
from wristlet.wire.gp.commands import get_data, select

CLA_ISO: Final = 0x00
CLA_EMV: Final = 0x80

_AC_SHIFT: Final = 6
_REQUEST_CDA: Final = 0x10
_SFI_SHIFT: Final = 3
_BY_NUMBER: Final = 0x04

__all__ = [
    "Ins",
    "external_authenticate",
    "generate_ac",
    "get_data",
    "get_processing_options",
    "read_record",
    "reference_control",
    "select",
    "select_ppse",
]


@unique
class Ins(IntEnum):
    """Instruction bytes."""

    EXTERNAL_AUTHENTICATE = 0x82
    SELECT = 0xA4
    GET_PROCESSING_OPTIONS = 0xA8
    GENERATE_AC = 0xAE
    READ_RECORD = 0xB2
    GET_DATA = 0xCA


def select_ppse() -> Command:
    """SELECT the directory of contactless applications."""
    return select(aids.PPSE)


def get_processing_options(pdol_data: bytes = b"") -> Command:
    """GET PROCESSING OPTIONS; without PDOL the data stay empty (`8300`)."""
    data = ber.encode(tags.COMMAND_TEMPLATE_83, pdol_data)
    return Command(CLA_EMV, Ins.GET_PROCESSING_OPTIONS, 0x00, 0x00, data, LE_SHORT_MAX)


def read_record(sfi: int, number: int) -> Command:
    """READ RECORD by number from a short file identifier."""
    if not 1 <= sfi <= SFI_MAX:
        raise EncodeError("a file identifier is 1 to 30", path=("read_record", "sfi"))
    p2 = sfi << _SFI_SHIFT | _BY_NUMBER
    return Command(CLA_ISO, Ins.READ_RECORD, number, p2, le=LE_SHORT_MAX)


def reference_control(ac: AcType, *, cda: bool = False) -> int:
    """Return P1 of GENERATE AC: the wanted cryptogram, and whether with a CDA signature."""
    return ac << _AC_SHIFT | (_REQUEST_CDA if cda else 0)


def generate_ac(reference: int, cdol_data: bytes) -> Command:
    """GENERATE AC; `reference` comes from `reference_control`."""
    return Command(CLA_EMV, Ins.GENERATE_AC, reference, 0x00, cdol_data, LE_SHORT_MAX)


def external_authenticate(issuer_authentication_data: bytes) -> Command:
    """EXTERNAL AUTHENTICATE with the contents of tag 91."""
    return Command(CLA_ISO, Ins.EXTERNAL_AUTHENTICATE, 0x00, 0x00, issuer_authentication_data)
