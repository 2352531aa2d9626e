"""The life of a token as a pure state machine.

`requested → inactive → active ⇄ suspended → deleted`, `requested → declined`. A token becomes
ACTIVE only when the secure element's receipt for its personalisation was counted and the wearer,
where that was asked for, has proved identity. `suspended_by` is a set: each owner adds and removes
only itself; a suspension of a token that is not active yet waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from wristlet.model.token import Suspender, TokenState

ENDED = frozenset({TokenState.DELETED, TokenState.DECLINED})


class LifecycleError(ValueError):
    """The token's state does not allow the event; `code` names the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Wanted(StrEnum):
    """What the secure element should make of a token's instance."""

    ACTIVATABLE = "activatable"
    NON_ACTIVATABLE = "non_activatable"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class TokenLife:
    """All that decides a token's state."""

    state: TokenState = TokenState.REQUESTED
    suspended_by: frozenset[Suspender] = frozenset()
    personalised: bool = False
    verified: bool = False

    @property
    def ended(self) -> bool:
        """Nothing can happen to the token any more."""
        return self.state in ENDED

    @property
    def wanted(self) -> Wanted:
        """What the secure element should make of the instance now."""
        if self.ended:
            return Wanted.ABSENT
        if self.suspended_by or not self.verified:
            return Wanted.NON_ACTIVATABLE
        return Wanted.ACTIVATABLE


def approve(life: TokenLife, *, step_up: bool) -> TokenLife:
    """The parties agree: the token exists, INACTIVE; `step_up` asks for the wearer's proof."""
    _only_from(life, TokenState.REQUESTED)
    return replace(life, state=TokenState.INACTIVE, verified=not step_up)


def decline(life: TokenLife) -> TokenLife:
    """A party refuses."""
    _only_from(life, TokenState.REQUESTED)
    return replace(life, state=TokenState.DECLINED)


def personalise(life: TokenLife) -> TokenLife:
    """The receipt of the personalisation was counted; a deleted token stays deleted."""
    if life.state in (TokenState.REQUESTED, TokenState.DECLINED):
        raise LifecycleError("token_not_approved", "a token that was not approved has no script")
    return _settle(replace(life, personalised=True))


def verify(life: TokenLife) -> TokenLife:
    """The wearer proved identity; raises LifecycleError unless the token waits for that."""
    if life.state is not TokenState.INACTIVE:
        raise LifecycleError("verification_not_open", "the token does not wait for a verification")
    return _settle(replace(life, verified=True))


def suspend(life: TokenLife, owner: Suspender) -> TokenLife:
    """Add an owner; twice is the same as once."""
    _not_ended(life)
    return _settle(replace(life, suspended_by=life.suspended_by | {owner}))


def resume(life: TokenLife, owner: Suspender) -> TokenLife:
    """Remove an owner's own suspension; without one nothing changes."""
    _not_ended(life)
    return _settle(replace(life, suspended_by=life.suspended_by - {owner}))


def delete(life: TokenLife) -> TokenLife:
    """End the token; twice is the same as once."""
    if life.state is TokenState.DECLINED:
        raise LifecycleError("token_declined", "a declined token cannot be deleted")
    return replace(life, state=TokenState.DELETED)


def _settle(life: TokenLife) -> TokenLife:
    """Move between INACTIVE, ACTIVE and SUSPENDED as the facts say."""
    if life.ended or life.state is TokenState.REQUESTED:
        return life
    if life.state is TokenState.INACTIVE and not (life.personalised and life.verified):
        return life
    target = TokenState.SUSPENDED if life.suspended_by else TokenState.ACTIVE
    return replace(life, state=target)


def _only_from(life: TokenLife, state: TokenState) -> None:
    if life.state is not state:
        raise LifecycleError("token_decided", "the token was already decided")


def _not_ended(life: TokenLife) -> None:
    if life.state is TokenState.REQUESTED:
        raise LifecycleError("token_not_approved", "the token is not decided yet")
    if life.ended:
        raise LifecycleError("token_ended", "the token is deleted or declined")
