"""When a tap may be answered: the lease if it covers it, else the counters of taps without one.

Pure: what the terminal asks, what the product allows and what was used so far go in, what the
tap uses up comes out. Nothing is frozen, because all of it is made anew at every tap. Source of
the idea: EMV Contactless Books C-2 and C-3, cardholder verification on the consumer's device; the
counters are this product's own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final, NamedTuple, Protocol

_COUNTERS: Final = struct.Struct(">HHBI")
NO_CVM_SUM_CAP: Final = 0xFFFF_FFFF


@unique
class Cvm(Enum):
    """What the terminal wants from the cardholder for this tap."""

    NONE = "none"
    DEVICE = "device"
    OTHER = "other"
    """Something the product does not have (online PIN, signature)."""


_NO_CVM: Final = Cvm.NONE


class Limits(NamedTuple):
    """What the product allows; amounts in minor units of `currency` (numeric code, 2 bytes)."""

    taps_max: int
    sum_max: int
    currency: bytes
    cdcvm_always: bool


class Counters(NamedTuple):
    """What one card has used up.

    `taps` and `amount_minor` count taps without lease since the unlock numbered
    `unlock_counter`; a later unlock makes both zero without a write.
    """

    atc: int = 0
    unlock_counter: int = 0
    taps: int = 0
    amount_minor: int = 0

    def since(self, unlock_counter: int) -> tuple[int, int]:
        """Taps and amount without lease since that unlock."""
        if self.unlock_counter != unlock_counter:
            return 0, 0
        return self.taps, self.amount_minor

    def encode(self) -> bytes:
        """9 bytes: ATC(2), unlock counter(2), taps(1), amount(4)."""
        return self.encode_under(self.atc)

    def encode_under(self, atc: int) -> bytes:
        """The same under another ATC."""
        _, unlock_counter, taps, amount = self
        return _COUNTERS.pack(atc, unlock_counter, taps, amount)

    @classmethod
    def decode(cls, raw: bytes | None) -> Counters:
        """Read `encode`'s bytes; a card that never tapped has none."""
        if raw is None:
            return cls()
        return tuple.__new__(cls, _COUNTERS.unpack(raw))


@dataclass(slots=True)
class Tap:
    """What the terminal asks for: amount in minor units of `currency` (numeric code, 2 bytes)."""

    amount_minor: int
    currency: bytes
    cvm: Cvm


class AnyLease(Protocol):
    """The part of a lease that decides."""

    @property
    def valid(self) -> bool: ...

    @property
    def amount_left_minor(self) -> int: ...

    @property
    def unlock_counter(self) -> int: ...


class LeaseView(NamedTuple):
    """That part alone."""

    valid: bool
    amount_left_minor: int
    unlock_counter: int


def needs_lease(tap: Tap, limits: Limits) -> bool:
    """Tell whether nothing but the lease will do.

    A currency that is not the product's says nothing about the amount, so it counts as above
    every limit.
    """
    return tap.cvm is not _NO_CVM or limits.cdcvm_always or tap.currency != limits.currency


def lease_pays(tap: Tap, limits: Limits, lease: AnyLease) -> int | None:
    """Give the amount that a lease pays for the tap; None if it does not cover it.

    Amounts of another currency cannot be compared: such a tap takes all that is left.
    """
    left = lease.amount_left_minor
    amount = tap.amount_minor if tap.currency == limits.currency else left
    return amount if amount <= left and lease.valid else None


def counted(tap: Tap, limits: Limits, counters: Counters, unlock_counter: int) -> Counters | None:
    """Give the counters after a tap that no lease pays (ATC unchanged).

    None if the wearer must unlock first: nothing but a lease will do, or the counters are at
    their end. `unlock_counter` is the lease's.
    """
    if needs_lease(tap, limits):
        return None
    taps, amount = counters.since(unlock_counter)
    taps += 1
    amount += tap.amount_minor
    if taps > limits.taps_max or amount > limits.sum_max:
        return None
    return Counters(counters.atc, unlock_counter, taps, amount)
