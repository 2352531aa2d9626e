"""What one selection of a payment instance remembers between its commands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from wristlet.se.applets.base import CardError
from wristlet.se.applets.payment.image import Image, data_key, image_of
from wristlet.se.applets.payment.limits import Counters
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context
    from wristlet.se.applets.payment.plan import Plan

ATC_MAX: Final = 0xFFFF
_NAME: Final = "payment"


@unique
class Phase(Enum):
    """How far the transaction came (EMV 4.3 Book 3, Functions Used in Transaction Processing)."""

    SELECTED = "selected"
    INITIATED = "initiated"
    """GET PROCESSING OPTIONS was answered: records can be read."""
    DONE = "done"
    """The cryptogram is out: records can still be read."""


SELECTED, INITIATED, DONE = Phase


@dataclass(slots=True)
class Session:
    """Phase of the selected instance, and its image as of the store's generation."""

    image: Image
    generation: int
    phase: Phase = SELECTED
    atc: int = 0
    related_data: bytes = b""

    @property
    def plan(self) -> Plan:
        """The instance's constants."""
        return self.image.plan

    def data(self, ctx: Context, number: int) -> bytes | None:
        """Read one DGI as it was personalised."""
        return ctx.state.get(data_key(ctx.aid, number))

    def required(self, ctx: Context, number: int) -> bytes:
        """Read a DGI that the product cannot be without."""
        value = self.data(ctx, number)
        if value is None:
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        return value

    def counters(self, ctx: Context) -> Counters:
        """Read ATC and the counters of taps without lease."""
        return Counters.decode(ctx.state.get(self.image.counters_key))

    def save(self, ctx: Context, counters: Counters, atc: int) -> None:
        """Write them under this ATC; they are durable before the answer leaves the card."""
        ctx.state.put(self.image.counters_key, counters.encode_under(atc))


def open_session(ctx: Context) -> Session:
    """Start the selection of `ctx.aid`; 6985 while it is not personalised."""
    session = ctx.transient[_NAME] = Session(image_of(ctx), ctx.state.generation)
    return session


def session_of(ctx: Context) -> Session:
    """Give the selection's session; 6985 if selection failed or the instance's data are gone."""
    session: Session | None = ctx.transient.get(_NAME)
    if session is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    state = ctx.state
    if session.generation != state.generation:
        session.image = image_of(ctx)
        session.generation = state.generation
    return session


def next_atc(counters: Counters) -> int:
    """Give the number of this transaction; at its end the card takes none any more (6985)."""
    if counters.atc >= ATC_MAX:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    return counters.atc + 1
