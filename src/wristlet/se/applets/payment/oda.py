"""Signatures for offline data authentication by the card's own RSA key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wristlet.se.applets.base import CardError
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wristlet.se.applets.base import Context
    from wristlet.se.applets.payment.session import Session


def check_key(dgis: Mapping[int, bytes]) -> None:
    """Refuse an ICC key whose parts do not fit together."""
    raise CardError(SW.FUNCTION_NOT_SUPPORTED)


def fdda(ctx: Context, session: Session, terminal: bytes, atc: bytes, ctq: bytes) -> bytes:
    """Give the object 9F4B for the answer to GET PROCESSING OPTIONS."""
    raise CardError(SW.FUNCTION_NOT_SUPPORTED)


def cda(
    ctx: Context,
    session: Session,
    terminal: bytes,
    information: bytes,
    cryptogram: bytes,
    answer: bytes,
) -> bytes:
    """Give the object 9F4B for the answer to GENERATE AC."""
    raise CardError(SW.FUNCTION_NOT_SUPPORTED)
