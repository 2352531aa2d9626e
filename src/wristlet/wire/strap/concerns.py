"""What phone and strap talk about: one GATT service each, one message exchange each.

Every concern carries requests of the phone with one answer each, and news that the strap sends
unasked. How messages become frames is the link's matter; what they say is that concern's module.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Concern(IntEnum):
    """The number is part of the service's UUID."""

    APDU = 0x01
    """Commands for the secure element, passed on as they are."""
    MESSAGES = 0x02
    """Notifications, calls, alarms, timers; dismissals and actions back."""
    ACTIVITY = 0x03
    """What the strap recorded, in order, from a cursor on."""
    STATE = 0x04
    """Battery, charge, worn, firmware, memory, find-me; tap results unasked."""
    TIME = 0x05
    """The phone's clock and time zone."""
    SETTINGS = 0x06
    """What the wearer and the brand chose."""
    PAIRING = 0x07
    """The first enrolment of a phone: commitment, random numbers, digits."""
