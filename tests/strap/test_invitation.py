"""The window in which a strap can be paired: five minutes, one phone, a new name each time."""

from __future__ import annotations

import pytest

from wristlet.env.sim import SimEnv
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.invitation import Invitations
from wristlet.wire.strap.invitation import NONCE_BYTES, WINDOW_MS

PRINTED = b"on paper"


def test_without_a_press_there_is_no_name() -> None:
    with pytest.raises(StrapRefused, match="hold the strap's button"):
        Invitations(SimEnv(1), PRINTED).name()


def test_each_press_draws_a_new_name() -> None:
    strap = Invitations(SimEnv(1))
    first, second = strap.open(), strap.open()
    assert first != second
    assert (len(second), strap.name()) == (NONCE_BYTES, second)


def test_the_window_closes_after_five_minutes() -> None:
    env = SimEnv(1)
    strap = Invitations(env)
    name = strap.open()
    env.clock.advance_ms(WINDOW_MS - 1)
    assert strap.name() == name
    env.clock.advance_ms(1)
    with pytest.raises(StrapRefused):
        strap.name()


def test_a_wall_clock_that_jumps_moves_no_window() -> None:
    env = SimEnv(1)
    strap = Invitations(env)
    strap.open()
    env.clock.jump_wall_ms(WINDOW_MS)
    assert strap.name()


def test_one_phone_uses_it_up() -> None:
    strap = Invitations(SimEnv(1))
    strap.open()
    strap.used()
    with pytest.raises(StrapRefused):
        strap.name()


def test_the_printed_name_is_the_first_one_until_a_phone_was_enrolled() -> None:
    strap = Invitations(SimEnv(1), PRINTED)
    assert strap.open() == strap.open() == PRINTED
    strap.used()
    assert strap.open() != PRINTED


def test_a_printed_name_has_its_length() -> None:
    with pytest.raises(ValueError, match="8 bytes, got 3"):
        Invitations(SimEnv(1), b"abc")
