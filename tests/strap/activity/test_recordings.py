"""The strap's algorithms on recordings that nobody here made; docs/activity.md has the tables."""

from __future__ import annotations

import cmath
import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.recordings import (
    RATE_HZ,
    RECORDING_S,
    Motion,
    activity_counts,
    basic_motions,
    their_scorers,
)
from support.sleep_rules import settled
from wristlet.strap.activity import motion
from wristlet.strap.activity.motion import MotionMeter, Verdict
from wristlet.strap.activity.sleep import WEIGHTS, SleepScorer
from wristlet.wire.strap.activity_log import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL_OF = {
    Kind.REST: "Standing",
    Kind.ACTIVE: "Standing",
    Kind.WALKING: "Walking",
    Kind.RUNNING: "Running",
    Kind.SPORT: "Badminton",
}
LABELS = ("Standing", "Walking", "Running", "Badminton")


def verdicts(recording: Motion) -> list[Verdict]:
    meter, found = MotionMeter(RATE_HZ), []
    samples, size = recording.samples(), 3 * RATE_HZ
    for start in range(0, len(samples), size):
        meter.second(samples[start : start + size])
        if meter.is_due:
            found.append(meter.verdict())
    return found


def label_of(recording: Motion) -> str:
    """What most windows of a recording say."""
    return Counter(LABEL_OF[one.kind] for one in verdicts(recording)).most_common(1)[0][0]


def cadence_of(recording: Motion) -> float:
    return statistics.median(one.cadence for one in verdicts(recording) if one.cadence)


def magnitudes(recording: Motion) -> list[float]:
    return [math.hypot(*row) for row in zip(*recording.acceleration, strict=True)]


# What there is to compare with


def gyroscope_cadence(recording: Motion) -> float:
    """Twice the rate at which the arm turns back and forth: the strongest tone of the gyroscope.

    Another sensor, which the strap's algorithms never see, and another method.
    """
    axes = [[value - statistics.fmean(axis) for value in axis] for axis in recording.turning]

    def power(rate_hz: float) -> float:
        turn = [cmath.exp(-2j * math.pi * rate_hz * at / RATE_HZ) for at in range(len(axes[0]))]
        return sum(
            abs(sum(value * spin for value, spin in zip(axis, turn, strict=True))) ** 2
            for axis in axes
        )

    return 120 * max((rate / 100 for rate in range(55, 180)), key=power)


def counted_peaks(recording: Motion) -> float:
    """The simple baseline: peaks of the magnitude above its mean and half its deviation."""
    values = magnitudes(recording)
    limit = statistics.fmean(values) + statistics.pstdev(values) / 2
    last, peaks = -RATE_HZ, 0
    for at in range(1, len(values) - 1):
        top = values[at - 1] < values[at] >= values[at + 1] and values[at] > limit
        if top and at - last >= RATE_HZ // 4:
            last, peaks = at, peaks + 1
    return peaks * 60 / RECORDING_S


def nearest_spread(train: Sequence[Motion], recording: Motion) -> str:
    """The simple baseline: the label whose mean spread of the magnitude is nearest."""
    centres = {
        label: statistics.fmean(
            statistics.pstdev(magnitudes(one)) for one in train if one.label == label
        )
        for label in LABELS
    }
    spread = statistics.pstdev(magnitudes(recording))
    return min(centres, key=lambda label: abs(centres[label] - spread))


# Kinds and cadence


def strengths(recordings: Sequence[Motion], label: str) -> list[float]:
    """How strongly each recording of a label moves, in thousandths of g."""
    found = []
    for recording in recordings:
        if recording.label == label:
            variance = sum(statistics.pvariance(axis) for axis in recording.acceleration)
            found.append(math.sqrt(variance) * 1000 / 9.80665)
    return found


