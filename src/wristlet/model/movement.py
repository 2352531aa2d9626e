"""What a wearer's minutes come to: distance, energy, active minutes.

Formulas, with where they come from:

- basal metabolism: Mifflin, St Jeor and others, "A new predictive equation for resting energy
  expenditure in healthy individuals" (Am J Clin Nutr 51(2), 1990);
- oxygen uptake of walking and running on the level: the metabolic equations of the American
  College of Sports Medicine ("ACSM's Guidelines for Exercise Testing and Prescription");
- energy from heart rate: Keytel and others, "Prediction of energy expenditure from heart rate
  monitoring during submaximal exercise" (J Sports Sci 23(3), 2005), the form without VO2max;
- length of a step: rules of this project, see `step_m`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from wristlet.wire.strap.activity_log import Kind, Minute

OXYGEN_KCAL_PER_LITRE: Final = 5.0
KJ_PER_KCAL: Final = 4.184
REST_VO2: Final = 3.5
"""Millilitres of oxygen per kilogram and minute: one metabolic equivalent."""
BRISK_CADENCE: Final = 100
"""Steps a minute from which walking counts as active: about three metabolic equivalents."""
SPORT_MET: Final = 5.5
FIDGET_MET: Final = 1.8
HEART_MIN_BPM: Final = 90
"""Below this, heart rate follows mood and posture more than work: the equation is not used."""

WALK_STEP_SHARE: Final = 0.414
WALK_CADENCE: Final = 110
RUN_STEP_SHARE: Final = 0.65
RUN_CADENCE: Final = 165
_STEP_SHARE_MIN: Final = 0.25
_STEP_SHARE_MAX: Final = 0.9


@unique
class Sex(StrEnum):
    """What the equations know."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True)
class Profile:
    """The wearer as the equations need it; raises ValueError naming the field."""

    height_cm: int = 170
    weight_kg: float = 70.0
    age_years: int = 40
    sex: Sex = Sex.FEMALE

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("height_cm", self.height_cm, 50, 250),
            ("weight_kg", self.weight_kg, 20, 350),
            ("age_years", self.age_years, 5, 120),
        ):
            if not low <= value <= high:
                raise ValueError(f"profile: {name} must be {low} to {high}")


def step_m(profile: Profile, cadence: float, *, running: bool) -> float:
    """Return the length of one step in metres.

    Step length grows with cadence (their ratio is nearly constant for one walker), so it is a
    share of the height at a usual cadence, scaled by the cadence taken.
    """
    share, usual = (RUN_STEP_SHARE, RUN_CADENCE) if running else (WALK_STEP_SHARE, WALK_CADENCE)
    scaled = min(max(share * cadence / usual, _STEP_SHARE_MIN), _STEP_SHARE_MAX)
    return scaled * profile.height_cm / 100


def distance_m(profile: Profile, steps: int, moving_s: int, *, running: bool) -> float:
    """Return the way that steps taken in so many seconds make."""
    if steps <= 0 or moving_s <= 0:
        return 0.0
    return steps * step_m(profile, steps * 60 / moving_s, running=running)


def basal_kcal_per_min(profile: Profile) -> float:
    """Return what a minute costs at rest."""
    constant = 5 if profile.sex is Sex.MALE else -161
    daily = 10 * profile.weight_kg + 6.25 * profile.height_cm - 5 * profile.age_years + constant
    return max(daily, 0.0) / 1440


def gait_kcal_per_min(profile: Profile, speed_m_per_min: float, *, running: bool) -> float:
    """Return what a minute of walking or running on the level costs in all."""
    vo2 = REST_VO2 + (0.2 if running else 0.1) * speed_m_per_min
    return vo2 * profile.weight_kg / 1000 * OXYGEN_KCAL_PER_LITRE


def heart_kcal_per_min(profile: Profile, heart_bpm: int) -> float:
    """Return what a minute of exercise at a heart rate costs in all."""
    if profile.sex is Sex.MALE:
        kj = -55.0969 + 0.6309 * heart_bpm + 0.1988 * profile.weight_kg
        kj += 0.2017 * profile.age_years
    else:
        kj = -20.4022 + 0.4472 * heart_bpm - 0.1263 * profile.weight_kg
        kj += 0.074 * profile.age_years
    return max(kj, 0.0) / KJ_PER_KCAL


def met_kcal_per_min(profile: Profile, met: float) -> float:
    """Return what a minute at so many metabolic equivalents costs in all."""
    return met * REST_VO2 * profile.weight_kg / 1000 * OXYGEN_KCAL_PER_LITRE


@dataclass(frozen=True, slots=True)
class Effort:
    """What one minute came to; `kcal` in all, `active_kcal` above rest."""

    distance_m: float
    kcal: float
    active_kcal: float
    is_active: bool


def effort(profile: Profile, minute: Minute) -> Effort:
    """Work out one minute of the log.

    Steps tell the work of walking and running; other movement is told by heart rate where it is
    high enough to mean work, else by a flat rate of its kind.
    """
    rest = basal_kcal_per_min(profile)
    if not minute.worn:
        return Effort(0.0, rest * minute.seconds / 60, 0.0, is_active=False)
    running = minute.kind is Kind.RUNNING
    way = distance_m(profile, minute.steps, minute.moving_s, running=running)
    moving_min = minute.moving_s / 60
    other_min = minute.seconds / 60 - moving_min
    kcal = other_min * max(rest, _other_kcal_per_min(profile, minute))
    if moving_min:
        kcal += moving_min * gait_kcal_per_min(profile, way / moving_min, running=running)
    basal = rest * minute.seconds / 60
    return Effort(way, kcal, max(0.0, kcal - basal), is_active(minute))


def is_active(minute: Minute) -> bool:
    """Tell whether a minute was of moderate intensity at least."""
    if not minute.worn:
        return False
    if minute.kind is Kind.WALKING:
        return minute.moving_s * 2 >= minute.seconds and (
            minute.steps * 60 >= BRISK_CADENCE * minute.moving_s
        )
    return minute.kind in (Kind.RUNNING, Kind.SPORT)


def _other_kcal_per_min(profile: Profile, minute: Minute) -> float:
    """Return what the part of a minute without steps costs."""
    if minute.kind in (Kind.SPORT, Kind.ACTIVE) and minute.heart_bpm >= HEART_MIN_BPM:
        return heart_kcal_per_min(profile, minute.heart_bpm)
    met = {Kind.SPORT: SPORT_MET, Kind.REST: 0.0}.get(minute.kind, FIDGET_MET)
    return met_kcal_per_min(profile, met)
