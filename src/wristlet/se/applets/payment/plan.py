"""What a tap needs of the personalisation data, laid out once at the commit.

A tap then reads one fixed-size header and a ready piece of its answer instead of parsing TLVs.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from wristlet.se.applets.payment.limits import Limits

KEY: Final = "plan"
_HEADER: Final = struct.Struct(">B?2s2sB2s2s?BIHH")


class Plan(NamedTuple):
    """One instance's constants.

    `answer` is the fixed part of the GPO answer: for kernel 2 all of it, for kernel 3 the objects
    that are the same at each tap. `related_record` and `related_offset` say where the record with
    9F69 (fDDA) takes its value; both are 0 without one.
    """

    kernel: int
    oda: bool
    aip: bytes
    currency: bytes
    key_index: int
    dac: bytes
    ctq: bytes
    cdcvm_always: bool
    taps_max: int
    sum_max: int
    related_record: int
    related_offset: int
    answer: bytes

    @property
    def limits(self) -> Limits:
        """What the product allows without a lease."""
        return Limits(self.taps_max, self.sum_max, self.currency, self.cdcvm_always)

    def encode(self) -> bytes:
        """Header of 20 bytes, then the ready piece."""
        return _HEADER.pack(*self[:-1]) + self.answer

    @classmethod
    def decode(cls, raw: bytes) -> Plan:
        """Read `encode`'s bytes."""
        return cls._make((*_HEADER.unpack_from(raw), raw[_HEADER.size :]))
