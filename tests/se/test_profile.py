"""The maker's profile: a round trip, and errors that name the field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.se_cards import profile
from wristlet.se.profile import LeaseLimits, Profile, ProfileError


def test_round_trip() -> None:
    made = profile(crs="open", strap_switch=False, lease=LeaseLimits(3, 4), pin_max=8)
    assert Profile.from_json(made.to_json()) == made
    assert made.open_crs


def test_defaults() -> None:
    data = json.loads(profile().to_json())
    short = {k: data[k] for k in ("model", "tsp_root", "tenant_root", "pin_authority")}
    assert Profile.from_json(json.dumps(short)) == profile()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"crs": "loose"}, "crs"),
        ({"crs": 1}, "crs"),
        ({"strap_switch": 1}, "strap_switch"),
        ({"pin_min": 3}, "pin_min"),
        ({"pin_max": 13}, "pin_max"),
        ({"pin_max": "6"}, "pin_max"),
        ({"pin_authority": "zz"}, "pin_authority"),
        ({"pin_authority": "0102"}, "pin_authority"),
        ({"max_instances": 0}, "max_instances"),
        ({"lease": {"taps": 0}}, "lease.taps"),
        ({"lease": {"taps": "5"}}, "lease.taps"),
        ({"lease": {"amount_minor": -1}}, "lease.amount_minor"),
        ({"lease": {"hours": 24}}, "lease"),
        ({"lease": 5}, "lease"),
        ({"tsp_root": None}, "tsp_root"),
        ({"tsp_root": {"id": "", "point": "04" + "00" * 64}}, "tsp_root.id"),
        ({"tenant_root": {"id": "01", "point": "02" + "00" * 64}}, "tenant_root.point"),
        ({"tenant_root": {"id": "01"}}, "tenant_root.point"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_errors_name_the_field(change: dict[str, Any], named: str) -> None:
    data = json.loads(profile().to_json()) | change
    with pytest.raises(ProfileError, match=named.replace(".", r"\.")):
        Profile.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "{", "5"])
def test_not_an_object(text: str) -> None:
    with pytest.raises(ProfileError):
        Profile.from_json(text)
