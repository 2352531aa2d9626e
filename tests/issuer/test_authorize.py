"""The rules of the bank's decision, each by an account and request that only it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wristlet.issuer.authorize import (
    RULES,
    UNKNOWN_ACCOUNT,
    AccountView,
    RequestView,
    decide,
)

ACCOUNT = AccountView("open", "3012", "JPY", 1_000, 5_000)
REQUEST = RequestView(1_000, "JPY", "3012", True, False, False)

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("59", {}, {"token_checked": False}),
    ("14", {"status": "closed"}, {}),
    ("41", {"status": "lost"}, {}),
    ("43", {"status": "stolen"}, {}),
    ("54", {"status": "expired"}, {}),
    ("54", {}, {"today_yymm": "3101"}),
    ("59", {}, {"terminal_says_verified": True}),
    ("57", {}, {"currency": "EUR"}),
    ("13", {}, {"amount_minor": 0}),
    ("61", {}, {"amount_minor": 1_001}),
    ("51", {"balance_minor": 999}, {}),
]


@pytest.mark.parametrize(("code", "account", "request_"), CASES)
def test_each_rule_refuses_alone(
    code: str, account: dict[str, Any], request_: dict[str, Any]
) -> None:
    decision = decide(replace(ACCOUNT, **account), replace(REQUEST, **request_))
    assert (decision.code, decision.approved) == (code, False)


def test_limits_themselves_are_allowed() -> None:
    assert decide(ACCOUNT, REQUEST).approved
    assert decide(replace(ACCOUNT, balance_minor=1_000), REQUEST).approved


def test_terminal_may_say_verified_when_the_element_vouches() -> None:
    assert decide(ACCOUNT, replace(REQUEST, terminal_says_verified=True, lease_used=True)).approved


def test_unknown_card_is_refused() -> None:
    assert decide(None, REQUEST) == UNKNOWN_ACCOUNT


def test_reported_cards_are_named_before_money() -> None:
    account = replace(ACCOUNT, status="lost", balance_minor=0)
    assert decide(account, REQUEST).code == "41"


def test_reasons_differ() -> None:
    reasons = [reason for _, reason, _ in RULES]
    assert len(set(reasons)) == len(reasons)
