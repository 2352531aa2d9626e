"""Samples in, records on flash: the strap's activity recorder.

Its clock is the accelerometer's: so many samples are a second. The phone's clock is laid beside
it by `set_time`, and from then on minutes begin where the phone's minutes begin, so that a day
ends at midnight and not somewhere in a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from wristlet.strap.activity.minutes import MinuteGatherer
from wristlet.strap.activity.motion import HOP_S, MotionMeter
from wristlet.strap.activity.ring import ActivityRing
from wristlet.strap.activity.sleep import SleepScorer
from wristlet.strap.activity.steps import StepCounter
from wristlet.strap.activity.today import Today
from wristlet.strap.activity.wear import WearDetector
from wristlet.wire.strap.activity_log import (
    HEART_MAX,
    SECONDS_MAX,
    Anchor,
    Boot,
    Minute,
    Record,
    Skipped,
)

FLUSH_MINUTES: Final = 5
"""A power cut loses at most these, and the two minutes that sleep scoring waits for."""
CLOCK_TOLERANCE_S: Final = 2
"""A clock set again to nearly the same writes no record."""
CONTACT_STALE_S: Final = 10
"""A heart-rate sensor that says nothing for so long is taken as not there."""
HEART_MIN: Final = 30


class ActivityRecorder:
    """Turns accelerometer samples and heart rates into records; tells when wear changes."""

    def __init__(
        self,
        ring: ActivityRing,
        rate_hz: int,
        *,
        worn: Callable[[bool], None] | None = None,
        flush_minutes: int = FLUSH_MINUTES,
    ) -> None:
        """Begin a new start of the strap in the log; raises FlashError, ValueError."""
        self._ring = ring
        self._tell_worn = worn
        self._flush_minutes = flush_minutes
        self._meter = MotionMeter(rate_hz)
        self._steps = StepCounter()
        self._scorer = SleepScorer()
        self._wear = WearDetector()
        self._gathered = MinuteGatherer()
        self._rest: list[int] = []
        self._queue: list[Record] = []
        self._unscored: list[int] = []
        self._contact: bool | None = None
        self._contact_age_s = 0
        ring.append((Boot(ring.position.boot + 1),))
        self._position = ring.position
        self.today = Today.of(ring)

    @property
    def worn(self) -> bool:
        """Whether the strap is on the wrist."""
        return self._wear.worn

    def feed(self, samples: Sequence[int]) -> None:
        """Take samples as a sensor's queue gives them: x, y, z, x, y, z, ... in thousandths of g.

        Any number of whole samples; raises ValueError for a broken one, FlashError.
        """
        if len(samples) % 3:
            raise ValueError("samples: x, y and z belong together; the length must divide by 3")
        size = 3 * self._meter.rate_hz
        if self._rest:
            samples = [*self._rest, *samples]
        whole = len(samples) - len(samples) % size
        for start in range(0, whole, size):
            self._second(samples[start : start + size])
        self._rest = list(samples[whole:])

    def heart(self, bpm: int | None, *, contact: bool = True) -> None:
        """Take a heart rate (None while the sensor finds none) and whether it touches skin."""
        self._contact, self._contact_age_s = contact, 0
        if bpm is not None and HEART_MIN <= bpm <= HEART_MAX:
            self._gathered.heart(bpm)

    def set_time(self, utc_ms: int, zone_min: int) -> None:
        """Take the phone's clock and zone (minutes east); raises FlashError."""
        part_ms = len(self._rest) * 1000 // (3 * self._meter.rate_hz)
        utc_s = round((utc_ms - part_ms) / 1000)
        now = self._now()
        if (
            now is not None
            and abs(now - utc_s) <= CLOCK_TOLERANCE_S
            and self._zone_min() == zone_min
        ):
            return
        self._close_minute()
        self._queue_record(Anchor(utc_s, zone_min))
        self.flush()

    def skip(self, seconds: int) -> None:
        """Record that the accelerometer was off for a while; raises FlashError."""
        if seconds <= 0:
            return
        self._close_minute()
        self._settle_sleep()
        self._steps = StepCounter()
        self._queue_record(Skipped(seconds))
        self.flush()

    def flush(self) -> None:
        """Put on flash what is complete; minutes that wait for a sleep score stay."""
        ready = self._unscored[0] if self._unscored else len(self._queue)
        if ready:
            self._ring.append(self._queue[:ready])
            del self._queue[:ready]
            self._unscored = [index - ready for index in self._unscored]

    def stop(self) -> None:
        """Put everything on flash, the running minute too: the power goes away now."""
        self._close_minute()
        self._settle_sleep()
        self.flush()

    # Seconds and minutes

    def _second(self, samples: Sequence[int]) -> None:
        second = self._meter.second(samples)
        before = self._wear.worn
        worn = self._wear.second(still=second.still, contact=self._fresh_contact())
        if worn != before and self._tell_worn is not None:
            self._tell_worn(worn)
        self._gathered.second(second.count, worn=worn)
        if self._meter.is_due:
            verdict = self._meter.verdict()
            steps, moving_s = self._steps.take(verdict)
            self._gathered.movement(verdict.kind, HOP_S, steps, moving_s)
        if self._gathered.seconds >= self._minute_length():
            self._close_minute()
            if len(self._queue) >= self._flush_minutes + len(self._unscored):
                self.flush()

    def _fresh_contact(self) -> bool | None:
        if self._contact is not None:
            self._contact_age_s += 1
            if self._contact_age_s > CONTACT_STALE_S:
                self._contact = None
        return self._contact

    def _minute_length(self) -> int:
        """A minute ends with the phone's minute; without its clock, after sixty seconds."""
        utc_s = self._position.utc_s
        return SECONDS_MAX if utc_s is None else SECONDS_MAX - utc_s % SECONDS_MAX

    def _close_minute(self) -> None:
        if not self._gathered.seconds:
            return
        gathered, self._gathered = self._gathered, MinuteGatherer()
        minute = gathered.close()
        self.today.minute(self._position, minute)
        self._unscored.append(len(self._queue))
        self._queue_record(minute)
        asleep = self._scorer.push(minute.count * SECONDS_MAX // minute.seconds)
        if asleep is not None:
            self._scored(asleep)

    def _settle_sleep(self) -> None:
        for asleep in self._scorer.finish():
            self._scored(asleep)

    def _scored(self, asleep: bool) -> None:
        index = self._unscored.pop(0)
        minute = self._queue[index]
        if asleep and isinstance(minute, Minute) and minute.worn:
            self._queue[index] = replace(minute, asleep=True)

    def _queue_record(self, record: Record) -> None:
        self._queue.append(record)
        self._position = self._position.after(record)

    def _now(self) -> int | None:
        utc_s = self._position.utc_s
        return None if utc_s is None else utc_s + self._gathered.seconds

    def _zone_min(self) -> int | None:
        anchor = self._position.anchor
        return None if anchor is None else anchor.zone_min
