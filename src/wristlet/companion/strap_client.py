"""What the phone asks of the strap itself: state, taps, time, settings, being found.

Thin functions over a link's `ask`; each raises LinkLost when the strap is gone, StrapRefused with
the strap's reason, and StrapConfused when its answer makes no sense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from wristlet.links.strap_link import StrapRefused
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import settings as settings_wire
from wristlet.wire.strap import state as state_wire
from wristlet.wire.strap import time as time_wire
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.fields import Family
from wristlet.wire.strap.settings import (
    CardEntry,
    CurrentSettings,
    ReadSettings,
    Settings,
    WriteSettings,
)
from wristlet.wire.strap.state import FindMe, Mode, News, ReadState, ReadTaps, SetMode, State, Taps
from wristlet.wire.strap.time import ReadTime, SetTime, Time, Zone

CHANGE_ATTEMPTS = 3

A = TypeVar("A")


class StrapConfused(Exception):
    """The strap answered what nobody asked; one of both ends is out of date."""


class Asked(Protocol):
    """What these functions need of a link."""

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        """Send one request and return its answer; raises LinkLost, StrapRefused."""
        ...


async def read_state(link: Asked) -> State:
    """Ask how the strap is."""
    return await _state(link, ReadState())


async def find_strap(link: Asked, for_ms: int) -> State:
    """Let the strap buzz and blink so long; 0 ends it."""
    return await _state(link, FindMe(for_ms))


async def set_mode(link: Asked, mode: Mode) -> State:
    """Change the strap's mode; after standalone and sleep it is heard of again by its button."""
    return await _state(link, SetMode(mode))


async def read_taps(link: Asked, after: int) -> Taps:
    """Ask for the taps after the last one that this phone holds."""
    message = state_wire.REQUESTS.encode(ReadTaps(after))
    answer = _read(state_wire.ANSWERS, await link.ask(Concern.STATE, message))
    if not isinstance(answer, Taps):
        raise StrapConfused("taps: the strap answered with something else; update it")
    return answer


async def set_time(link: Asked, unix_ms: int, zone: Zone) -> Time:
    """Give the strap the phone's clock; the answer's `drift_ms` is how far ahead it was."""
    told = SetTime(unix_ms, zone.offset_s, zone.change_ms, zone.offset_after_s, zone.name)
    message = time_wire.REQUESTS.encode(told)
    return _read(time_wire.ANSWERS, await link.ask(Concern.TIME, message))


async def read_time(link: Asked) -> Time:
    """Ask for the strap's time."""
    message = time_wire.REQUESTS.encode(ReadTime())
    return _read(time_wire.ANSWERS, await link.ask(Concern.TIME, message))


async def read_settings(link: Asked) -> CurrentSettings:
    """Ask for the settings and their revision."""
    return await _settings(link, ReadSettings())


async def change_settings(link: Asked, change: Callable[[Settings], Settings]) -> CurrentSettings:
    """Read the settings, change them and write them, again when another phone was quicker.

    Nothing is written when nothing changes. Raises EncodeError for values that cannot be.
    """
    for attempt in range(1, CHANGE_ATTEMPTS + 1):
        current = await read_settings(link)
        wanted = change(current.settings)
        if wanted == current.settings:
            return current
        try:
            return await _settings(link, WriteSettings(current.revision, wanted))
        except StrapRefused:
            moved = (await read_settings(link)).revision != current.revision
            if not moved or attempt == CHANGE_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


async def name_cards(link: Asked, cards: tuple[CardEntry, ...]) -> CurrentSettings:
    """Replace the table by which the strap names its cards."""
    return await change_settings(link, lambda settings: replace(settings, cards=cards))


def read_news(raw: bytes) -> News:
    """Read news of the state concern; raises StrapConfused."""
    return _read(state_wire.NEWS, raw)


async def _state(link: Asked, request: state_wire.Request) -> State:
    message = state_wire.REQUESTS.encode(request)
    answer = _read(state_wire.ANSWERS, await link.ask(Concern.STATE, message))
    if not isinstance(answer, State):
        raise StrapConfused("state: the strap answered with something else; update it")
    return answer


async def _settings(link: Asked, request: settings_wire.Request) -> CurrentSettings:
    message = settings_wire.REQUESTS.encode(request)
    return _read(settings_wire.ANSWERS, await link.ask(Concern.SETTINGS, message))


def _read(family: Family[A], raw: bytes) -> A:
    try:
        return family.decode(raw)
    except DecodeError as error:
        raise StrapConfused(f"{family.title}: {error}; update app or strap") from None
