"""Distance and energy: the equations at worked points, and what they must never do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import activity_values
from wristlet.model.movement import (
    Profile,
    Sex,
    basal_kcal_per_min,
    distance_m,
    effort,
    gait_kcal_per_min,
    heart_kcal_per_min,
    is_active,
    step_m,
)
from wristlet.wire.strap.activity_log import Kind, Minute

MAN = Profile(180, 80.0, 30, Sex.MALE)
WOMAN = Profile(165, 60.0, 30, Sex.FEMALE)
PROFILES = st.builds(
    Profile,
    st.integers(50, 250),
    st.floats(20, 350),
    st.integers(5, 120),
    st.sampled_from(Sex),
)


def test_basal_metabolism_of_two_people() -> None:
    """10 x 80 + 6.25 x 180 - 5 x 30 + 5 = 1780; 600 + 1031.25 - 150 - 161 = 1320.25 a day."""
    assert basal_kcal_per_min(MAN) * 1440 == pytest.approx(1780)
    assert basal_kcal_per_min(WOMAN) * 1440 == pytest.approx(1320.25)


def test_walking_and_running_cost_what_their_oxygen_costs() -> None:
    """80 m/min walking: 3.5 + 8 ml/kg/min; 160 m/min running: 3.5 + 32; five kcal a litre."""
    assert gait_kcal_per_min(MAN, 80, running=False) == pytest.approx(11.5 * 80 / 200)
    assert gait_kcal_per_min(MAN, 160, running=True) == pytest.approx(35.5 * 80 / 200)


def test_heart_rate_tells_the_cost_of_exercise() -> None:
    """At 140 a minute: 55.1854 kJ for this man, 36.8478 kJ for this woman."""
    assert heart_kcal_per_min(MAN, 140) == pytest.approx(
        (88.326 + 15.904 + 6.051 - 55.0969) / 4.184
    )
    assert heart_kcal_per_min(WOMAN, 140) == pytest.approx(
        (62.608 - 7.578 + 2.22 - 20.4022) / 4.184
    )


def test_steps_are_longer_when_quicker_taller_or_run() -> None:
    assert step_m(MAN, 110, running=False) == pytest.approx(0.745, abs=0.01)
    assert step_m(MAN, 120, running=False) > step_m(MAN, 100, running=False)
    assert step_m(MAN, 110, running=False) > step_m(WOMAN, 110, running=False)
    assert step_m(MAN, 160, running=True) > 1.25 * step_m(MAN, 130, running=False)


def test_a_brisk_hour_is_about_five_kilometres() -> None:
    assert distance_m(MAN, 60 * 112, 3600, running=False) == pytest.approx(5000, rel=0.1)
    assert distance_m(MAN, 0, 0, running=False) == 0


@pytest.mark.parametrize(
    ("minute", "active"),
    [
        (Minute(110, 60, 1200, 0, Kind.WALKING), True),
        (Minute(90, 60, 1200, 0, Kind.WALKING), False),
        (Minute(40, 20, 1200, 0, Kind.WALKING), False),
        (Minute(160, 60, 5000, 0, Kind.RUNNING), True),
        (Minute(0, 0, 3000, 0, Kind.SPORT), True),
        (Minute(0, 0, 300, 0, Kind.ACTIVE), False),
        (Minute(110, 60, 1200, 0, Kind.WALKING, worn=False), False),
    ],
)
def test_which_minutes_are_active(minute: Minute, active: bool) -> None:
    assert is_active(minute) is active


@given(PROFILES, activity_values.minutes())
def test_no_minute_costs_less_than_rest_or_makes_a_way_without_steps(
    profile: Profile, minute: Minute
) -> None:
    done = effort(profile, minute)
    assert done.kcal >= basal_kcal_per_min(profile) * minute.seconds / 60 * 0.2
    assert done.active_kcal >= 0
    assert (done.distance_m > 0) == (minute.worn and minute.steps > 0 and minute.moving_s > 0)


def test_sport_follows_the_heart_where_it_means_work() -> None:
    game = Minute(0, 0, 3000, 150, Kind.SPORT)
    assert effort(MAN, game).kcal == pytest.approx(heart_kcal_per_min(MAN, 150))
    calm = Minute(0, 0, 3000, 80, Kind.SPORT)
    assert effort(MAN, calm).kcal == pytest.approx(5.5 * 3.5 * 80 / 200)
    desk = Minute(0, 0, 10, 150, Kind.REST)
    assert effort(MAN, desk).kcal == pytest.approx(basal_kcal_per_min(MAN))


@pytest.mark.parametrize("field", ["height_cm", "weight_kg", "age_years"])
def test_a_profile_that_cannot_be_names_its_field(field: str) -> None:
    wrong = {"height_cm": 170, "weight_kg": 70, "age_years": 40, field: 1000}
    with pytest.raises(ValueError, match=field):
        Profile(wrong["height_cm"], wrong["weight_kg"], wrong["age_years"])
