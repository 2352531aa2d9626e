"""The countdown of the lock, row by row, and when the phone asks for the PIN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.companion.errors import CompanionError
from wristlet.companion.lease import (
    HOUR_MS,
    Free,
    LeasePolicy,
    Lock,
    free_status,
    lease_status,
    should_prompt,
)
from wristlet.companion.se_client import PublicState
from wristlet.companion.store import Unlock
from wristlet.wire.free_taps import FreeTaps

NOW = 1_767_225_600_000
STATE = PublicState(
    pin_set=True,
    blocked=False,
    tries_left=3,
    lease_valid=True,
    taps_left=20,
    amount_left_minor=50_000,
    unlock_counter=7,
    phones=1,
)
UNLOCK = Unlock(7, 20, 50_000, NOW)
POLICY = LeasePolicy()

# What the strap says, how old this phone's unlock is (None: another phone's), where the lock is.
ROWS = [
    ({"pin_set": False}, 0, Lock.NO_PIN),
    ({"blocked": True, "lease_valid": False}, 0, Lock.BLOCKED),
    ({"lease_valid": False}, 0, Lock.LOCKED),
    ({}, 0, Lock.OPEN),
    ({"taps_left": 4}, 0, Lock.OPEN),
    ({"taps_left": 3}, 0, Lock.SOON),
    ({"amount_left_minor": 10_001}, 0, Lock.OPEN),
    ({"amount_left_minor": 10_000}, 0, Lock.SOON),
    ({}, 24 * HOUR_MS * 9 // 10 - 1, Lock.OPEN),
    ({}, 24 * HOUR_MS * 9 // 10, Lock.SOON),
    ({}, 24 * HOUR_MS, Lock.SOON),
    ({}, 24 * HOUR_MS + 1, Lock.TOO_OLD),
    ({}, None, Lock.OPEN),
    ({"taps_left": 3}, None, Lock.SOON),
    ({"amount_left_minor": 1}, None, Lock.OPEN),
]


@pytest.mark.parametrize(("changes", "age_ms", "lock"), ROWS)
def test_where_the_lock_is(changes: dict[str, Any], age_ms: int | None, lock: Lock) -> None:
    unlock = UNLOCK if age_ms is not None else replace(UNLOCK, unlock_counter=6)
    status = lease_status(replace(STATE, **changes), unlock, POLICY, NOW + (age_ms or 0))
    assert status.lock is lock
    has_lease = lock in (Lock.OPEN, Lock.SOON, Lock.TOO_OLD)
    assert (status.age_ms is not None) == (has_lease and age_ms is not None)


def test_the_end_is_told_where_it_is_known() -> None:
    status = lease_status(STATE, UNLOCK, LeasePolicy(hours=1), NOW + 1000)
    assert (status.until_ms, status.taps_max, status.amount_max_minor) == (
        NOW + HOUR_MS,
        20,
        50_000,
    )
    assert status.sentence("JPY", "10:00") == (
        "Unlocked: 20 taps and 50,000 JPY left, until 10:00."
    )
    assert "50,000 JPY" in status.sentence("JPY", "10:00", "ja")
    assert "unknown" in lease_status(STATE, None, POLICY, NOW).sentence("JPY")


def test_a_clock_that_went_back_makes_nothing_older() -> None:
    assert lease_status(STATE, UNLOCK, POLICY, NOW - 5 * HOUR_MS).age_ms == 0


@pytest.mark.parametrize("hours", [0, 73, -1])
def test_a_brands_hours_have_bounds(hours: int) -> None:
    with pytest.raises(ValueError, match="1 to 72"):
        LeasePolicy(hours=hours)


def test_the_prompt_comes_when_it_helps_and_not_again_and_again() -> None:
    locked = lease_status(replace(STATE, lease_valid=False), UNLOCK, POLICY, NOW)
    opened = lease_status(STATE, UNLOCK, POLICY, NOW)
    blocked = lease_status(replace(STATE, blocked=True), UNLOCK, POLICY, NOW)
    asked = replace(UNLOCK, prompted_ms=NOW)
    pause = POLICY.prompt_pause_ms
    assert should_prompt(locked, UNLOCK, POLICY, NOW)
    assert should_prompt(locked, None, POLICY, NOW)
    assert not should_prompt(opened, UNLOCK, POLICY, NOW)
    assert not should_prompt(blocked, UNLOCK, POLICY, NOW)
    assert not should_prompt(locked, asked, POLICY, NOW + pause - 1)
    assert should_prompt(locked, asked, POLICY, NOW + pause)
    assert should_prompt(locked, asked, POLICY, NOW - 1), "a clock set back does not silence it"


@given(
    st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(-(10**12), 10**12), st.booleans()
)
def test_every_state_has_a_sentence(taps: int, amount: int, later_ms: int, mine: bool) -> None:
    state = replace(STATE, taps_left=taps, amount_left_minor=amount)
    status = lease_status(state, UNLOCK if mine else None, POLICY, NOW + later_ms)
    for language in ("en", "ja"):
        assert "{" not in status.sentence("JPY", language=language)


FREE = FreeTaps(5, 10_000, 5, 10_000, "0392", always_pin=False)


@pytest.mark.parametrize(
    ("changes", "free"),
    [
        ({}, Free.LEFT),
        ({"taps_left": 2}, Free.LEFT),
        ({"taps_left": 1}, Free.SOON),
        ({"taps_left": 0}, Free.OUT),
        ({"amount_left_minor": 2_000}, Free.SOON),
        ({"amount_left_minor": 0}, Free.OUT),
        ({"always_pin": True}, Free.ALWAYS_PIN),
    ],
)
def test_what_a_card_allows_without_pin(changes: dict[str, Any], free: Free) -> None:
    status = free_status(replace(FREE, **changes), POLICY)
    assert status.free is free
    assert status.sentence() != status.sentence("ja")


def test_a_currency_that_this_build_does_not_know_is_not_guessed() -> None:
    with pytest.raises(CompanionError, match="update the app"):
        free_status(replace(FREE, currency="0998"), POLICY)
