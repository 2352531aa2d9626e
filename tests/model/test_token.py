from __future__ import annotations

import itertools

from wristlet.model.token import MEANINGS, ResultClass, reported


def test_precedence_is_the_order_of_definition() -> None:
    assert [result.value for result in sorted(set(ResultClass))] == [
        "format_error",
        "unknown_token",
        "token_deleted",
        "token_inactive",
        "token_suspended",
        "domain_violation",
        "not_an_arqc",
        "cvn_or_key_mismatch",
        "invalid_cryptogram",
        "atc_replay",
        "atc_out_of_range",
        "atc_rollback",
        "token_expired",
        "pan_expired",
        "verdict_mismatch",
        "lease_expired",
        "lease_required",
        "valid",
    ]


def test_the_first_of_those_found_is_reported() -> None:
    assert reported([]) is ResultClass.VALID
    for one, other in itertools.combinations(ResultClass, 2):
        assert reported([other, one]) is one


def test_each_class_has_a_sentence() -> None:
    assert set(MEANINGS) == set(ResultClass)
    for result in ResultClass:
        assert result.meaning.endswith(".")
