"""Each card has one plain sentence, from both layers, in both languages."""

from __future__ import annotations

import itertools
import string

import pytest

from support.fake_wallet import card
from wristlet.companion.explain import ROWS, explain
from wristlet.companion.texts import CATALOGUE, LANGUAGES, say
from wristlet.model.token import SeState, Suspender, TokenState
from wristlet.model.tsp_messages import VerificationMethod

METHOD = VerificationMethod("sms-1", "sms", "ends in 42")

# Token's state, who suspended it, the strap's state, waits for a code, key of the first sentence.
TABLE = [
    ("declined", [], "absent", False, "card.declined"),
    ("deleted", [], "absent", False, "card.deleted"),
    ("deleted", [], "selected", False, "card.deleted_waiting"),
    ("suspended", ["cardholder"], "deactivated", False, "card.paused"),
    ("suspended", ["issuer"], "deactivated", False, "card.issuer"),
    ("suspended", ["pin_locked"], "deactivated", False, "card.pin_locked"),
    ("suspended", ["cardholder", "token_requestor"], "deactivated", False, "card.lost"),
    ("suspended", ["cardholder", "issuer"], "deactivated", False, "card.issuer"),
    ("inactive", ["token_requestor"], "deactivated", False, "card.lost"),
    ("requested", [], "absent", False, "card.loading"),
    ("inactive", [], "loading", False, "card.loading"),
    ("inactive", [], "deactivated", True, "card.needs_code"),
    ("inactive", [], "deactivated", False, "card.being_activated"),
    ("active", [], "selected", False, "card.pays"),
    ("active", [], "ready", False, "card.ready"),
    ("active", [], "deactivated", False, "card.resuming"),
    ("active", [], "absent", False, "card.loading"),
    ("active", [], "unknown", False, "card.unknown"),
]


@pytest.mark.parametrize(("state", "by", "se_state", "code", "key"), TABLE)
def test_the_sentence(state: str, by: list[str], se_state: str, code: bool, key: str) -> None:
    methods = [METHOD] if code else []
    one = card("c", state=state, suspended_by=by, se_state=se_state, verification_methods=methods)
    for language in LANGUAGES:
        assert explain(one, language).startswith(say(key, language))


def test_every_state_of_both_layers_has_one() -> None:
    owners = [[], *([one] for one in Suspender), ["nobody we know"]]
    for state, se_state, by in itertools.product((*TokenState, "new"), (*SeState, "new"), owners):
        one = card("c", state=state, suspended_by=by, se_state=se_state)
        assert explain(one)
        assert explain(one, "ja")


def test_every_row_can_speak() -> None:
    assert {key for *_, key in TABLE} == {key for key, _ in ROWS}


def test_what_the_strap_has_not_heard_of_is_said() -> None:
    one = card("c", state="suspended", suspended_by=["cardholder"], se_state="selected")
    assert say("card.not_heard") in explain(one)
    assert say("card.not_heard") not in explain(one, se_state="deactivated")


def test_a_successor_on_its_way_is_said() -> None:
    assert say("card.renewal") in explain(card("c", renewal="reissue"))
    assert say("card.renewal") not in explain(card("c", renewal="reissue", state="deleted"))


def _holes(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_holes() -> None:
    for key, (english, japanese) in CATALOGUE.items():
        assert _holes(english) == _holes(japanese), key
        assert english.isascii(), key
        assert not japanese.isascii(), key
