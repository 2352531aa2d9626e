"""The strap's GATT services, declared once: server, client, sockets and the reference page.

Each concern is a service of its own with two characteristics, one to write frames to and one that
notifies frames. Standard services stand beside them for phones that know nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto, unique
from typing import Final

from wristlet.wire.strap.concerns import Concern

UUID_FORMAT: Final = "7c5b{service:02x}{characteristic:02x}-9d5f-4e0a-8a36-5f1e0b7d9c21"
"""Our UUIDs: the third byte is the concern's number, the fourth the characteristic's, 0 is the
service itself."""
SIG_FORMAT: Final = "0000{number:04x}-0000-1000-8000-00805f9b34fb"
"""UUIDs that the Bluetooth SIG has assigned."""


@unique
class Property(Flag):
    """What can be done with a characteristic (Bluetooth Core Specification, GATT)."""

    READ = auto()
    WRITE = auto()
    WRITE_WITHOUT_RESPONSE = auto()
    NOTIFY = auto()


@unique
class Security(Flag):
    """What a connection must be before an attribute answers."""

    ENCRYPTED = auto()
    AUTHENTICATED = auto()
    """Its key comes from a pairing that somebody confirmed, never from just-works."""


PROTECTED: Final = Security.ENCRYPTED | Security.AUTHENTICATED


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One value of a service; `value` says in words what its bytes are."""

    uuid: str
    name: str
    properties: Property
    value: str
    security: Security = PROTECTED


@dataclass(frozen=True, slots=True)
class Service:
    """A service; `concern` is the one that its frames are of, None for a standard service."""

    uuid: str
    name: str
    purpose: str
    characteristics: tuple[Characteristic, ...]
    concern: Concern | None = None


def _of(concern: Concern, name: str, purpose: str) -> Service:
    """Declare a concern's service: frames in, frames out."""

    def uuid(characteristic: int) -> str:
        return UUID_FORMAT.format(service=concern, characteristic=characteristic)

    to_strap = Characteristic(
        uuid(1), f"{name}: to strap", Property.WRITE_WITHOUT_RESPONSE, "one frame"
    )
    from_strap = Characteristic(uuid(2), f"{name}: from strap", Property.NOTIFY, "one frame")
    return Service(uuid(0), name, purpose, (to_strap, from_strap), concern)


def _sig(number: int) -> str:
    return SIG_FORMAT.format(number=number)


BATTERY_LEVEL: Final = Characteristic(
    _sig(0x2A19), "Battery Level", Property.READ | Property.NOTIFY, "charge in percent, 1 byte"
)
MANUFACTURER: Final = Characteristic(
    _sig(0x2A29), "Manufacturer Name String", Property.READ, "the brand's name, UTF-8"
)
MODEL: Final = Characteristic(
    _sig(0x2A24), "Model Number String", Property.READ, "the strap's model, UTF-8"
)
FIRMWARE: Final = Characteristic(
    _sig(0x2A26), "Firmware Revision String", Property.READ, "the firmware's version, UTF-8"
)
CURRENT_TIME: Final = Characteristic(
    _sig(0x2A2B),
    "Current Time",
    Property.READ | Property.WRITE,
    "local time, 10 bytes as the Current Time Service lays them out (little-endian)",
)

SERVICES: Final[tuple[Service, ...]] = (
    _of(Concern.APDU, "APDU", "Commands for the secure element, passed on as they are."),
    _of(Concern.MESSAGES, "Messages", "Notifications, calls, alarms, timers; actions back."),
    _of(Concern.ACTIVITY, "Activity", "What the strap recorded, in order, from a cursor on."),
    _of(Concern.STATE, "State", "Battery, charge, worn, firmware, memory, find-me; tap results."),
    _of(Concern.TIME, "Time", "The phone's clock and time zone."),
    _of(Concern.SETTINGS, "Settings", "What the wearer and the brand chose."),
    _of(Concern.PAIRING, "Enrolment", "The first enrolment of a phone at the secure element."),
    Service(_sig(0x180F), "Battery", "For phones that know nothing of ours.", (BATTERY_LEVEL,)),
    Service(
        _sig(0x180A),
        "Device Information",
        "Brand, model and firmware; no serial number, which would be a name to follow.",
        (MANUFACTURER, MODEL, FIRMWARE),
    ),
    Service(_sig(0x1805), "Current Time", "The strap's clock.", (CURRENT_TIME,)),
)

CHARACTERISTICS: Final[tuple[Characteristic, ...]] = tuple(
    characteristic for service in SERVICES for characteristic in service.characteristics
)


def service_of(concern: Concern) -> Service:
    """Return a concern's service."""
    return next(service for service in SERVICES if service.concern is concern)


def to_strap(concern: Concern) -> Characteristic:
    """Return the characteristic that a phone writes a concern's frames to."""
    return service_of(concern).characteristics[0]


def from_strap(concern: Concern) -> Characteristic:
    """Return the characteristic that notifies a concern's frames."""
    return service_of(concern).characteristics[1]
