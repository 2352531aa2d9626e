"""Tells an enrolled phone how far a card's taps without PIN have run down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wristlet.se.applets import lease, phones
from wristlet.se.applets.base import CardError, instance_key
from wristlet.se.applets.payment.image import COUNTERS_KEY
from wristlet.se.applets.payment.limits import Counters
from wristlet.se.applets.payment.plan import KEY as PLAN_KEY
from wristlet.se.applets.payment.plan import Plan
from wristlet.wire import ber
from wristlet.wire.errors import DecodeError
from wristlet.wire.free_taps import TAG_INSTANCE, FreeTaps
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context


def read(ctx: Context, data: bytes) -> bytes:
    """Answer for the instance named in `data`; 6A88 when there is none, 6982 for anybody else.

    They begin anew at each unlock, as the payment applet counts them.
    """
    phones.require_phone(ctx)
    try:
        aid = ber.find(data, TAG_INSTANCE)
    except DecodeError as error:
        raise CardError(SW.WRONG_DATA) from error
    if aid is None:
        raise CardError(SW.WRONG_DATA)
    raw = ctx.state.get(instance_key(aid, PLAN_KEY))
    if raw is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    limits = Plan.decode(raw).limits
    counters = Counters.decode(ctx.state.get(instance_key(aid, COUNTERS_KEY)))
    taps, amount_minor = counters.since(lease.load(ctx.state).unlock_counter)
    return FreeTaps(
        taps_left=max(0, limits.taps_max - taps),
        amount_left_minor=max(0, limits.sum_max - amount_minor),
        taps_max=limits.taps_max,
        amount_max_minor=limits.sum_max,
        currency=limits.currency.hex(),
        always_pin=limits.cdcvm_always,
    ).encode()
