"""Movement, steps, wear: made-up wrists with known truth, and the rules at their edges."""

from __future__ import annotations

import math

import pytest

from wristlet.lab.wearer import Wearer
from wristlet.strap.activity.motion import (
    STEADY,
    MotionMeter,
    Rhythm,
    Verdict,
    judge,
    rhythm,
)
from wristlet.strap.activity.steps import StepCounter
from wristlet.strap.activity.wear import STILL_OFF_S, WearDetector
from wristlet.wire.strap.activity_log import Kind


def verdicts(rate_hz: int, samples: list[int]) -> list[Verdict]:
    meter, found = MotionMeter(rate_hz), []
    for start in range(0, len(samples), 3 * rate_hz):
        meter.second(samples[start : start + 3 * rate_hz])
        if meter.is_due:
            found.append(meter.verdict())
    return found


def counted(rate_hz: int, samples: list[int]) -> int:
    counter = StepCounter()
    return sum(counter.take(verdict)[0] for verdict in verdicts(rate_hz, samples))


WALKS = [
    (80, {}),
    (110, {}),
    (135, {}),
    (80, {"swing_mg": 0.0}),
    (110, {"swing_mg": 0.0}),
    (100, {"swing_mg": 100.0}),
]


@pytest.mark.parametrize("rate_hz", [10, 25, 26, 50])
@pytest.mark.parametrize(("cadence", "way"), WALKS)
def test_steps_of_a_made_up_walk_are_within_three_percent(
    rate_hz: int, cadence: float, way: dict[str, float]
) -> None:
    wearer = Wearer(rate_hz, seed=7)
    samples = wearer.walk(120, cadence, **way) + wearer.table(6)
    assert counted(rate_hz, samples) == pytest.approx(wearer.steps, rel=0.03)


@pytest.mark.parametrize("rate_hz", [10, 25, 50])
@pytest.mark.parametrize("cadence", [145, 165, 185])
def test_steps_of_a_made_up_run_are_within_three_percent(rate_hz: int, cadence: float) -> None:
    wearer = Wearer(rate_hz, seed=7)
    samples = wearer.run(120, cadence) + wearer.table(6)
    assert counted(rate_hz, samples) == pytest.approx(wearer.steps, rel=0.03)
    assert {verdict.kind for verdict in verdicts(rate_hz, samples)[2:50]} == {Kind.RUNNING}


@pytest.mark.parametrize("way", ["sit", "asleep", "table", "play"])
def test_no_steps_where_none_were_taken(way: str) -> None:
    wearer = Wearer(25, seed=11)
    assert counted(25, getattr(wearer, way)(300)) == 0


def test_neither_gravity_nor_the_straps_place_matters() -> None:
    """Other axes, other signs, gravity taken out: the same verdicts."""
    samples = Wearer(25, seed=5).walk(60)
    x, y, z = samples[0::3], samples[1::3], samples[2::3]

    def woven(a: list[int], b: list[int], c: list[int]) -> list[int]:
        return [value for row in zip(a, b, c, strict=True) for value in row]

    turned = woven([-value for value in z], x, [value + 700 for value in y])
    for one, other in zip(verdicts(25, samples), verdicts(25, turned), strict=True):
        assert one.kind is other.kind
        assert one.cadence == pytest.approx(other.cadence)


def test_a_pure_tone_has_its_period() -> None:
    for period_s in (0.4, 0.5, 1.0, 1.3):
        axis = [math.sin(2 * math.pi * index / 12.5 / period_s) for index in range(75)]
        found = rhythm([axis], sum(value * value for value in axis), 12.5)
        assert found is not None
        assert found.period_s == pytest.approx(period_s, rel=0.03)
        assert found.likeness > 0.9


def test_silence_has_no_rhythm() -> None:
    assert rhythm([[0.0] * 75], 0.0, 12.5) is None
    assert rhythm([[1.0, -1.0]], 2.0, 12.5) is None


