"""All promises that this stage of the project measures, by number."""

from __future__ import annotations

from promises import (
    channel,
    counters,
    link,
    money,
    provisioning,
    store,
    tamper,
    tap_agreement,
    taps,
    tokens,
)
from promises.harness import Promise

PROMISES: tuple[Promise, ...] = tuple(
    sorted(
        (
            *store.PROMISES,
            *tamper.PROMISES,
            *channel.PROMISES,
            *counters.PROMISES,
            *tap_agreement.PROMISES,
            *provisioning.PROMISES,
            *tokens.PROMISES,
            *taps.PROMISES,
            *money.PROMISES,
            *link.PROMISES,
        ),
        key=lambda promise: promise.id,
    )
)