def test_the_limits_are_read_off_the_training_half_only() -> None:
    """Each is the geometric mean of the nearest two recordings on either side of it."""
    train = basic_motions("TRAIN")
    by_label = {label: strengths(train, label) for label in LABELS}

    def between(below: str, above: str) -> float:
        return math.sqrt(max(by_label[below]) * min(by_label[above]))

    assert pytest.approx(between("Standing", "Walking"), rel=0.03) == motion.STRIDE_MG
    assert pytest.approx(between("Walking", "Running"), rel=0.03) == motion.RUNNING_MG
    assert pytest.approx(between("Walking", "Badminton"), rel=0.03) == motion.SPORT_MG


def test_kinds_of_the_held_out_half() -> None:
    """Ours names all forty; by the spread of the magnitude alone, lively standing is walking."""
    train, test = basic_motions("TRAIN"), basic_motions("TEST")
    confusion = Counter((one.label, label_of(one)) for one in test)
    right = sum(confusion[label, label] for label in LABELS)
    baseline = sum(nearest_spread(train, one) == one.label for one in test)
    assert len(test) == 40
    assert right >= 39, confusion
    assert baseline < right, baseline


def test_cadence_of_the_held_out_half() -> None:
    """Against the gyroscope, in steps a minute; counting peaks is further off."""
    for label, ours_max in (("Walking", 2.0), ("Running", 2.0)):
        recordings = [one for one in basic_motions("TEST") if one.label == label]
        truth = [gyroscope_cadence(one) for one in recordings]
        ours = [abs(cadence_of(one) - true) for one, true in zip(recordings, truth, strict=True)]
        peaks = [
            abs(counted_peaks(one) - true) for one, true in zip(recordings, truth, strict=True)
        ]
        assert statistics.fmean(ours) <= ours_max, (label, ours)
        assert statistics.fmean(ours) < statistics.fmean(peaks) / 2, (label, ours, peaks)


def test_standing_and_badminton_make_no_steps() -> None:
    false = [
        (one.label, verdict)
        for one in basic_motions("TEST")
        if one.label in {"Standing", "Badminton"}
        for verdict in verdicts(one)
        if verdict.cadence
    ]
    assert len(false) <= 1, false


# Sleep


def ours(counts: Sequence[int]) -> list[bool]:
    scorer = SleepScorer()
    return [v for count in counts if (v := scorer.push(count)) is not None] + scorer.finish()


def kappa(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Agreement beyond chance."""
    size = len(one)
    same = sum(a == b for a, b in zip(one, other, strict=True)) / size
    p, q = sum(one) / size, sum(other) / size
    chance = p * q + (1 - p) * (1 - q)
    return (same - chance) / (1 - chance)


@pytest.mark.slow
def test_sleep_of_recorded_counts_against_their_own_scorers() -> None:
    recordings = activity_counts()
    assert len(recordings) == 5
    pooled: dict[str, tuple[list[bool], list[bool], list[bool]]] = {}
    with their_scorers() as scorers:
        for recording in recordings:
            mine = ours(recording.counts)
            for name, scorer in scorers.items():
                verdicts_there = scorer(recording.counts)
                theirs = [bool(verdict) for verdict in verdicts_there]
                known = [at for at, verdict in enumerate(verdicts_there) if verdict is not None]
                known = [at for at in known if len(WEIGHTS) <= at < len(theirs) - len(WEIGHTS)]
                rows = pooled.setdefault(name, ([], [], []))
                rows[0].extend(mine[at] for at in known)
                rows[1].extend(theirs[at] for at in known)
                rows[2].extend(recording.counts[at] < 20 for at in known)
                if name == "Cole-Kripke":
                    inner = slice(60, -len(WEIGHTS))
                    assert mine[inner] == settled(theirs)[inner], recording.name
    floors = {
        "Cole-Kripke": 0.95, "Cole-Kripke, rescored": 0.98, "Sadeh": 0.91, "Scripps": 0.88,
    }  # fmt: skip
    for name, (strap, other, simple) in pooled.items():
        assert kappa(strap, other) >= floors[name], name
        assert kappa(strap, other) > kappa(simple, other), name
    assert pooled.keys() == floors.keys()
