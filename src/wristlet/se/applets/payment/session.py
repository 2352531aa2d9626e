"""What one selection of a payment instance remembers between its commands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wristlet.crypto.tdes import TdesKey
from wristlet.se.applets.base import CardError
from wristlet.se.applets.payment.limits import Counters
from wristlet.se.applets.payment.plan import KEY as PLAN_KEY
from wristlet.se.applets.payment.plan import Plan
from wristlet.wire import products
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context

ATC_MAX: Final = 0xFFFF
_NAME: Final = "payment"
COUNTERS_KEY: Final = "counters"
_KEYS: Final = f"{products.DGI_KEYS:04X}"
_MAC_KEY: Final = slice(0, 16)


@unique
class Phase(Enum):
    """How far the transaction came (EMV 4.3 Book 3, Functions Used in Transaction Processing)."""

    SELECTED = "selected"
    INITIATED = "initiated"
    """GET PROCESSING OPTIONS was answered: records can be read."""
    DONE = "done"
    """The cryptogram is out: records can still be read."""


@dataclass(slots=True)
class Session:
    """Phase and constants of the selected instance; `prefix` starts each of its state keys."""

    prefix: str
    plan: Plan
    phase: Phase = Phase.SELECTED
    atc: int = 0
    related_data: bytes = b""

    def data(self, ctx: Context, number: int) -> bytes | None:
        """Read one DGI as it was personalised."""
        return ctx.state.get(f"{self.prefix}{number:04X}")

    def required(self, ctx: Context, number: int) -> bytes:
        """Read a DGI that the product cannot be without."""
        value = self.data(ctx, number)
        if value is None:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        return value

    def mac_key(self, ctx: Context) -> TdesKey:
        """The card's master key for cryptograms, with its cipher context."""
        key = ctx.state.derived(self.prefix + _KEYS, _mac_key)
        if key is None:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        return key

    def counters(self, ctx: Context) -> Counters:
        """Read ATC and the counters of taps without lease."""
        return Counters.decode(ctx.state.get(self.prefix + COUNTERS_KEY))

    def save(self, ctx: Context, counters: Counters) -> None:
        """Write them; they are durable before the answer leaves the card."""
        ctx.state.put(self.prefix + COUNTERS_KEY, counters.encode())


def open_session(ctx: Context) -> Session:
    """Start the selection of `ctx.aid`; 6985 while it is not personalised."""
    prefix = prefix_of(ctx.aid)
    plan = ctx.state.derived(prefix + PLAN_KEY, Plan.decode)
    if plan is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    session = Session(prefix, plan)
    ctx.transient[_NAME] = session
    return session


def session_of(ctx: Context) -> Session:
    """Give the selection's session; 6985 if selection failed."""
    session = ctx.transient.get(_NAME)
    if not isinstance(session, Session):
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    return session


def next_atc(counters: Counters) -> int:
    """Give the number of this transaction; at its end the card takes none any more (6985)."""
    if counters.atc >= ATC_MAX:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    return counters.atc + 1


def _mac_key(keys: bytes) -> TdesKey:
    return TdesKey(keys[_MAC_KEY])


@lru_cache(maxsize=256)
def prefix_of(aid: bytes) -> str:
    """Give what all state keys of an instance start with."""
    return f"inst/{aid.hex().upper()}/"
