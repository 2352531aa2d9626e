"""How an operation ended: done, kept for later, or not possible, with a reason and a next step."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Generic, TypeVar

from wristlet.companion.errors import CompanionError
from wristlet.links.strap_link import StrapRefused

T = TypeVar("T")


@unique
class Ending(StrEnum):
    """The three ways in which an operation can end."""

    DONE = "done"
    QUEUED = "queued"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The end of one operation; `reason` and `next_step` are whole sentences for the wearer.

    `queue_id` names what waits, so that it can be cancelled; `value` is there when it is done,
    `error` is what stood against it.
    """

    ending: Ending
    value: T | None = None
    reason: str = ""
    next_step: str = ""
    queue_id: str = ""
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether it has happened."""
        return self.ending is Ending.DONE


def done(value: T) -> Outcome[T]:
    """Say that it has happened."""
    return Outcome(Ending.DONE, value)


def not_possible(error: Exception) -> Outcome[T]:
    """Say what stands against it: the errors' texts are "what: why; next step"."""
    reason, _, next_step = str(error).partition("; ")
    return Outcome(Ending.NOT_POSSIBLE, None, reason, next_step, error=error)


async def outcome_of(operation: Awaitable[T]) -> Outcome[T]:
    """Run what cannot wait, and say how it ended instead of raising."""
    try:
        return done(await operation)
    except (CompanionError, StrapRefused) as error:
        return not_possible(error)
