"""The name under which a strap can be paired: drawn when its button is held, good for one phone.

Fresh from the maker, the name is the one printed on the card in the box; it stays until the first
phone is enrolled. The window itself is open for five minutes at a time, whatever the name.
"""

from __future__ import annotations

from wristlet.env.base import Env
from wristlet.links.strap_link import StrapRefused
from wristlet.wire.strap.invitation import NONCE_BYTES, WINDOW_MS


class Invitations:
    """One strap's window for pairing; `printed` is the name on its card, if it has one."""

    def __init__(self, env: Env, printed: bytes | None = None) -> None:
        if printed is not None and len(printed) != NONCE_BYTES:
            raise ValueError(f"a printed name has {NONCE_BYTES} bytes, got {len(printed)}")
        self._env = env
        self._printed = printed
        self._name: bytes | None = None
        self._opened_us = 0

    def open(self) -> bytes:
        """Open the window anew, as a long press does; return the name for the second screen."""
        self._name = self._printed or self._env.random.bytes(NONCE_BYTES)
        self._opened_us = self._env.clock.monotonic_us()
        return self._name

    def name(self) -> bytes:
        """Tell the name to a phone; raises StrapRefused while the window is closed."""
        age_ms = (self._env.clock.monotonic_us() - self._opened_us) // 1000
        if self._name is None or age_ms >= WINDOW_MS:
            self._name = None
            raise StrapRefused("pairing: the window is closed; hold the strap's button to open it")
        return self._name

    def used(self) -> None:
        """Close the window: a phone was enrolled, and the printed name is spent."""
        self._name = self._printed = None
