"""`needs` skips without a package, and fails where CI promised to have installed it."""

from __future__ import annotations

import pytest

from support import needs, packages


@pytest.fixture(autouse=True)
def _one_of_two_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PACKAGES", {"here": lambda: True, "gone": lambda: False})
    monkeypatch.setattr(packages, "MODULES", {})
    monkeypatch.delenv("CI", raising=False)


def test_a_package_that_is_there_lets_the_test_run() -> None:
    needs("here")


def test_a_missing_package_skips_and_is_named() -> None:
    with pytest.raises(pytest.skip.Exception, match="needs gone: run `make system`"):
        needs("here", "gone")


def test_in_ci_a_missing_package_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs gone"):
        needs("gone")


def test_a_package_in_no_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        needs("unheard-of")
