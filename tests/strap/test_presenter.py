"""What comes onto the face, what waits, and what comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wristlet.strap.presenter import (
    WAITING_MAX,
    Shown,
    advanced,
    dismissed,
    holds,
    offered,
)
from wristlet.strap.signals import Signal, Urgency

QUIET, NORMAL, URGENT, PAYMENT = (Signal((urgency.name,), urgency=urgency) for urgency in Urgency)


def test_a_more_urgent_signal_comes_at_once_and_gives_the_face_back() -> None:
    shown = offered(offered(Shown(), NORMAL, 0), PAYMENT, 1_000)
    assert (shown.signal, shown.waiting) == (PAYMENT, (NORMAL,))
    assert advanced(shown, 4_999).signal is PAYMENT
    assert advanced(shown, 5_000).signal is NORMAL
    assert advanced(shown, 9_000).signal is None


def test_a_less_urgent_one_waits_and_never_interrupts() -> None:
    shown = offered(offered(Shown(), PAYMENT, 0), QUIET, 10)
    assert shown.signal is PAYMENT
    shown = offered(shown, URGENT, 20)
    assert advanced(shown, 4_000).signal is URGENT
    assert advanced(shown, 8_000).signal is QUIET


def test_one_as_urgent_takes_the_place() -> None:
    newer = Signal(("newer",))
    shown = offered(offered(Shown(), NORMAL, 0), newer, 500)
    assert (shown.signal, shown.waiting, shown.until_ms) == (newer, (), 4_500)


def test_time_that_was_not_looked_at_is_caught_up() -> None:
    shown = offered(offered(Shown(), PAYMENT, 0), NORMAL, 1)
    assert advanced(shown, 7_000).signal is NORMAL
    assert advanced(shown, 100_000) == Shown(None, 8_000, 8_000)


def test_what_was_dismissed_is_gone_wherever_it_was() -> None:
    shown = offered(offered(Shown(), PAYMENT, 0), NORMAL, 1)
    assert holds(shown, NORMAL)
    assert not holds(dismissed(shown, NORMAL, 2), NORMAL)
    gone = dismissed(shown, PAYMENT, 2)
    assert (gone.signal, gone.until_ms) == (NORMAL, 4_002)
    assert dismissed(Shown(), None, 3).signal is None


@given(st.lists(st.tuples(st.sampled_from(Urgency), st.integers(0, 3_000)), max_size=40))
def test_the_face_shows_the_most_urgent_there_is(arrivals: list[tuple[Urgency, int]]) -> None:
    shown, now_ms = Shown(), 0
    for number, (urgency, pause_ms) in enumerate(arrivals):
        now_ms += pause_ms
        before = advanced(shown, now_ms).signal
        signal = Signal((str(number),), urgency=urgency)
        shown = offered(shown, signal, now_ms)
        assert len(shown.waiting) <= WAITING_MAX
        assert shown.signal is not None
        assert shown.signal.urgency >= urgency
        assert before is None or shown.signal.urgency >= before.urgency
        assert (shown.signal is signal) == (before is None or urgency >= before.urgency)
    assert advanced(shown, now_ms + 4_000 * (WAITING_MAX + 2)).signal is None
