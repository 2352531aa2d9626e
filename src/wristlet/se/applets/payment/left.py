"""What a card may still pay without the PIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wristlet.se.applets.base import instance_key
from wristlet.se.applets.payment.image import COUNTERS_KEY
from wristlet.se.applets.payment.limits import Counters
from wristlet.se.applets.payment.plan import KEY as PLAN_KEY
from wristlet.se.applets.payment.plan import Plan
from wristlet.wire.tap_report import TAPS_UNKNOWN

if TYPE_CHECKING:
    from wristlet.se.applets.base import State


def free_left(state: State, aid: bytes, unlock_counter: int) -> tuple[int, int] | None:
    """Return taps and amount (minor units) left to a card; None when it is not there."""
    raw = state.get(instance_key(aid, PLAN_KEY)) if aid else None
    if raw is None:
        return None
    limits = Plan.decode(raw).limits
    used = Counters.decode(state.get(instance_key(aid, COUNTERS_KEY))).since(unlock_counter)
    taps = max(min(limits.taps_max - used[0], TAPS_UNKNOWN - 1), 0)
    return (0, 0) if limits.cdcvm_always else (taps, max(limits.sum_max - used[1], 0))
