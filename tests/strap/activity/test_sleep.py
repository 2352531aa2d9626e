"""The sleep scorer against its sums done the long way, and the rules that look back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sleep_rules import settled
from wristlet.lab.wearer import Wearer
from wristlet.strap.activity.motion import MotionMeter
from wristlet.strap.activity.sleep import AHEAD, SleepScorer

AWAKE, QUIET = 2000, 0


def scored(counts: list[int]) -> list[bool]:
    scorer = SleepScorer()
    found = [verdict for count in counts if (verdict := scorer.push(count)) is not None]
    assert len(found) == max(0, len(counts) - AHEAD)
    return found + scorer.finish()


def long_way(counts: list[int]) -> list[bool]:
    """The published sum of each minute, then the three rules, over the whole row at once."""
    padded = [0, 0, 0, 0, *counts, 0, 0]
    weights = [0.106, 0.054, 0.058, 0.076, 0.230, 0.074, 0.067]
    raw = [
        sum(w * c / 30 for w, c in zip(weights, padded[at : at + 7], strict=True)) < 1
        for at in range(len(counts))
    ]
    return settled(raw)


@given(st.lists(st.sampled_from([0, 0, 0, 7, 40, 90, 150, 400, 3000]), max_size=120))
def test_streaming_gives_what_the_whole_row_gives(counts: list[int]) -> None:
    assert scored(counts) == long_way(counts)


def test_stillness_is_sleep_and_movement_is_not() -> None:
    assert scored([QUIET] * 30) == [True] * 30
    assert scored([AWAKE] * 30) == [False] * 30


@pytest.mark.parametrize(("weight", "later"), [(106, 4), (76, 1), (230, 0), (74, -1), (67, -2)])
def test_each_minute_weighs_what_was_published(weight: int, later: int) -> None:
    """One count alone, just below and at the limit, as seen `later` minutes after it."""
    below = 29_999 // weight
    for count, asleep in ((below, True), (below + 1, False)):
        counts = [QUIET] * 30
        counts[15] = count
        assert long_way(counts)[15 + later] is asleep
        assert scored(counts)[15 + later] is asleep


def test_turning_over_is_not_waking() -> None:
    assert all(scored([QUIET] * 20 + [100] + [QUIET] * 20))


def test_the_first_minutes_after_long_waking_are_awake() -> None:
    verdicts = scored([AWAKE] * 20 + [QUIET] * 20)
    # Four minutes in which the sum still holds the last movement, then four of the rule.
    assert verdicts.index(True) == 20 + 4 + 4


def test_a_finished_scorer_begins_anew() -> None:
    scorer = SleepScorer()
    for _ in range(20):
        scorer.push(AWAKE)
    assert scorer.finish() == [False, False]
    assert [scorer.push(QUIET) for _ in range(3)] == [None, None, True]


@pytest.mark.slow
def test_a_made_up_night_is_mostly_found_and_no_waking_is_slept_through() -> None:
    wearer, meter = Wearer(10, seed=1), MotionMeter(10)
    counts: list[int] = []
    truth: list[bool] = []
    for way, minutes in (("sit", 40), ("asleep", 200), ("sit", 10), ("asleep", 60), ("sit", 40)):
        samples = getattr(wearer, way)(minutes * 60)
        seconds = [meter.second(samples[at : at + 30]).count for at in range(0, len(samples), 30)]
        counts += [sum(seconds[at : at + 60]) for at in range(0, len(seconds), 60)]
        truth += [way == "asleep"] * minutes
    verdicts = scored(counts)
    found = sum(verdict for verdict, true in zip(verdicts, truth, strict=True) if true)
    false = sum(verdict for verdict, true in zip(verdicts, truth, strict=True) if not true)
    assert found >= 0.9 * sum(truth)
    assert false == 0
