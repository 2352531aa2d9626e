"""What stands on the face now, as a frame of the strap's display class."""

from __future__ import annotations

from typing import Final

from wristlet.strap import presenter, signs
from wristlet.strap.body import Body
from wristlet.strap.display import faces
from wristlet.strap.display.faces import DisplayClass, Frame, LedFace
from wristlet.strap.presenter import Shown
from wristlet.strap.signals import Signal, Urgency
from wristlet.strap.words import Words
from wristlet.wire.strap.state import LINE_BYTES, LINES_MAX

SCROLL_AFTER_MS, SCROLL_STEP_MS = 1_000, 250
"""A text that is too long stands so long, then moves on a sign at a time."""
_NOTHING: Final = Shown()


class Face:
    """The signals of one strap; times are monotonic milliseconds."""

    __slots__ = ("_digits", "_display", "_found", "shown")

    def __init__(self, display: DisplayClass) -> None:
        self._display = display
        self.shown = _NOTHING
        self._digits: Signal | None = None
        self._found: Signal | None = None

    def pass_time(self, now_ms: int) -> None:
        """Let go of what is over."""
        self.shown = presenter.advanced(self.shown, now_ms)

    def show(self, signal: Signal, digits: str, now_ms: int) -> None:
        """Put a signal on; the one that holds a pairing's digits is remembered."""
        if digits and digits in signal.lines:
            self._digits = signal
        self.shown = presenter.offered(self.shown, signal, now_ms)

    def withdraw(self, signal: Signal, now_ms: int) -> None:
        """Take a signal back, wherever it is."""
        self.shown = presenter.dismissed(self.shown, signal, now_ms)

    def withdraw_digits(self, now_ms: int) -> None:
        """Take the digits of a pairing back."""
        gone, self._digits = self._digits, None
        if gone is not None:
            self.withdraw(gone, now_ms)

    def finding(self, words: Words) -> Signal | None:
        """Return the signal of a strap that is looked for, when it is not on already."""
        if self._found is not None and presenter.holds(self.shown, self._found):
            return None
        self._found = signs.found(words)
        return self._found

    def stop_finding(self, now_ms: int) -> None:
        """Take that signal back."""
        found, self._found = self._found, None
        if found is not None:
            self.withdraw(found, now_ms)

    def frame(self, body: Body, now_ms: int) -> Frame:
        """Return what can be seen; of a strap that is shut down only its goodbye."""
        self.pass_time(now_ms)
        signal = self.shown.signal
        if signal is None or (body.is_off and signal.urgency is not Urgency.PAYMENT):
            return faces.dark(self._display)
        if signal is self._digits and isinstance(self._display, LedFace):
            return Frame(blinks=faces.digits_plan(body.digits))
        step = (now_ms - self.shown.since_ms - SCROLL_AFTER_MS) // SCROLL_STEP_MS
        frames = faces.scrolled(signal, self._display)
        if step < 0 or len(frames) == 1:
            return faces.frame_of(signal, self._display)
        return frames[min(step, len(frames) - 1)]


def rows_to_tell(frame: Frame) -> tuple[str, ...]:
    """Return the rows as the state concern carries them: those with text, each within its bytes."""
    rows = [row for row in frame.rows if row][:LINES_MAX]
    return tuple(row.encode()[:LINE_BYTES].decode(errors="ignore") for row in rows)
