"""On the wrist or off it, from movement and, where there is one, the heart-rate sensor's contact.

With contact the answer comes in seconds. Without, a strap that lies still for an hour is off (the
length of the window in van Hees and others, "Separating Movement and Gravity Components in an
Acceleration Signal and Implications for the Assessment of Human Daily Physical Activity", PLoS ONE
8(4), 2013): shorter stillness is common in sleep.
"""

from __future__ import annotations

from typing import Final

CONTACT_LOST_S: Final = 3
CONTACT_MADE_S: Final = 2
STILL_OFF_S: Final = 3600
MOVED_ON_S: Final = 3
MOVED_WITHIN_S: Final = 10


class WearDetector:
    """Takes one second after the other; starts off the wrist."""

    def __init__(self) -> None:
        self.worn = False
        self._still_s = 0
        self._moved_s = 0
        self._since_moved_s = 0
        self._against_s = 0

    def second(self, *, still: bool, contact: bool | None) -> bool:
        """Take one second; `contact` is None without such a sensor. Return whether worn."""
        if contact is None:
            self._by_movement(still)
        else:
            self._by_contact(contact)
        return self.worn

    def _by_contact(self, contact: bool) -> None:
        self._still_s = 0
        self._against_s = self._against_s + 1 if contact != self.worn else 0
        if self._against_s >= (CONTACT_MADE_S if contact else CONTACT_LOST_S):
            self.worn, self._against_s = contact, 0

    def _by_movement(self, still: bool) -> None:
        self._against_s = 0
        if still:
            self._still_s += 1
            self._since_moved_s += 1
            if self._since_moved_s > MOVED_WITHIN_S:
                self._moved_s = 0
        else:
            self._still_s = self._since_moved_s = 0
            self._moved_s += 1
        if self.worn and self._still_s >= STILL_OFF_S:
            self.worn, self._moved_s = False, 0
        elif not self.worn and self._moved_s >= MOVED_ON_S:
            self.worn = True
