"""What a tap needs of an instance's stored data, ready for use.

Made at the instance's first command and kept beside the store, which forgets it as soon as one
of the values it was made of changes: personalisation data, registry, contactless interface.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from wristlet.crypto.tdes import TdesKey
from wristlet.se.applets import crs
from wristlet.se.applets.base import CardError, instance_key
from wristlet.se.applets.payment.limits import Limits
from wristlet.se.applets.payment.plan import KEY as PLAN_KEY
from wristlet.se.applets.payment.plan import Plan
from wristlet.wire import ber, products
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context

_MAC_KEY_SIZE: Final = 16
COUNTERS_KEY: Final = "counters"


class Image(NamedTuple):
    """One instance as it stands.

    `mac_key` is the card's master key for cryptograms with its cipher context, `file_control` the
    answer to SELECT. `active` tells whether it answers terminals now, `switched_off` whether the
    wearer switched the contactless interface off as a whole.
    """

    plan: Plan
    limits: Limits
    mac_key: TdesKey
    file_control: bytes
    counters_key: str
    active: bool
    switched_off: bool


def image_of(ctx: Context) -> Image:
    """Give the image of `ctx.aid`; 6985 while it is not personalised."""
    return ctx.state.kept((_load, ctx.aid), _load, ctx)


@lru_cache(maxsize=1024)
def data_key(aid: bytes, number: int) -> str:
    """Give the state key of one DGI as it was personalised."""
    return instance_key(aid, f"{number:04X}")


def _load(ctx: Context) -> Image:
    plan = Plan.decode(_required(ctx, instance_key(ctx.aid, PLAN_KEY)))
    keys = _required(ctx, data_key(ctx.aid, products.DGI_KEYS))
    proprietary = _required(ctx, data_key(ctx.aid, products.DGI_FCI))
    name = ber.encode(0x84, ctx.aid)
    return Image(
        plan,
        plan.limits,
        TdesKey(keys[:_MAC_KEY_SIZE]),
        ber.encode(0x6F, name + ber.encode(0xA5, proprietary)),
        instance_key(ctx.aid, COUNTERS_KEY),
        ctx.registry.effective(ctx.aid) is ContactlessState.ACTIVATED,
        crs.contactless_is_off(ctx.state),
    )


def _required(ctx: Context, key: str) -> bytes:
    value = ctx.state.get(key)
    if value is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    return value