@pytest.mark.parametrize(
    ("strength", "period_s", "likeness", "half", "kind", "cadence"),
    [
        (100, 0.50, 0.90, 0.0, Kind.WALKING, 120),  # the bounce of a body with still arms
        (300, 1.10, 0.80, -0.7, Kind.WALKING, 109),  # a swinging arm
        (160, 1.10, 0.80, -0.7, Kind.ACTIVE, 0),  # an arm that swings while its owner stands
        (160, 1.10, 0.80, 0.4, Kind.WALKING, 109),  # the same with two steps in it
        (300, 0.60, 0.80, -0.5, Kind.WALKING, 100),  # between: a slow walker's step
        (1400, 0.70, 0.80, -0.5, Kind.RUNNING, 171),  # between: a runner's stride
        (1400, 0.36, 0.80, -0.5, Kind.RUNNING, 167),
        (1400, 1.50, 0.80, -0.5, Kind.SPORT, 0),  # nobody runs at 80 steps a minute
        (1400, 1.30, 0.90, 0.7, Kind.RUNNING, 185),  # two strides
        (1400, 0.70, STEADY - 0.01, 0.0, Kind.SPORT, 0),
        (300, 0.70, STEADY - 0.01, 0.0, Kind.ACTIVE, 0),
    ],
)
def test_rules_of_the_kinds(
    strength: float, period_s: float, likeness: float, half: float, kind: Kind, cadence: float
) -> None:
    verdict = judge(strength, Rhythm(period_s, likeness, half))
    assert verdict.kind is kind
    assert verdict.cadence == pytest.approx(cadence, abs=1)


def test_one_rhythmic_window_alone_counts_nothing() -> None:
    counter, walk = StepCounter(), Verdict(Kind.WALKING, 120)
    assert counter.take(walk) == (0, 0)
    assert counter.take(Verdict(Kind.ACTIVE)) == (0, 0)
    assert counter.take(walk) == (0, 0)
    assert counter.take(walk) == (12, 6)
    assert counter.take(walk) == (4, 2)


def test_parts_of_steps_are_kept() -> None:
    counter, walk = StepCounter(), Verdict(Kind.WALKING, 100)
    assert sum(counter.take(walk)[0] for _ in range(301)) == pytest.approx(604 / 60 * 100, abs=1)


# Wear


def worn_after(detector: WearDetector, seconds: int, *, still: bool, contact: bool | None) -> bool:
    for _ in range(seconds):
        detector.second(still=still, contact=contact)
    return detector.worn


def test_skin_contact_decides_in_seconds() -> None:
    detector = WearDetector()
    assert not worn_after(detector, 100, still=False, contact=False)
    assert not worn_after(detector, 1, still=True, contact=True)
    assert worn_after(detector, 1, still=True, contact=True)
    assert worn_after(detector, 2, still=False, contact=False)
    assert not worn_after(detector, 1, still=False, contact=False)


def test_a_moment_without_contact_is_not_off() -> None:
    detector = WearDetector()
    worn_after(detector, 2, still=False, contact=True)
    for _ in range(50):
        assert worn_after(detector, 2, still=False, contact=False)
        assert worn_after(detector, 1, still=False, contact=True)


def test_without_contact_an_hour_of_stillness_is_off() -> None:
    detector = WearDetector()
    assert worn_after(detector, 3, still=False, contact=None)
    assert worn_after(detector, STILL_OFF_S - 1, still=True, contact=None)
    assert not worn_after(detector, 1, still=True, contact=None)
    assert not worn_after(detector, 2, still=False, contact=None)
    assert worn_after(detector, 1, still=False, contact=None)


def test_a_knock_on_the_table_is_not_worn() -> None:
    detector = WearDetector()
    for _ in range(20):
        assert not worn_after(detector, 2, still=False, contact=None)
        assert not worn_after(detector, 30, still=True, contact=None)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "worn"), [("asleep", True), ("sit", True), ("table", False)])
def test_made_up_nights_without_contact(way: str, worn: bool) -> None:
    """Breathing and turning keep a sleeper's strap on; a table does not."""
    wearer, meter, detector = Wearer(10, seed=2), MotionMeter(10), WearDetector()
    worn_after(detector, 3, still=False, contact=None)
    samples = getattr(wearer, way)(3 * 3600)
    for start in range(0, len(samples), 30):
        still = meter.second(samples[start : start + 30]).still
        detector.second(still=still, contact=None)
    assert detector.worn is worn
