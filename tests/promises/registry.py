"""All promises that this stage of the project measures, by number."""

from __future__ import annotations

from promises import channel, money, provisioning, store, taps, tokens
from promises.harness import Promise

PROMISES: tuple[Promise, ...] = tuple(
    sorted(
        (
            *store.PROMISES,
            *channel.PROMISES,
            *provisioning.PROMISES,
            *tokens.PROMISES,
            *taps.PROMISES,
            *money.PROMISES,
        ),
        key=lambda promise: promise.id,
    )
)
