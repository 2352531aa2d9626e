"""The three-party decision whether a card becomes a token: any red refuses, any yellow steps up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Vote(StrEnum):
    """What one party says."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Outcome(StrEnum):
    """What the answer says."""

    APPROVED = "approved"
    STEP_UP = "require_additional_authentication"
    DECLINED = "declined"


OUTCOMES: tuple[tuple[Vote, Outcome], ...] = (
    (Vote.RED, Outcome.DECLINED),
    (Vote.YELLOW, Outcome.STEP_UP),
    (Vote.GREEN, Outcome.APPROVED),
)
"""Precedence: the first vote of this list that any party gave decides."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One party's vote with its reason."""

    party: str
    vote: Vote
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome and who caused it; several parties of one mind: the first in the given order."""

    outcome: Outcome
    party: str
    reason: str


def decide(opinions: Sequence[Opinion]) -> Decision:
    """Join opinions, the first given first among equals; ValueError if there is none."""
    for vote, outcome in OUTCOMES:
        for opinion in opinions:
            if opinion.vote is vote:
                return Decision(outcome, opinion.party, opinion.reason)
    raise ValueError("a decision needs at least one opinion")
