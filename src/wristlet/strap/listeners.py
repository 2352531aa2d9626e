"""Whom the firmware tells, and who may step in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from wristlet.strap.button import Press
from wristlet.strap.signals import Signal
from wristlet.wire.strap.settings import Settings
from wristlet.wire.strap.state import Mode


@dataclass(slots=True)
class Listeners:
    """Whom the firmware tells: settings (also at the start), wrist, mode; `presses` may take a
    press before the button's own meaning (a ringing call does), `signals` see what is presented.
    `battery` hears each percent, `clock` that the time was set; of `confirms` each may take a
    press that confirms digits; `find_phone` lets the phone ring in place of the state concern's
    news, or stops it; `invite` opens the strap to a phone after a very long press and returns the
    code to show.
    """

    settings: list[Callable[[Settings], None]] = field(default_factory=list)
    worn: list[Callable[[bool], None]] = field(default_factory=list)
    mode: list[Callable[[Mode], None]] = field(default_factory=list)
    presses: list[Callable[[Press], bool]] = field(default_factory=list)
    signals: list[Callable[[Signal], None]] = field(default_factory=list)
    battery: list[Callable[[int], None]] = field(default_factory=list)
    clock: list[Callable[[], None]] = field(default_factory=list)
    confirms: list[Callable[[], bool]] = field(default_factory=list)
    find_phone: Callable[[], object] | None = None
    invite: Callable[[], Awaitable[str]] | None = None
