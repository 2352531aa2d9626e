"""The pure state machine: its table, and random histories against a model in other words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wristlet.model.token import Suspender, TokenState
from wristlet.tsp import lifecycle
from wristlet.tsp.lifecycle import LifecycleError, TokenLife, Wanted

OWNERS = st.sampled_from(list(Suspender))
S = TokenState
EVENTS: dict[str, Callable[[TokenLife], TokenLife]] = {
    "approve": lambda life: lifecycle.approve(life, step_up=False),
    "step up": lambda life: lifecycle.approve(life, step_up=True),
    "decline": lifecycle.decline,
    "receipt": lifecycle.personalise,
    "verify": lifecycle.verify,
    "suspend": lambda life: lifecycle.suspend(life, Suspender.ISSUER),
    "resume": lambda life: lifecycle.resume(life, Suspender.ISSUER),
    "delete": lifecycle.delete,
}
TABLE: list[tuple[str, TokenState | None]] = [
    ("approve", S.INACTIVE),
    ("approve, receipt", S.ACTIVE),
    ("approve, receipt, receipt", S.ACTIVE),
    ("approve, approve", None),
    ("approve, decline", None),
    ("step up, receipt", S.INACTIVE),
    ("step up, verify", S.INACTIVE),
    ("step up, verify, receipt", S.ACTIVE),
    ("step up, receipt, verify", S.ACTIVE),
    ("step up, receipt, verify, verify", None),
    ("approve, suspend", S.INACTIVE),
    ("approve, suspend, receipt", S.SUSPENDED),
    ("approve, suspend, resume, receipt", S.ACTIVE),
    ("approve, receipt, suspend", S.SUSPENDED),
    ("approve, receipt, suspend, suspend, resume", S.ACTIVE),
    ("approve, receipt, resume", S.ACTIVE),
    ("approve, delete", S.DELETED),
    ("approve, delete, receipt", S.DELETED),
    ("approve, receipt, delete, delete", S.DELETED),
    ("approve, receipt, delete, suspend", None),
    ("approve, receipt, delete, resume", None),
    ("approve, receipt, delete, verify", None),
    ("delete", S.DELETED),
    ("decline", S.DECLINED),
    ("decline, delete", None),
    ("decline, receipt", None),
    ("receipt", None),
    ("verify", None),
    ("suspend", None),
]


@pytest.mark.parametrize(("history", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_histories(history: str, expected: TokenState | None) -> None:
    life, *names = TokenLife(), *history.split(", ")
    for name in names[:-1]:
        life = EVENTS[name](life)
    if expected is None:
        with pytest.raises(LifecycleError):
            EVENTS[names[-1]](life)
    else:
        assert EVENTS[names[-1]](life).state is expected


class TokenHistories(RuleBasedStateMachine):
    """The model keeps facts only; what the state must be is computed from them anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.life = TokenLife()
        self.approved = self.declined = self.deleted = False
        self.step_up = self.proved = self.receipt = False
        self.owners: set[Suspender] = set()

    def living(self) -> bool:
        return self.approved and not self.deleted

    @precondition(lambda self: not (self.approved or self.declined))
    @rule(step_up=st.booleans())
    def approve(self, step_up: bool) -> None:
        self.life = lifecycle.approve(self.life, step_up=step_up)
        self.approved, self.step_up = True, step_up

    @precondition(lambda self: not (self.approved or self.declined))
    @rule(really=st.integers(0, 9))
    def decline(self, really: int) -> None:
        if not really:
            self.life = lifecycle.decline(self.life)
            self.declined = True

    @precondition(lambda self: self.approved)
    @rule()
    def count_receipt(self) -> None:
        self.life = lifecycle.personalise(self.life)
        self.receipt = True

    @precondition(lambda self: self.living() and self.step_up)
    @rule()
    def verify(self) -> None:
        if self.proved and self.receipt:
            with pytest.raises(LifecycleError):
                lifecycle.verify(self.life)
            return
        self.life = lifecycle.verify(self.life)
        self.proved = True

    @precondition(lambda self: self.living())
    @rule(owner=OWNERS)
    def suspend(self, owner: Suspender) -> None:
        self.life = lifecycle.suspend(self.life, owner)
        self.owners.add(owner)

    @precondition(lambda self: self.living())
    @rule(owner=OWNERS)
    def resume(self, owner: Suspender) -> None:
        self.life = lifecycle.resume(self.life, owner)
        self.owners.discard(owner)

    @precondition(lambda self: self.living())
    @rule(really=st.integers(0, 9))
    def delete(self, really: int) -> None:
        if not really:
            self.life = lifecycle.delete(self.life)
            self.deleted = True

    @precondition(lambda self: self.deleted or self.declined)
    @rule(owner=OWNERS)
    def nothing_more_happens(self, owner: Suspender) -> None:
        for event in (lifecycle.suspend, lifecycle.resume):
            with pytest.raises(LifecycleError):
                event(self.life, owner)

    @invariant()
    def state_follows_from_the_facts(self) -> None:
        assert self.life.state is self._expected()
        assert self.life.suspended_by == self.owners

    @invariant()
    def element_is_told_what_the_state_means(self) -> None:
        state = self.life.state
        if state is S.ACTIVE:
            assert self.life.wanted is Wanted.ACTIVATABLE
        if state is S.SUSPENDED:
            assert self.life.wanted is Wanted.NON_ACTIVATABLE
        assert (self.life.wanted is Wanted.ABSENT) == (state in (S.DELETED, S.DECLINED))

    def _expected(self) -> TokenState:
        if self.deleted:
            return S.DELETED
        if not self.approved:
            return S.DECLINED if self.declined else S.REQUESTED
        if not self.receipt or (self.step_up and not self.proved):
            return S.INACTIVE
        return S.SUSPENDED if self.owners else S.ACTIVE


TestTokenHistories = TokenHistories.TestCase
