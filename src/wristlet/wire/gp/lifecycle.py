"""Life cycle bytes of card, domains, applications and contactless activation.

Source: GPCS 2.3.1, life cycle state coding; GPCS Amendment C, contactless activation state.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

LOCKED_BIT: Final = 0x80
"""Set beside the former state when a domain or application is locked, so unlocking restores it."""


@unique
class CardState(IntEnum):
    """Life cycle of the card, held by the issuer domain."""

    OP_READY = 0x01
    INITIALIZED = 0x07
    SECURED = 0x0F
    CARD_LOCKED = 0x7F
    TERMINATED = 0xFF


@unique
class LoadFileState(IntEnum):
    """Life cycle of an executable load file."""

    LOADED = 0x01


@unique
class DomainState(IntEnum):
    """Life cycle of a supplementary security domain, without the lock bit."""

    INSTALLED = 0x03
    SELECTABLE = 0x07
    PERSONALIZED = 0x0F


@unique
class ApplicationState(IntEnum):
    """Life cycle of an application, without the lock bit and the application's own states."""

    INSTALLED = 0x03
    SELECTABLE = 0x07


@unique
class ContactlessState(IntEnum):
    """Contactless activation state of an application."""

    DEACTIVATED = 0x00
    ACTIVATED = 0x01
    NON_ACTIVATABLE = 0x80


def is_locked(state: int) -> bool:
    """Tell whether the state of a domain or application carries the lock bit."""
    return bool(state & LOCKED_BIT)


def locked(state: int) -> int:
    """Return the state with the lock bit."""
    return state | LOCKED_BIT


def unlocked(state: int) -> int:
    """Return the state that unlocking restores."""
    return state & ~LOCKED_BIT & 0xFF
