"""Puts messages into the firmware: what they know of the strap, what the button does to them."""

from __future__ import annotations

from typing import Final

from wristlet.env.base import Env
from wristlet.strap.button import Press
from wristlet.strap.firmware import Firmware
from wristlet.strap.messages.endpoint import MessagesEndpoint
from wristlet.strap.messages.presenter import Surroundings
from wristlet.strap.messages.store import Profile
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.settings import Language

SECONDS_PER_MINUTE: Final = 60


def plug_messages(
    firmware: Firmware, env: Env, folder: str, profile: Profile | None = None
) -> MessagesEndpoint:
    """Let a firmware serve messages, kept under `folder`; run the endpoint's `run` beside it.

    A short press puts away what is shown. A long press answers a call and snoozes an alarm; it
    chooses no action of a message, since it pays: what just came must not get between.
    """
    languages = {Language.ENGLISH: "en", Language.JAPANESE: "ja"}
    around = Surroundings(
        worn=lambda: firmware.body.is_worn,
        now_ms=firmware.clock.now_ms,
        offset=lambda at_ms: firmware.clock.offset_s(at_ms) // SECONDS_PER_MINUTE,
        language=lambda: languages[firmware.settings.settings.language],
        can_show=lambda: firmware.shows_messages,
        withdraw=firmware.withdraw,
    )
    messages = MessagesEndpoint(
        *(env, folder),
        present=firmware.present,
        news=firmware.news,
        profile=profile,
        around=around,
    )

    def pressed(press: Press) -> bool:
        if firmware.signal is None or firmware.signal is not messages.shown_signal:
            return False  # a card or a tap stands on the face: the button is for that
        if press is Press.SHORT:
            return messages.dismiss_shown()
        return press is Press.LONG and messages.is_ringing and messages.act_on_shown()

    def wake(*_told: object) -> None:
        messages.wake()

    firmware.plug_in(Concern.MESSAGES, messages)
    firmware.listeners.presses.append(pressed)
    firmware.listeners.find_phone = messages.find_phone
    for told in (firmware.listeners.worn, firmware.listeners.mode, firmware.listeners.settings):
        told.append(wake)
    firmware.listeners.clock.append(wake)
    return messages
